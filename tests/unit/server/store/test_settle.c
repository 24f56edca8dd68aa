/* Every answer of the settling function, alone and while the fast path writes to the same conversation. */
#include "server/io/loop.h"
#include "server/store/settle.h"
#include "tests/support/store_fixture.h"
#include "tests/unit/unit.h"

#include <string.h>

enum { ROWS = 256 };

static struct settle_answer answers[ROWS];
static int nanswers;
static struct settle_found found[ROWS];
static int64_t probed_head;

static void on_settled(void *arg, parley_status status, const struct settle_answer *got, int n)
{
    nanswers = n;
    if (got)
        memcpy(answers, got, (size_t)n * sizeof *got);
    store_fixture_done(arg, status, NULL);
}

static parley_status settled(const struct log_row *rows, int n)
{
    return store_fixture_wait(settle(f.store, rows, n, on_settled, NULL));
}

static void append(const struct log_row *row)
{
    assert_int_equal(store_fixture_wait(log_append(f.store, row, 1, store_fixture_done, NULL)), PARLEY_OK);
}

static struct log_row row_of(struct uuid conversation, int32_t group)
{
    struct log_row row = store_fixture_row(conversation, f.customer, 1, 0);
    row.group = group;
    return row;
}

/* Contiguous from 1, each prev the last public number below: what must hold of every conversation. */
static void check_chain(struct uuid conversation, int64_t head)
{
    const char *c = pg_fixture_text(conversation);
    assert_int_equal(pg_fixture_number("select count(*) from item where conversation = '%s'", c), head);
    assert_int_equal(pg_fixture_number("select coalesce(max(seq), 0) from item where conversation = '%s'", c), head);
    assert_int_equal(pg_fixture_number(
                         "select count(*) from item i where conversation = '%s' and prev <> coalesce((select max(seq)"
                         " from item p where p.conversation = i.conversation and p.seq < i.seq and p.audience = 0), 0)",
                         c),
                     0);
}

static void new_rows_get_the_next_numbers(void **unused)
{
    struct uuid c = store_fixture_conversation(), d = store_fixture_conversation();
    struct log_row first = row_of(c, 0);
    append(&first);
    struct log_row rows[5] = {row_of(c, 1), row_of(d, 2), row_of(c, 3), row_of(c, 4), row_of(d, 5)};
    rows[2].audience = 1;
    assert_int_equal(settled(rows, 5), PARLEY_OK);
    assert_int_equal(nanswers, 5);
    static const int64_t seqs[] = {2, 1, 3, 4, 2}, prevs[] = {1, 0, 2, 2, 1};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(answers[i].outcome, SETTLE_STORED);
        assert_int_equal(answers[i].seq, seqs[i]);
        assert_int_equal(answers[i].prev, prevs[i]);
        assert_int_equal(answers[i].at_ms, rows[i].at_ms);
    }
    check_chain(c, 4);
    check_chain(d, 2);
}

static void a_repeat_gets_the_first_answer(void **unused)
{
    struct uuid c = store_fixture_conversation();
    struct log_row rows[2] = {row_of(c, 1), row_of(c, 2)};
    append(&rows[0]);
    int64_t first_at = rows[0].at_ms;
    rows[0].at_ms += 1000;
    assert_int_equal(settled(rows, 2), PARLEY_OK);
    assert_int_equal(answers[0].outcome, SETTLE_REPEAT);
    assert_int_equal(answers[0].seq, 1);
    assert_int_equal(answers[0].at_ms, first_at);
    assert_int_equal(answers[1].outcome, SETTLE_STORED);
    assert_int_equal(answers[1].seq, 2);
    check_chain(c, 2);
}

static void another_body_or_kind_is_a_conflict(void **unused)
{
    struct uuid c = store_fixture_conversation();
    struct log_row rows[3] = {row_of(c, 1), row_of(c, 2), row_of(c, 3)};
    append(&rows[0]);
    struct log_row second = rows[1];
    second.seq = 2;
    second.prev = 1;
    append(&second);
    rows[0].body = span_str("{\"text\":\"other\"}");
    rows[1].kind = 2;
    assert_int_equal(settled(rows, 3), PARLEY_OK);
    assert_int_equal(answers[0].outcome, SETTLE_CONFLICT);
    assert_int_equal(answers[1].outcome, SETTLE_CONFLICT);
    assert_int_equal(answers[2].outcome, SETTLE_STORED);
    check_chain(c, 3);
}

static void an_erased_item_still_tells_a_repeat_from_a_conflict(void **unused)
{
    struct uuid c = store_fixture_conversation();
    struct log_row row = row_of(c, 1);
    append(&row);
    pg_fixture_sql("insert into tombstone select conversation, seq, sha256(convert_to(body::text, 'UTF8')) from item"
                   " where conversation = '%s'; update item set body = '{}' where conversation = '%s'",
                   pg_fixture_text(c), pg_fixture_text(c));
    assert_int_equal(settled(&row, 1), PARLEY_OK);
    assert_int_equal(answers[0].outcome, SETTLE_REPEAT);
    row.body = span_str("{}");
    assert_int_equal(settled(&row, 1), PARLEY_OK);
    assert_int_equal(answers[0].outcome, SETTLE_CONFLICT);
}

static void what_state_moved_past_is_stale(void **unused)
{
    struct uuid c = store_fixture_conversation();
    struct log_row moving = row_of(c, 1);
    moving.kind = 65;
    append(&moving);
    struct log_row rows[2] = {row_of(c, 1), row_of(c, 2)};
    rows[0].basis = 0;
    rows[1].basis = 1;
    assert_int_equal(settled(rows, 2), PARLEY_OK);
    assert_int_equal(answers[0].outcome, SETTLE_STALE);
    assert_int_equal(answers[1].outcome, SETTLE_STORED);
    assert_int_equal(answers[1].seq, 2);
    assert_int_equal(settled(&moving, 1), PARLEY_OK); /* a repeat is one, whatever has happened since */
    assert_int_equal(answers[0].outcome, SETTLE_REPEAT);
    check_chain(c, 2);
}

static void what_comes_after_a_move_in_the_same_call_is_stale(void **unused)
{
    struct uuid c = store_fixture_conversation();
    struct log_row rows[4] = {row_of(c, 1), row_of(c, 2), row_of(c, 2), row_of(c, 3)};
    rows[1].kind = 64;
    assert_int_equal(settled(rows, 4), PARLEY_OK);
    assert_int_equal(answers[0].outcome, SETTLE_STORED);
    assert_int_equal(answers[1].outcome, SETTLE_STORED);
    assert_int_equal(answers[2].outcome, SETTLE_STORED); /* of the decision itself */
    assert_int_equal(answers[3].outcome, SETTLE_STALE);
    check_chain(c, 3);
}

static void rows_of_a_group_stand_or_fall_together(void **unused)
{
    struct uuid c = store_fixture_conversation();
    struct log_row old = row_of(c, 9);
    append(&old);
    struct log_row rows[4] = {row_of(c, 1), row_of(c, 1), row_of(c, 2), row_of(c, 2)};
    rows[1].id = old.id; /* one of its ids is there, the other is not */
    rows[1].body = old.body;
    assert_int_equal(settled(rows, 4), PARLEY_OK);
    assert_int_equal(answers[0].outcome, SETTLE_CONFLICT);
    assert_int_equal(answers[1].outcome, SETTLE_CONFLICT);
    assert_int_equal(answers[2].outcome, SETTLE_STORED);
    assert_int_equal(answers[3].outcome, SETTLE_STORED);
    check_chain(c, 3);
    assert_int_equal(settled(rows + 2, 2), PARLEY_OK);
    assert_int_equal(answers[0].outcome, SETTLE_REPEAT);
    assert_int_equal(answers[1].outcome, SETTLE_REPEAT);
}

static void without_the_conversation_it_is_not_found(void **unused)
{
    struct log_row row = row_of(pg_fixture_id(), 1);
    assert_int_equal(settled(&row, 1), PARLEY_NOT_FOUND);
}

static void a_locked_conversation_is_a_timeout(void **unused)
{
    struct uuid c = store_fixture_conversation();
    struct log_row row = row_of(c, 1);
    pg_fixture_sql("begin; select * from conversation for update");
    assert_int_equal(settled(&row, 1), PARLEY_TIMEOUT);
    pg_fixture_sql("rollback");
    check_chain(c, 0);
}

static void on_probed(void *arg, parley_status status, int64_t head, const struct settle_found *got, int n)
{
    probed_head = head;
    if (got)
        memcpy(found, got, (size_t)n * sizeof *got);
    store_fixture_done(arg, status, NULL);
}

static void a_probe_tells_which_ids_are_there(void **unused)
{
    struct uuid c = store_fixture_conversation();
    struct log_row row = row_of(c, 1);
    append(&row);
    struct settle_id ids[2] = {{pg_fixture_id(), f.customer}, {row.id, row.author}};
    assert_int_equal(store_fixture_wait(settle_probe(f.store, c, ids, 2, on_probed, NULL)), PARLEY_OK);
    assert_int_equal(probed_head, 1);
    assert_false(found[0].stored);
    assert_true(found[1].stored);
    assert_int_equal(found[1].seq, 1);
    assert_int_equal(found[1].at_ms, row.at_ms);
}

/* A transaction in doubt that is still open: the settler waits for it, and then tells a repeat. */
static void a_row_in_flight_is_waited_for(void **unused)
{
    struct uuid c = store_fixture_conversation();
    struct log_row row = row_of(c, 1);
    pg_fixture_sql("begin; insert into item values ('%s', '%s', '%s', 1, 0, now(), 1, 1, 0, '%.*s')",
                   pg_fixture_text(c), pg_fixture_text(row.id), pg_fixture_text(row.author), SPAN_ARG(row.body));
    assert_int_equal(settle(f.store, &row, 1, on_settled, NULL), PARLEY_OK);
    pg_fixture_wait_sql(f.loop, "select exists (select from pg_locks where not granted)");
    assert_false(f.done);
    pg_fixture_sql("commit");
    pg_fixture_wait(f.loop, &f.done);
    f.done = false;
    assert_int_equal(f.status, PARLEY_OK);
    assert_int_equal(answers[0].outcome, SETTLE_REPEAT);
    assert_int_equal(answers[0].seq, 1);
}

/* ---- a race: the fast path numbers by what it last saw, the settler by what it finds ---- */

struct racer {
    struct uuid conversation;
    struct log_row rows[8];
    int64_t head;
    int fast_left, settle_left, conflicts;
    int64_t stored;
    bool done;
};

static void race_fast(struct racer *race);

static void finish(struct racer *race)
{
    race->done = race->fast_left == 0 && race->settle_left == 0;
}

static void on_head(void *arg, parley_status status, const struct log_head *got, int n)
{
    struct racer *race = arg;
    assert_int_equal(status, PARLEY_OK);
    race->head = n ? got->head : 0;
    race_fast(race);
}

static void on_fast(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct racer *race = arg;
    if (status == PARLEY_OK) {
        race->stored += 8;
        race->head += 8;
        race->fast_left--;
        race_fast(race);
        return;
    }
    assert_int_equal(status, PARLEY_CONFLICT);
    race->conflicts++;
    assert_int_equal(log_heads(f.store, &race->conversation, 1, on_head, race), PARLEY_OK);
}

static void race_fast(struct racer *race)
{
    if (race->fast_left == 0) {
        finish(race);
        return;
    }
    for (int i = 0; i < 8; i++)
        race->rows[i] = store_fixture_row(race->conversation, f.customer, race->head + i + 1, race->head + i);
    assert_int_equal(log_append(f.store, race->rows, 8, on_fast, race), PARLEY_OK);
}

static void race_settle(struct racer *race);

static void on_race_settled(void *arg, parley_status status, const struct settle_answer *got, int n)
{
    struct racer *race = arg;
    assert_int_equal(status, PARLEY_OK);
    for (int i = 0; i < n; i++)
        assert_int_equal(got[i].outcome, SETTLE_STORED);
    race->stored += n;
    race->settle_left--;
    race_settle(race);
}

static void race_settle(struct racer *race)
{
    struct log_row rows[3];
    for (int i = 0; i < 3; i++)
        rows[i] = row_of(race->conversation, i);
    if (race->settle_left)
        assert_int_equal(settle(f.store, rows, 3, on_race_settled, race), PARLEY_OK);
    else
        finish(race);
}

static void settling_and_the_fast_path_share_one_number_line(void **unused)
{
    struct racer race = {.conversation = store_fixture_conversation(), .fast_left = 200, .settle_left = 200};
    race_fast(&race);
    race_settle(&race);
    pg_fixture_wait(f.loop, &race.done);
    print_message("%d batches of the fast path collided\n", race.conflicts);
    assert_true(race.conflicts > 0);
    check_chain(race.conversation, race.stored);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(new_rows_get_the_next_numbers),          TEST(a_repeat_gets_the_first_answer),
        TEST(another_body_or_kind_is_a_conflict),     TEST(an_erased_item_still_tells_a_repeat_from_a_conflict),
        TEST(what_state_moved_past_is_stale),         TEST(what_comes_after_a_move_in_the_same_call_is_stale),
        TEST(rows_of_a_group_stand_or_fall_together), TEST(without_the_conversation_it_is_not_found),
        TEST(a_locked_conversation_is_a_timeout),     TEST(a_probe_tells_which_ids_are_there),
        TEST(a_row_in_flight_is_waited_for),          TEST(settling_and_the_fast_path_share_one_number_line),
    };
    PG_FIXTURE_RUN(tests, NULL, NULL);
}
