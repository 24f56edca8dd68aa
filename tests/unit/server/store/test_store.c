/* Which settings reach which connection. */
#include "tests/support/store_fixture.h"
#include "tests/unit/unit.h"

#include "server/base/log.h"
#include "server/io/loop.h"

#include <stdio.h>
#include <uv.h>

static const struct pg_statement ask = {
    "test_settings", "select current_setting('lock_timeout'), current_setting('statement_timeout')", 0, {0}};

static char lock[16], statement[16];

static void on_settings(void *arg, const struct pg_result *r)
{
    struct span texts[] = {pg_get_text(r, 0, 0), pg_get_text(r, 0, 1)};
    snprintf(lock, sizeof lock, "%.*s", SPAN_ARG(texts[0]));
    snprintf(statement, sizeof statement, "%.*s", SPAN_ARG(texts[1]));
}

static void read_settings(struct pg_group *group)
{
    pg_group_add(group, &ask, on_settings, NULL);
    assert_int_equal(store_fixture_wait(pg_group_send(&group, store_fixture_done, &f)), PARLEY_OK);
}

static void reads_end_in_time_and_what_is_stored_does_not(void **unused)
{
    read_settings(store_reading(f.store));
    assert_string_equal(lock, "500ms");
    assert_string_equal(statement, "10s");
    read_settings(store_transition(f.store));
    assert_string_equal(lock, "500ms");
    assert_string_equal(statement, "0");
}

static void limits_are_the_configurations(void **unused)
{
    struct store *first = f.store;
    struct store_options options = {
        .url = pg_fixture_url(), .application = "unit", .lock_timeout_ms = 1234, .statement_timeout_ms = 2345};
    f.store = store_open(f.loop, &options, NULL);
    for (struct store_status s = {0}; !s.fast_up || !s.settle_up || !s.slow_up; s = store_status(f.store))
        uv_run(loop_uv(f.loop), UV_RUN_ONCE);
    read_settings(store_reading(f.store));
    assert_string_equal(lock, "1234ms");
    assert_string_equal(statement, "2345ms");
    read_settings(store_settling(f.store));
    assert_string_equal(lock, "1234ms");
    assert_string_equal(statement, "0");
    store_close(&f.store);
    f.store = first;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_end_in_time_and_what_is_stored_does_not),
        cmocka_unit_test(limits_are_the_configurations),
    };
    log_setup(LOG_ERROR, LOG_TEXT);
    pg_fixture_start();
    int failed = cmocka_run_group_tests(tests, store_fixture_setup, store_fixture_teardown);
    pg_fixture_stop();
    return failed;
}
