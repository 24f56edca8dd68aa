/* Appending, opening and reading the log, on a real Postgres. */
#include "server/store/log.h"
#include "tests/support/store_fixture.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct log_state state;
static char topic[64];
static int64_t seqs[300], first_prev;
static int nseqs;
static bool more;
static char first_body[64];
static int first_body_len;
static struct log_head heads[8];
static int nheads;

static parley_status append(const struct log_row *rows, int n)
{
    return store_fixture_wait(log_append(f.store, rows, n, store_fixture_done, NULL));
}

static void on_loaded(void *arg, parley_status status, const struct log_state *loaded)
{
    if (loaded)
        state = *loaded;
    snprintf(topic, sizeof topic, "%.*s", SPAN_ARG(state.topic));
    store_fixture_done(arg, status, NULL);
}

static parley_status load(struct uuid conversation)
{
    memset(&state, 0, sizeof state);
    return store_fixture_wait(log_load(f.store, conversation, on_loaded, NULL));
}

static void on_page(void *arg, parley_status status, const struct log_page *page)
{
    nseqs = page ? page->n : -1;
    more = page && page->more;
    for (int i = 0; i < nseqs; i++)
        seqs[i] = page->rows[i].seq;
    if (nseqs > 0) {
        first_prev = page->rows[0].prev;
        snprintf(first_body, sizeof first_body, "%.*s", SPAN_ARG(page->rows[0].body));
        first_body_len = (int)page->rows[0].body.len;
    }
    store_fixture_done(arg, status, NULL);
}

static parley_status range(struct log_range r)
{
    if (!r.bytes)
        r.bytes = 262144;
    return store_fixture_wait(log_range(f.store, &r, on_page, NULL));
}

/* n rows, every third one staff only. */
static void append_mixed(struct uuid conversation, struct uuid author, int n)
{
    struct log_row rows[LOG_APPEND_MAX];
    int64_t public = 0;
    for (int i = 0; i < n; i++) {
        rows[i] = store_fixture_row(conversation, author, i + 1, public);
        rows[i].audience = i % 3 == 2;
        if (!rows[i].audience)
        public = i + 1;
    }
    assert_int_equal(append(rows, n), PARLEY_OK);
}

static void an_append_stores_every_column(void **unused)
{
    struct uuid c = store_fixture_conversation();
    struct log_row row = store_fixture_row(c, f.customer, 1, 0);
    row.kind = 13;
    row.role = 3;
    row.audience = 1;
    assert_int_equal(append(&row, 1), PARLEY_OK);
    assert_string_equal(
        pg_fixture_sql("select (id, author, seq, prev, kind, role, audience, body)"
                       " = ('%s', '%s', 1::int8, 0::int8, 13::int2, 3::int2, 1::int2, '{\"text\":\"n 1\"}'::jsonb)"
                       " and extract(epoch from at) = 1790000060 from item where conversation = '%s'",
                       pg_fixture_text(row.id), pg_fixture_text(row.author), pg_fixture_text(c)),
        "t");
}

static void a_number_that_is_taken_rolls_back_the_batch(void **unused)
{
    struct uuid c = store_fixture_conversation();
    struct log_row rows[3] = {store_fixture_row(c, f.customer, 1, 0), store_fixture_row(c, f.customer, 2, 1),
                              store_fixture_row(c, f.customer, 2, 1)};
    assert_int_equal(append(rows, 3), PARLEY_CONFLICT);
    assert_int_equal(pg_fixture_number("select count(*) from item"), 0);
}

static void an_id_is_stored_once_in_a_conversation_by_an_author(void **unused)
{
    struct uuid c = store_fixture_conversation(), d = store_fixture_conversation();
    struct log_row row = store_fixture_row(c, f.customer, 1, 0);
    assert_int_equal(append(&row, 1), PARLEY_OK);
    row.seq = 2;
    row.prev = 1;
    assert_int_equal(append(&row, 1), PARLEY_CONFLICT);
    row.author = pg_fixture_id();
    assert_int_equal(append(&row, 1), PARLEY_OK);
    row.conversation = d;
    assert_int_equal(append(&row, 1), PARLEY_OK);
}

static void what_is_not_a_conversation_is_not_found(void **unused)
{
    assert_int_equal(load(pg_fixture_id()), PARLEY_OK);
    assert_false(state.found);
}

static void an_empty_conversation_loads(void **unused)
{
    struct uuid c = store_fixture_conversation();
    assert_int_equal(load(c), PARLEY_OK);
    assert_true(state.found);
    assert_true(uuid_equal(state.customer, f.customer));
    assert_true(uuid_equal(state.app, f.app));
    assert_string_equal(topic, "t0");
    assert_int_equal(state.head + state.head_public + state.moved + state.nmarks, 0);
    assert_false(state.has_session);
    assert_int_equal(state.generation, store_generation(f.store));
}

static void loading_tells_heads(void **unused)
{
    struct uuid c = store_fixture_conversation();
    append_mixed(c, f.customer, 99); /* 99 is staff, 98 public */
    struct log_row moving = store_fixture_row(c, f.customer, 100, 98);
    moving.kind = 66;
    moving.audience = 1;
    assert_int_equal(append(&moving, 1), PARLEY_OK);
    assert_int_equal(load(c), PARLEY_OK);
    assert_int_equal(state.head, 100);
    assert_int_equal(state.head_public, 98);
    assert_int_equal(state.moved, 100);
}

static void loading_brings_session_and_marks(void **unused)
{
    struct uuid c = store_fixture_conversation(), run = pg_fixture_id(), s = pg_fixture_id();
    const char *ids[] = {pg_fixture_text(c), pg_fixture_text(run), pg_fixture_text(s)};
    pg_fixture_sql("insert into session (id, conversation, app, customer, state, epoch, run, opened_at, state_at)"
                   " values ('%s', '%s', gen_random_uuid(), gen_random_uuid(), 1, 7, '%s', now(), now())",
                   ids[2], ids[0], ids[1]);
    pg_fixture_sql("insert into flow_version values (sha256('x'), 'f', 'F', 'x'); insert into flow_run (id, session,"
                   " conversation, hash, state, step, input_seq, waiting, started_at, updated_at)"
                   " values ('%s', '%s', '%s', sha256('x'), 2, 3, 4, '{\"a\": 1}', now(), now())",
                   ids[1], ids[2], ids[0]);
    pg_fixture_sql("insert into mark values ('%s', '%s', 1, 5, 6)", ids[0], ids[1]);
    assert_int_equal(load(c), PARLEY_OK);
    assert_true(state.has_session && uuid_equal(state.session.id, s));
    assert_int_equal(state.session.epoch, 7);
    assert_true(uuid_is_nil(state.session.agent));
    assert_int_equal(state.session.live_at_ms, 0);
    assert_true(uuid_equal(state.session.run, run));
    assert_int_equal(state.nmarks, 1);
    assert_int_equal(state.marks[0].delivered, 6);
}

static void on_viewed(void *arg, parley_status status, const struct log_state *s, const struct log_page *page)
{
    state = s ? *s : (struct log_state){0};
    on_page(arg, status, page);
}

static void a_view_is_the_state_and_a_page(void **unused)
{
    struct uuid c = store_fixture_conversation();
    struct log_range r = {.conversation = c, .after = 90, .limit = 250, .bytes = 262144};
    append_mixed(c, f.customer, 99); /* 99 is staff, 98 public */
    assert_int_equal(store_fixture_wait(log_view(f.store, &r, on_viewed, NULL)), PARLEY_OK);
    assert_true(state.found && uuid_equal(state.customer, f.customer));
    assert_int_equal(state.head, 99);
    assert_int_equal(state.head_public, 98);
    assert_int_equal(seqs[0], 91);
    assert_int_equal(seqs[nseqs - 1], 98);
}

static void add_session(struct uuid conversation, struct uuid id, int in_state, int opened)
{
    pg_fixture_sql("insert into session (id, conversation, app, customer, state, epoch, opened_at, state_at, closed_at)"
                   " select '%s', '%s', id, id, s, 1, to_timestamp(%d), now(), case s when 6 then now() end"
                   "   from gen_random_uuid() id, (values (%d)) v (s)",
                   pg_fixture_text(id), pg_fixture_text(conversation), opened, in_state);
}

static void loading_prefers_the_open_session_to_a_later_closed_one(void **unused)
{
    struct uuid c = store_fixture_conversation(), ids[3] = {pg_fixture_id(), pg_fixture_id(), pg_fixture_id()};
    add_session(c, ids[0], 6, 1000);
    add_session(c, ids[1], 6, 3000);
    assert_int_equal(load(c), PARLEY_OK);
    assert_true(state.has_session && uuid_equal(state.session.id, ids[1]));
    add_session(c, ids[2], 1, 2000); /* reopened */
    assert_int_equal(load(c), PARLEY_OK);
    assert_true(state.has_session && uuid_equal(state.session.id, ids[2]));
}

static void the_newest_page_is_ascending_and_says_whether_there_is_more(void **unused)
{
    struct uuid c = store_fixture_conversation();
    append_mixed(c, f.customer, 99);
    assert_int_equal(range((struct log_range){.conversation = c, .limit = 10, .staff = true}), PARLEY_OK);
    assert_int_equal(nseqs, 10);
    assert_int_equal(seqs[0], 90);
    assert_int_equal(seqs[9], 99);
    assert_true(more);
    assert_int_equal(range((struct log_range){.conversation = c, .after = 89, .limit = 10, .staff = true}), PARLEY_OK);
    assert_int_equal(nseqs, 10);
    assert_false(more);
    assert_string_equal(first_body, "{\"text\": \"n 90\"}");
}

static void a_public_page_leaves_staff_items_out_and_links_past_them(void **unused)
{
    struct uuid c = store_fixture_conversation();
    append_mixed(c, f.customer, 99);
    assert_int_equal(range((struct log_range){.conversation = c, .limit = 3}), PARLEY_OK);
    assert_int_equal(nseqs, 3);
    assert_int_equal(seqs[2], 98);
    assert_int_equal(seqs[1], 97);
    assert_int_equal(seqs[0], 95);
    assert_int_equal(first_prev, 94);
    assert_true(more);
    assert_int_equal(range((struct log_range){.conversation = c, .before = 3, .limit = 3}), PARLEY_OK);
    assert_int_equal(nseqs, 2);
    assert_false(more);
}

static void the_oldest_page_goes_forward(void **unused)
{
    struct uuid c = store_fixture_conversation();
    append_mixed(c, f.customer, 99);
    assert_int_equal(range((struct log_range){.conversation = c, .after = 4, .limit = 3, .oldest = true}), PARLEY_OK);
    assert_int_equal(seqs[0], 5);
    assert_int_equal(seqs[1], 7);
    assert_int_equal(seqs[2], 8);
    assert_true(more);
    assert_int_equal(range((struct log_range){.conversation = c, .after = 4, .before = 9, .limit = 3, .oldest = true}),
                     PARLEY_OK);
    assert_int_equal(nseqs, 3);
    assert_false(more);
}

static void bytes_cut_a_page_but_not_its_first_item(void **unused)
{
    struct uuid c = store_fixture_conversation();
    append_mixed(c, f.customer, 9);
    assert_int_equal(range((struct log_range){.conversation = c, .limit = 9, .staff = true, .bytes = 1}), PARLEY_OK);
    assert_int_equal(nseqs, 1);
    assert_int_equal(seqs[0], 9);
    assert_true(more);
    assert_int_equal(
        range((struct log_range){.conversation = c, .limit = 9, .staff = true, .bytes = 750, .oldest = true}),
        PARLEY_OK);
    assert_int_equal(nseqs, 3);
    assert_int_equal(seqs[0], 1);
    assert_true(more);
}

/* Short ones, one just beyond what a page reads at once, one that Postgres compresses to next to nothing. */
static void append_long(struct uuid conversation)
{
    static char bodies[12][6000];
    struct log_row rows[12];
    for (int i = 0; i < 12; i++) {
        int len = i == 3 ? 1200 : i == 5 ? 5000 : i == 8 ? 900 : 20;
        rows[i] = store_fixture_row(conversation, f.customer, i + 1, i);
        snprintf(bodies[i], sizeof bodies[i], "{\"text\": \"%0*d\"}", len, i);
        rows[i].body = span_str(bodies[i]);
    }
    assert_int_equal(append(rows, 12), PARLEY_OK);
    assert_string_equal(pg_fixture_sql("select pg_column_size(body) < 1000 and pg_column_compression(body) is not null"
                                       "  from item where conversation = '%s' and seq = 6",
                                       pg_fixture_text(conversation)),
                        "t");
}

static int fitting(struct uuid conversation, const char *order, int bytes, int limit)
{
    const char *n = pg_fixture_sql("select count(*) from (select seq, row_number() over w as n,"
                                   "  sum(octet_length(body::text) + 220) over w as total from item"
                                   "  where conversation = '%s' window w as (order by seq %s)) x"
                                   " where n <= %d and (n = 1 or total <= %d)",
                                   pg_fixture_text(conversation), order, limit, bytes);
    return atoi(n);
}

static void long_bodies_cut_a_page_to_the_byte(void **unused)
{
    struct uuid c = store_fixture_conversation();
    append_long(c);
    for (int bytes = 1; bytes < 12000; bytes += 97)
        for (int oldest = 0; oldest < 2; oldest++) {
            struct log_range r = {.conversation = c, .limit = 10, .bytes = (size_t)bytes, .oldest = oldest};
            int n = fitting(c, oldest ? "asc" : "desc", bytes, 10);
            assert_int_equal(range(r), PARLEY_OK);
            assert_int_equal(nseqs, n);
            assert_int_equal(seqs[0], oldest ? 1 : 13 - n);
            assert_int_equal(seqs[n - 1], oldest ? n : 12);
            assert_true(more);
        }
    assert_int_equal(range((struct log_range){.conversation = c, .limit = 12}), PARLEY_OK);
    assert_int_equal(nseqs, 12);
    assert_false(more);
    assert_int_equal(range((struct log_range){.conversation = c, .after = 5, .limit = 1, .oldest = true}), PARLEY_OK);
    assert_int_equal(first_body_len, 5000 + (int)strlen("{\"text\": \"\"}"));
}

/* The state of a view is read by other statements than that of opening. */
static void expect_view_as_opened(struct uuid c, int64_t head_public, int marks, struct uuid session)
{
    struct log_range r = {.conversation = c, .limit = 3, .bytes = 262144};
    for (int view = 0; view < 2; view++) {
        memset(&state, 0, sizeof state);
        if (view)
            assert_int_equal(store_fixture_wait(log_view(f.store, &r, on_viewed, NULL)), PARLEY_OK);
        else
            assert_int_equal(load(c), PARLEY_OK);
        assert_true(state.found && uuid_equal(state.customer, f.customer) && uuid_equal(state.app, f.app));
        assert_int_equal(state.head_public, head_public);
        assert_int_equal(state.nmarks, marks);
        assert_int_equal(state.has_session, !uuid_is_nil(session));
        assert_true(uuid_equal(state.session.id, session));
    }
}

static void a_view_has_the_state_that_opening_has(void **unused)
{
    struct uuid c = store_fixture_conversation(), closed = pg_fixture_id(), older = pg_fixture_id(), nobody = {0};
    expect_view_as_opened(c, 0, 0, nobody);
    append_mixed(c, f.customer, 3); /* the last of them for staff */
    pg_fixture_sql("insert into mark select '%s', gen_random_uuid(), case n when 1 then 1 else 4 end, n, n"
                   " from generate_series(1, 40) n",
                   pg_fixture_text(c));
    expect_view_as_opened(c, 2, 32, nobody);
    assert_int_equal(state.marks[0].read, 1); /* the customer's, however many have read further */
    assert_int_equal(state.marks[31].read, 10);
    assert_int_equal(state.marks[31].delivered, 10);
    add_session(c, older, 6, 1000);
    add_session(c, closed, 6, 3000);
    expect_view_as_opened(c, 2, 32, closed);
    pg_fixture_sql("update session set state = 1, closed_at = null where id = '%s'", pg_fixture_text(older));
    expect_view_as_opened(c, 2, 32, older);
}

static void whoever_views_finds_their_own_mark(void **unused)
{
    struct uuid c = store_fixture_conversation(), me = pg_fixture_id();
    append_mixed(c, f.customer, 3);
    pg_fixture_sql("insert into mark values ('%s', '%s', 4, 1, 2)", pg_fixture_text(c), pg_fixture_text(me));
    pg_fixture_sql("insert into mark select '%s', gen_random_uuid(), case n when 1 then 1 else 4 end, 3, 3"
                   " from generate_series(1, 40) n",
                   pg_fixture_text(c));
    struct log_range r = {.conversation = c, .limit = 3, .bytes = 262144, .reader = me};
    assert_int_equal(store_fixture_wait(log_view(f.store, &r, on_viewed, NULL)), PARLEY_OK);
    assert_int_equal(state.nmarks, LOG_MARKS);
    int mine = 0, customers = 0;
    for (int i = 0; i < state.nmarks; i++) {
        mine += uuid_equal(state.marks[i].participant, me) && state.marks[i].delivered == 2;
        customers += state.marks[i].role == 1;
    }
    assert_int_equal(mine, 1);
    assert_int_equal(customers, 1);
}

static void a_view_of_long_bodies_has_them_and_the_state(void **unused)
{
    struct uuid c = store_fixture_conversation();
    append_long(c);
    memset(&state, 0, sizeof state);
    struct log_range r = {.conversation = c, .before = 7, .limit = 3, .bytes = 262144};
    assert_int_equal(store_fixture_wait(log_view(f.store, &r, on_viewed, NULL)), PARLEY_OK);
    assert_int_equal(state.head, 12);
    assert_int_equal(nseqs, 3);
    assert_int_equal(seqs[0], 4);
    assert_int_equal(first_body_len, 1200 + (int)strlen("{\"text\": \"\"}"));
    assert_true(more);
}

static void an_empty_range_is_an_empty_page(void **unused)
{
    struct uuid c = store_fixture_conversation();
    append_mixed(c, f.customer, 9);
    assert_int_equal(range((struct log_range){.conversation = c, .after = 9, .limit = 9}), PARLEY_OK);
    assert_int_equal(nseqs, 0);
    assert_false(more);
}

static void on_heads(void *arg, parley_status status, const struct log_head *got, int n)
{
    nheads = n;
    memcpy(heads, got, (size_t)n * sizeof *got);
    store_fixture_done(arg, status, NULL);
}

static void heads_of_many_come_at_once(void **unused)
{
    struct uuid c[3] = {store_fixture_conversation(), store_fixture_conversation(), store_fixture_conversation()};
    append_mixed(c[0], f.customer, 3);
    append_mixed(c[2], f.customer, 5);
    assert_int_equal(store_fixture_wait(log_heads(f.store, c, 3, on_heads, NULL)), PARLEY_OK);
    assert_int_equal(nheads, 2);
    int last = uuid_equal(heads[1].conversation, c[2]);
    assert_int_equal(heads[last].head, 5);
    assert_int_equal(heads[!last].head, 3);
    assert_int_equal(heads[!last].head_public, 2);
}

/* ---- 100,000 items ---- */

/* Items from..to of a conversation, each followed by one of each of so many others. */
static void fill(struct uuid conversation, int from, int to, int others)
{
    const char *id = pg_fixture_text(conversation);
    pg_fixture_sql("insert into item select case k when 0 then '%s' else md5('%s' || k)::uuid end, gen_random_uuid(),"
                   " '%s', i, i - 1, now(), case when i %% 50 = 0 then 70 else 1 end, 1, 0,"
                   " jsonb_build_object('text', repeat('x', 200))"
                   " from generate_series(%d, %d) i, generate_series(0, %d) k order by i, k",
                   id, id, pg_fixture_text(f.customer), from, to, others);
}

/* Shared buffers that log_load touches, planned and executed with the store's settings. */
static int64_t buffers(struct uuid conversation)
{
    return pg_fixture_number("select pg_temp.buffers('execute log_load (''%s'')')", pg_fixture_text(conversation));
}

static void prepare_explain(void)
{
    pg_fixture_sql("select set_config(name, value, false) from (values ('plan_cache_mode', 'force_generic_plan'),"
                   " ('enable_seqscan', 'off'), ('enable_bitmapscan', 'off'), ('enable_sort', 'off'), "
                   "('enable_hashjoin', 'off'), ('enable_mergejoin', 'off')) s (name, value)");
    pg_fixture_sql(
        "create function pg_temp.buffers(query text) returns bigint language plpgsql as $$"
        " declare plan json; begin execute 'explain (analyze, buffers, format json) ' || query into plan;"
        " return (plan->0->'Plan'->>'Shared Hit Blocks')::int8 + (plan->0->'Plan'->>'Shared Read Blocks')::int8;"
        " end $$");
    pg_fixture_sql("prepare log_load (uuid) as %s", log_load_statement.sql);
}

/* In the worst case no two of the newest items are on the same page. */
static void opening_costs_the_same_at_any_length(void **unused)
{
    struct uuid shorter = store_fixture_conversation(), longer = store_fixture_conversation();
    fill(longer, 1, 99900, 0);
    fill(shorter, 1, 100, 49);
    fill(longer, 99901, 100000, 49);
    prepare_explain();
    int64_t few = buffers(shorter), many = buffers(longer);
    print_message("buffers: %d for 100 items, %d for 100,000\n", (int)few, (int)many);
    assert_in_range(few, 1, 60);
    assert_in_range(many, 1, 60);
    assert_int_equal(load(longer), PARLEY_OK);
    assert_int_equal(state.head, 100000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_append_stores_every_column),
        TEST(a_number_that_is_taken_rolls_back_the_batch),
        TEST(an_id_is_stored_once_in_a_conversation_by_an_author),
        TEST(what_is_not_a_conversation_is_not_found),
        TEST(an_empty_conversation_loads),
        TEST(loading_tells_heads),
        TEST(loading_brings_session_and_marks),
        TEST(a_view_is_the_state_and_a_page),
        TEST(loading_prefers_the_open_session_to_a_later_closed_one),
        TEST(the_newest_page_is_ascending_and_says_whether_there_is_more),
        TEST(a_public_page_leaves_staff_items_out_and_links_past_them),
        TEST(the_oldest_page_goes_forward),
        TEST(bytes_cut_a_page_but_not_its_first_item),
        TEST(long_bodies_cut_a_page_to_the_byte),
        TEST(a_view_has_the_state_that_opening_has),
        TEST(whoever_views_finds_their_own_mark),
        TEST(a_view_of_long_bodies_has_them_and_the_state),
        TEST(an_empty_range_is_an_empty_page),
        TEST(heads_of_many_come_at_once),
        TEST(opening_costs_the_same_at_any_length),
    };
    PG_FIXTURE_RUN(tests, NULL, NULL);
}
