/* Marks, files, pushes and nodes. */
#include "server/store/blob_row.h"
#include "server/store/mark_row.h"
#include "server/store/node_row.h"
#include "server/store/push_row.h"
#include "tests/support/store_fixture.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static const int64_t now_ms = 1790000000000;

static int nrows;
static struct blob_row blob;
static char part[64];
static struct push_row pushes[8];
static struct uuid nodes[8];

static struct uuid conversation_of(int n)
{
    struct uuid c = store_fixture_conversation();
    struct log_row rows[64];
    for (int i = 0; i < n; i++)
        rows[i] = store_fixture_row(c, f.customer, i + 1, i);
    assert_int_equal(store_fixture_wait(log_append(f.store, rows, n, store_fixture_done, NULL)), PARLEY_OK);
    return c;
}

/* ---- marks ---- */

static void put_mark(struct uuid c, int64_t read, int64_t delivered)
{
    struct mark_row row = {
        .conversation = c, .participant = f.customer, .role = 1, .read = read, .delivered = delivered};
    assert_int_equal(store_fixture_wait(mark_put(f.store, &row, 1, store_fixture_done, NULL)), PARLEY_OK);
}

static int64_t mark(struct uuid c)
{
    return pg_fixture_number("select read * 1000 + delivered from mark where conversation = '%s'", pg_fixture_text(c));
}

static void marks_only_grow_and_never_pass_the_head(void **unused)
{
    struct uuid c = conversation_of(10);
    put_mark(c, 3, 5);
    assert_int_equal(mark(c), 3005);
    put_mark(c, 2, 6);
    assert_int_equal(mark(c), 3006);
    put_mark(c, 7, 0); /* what is read has been delivered */
    assert_int_equal(mark(c), 7007);
    put_mark(c, 99, 99);
    assert_int_equal(mark(c), 10010);
    put_mark(c, 1, 1);
    assert_int_equal(mark(c), 10010);
}

static void a_batch_of_marks_is_one_statement(void **unused)
{
    struct mark_row rows[3] = {
        {conversation_of(4), f.customer, 1, 4, 4},
        {conversation_of(4), f.customer, 1, 0, 2},
        {store_fixture_conversation(), f.customer, 1, 1, 1}, /* without an item: nothing to mark */
    };
    assert_int_equal(store_fixture_wait(mark_put(f.store, rows, 3, store_fixture_done, NULL)), PARLEY_OK);
    assert_int_equal(mark(rows[0].conversation), 4004);
    assert_int_equal(mark(rows[1].conversation), 2);
    assert_int_equal(
        pg_fixture_number("select count(*) from mark where conversation = '%s'", pg_fixture_text(rows[2].conversation)),
        0);
}

/* ---- files ---- */

static void on_blobs(void *arg, parley_status status, const struct blob_row *rows, int n)
{
    nrows = n;
    if (n > 0)
        blob = rows[0];
    store_fixture_done(arg, status, NULL);
}

static void on_part(void *arg, parley_status status, struct span data)
{
    snprintf(part, sizeof part, "%.*s", SPAN_ARG(data));
    store_fixture_done(arg, status, NULL);
}

static struct uuid announce(int64_t bytes)
{
    struct blob_row row = {
        .id = pg_fixture_id(),
        .conversation = pg_fixture_id(),
        .name = span_str("a.txt"),
        .type = span_str("text/plain"),
        .bytes = bytes,
        .sha256 = {1},
    };
    assert_int_equal(store_fixture_wait(blob_announce(f.store, &row, store_fixture_done, NULL)), PARLEY_OK);
    return row.id;
}

static parley_status put_part(struct uuid id, int32_t n, const char *data)
{
    return store_fixture_wait(blob_put_part(f.store, id, n, span_str(data), store_fixture_done, NULL));
}

static parley_status finish(struct uuid id)
{
    return store_fixture_wait(blob_finish(f.store, id, store_fixture_done, NULL));
}

static void a_file_is_stored_when_its_parts_are_there(void **unused)
{
    struct uuid id = announce(8);
    assert_int_equal(put_part(id, 0, "hell"), PARLEY_OK);
    assert_int_equal(finish(id), PARLEY_STALE);
    assert_int_equal(put_part(id, 1, "x"), PARLEY_OK);
    assert_int_equal(put_part(id, 1, "o :)"), PARLEY_OK); /* again */
    assert_int_equal(finish(id), PARLEY_OK);
    assert_int_equal(put_part(id, 1, "evil"), PARLEY_STALE); /* what is stored stays */
    assert_int_equal(store_fixture_wait(blob_read_part(f.store, id, blob.sha256, 1, on_part, NULL)), PARLEY_OK);
    assert_string_equal(part, "o :)");
    assert_int_equal(store_fixture_wait(blob_read_part(f.store, id, blob.sha256, 2, on_part, NULL)), PARLEY_OK);
    assert_string_equal(part, "");
    assert_int_equal(store_fixture_wait(blob_get(f.store, id, on_blobs, NULL)), PARLEY_OK);
    assert_int_equal(blob.state, BLOB_STORED);
    assert_int_equal(blob.sha256[0], 1);
}

static parley_status take_url(const uint8_t digest[32], const char *verb, int64_t at)
{
    return store_fixture_wait(blob_take_url(f.store, digest, verb, at, on_blobs, NULL));
}

static void an_address_works_once_for_its_verb_in_its_time(void **unused)
{
    struct uuid id = announce(8);
    for (uint8_t i = 1; i < 3; i++) {
        uint8_t digest[32] = {i};
        assert_int_equal(store_fixture_wait(blob_add_url(f.store, digest, id, "PUT", now_ms, store_fixture_done, NULL)),
                         PARLEY_OK);
    }
    const uint8_t first[32] = {1}, second[32] = {2};
    assert_int_equal(take_url(first, "GET", now_ms - 1), PARLEY_OK);
    assert_int_equal(nrows, 0);
    take_url(first, "PUT", now_ms - 1);
    assert_int_equal(nrows, 1);
    assert_true(uuid_equal(blob.id, id));
    take_url(first, "PUT", now_ms - 1);
    assert_int_equal(nrows, 0);
    take_url(second, "PUT", now_ms);
    assert_int_equal(nrows, 0);
}

static void what_was_never_stored_is_swept(void **unused)
{
    struct uuid id = announce(8), kept = announce(4);
    put_part(kept, 0, "kept");
    finish(kept);
    put_part(id, 0, "lost");
    int64_t later = pg_fixture_number("select extract(epoch from now() + interval '1 hour') * 1000");
    assert_int_equal(store_fixture_wait(blob_sweep(f.store, later, store_fixture_done, NULL)), PARLEY_OK);
    assert_int_equal(pg_fixture_number("select count(*) from blob_part where blob = '%s'", pg_fixture_text(id)), 0);
    store_fixture_wait(blob_get(f.store, kept, on_blobs, NULL));
    assert_int_equal(nrows, 1);
}

/* ---- pushes ---- */

static void on_pushes(void *arg, parley_status status, const struct push_row *rows, int n)
{
    nrows = n;
    for (int i = 0; i < n && i < 8; i++)
        pushes[i] = rows[i];
    store_fixture_done(arg, status, NULL);
}

static uint8_t endpoint[PUSH_ENDPOINT];

static struct push_row wish(struct uuid conversation, int64_t seq, int64_t due)
{
    struct push_row row = {.conversation = conversation,
                           .customer = f.customer,
                           .id = pg_fixture_id(),
                           .seq = seq,
                           .due_ms = due,
                           .since_ms = due - 5000};
    assert_int_equal(store_fixture_wait(push_put(f.store, endpoint, &row, 1, store_fixture_done, NULL)), PARLEY_OK);
    return row;
}

enum { LEASE_MS = 20 };

static int pushes_due(int64_t at)
{
    struct push_take take = {.endpoint = endpoint, .now_ms = at, .until_ms = at + LEASE_MS, .parts = 1, .limit = 8};
    assert_int_equal(store_fixture_wait(push_take_due(f.store, &take, on_pushes, NULL)), PARLEY_OK);
    return nrows;
}

static void retried(const struct push_row *row, int64_t due)
{
    assert_int_equal(store_fixture_wait(push_retry(f.store, row, due, store_fixture_done, NULL)), PARLEY_OK);
}

static void sent(const struct push_row *row, int64_t due)
{
    assert_int_equal(store_fixture_wait(push_sent(f.store, row, due, store_fixture_done, NULL)), PARLEY_OK);
}

static void wishes_of_a_conversation_collapse(void **unused)
{
    struct uuid c = conversation_of(9);
    struct push_row first = wish(c, 3, now_ms);
    wish(c, 7, now_ms + 1000);
    assert_int_equal(pushes_due(now_ms - 1), 0);
    assert_int_equal(pushes_due(now_ms), 1);
    assert_true(uuid_equal(pushes[0].id, first.id));
    assert_int_equal(pushes[0].seq, 7);
    assert_int_equal(pushes[0].attempts, 1);
    assert_int_equal(pushes[0].since_ms, first.since_ms);
    put_mark(c, 0, 7); /* received meanwhile */
    assert_int_equal(pushes_due(now_ms + LEASE_MS), 0);
    assert_int_equal(pg_fixture_number("select count(*) from push"), 0);
}

static void a_service_that_wants_no_more_gets_no_wishes(void **unused)
{
    struct uuid c = conversation_of(9), d = conversation_of(9);
    wish(c, 3, now_ms);
    for (int i = 0; i < 2; i++)
        assert_int_equal(store_fixture_wait(push_end(f.store, endpoint, store_fixture_done, NULL)), PARLEY_OK);
    wish(d, 3, now_ms);
    assert_int_equal(pg_fixture_number("select count(*) from push"), 1);
    assert_int_equal(pushes_due(now_ms), 0);
    endpoint[0]++; /* another URL */
    wish(d, 3, now_ms);
    assert_int_equal(pushes_due(now_ms), 2);
    pg_fixture_sql("delete from push");
}

static void a_wish_has_one_taker_and_outlives_them(void **unused)
{
    struct uuid c = conversation_of(9);
    wish(c, 3, now_ms);
    assert_int_equal(pushes_due(now_ms), 1);
    assert_int_equal(pushes_due(now_ms), 0);
    assert_int_equal(pushes_due(now_ms + LEASE_MS), 1);
    assert_int_equal(pushes[0].attempts, 2);
    retried(&pushes[0], now_ms + 500);
    assert_int_equal(pushes_due(now_ms + 499), 0);
    assert_int_equal(pushes_due(now_ms + 500), 1);
    assert_int_equal(pushes[0].attempts, 3);
    sent(&pushes[0], now_ms);
    assert_int_equal(pushes_due(now_ms + 999), 0);
}

static void what_came_while_one_was_sent_is_a_new_wish(void **unused)
{
    struct uuid c = conversation_of(9);
    wish(c, 3, now_ms);
    assert_int_equal(pushes_due(now_ms), 1);
    struct push_row first = pushes[0], next = wish(c, 4, now_ms + 5);
    sent(&first, now_ms + 9);
    assert_int_equal(pushes_due(now_ms + 8), 0);
    assert_int_equal(pushes_due(now_ms + 9), 1);
    assert_true(uuid_equal(pushes[0].id, next.id));
    assert_int_equal(pushes[0].since_ms, next.since_ms);
    assert_int_equal(pushes[0].seq, 4);
    assert_int_equal(pushes[0].attempts, 1);
    sent(&pushes[0], now_ms);
    assert_int_equal(pushes_due(now_ms + 99), 0);
}

/* ---- nodes ---- */

static void on_nodes(void *arg, parley_status status, const struct uuid *ids, int n)
{
    nrows = n;
    memcpy(nodes, ids, (size_t)n * sizeof *ids);
    store_fixture_done(arg, status, NULL);
}

static int beat(struct uuid id)
{
    assert_int_equal(store_fixture_wait(node_beat(f.store, id, span_str("0.1"), 5000, on_nodes, NULL)), PARLEY_OK);
    return nrows;
}

static void nodes_see_each_other_until_one_is_silent(void **unused)
{
    struct uuid a = pg_fixture_id(), b = pg_fixture_id();
    assert_int_equal(beat(a), 1);
    assert_int_equal(beat(b), 2);
    assert_true(uuid_equal(nodes[0], a));
    pg_fixture_sql("update node set seen_at = now() - interval '6 s' where id = '%s'", pg_fixture_text(a));
    assert_int_equal(beat(b), 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_fixture_wait(node_bury(f.store, 5000, on_nodes, NULL)), PARLEY_OK);
        assert_int_equal(nrows, i ? 0 : 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_only_grow_and_never_pass_the_head),
        cmocka_unit_test(a_batch_of_marks_is_one_statement),
        cmocka_unit_test(a_file_is_stored_when_its_parts_are_there),
        cmocka_unit_test(an_address_works_once_for_its_verb_in_its_time),
        cmocka_unit_test(what_was_never_stored_is_swept),
        cmocka_unit_test(wishes_of_a_conversation_collapse),
        cmocka_unit_test(a_service_that_wants_no_more_gets_no_wishes),
        cmocka_unit_test(a_wish_has_one_taker_and_outlives_them),
        cmocka_unit_test(what_came_while_one_was_sent_is_a_new_wish),
        cmocka_unit_test(nodes_see_each_other_until_one_is_silent),
    };
    PG_FIXTURE_RUN(tests, store_fixture_setup, store_fixture_teardown);
}
