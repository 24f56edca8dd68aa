/* Coming up, going away and coming back; who is connected to; and what that does to groups under way. */
#include "tests/unit/server/io/pg_rig.h"

#include "server/io/loop.h"
#include "tests/support/pg_fixture.h"
#include "tests/unit/unit.h"

#include <stdio.h>

static void a_server_that_forgets_is_refused_unless_allowed(void **state)
{
    struct pg_rig *f = *state;
    pg_fixture_sql("alter system set full_page_writes = off");
    pg_fixture_sql("select pg_reload_conf()");
    pg_fixture_wait_sql(f->loop, "select current_setting('full_page_writes') = 'off'");
    pg_fixture_sql("select pg_terminate_backend(%d)", pg_rig_backend());
    pg_fixture_wait(f->loop, &f->down);
    while (!strstr(pg_trouble(f->pg), "full_page_writes is off"))
        pg_fixture_turn(f->loop);
    assert_false(f->up);
    f->ups = 0;
    struct pg *careless = pg_rig_connect(f, &(struct pg_options){.url = pg_fixture_url(), .allow_unsafe = true});
    pg_fixture_wait(f->loop, &f->up);
    pg_close(&careless);
    pg_fixture_sql("alter system set full_page_writes = on");
    pg_fixture_sql("select pg_reload_conf()");
    f->up = false;
    f->ups = 1;
    pg_fixture_wait(f->loop, &f->up); /* the first one has kept trying */
}

static void wait_for_trouble(struct pg_rig *f, struct pg *pg, const char *what)
{
    while (!strstr(pg_trouble(pg), what))
        pg_fixture_turn(f->loop);
}

static void a_name_is_looked_up(void **state)
{
    struct pg_rig *f = *state;
    struct pg *known = pg_open(f->loop, &(struct pg_options){.url = "postgresql://parley@localhost:1/x"}, NULL);
    wait_for_trouble(f, known, "refused");
    pg_close(&known);
    struct pg *unknown = pg_open(f->loop, &(struct pg_options){.url = "host=no-such-host.invalid"}, NULL);
    wait_for_trouble(f, unknown, "name is not known");
    pg_close(&unknown);
    struct pg *hasty = pg_open(f->loop, &(struct pg_options){.url = "host=no-such-host.invalid"}, NULL);
    pg_close(&hasty); /* while it is being looked up */
}

static void hosts_are_tried_in_turn_and_the_one_that_worked_first(void **state)
{
    struct pg_rig *f = *state;
    char url[1024];
    const char *sockets = strstr(pg_fixture_url(), "host=");
    assert_non_null(sockets);
    snprintf(url, sizeof url, "host=/nowhere,no-such-host.invalid,%s user=parley dbname=%s", sockets + strlen("host="),
             pg_fixture_sql("select current_database()"));
    pg_rig_reopen(f, &(struct pg_options){.url = url});
    pg_fixture_sql("select pg_terminate_backend(%d)", pg_rig_backend());
    pg_fixture_wait(f->loop, &f->down);
    pg_fixture_wait(f->loop, &f->up);
}

static void without_a_connection_nothing_is_sent(void **state)
{
    struct pg_rig *f = *state;
    struct pg *nowhere = pg_open(f->loop, &(struct pg_options){.url = "host=/nowhere"}, NULL);
    struct pg_group *group = pg_group_new(nowhere);
    pg_rig_insert(group, 1, "a");
    assert_int_equal(pg_group_send(&group, pg_rig_done, f), PARLEY_UNAVAILABLE);
    assert_null(group);
    assert_int_equal(f->dones, 0);
    pg_close(&nowhere);
}

static void a_lost_backend_leaves_a_write_uncertain_and_a_read_unavailable(void **state)
{
    struct pg_rig *f = *state;
    struct pg_group *write = pg_group_new(f->pg), *read = pg_group_new(f->pg);
    pg_rig_insert(write, 1, "a");
    pg_rig_sleep(write, 60000);
    pg_group_reads(read);
    pg_rig_count(read, f);
    pg_rig_send(f, write);
    pg_fixture_wait_sql(f->loop, "select exists (select from pg_stat_activity where application_name = 'test'"
                                 " and query like '%pg_sleep%' and state = 'active')");
    pg_fixture_sql("select pg_terminate_backend(%d)", pg_rig_backend());
    pg_fixture_wait(f->loop, &f->done);
    assert_int_equal(f->status, PARLEY_UNCERTAIN);
    assert_int_equal(f->results, 0);
    pg_group_free(&read);
    pg_fixture_wait(f->loop, &f->down);
    pg_fixture_wait(f->loop, &f->up); /* it comes back by itself */
    assert_int_equal(f->ups, 2);
    assert_int_equal(pg_rig_stored(), 0);
    write = pg_group_new(f->pg); /* and prepares its statements again */
    pg_rig_insert(write, 1, "a");
    assert_int_equal(pg_rig_run(f, write), PARLEY_OK);
}

static void a_read_on_a_lost_connection_is_unavailable(void **state)
{
    struct pg_rig *f = *state;
    struct pg_group *read = pg_group_new(f->pg);
    pg_group_reads(read);
    pg_rig_sleep(read, 60000);
    pg_rig_send(f, read);
    pg_fixture_wait_sql(f->loop, "select exists (select from pg_stat_activity where application_name = 'test'"
                                 " and query like '%pg_sleep%' and state = 'active')");
    pg_fixture_sql("select pg_terminate_backend(%d)", pg_rig_backend());
    pg_fixture_wait(f->loop, &f->done);
    assert_int_equal(f->status, PARLEY_UNAVAILABLE);
}

static void set_standby(const char *names)
{
    pg_fixture_sql("alter system set synchronous_standby_names = '%s'", names);
    pg_fixture_sql("select pg_reload_conf()");
}

/* The commit is visible here although no standby has it: it looks like success and must not count as one. */
static void a_cancelled_wait_for_the_standby_is_uncertain(void **state)
{
    struct pg_rig *f = *state;
    set_standby("missing");
    pg_fixture_wait_sql(f->loop, "select current_setting('synchronous_standby_names') = 'missing'");
    struct pg_group *group = pg_group_new(f->pg);
    pg_rig_insert(group, 1, "a");
    pg_rig_send(f, group);
    pg_fixture_wait_sql(f->loop, "select exists (select from pg_stat_activity where application_name = 'test'"
                                 " and wait_event = 'SyncRep')");
    pg_fixture_sql("select pg_cancel_backend(%d)", pg_rig_backend());
    pg_fixture_wait(f->loop, &f->done);
    assert_int_equal(f->status, PARLEY_UNCERTAIN);
    assert_int_equal(pg_rig_stored(), 1);
    set_standby("");
    group = pg_group_new(f->pg); /* the connection lives on */
    pg_rig_insert(group, 2, "b");
    assert_int_equal(pg_rig_run(f, group), PARLEY_OK);
}

static void a_new_connection_is_not_up_before_its_barrier_is_replicated(void **state)
{
    struct pg_rig *f = *state;
    set_standby("missing");
    pg_fixture_wait_sql(f->loop, "select current_setting('synchronous_standby_names') = 'missing'");
    pg_fixture_sql("select pg_terminate_backend(%d)", pg_rig_backend());
    pg_fixture_wait(f->loop, &f->down);
    pg_fixture_wait_sql(f->loop, "select exists (select from pg_stat_activity where application_name = 'test'"
                                 " and wait_event = 'SyncRep')");
    assert_false(pg_is_up(f->pg));
    assert_int_equal(f->ups, 1);
    set_standby("");
    pg_fixture_wait(f->loop, &f->up);
    assert_int_equal(pg_generation(f->pg), 2);
}

static void a_notification_on_the_channel_is_handed_on(void **state)
{
    struct pg_rig *f = *state;
    pg_fixture_sql("notify parley, 'not for us'");
    pg_fixture_sql("notify news, 'reload'");
    pg_fixture_wait(f->loop, &f->notified);
}

static void a_server_that_never_answers_is_given_up(void **state)
{
    struct pg_rig *f = *state;
    pg_rig_reopen(f, &(struct pg_options){.url = pg_fixture_database(), .stall_ms = 200});
    struct pg_group *group = pg_group_new(f->pg);
    pg_rig_sleep(group, 60000);
    pg_rig_send(f, group);
    pg_fixture_wait(f->loop, &f->down);
    assert_int_equal(f->status, PARLEY_UNCERTAIN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pg_rig_setup, pg_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_server_that_forgets_is_refused_unless_allowed),
        TEST(a_name_is_looked_up),
        TEST(hosts_are_tried_in_turn_and_the_one_that_worked_first),
        TEST(without_a_connection_nothing_is_sent),
        TEST(a_lost_backend_leaves_a_write_uncertain_and_a_read_unavailable),
        TEST(a_read_on_a_lost_connection_is_unavailable),
        TEST(a_cancelled_wait_for_the_standby_is_uncertain),
        TEST(a_new_connection_is_not_up_before_its_barrier_is_replicated),
        TEST(a_notification_on_the_channel_is_handed_on),
        TEST(a_server_that_never_answers_is_given_up),
    };
    PG_FIXTURE_RUN(tests, NULL, NULL);
}
