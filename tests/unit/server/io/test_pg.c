/* What becomes of a group: every way Postgres can answer, or not answer, on a real server. */
#include "server/base/log.h"
#include "server/io/loop.h"
#include "server/io/pg.h"
#include "tests/support/pg_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const struct pg_statement insert = {"t_insert", "insert into t (k, v) values ($1, $2)", 2, {PG_I64, PG_TEXT}};
static const struct pg_statement count = {"t_count", "select count(*) from t where k >= $1", 1, {PG_I64}};
static const struct pg_statement one = {
    "t_one",
    "with u as (update t set v = $2 where k = $1 returning 1) select parley_one((select count(*) from u), 't')",
    2,
    {PG_I64, PG_TEXT}};
static const struct pg_statement lock = {"t_lock", "select v from t where k = $1 for update", 1, {PG_I64}};
static const struct pg_statement sleeping = {"t_sleep", "select pg_sleep($1::float8 / 1000)::text", 1, {PG_I64}};
static const struct pg_statement broken = {"t_broken", "select no_such_column from t", 0, {0}};
static const struct pg_statement divide = {"t_divide", "select 1 / $1", 1, {PG_I64}};

struct fixture {
    struct loop *loop;
    struct pg *pg;
    bool up, down;
    int ups;
    bool done, notified;
    int dones;
    parley_status status;
    struct pg_fault fault;
    char constraint[64], statement[64];
    int64_t number;
    int results;
};

static void on_up(void *arg, uint64_t generation)
{
    struct fixture *f = arg;
    f->up = true;
    f->ups++;
    assert_int_equal(generation, f->ups);
}

static void on_down(void *arg)
{
    struct fixture *f = arg;
    f->down = true;
    f->up = false;
}

static void on_notified(void *arg, struct span payload)
{
    struct fixture *f = arg;
    assert_true(span_is(payload, "reload"));
    f->notified = true;
}

static void open_pg(struct fixture *f, const char *url)
{
    struct pg_events events = {on_up, on_down, on_notified, f};
    struct pg_options options = {.url = url, .application = "test", .listen = "news", .lock_timeout_ms = 300};
    f->pg = pg_open(f->loop, &options, &events);
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.loop = loop_new()};
    const char *url = pg_fixture_database();
    pg_fixture_sql("create table t (k bigint primary key, v text not null check (v <> 'bad'))");
    open_pg(&f, url);
    pg_fixture_wait(f.loop, &f.up);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pg_close(&f->pg);
    loop_free(&f->loop);
    return 0;
}

static void on_result(void *arg, const struct pg_result *result)
{
    struct fixture *f = arg;
    f->results++;
    if (pg_rows(result) == 1)
        f->number = pg_get_i64(result, 0, 0);
}

static void on_done(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct fixture *f = arg;
    f->done = true;
    f->dones++;
    f->status = status;
    f->fault = fault ? *fault : (struct pg_fault){0};
    snprintf(f->constraint, sizeof f->constraint, "%s", fault ? fault->constraint : "");
    snprintf(f->statement, sizeof f->statement, "%s", fault ? fault->statement : "");
}

static void add_insert(struct pg_group *group, int64_t k, const char *v)
{
    struct pg_params *p = pg_group_add(group, &insert, NULL, NULL);
    pg_i64(p, k);
    pg_text(p, span_str(v));
}

static void add_one(struct pg_group *group, int64_t k, const char *v)
{
    struct pg_params *p = pg_group_add(group, &one, NULL, NULL);
    pg_i64(p, k);
    pg_text(p, span_str(v));
}

static void send(struct fixture *f, struct pg_group *group)
{
    f->done = false;
    assert_int_equal(pg_group_send(&group, on_done, f), PARLEY_OK);
    assert_null(group);
    assert_false(f->done); /* never before send returns */
}

static parley_status send_and_wait(struct fixture *f, struct pg_group *group)
{
    send(f, group);
    pg_fixture_wait(f->loop, &f->done);
    return f->status;
}

static int64_t stored(void)
{
    return pg_fixture_number("select count(*) from t");
}

static int backend(void)
{
    return (int)pg_fixture_number("select pid from pg_stat_activity where application_name = 'test'");
}

static void a_group_is_one_transaction(void **state)
{
    struct fixture *f = *state;
    struct pg_group *group = pg_group_new(f->pg);
    add_insert(group, 1, "a");
    add_insert(group, 2, "b");
    pg_i64(pg_group_add(group, &count, on_result, f), 0);
    assert_int_equal(send_and_wait(f, group), PARLEY_OK);
    assert_int_equal(f->number, 2);
    assert_int_equal(pg_fixture_number("select count(distinct xmin::text) from t"), 1);
}

static void a_duplicate_rolls_back_the_whole_group_and_shows_no_result(void **state)
{
    struct fixture *f = *state;
    pg_fixture_sql("insert into t values (7, 'there')");
    struct pg_group *group = pg_group_new(f->pg);
    add_insert(group, 1, "a");
    pg_i64(pg_group_add(group, &count, on_result, f), 0);
    add_insert(group, 7, "b");
    add_insert(group, 9, "c");
    assert_int_equal(send_and_wait(f, group), PARLEY_CONFLICT);
    assert_int_equal(f->results, 0);
    assert_string_equal(f->constraint, "t_pkey");
    assert_string_equal(f->statement, "t_insert");
    assert_string_equal(f->fault.sqlstate, "23505");
    assert_int_equal(stored(), 1);
}

static void groups_behind_a_failed_one_are_not_touched(void **state)
{
    struct fixture *f = *state;
    struct pg_group *bad = pg_group_new(f->pg), *good = pg_group_new(f->pg);
    add_insert(bad, 1, "a");
    add_insert(bad, 1, "b");
    add_insert(good, 2, "c");
    send(f, bad);
    send(f, good);
    pg_fixture_wait(f->loop, &f->done);
    assert_int_equal(f->status, PARLEY_CONFLICT);
    f->done = false;
    pg_fixture_wait(f->loop, &f->done);
    assert_int_equal(f->status, PARLEY_OK);
    assert_int_equal(f->dones, 2);
    assert_int_equal(pg_fixture_number("select k from t"), 2);
}

static void a_condition_that_does_not_hold_is_stale(void **state)
{
    struct fixture *f = *state;
    struct pg_group *group = pg_group_new(f->pg);
    add_insert(group, 1, "a");
    add_one(group, 99, "x");
    assert_int_equal(send_and_wait(f, group), PARLEY_STALE);
    assert_int_equal(stored(), 0);
    group = pg_group_new(f->pg);
    add_insert(group, 1, "a");
    add_one(group, 1, "x");
    assert_int_equal(send_and_wait(f, group), PARLEY_OK);
    assert_string_equal(pg_fixture_sql("select v from t"), "x");
}

static void data_and_mistakes_have_their_own_results(void **state)
{
    struct fixture *f = *state;
    struct pg_group *group = pg_group_new(f->pg);
    add_insert(group, 1, "bad");
    assert_int_equal(send_and_wait(f, group), PARLEY_INVALID);
    group = pg_group_new(f->pg);
    pg_i64(pg_group_add(group, &divide, NULL, NULL), 0);
    assert_int_equal(send_and_wait(f, group), PARLEY_INVALID);
    group = pg_group_new(f->pg);
    pg_group_add(group, &broken, NULL, NULL);
    assert_int_equal(send_and_wait(f, group), PARLEY_INTERNAL);
}

static void a_statement_that_failed_to_prepare_can_be_repaired(void **state)
{
    struct fixture *f = *state;
    struct pg_group *group = pg_group_new(f->pg);
    pg_group_add(group, &broken, NULL, NULL);
    assert_int_equal(send_and_wait(f, group), PARLEY_INTERNAL);
    pg_fixture_sql("alter table t add no_such_column bigint");
    group = pg_group_new(f->pg);
    pg_group_add(group, &broken, NULL, NULL);
    assert_int_equal(send_and_wait(f, group), PARLEY_OK);
}

static void a_lock_held_too_long_is_a_timeout(void **state)
{
    struct fixture *f = *state;
    pg_fixture_sql("insert into t values (1, 'a')");
    pg_fixture_sql("begin; select * from t for update");
    struct pg_group *group = pg_group_new(f->pg);
    pg_i64(pg_group_add(group, &lock, NULL, NULL), 1);
    assert_int_equal(send_and_wait(f, group), PARLEY_TIMEOUT);
    pg_fixture_sql("rollback");
}

/* The statement is fine, the commit is not: what an error at that moment means cannot be known. */
static void an_error_at_the_commit_is_uncertain(void **state)
{
    struct fixture *f = *state;
    pg_fixture_sql("alter table t drop constraint t_pkey, add unique (k) deferrable initially deferred");
    pg_fixture_sql("insert into t values (1, 'a')");
    struct pg_group *group = pg_group_new(f->pg);
    add_insert(group, 1, "b");
    assert_int_equal(send_and_wait(f, group), PARLEY_UNCERTAIN);
    assert_string_equal(f->statement, "commit");
    group = pg_group_new(f->pg); /* the connection goes on */
    add_insert(group, 2, "b");
    assert_int_equal(send_and_wait(f, group), PARLEY_OK);
}

/* The other side waits for a row of ours while we want one of theirs; they have more patience than we have. */
static void a_deadlock_is_to_be_run_again(void **state)
{
    struct fixture *f = *state;
    pg_close(&f->pg);
    f->up = false;
    f->ups = 0;
    struct pg_events events = {on_up, on_down, on_notified, f};
    const char *url = pg_fixture_database();
    struct pg_options options = {.url = url, .application = "test", .lock_timeout_ms = 20000};
    pg_fixture_sql("create table t (k bigint primary key, v text not null); insert into t values (1, 'a'), (2, 'b')");
    f->pg = pg_open(f->loop, &options, &events);
    pg_fixture_wait(f->loop, &f->up);
    struct pg *other = pg_open(f->loop, &(struct pg_options){.url = url, .lock_timeout_ms = 20000}, NULL);
    while (!pg_is_up(other))
        pg_fixture_turn(f->loop);
    struct pg_group *ours = pg_group_new(f->pg), *theirs = pg_group_new(other);
    add_one(ours, 1, "x");
    pg_i64(pg_group_add(ours, &sleeping, NULL, NULL), 200);
    add_one(ours, 2, "x");
    add_one(theirs, 2, "y");
    pg_i64(pg_group_add(theirs, &sleeping, NULL, NULL), 200);
    add_one(theirs, 1, "y");
    struct fixture g = *f;
    send(f, ours);
    assert_int_equal(pg_group_send(&theirs, on_done, &g), PARLEY_OK);
    pg_fixture_wait(f->loop, &f->done);
    g.done = g.dones > 0;
    pg_fixture_wait(f->loop, &g.done);
    assert_int_equal(f->status == PARLEY_BUSY, g.status == PARLEY_OK);
    assert_int_equal(g.status == PARLEY_BUSY, f->status == PARLEY_OK);
    pg_close(&other);
}

static void a_server_that_forgets_is_refused_unless_allowed(void **state)
{
    struct fixture *f = *state;
    pg_fixture_sql("alter system set full_page_writes = off");
    pg_fixture_sql("select pg_reload_conf()");
    pg_fixture_wait_sql(f->loop, "select current_setting('full_page_writes') = 'off'");
    pg_fixture_sql("select pg_terminate_backend(%d)", backend());
    pg_fixture_wait(f->loop, &f->down);
    while (!strstr(pg_trouble(f->pg), "full_page_writes is off"))
        pg_fixture_turn(f->loop);
    assert_false(f->up);
    struct pg_events events = {on_up, on_down, on_notified, f};
    struct pg_options options = {.url = "", .allow_unsafe = true};
    char url[512];
    snprintf(url, sizeof url, "%s", pg_fixture_url());
    options.url = url;
    f->ups = 0;
    struct pg *careless = pg_open(f->loop, &options, &events);
    pg_fixture_wait(f->loop, &f->up);
    pg_close(&careless);
    pg_fixture_sql("alter system set full_page_writes = on");
    pg_fixture_sql("select pg_reload_conf()");
    f->up = false;
    f->ups = 1;
    pg_fixture_wait(f->loop, &f->up); /* the first one has kept trying */
}

static void wait_for_trouble(struct fixture *f, struct pg *pg, const char *what)
{
    while (!strstr(pg_trouble(pg), what))
        pg_fixture_turn(f->loop);
}

static void a_name_is_looked_up(void **state)
{
    struct fixture *f = *state;
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
    struct fixture *f = *state;
    char url[1024];
    const char *sockets = strstr(pg_fixture_url(), "host=");
    assert_non_null(sockets);
    pg_close(&f->pg);
    f->up = false;
    f->ups = 0;
    snprintf(url, sizeof url, "host=/nowhere,no-such-host.invalid,%s user=parley dbname=%s", sockets + strlen("host="),
             pg_fixture_sql("select current_database()"));
    open_pg(f, url);
    pg_fixture_wait(f->loop, &f->up);
    pg_fixture_sql("select pg_terminate_backend(%d)", backend());
    pg_fixture_wait(f->loop, &f->down);
    pg_fixture_wait(f->loop, &f->up);
}

/* Each answer sends the next group, at times two and at times none, so that the connection is busy, idle and in
 * between in every order. */
struct chain {
    struct fixture *f;
    int left, in_flight;
    bool done;
};

static void on_link(void *arg, parley_status status, const struct pg_fault *fault);

static void send_link(struct chain *chain)
{
    if (chain->left == 0)
        return;
    chain->left--;
    chain->in_flight++;
    struct pg_group *group = pg_group_new(chain->f->pg);
    pg_group_reads(group);
    pg_i64(pg_group_add(group, &count, on_result, chain->f), 0);
    assert_int_equal(pg_group_send(&group, on_link, chain), PARLEY_OK);
}

static void on_link(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct chain *chain = arg;
    assert_int_equal(status, PARLEY_OK);
    chain->in_flight--;
    int next = chain->left % 7 == 0 ? 0 : chain->left % 3;
    if (chain->in_flight == 0 && next == 0)
        next = 5;
    while (next-- > 0 && chain->in_flight < 20)
        send_link(chain);
    chain->done = chain->in_flight == 0 && chain->left == 0;
}

static void no_answer_is_left_lying(void **state)
{
    struct chain chain = {.f = *state, .left = 20000};
    send_link(&chain);
    pg_fixture_wait(chain.f->loop, &chain.done);
    assert_int_equal(chain.f->results, 20000);
}

static void without_a_connection_nothing_is_sent(void **state)
{
    struct fixture *f = *state;
    struct pg *nowhere = pg_open(f->loop, &(struct pg_options){.url = "host=/nowhere"}, NULL);
    struct pg_group *group = pg_group_new(nowhere);
    add_insert(group, 1, "a");
    assert_int_equal(pg_group_send(&group, on_done, f), PARLEY_UNAVAILABLE);
    assert_null(group);
    assert_int_equal(f->dones, 0);
    pg_close(&nowhere);
}

static void a_lost_backend_leaves_a_write_uncertain_and_a_read_unavailable(void **state)
{
    struct fixture *f = *state;
    struct pg_group *write = pg_group_new(f->pg), *read = pg_group_new(f->pg);
    add_insert(write, 1, "a");
    pg_i64(pg_group_add(write, &sleeping, NULL, NULL), 60000);
    pg_group_reads(read);
    pg_i64(pg_group_add(read, &count, on_result, f), 0);
    send(f, write);
    pg_fixture_wait_sql(f->loop, "select exists (select from pg_stat_activity where application_name = 'test'"
                                 " and query like '%pg_sleep%' and state = 'active')");
    pg_fixture_sql("select pg_terminate_backend(%d)", backend());
    pg_fixture_wait(f->loop, &f->done);
    assert_int_equal(f->status, PARLEY_UNCERTAIN);
    assert_int_equal(f->results, 0);
    pg_group_free(&read);
    pg_fixture_wait(f->loop, &f->down);
    pg_fixture_wait(f->loop, &f->up); /* it comes back by itself */
    assert_int_equal(f->ups, 2);
    assert_int_equal(stored(), 0);
    write = pg_group_new(f->pg); /* and prepares its statements again */
    add_insert(write, 1, "a");
    assert_int_equal(send_and_wait(f, write), PARLEY_OK);
}

static void a_read_on_a_lost_connection_is_unavailable(void **state)
{
    struct fixture *f = *state;
    struct pg_group *read = pg_group_new(f->pg);
    pg_group_reads(read);
    pg_i64(pg_group_add(read, &sleeping, NULL, NULL), 60000);
    send(f, read);
    pg_fixture_wait_sql(f->loop, "select exists (select from pg_stat_activity where application_name = 'test'"
                                 " and query like '%pg_sleep%' and state = 'active')");
    pg_fixture_sql("select pg_terminate_backend(%d)", backend());
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
    struct fixture *f = *state;
    set_standby("missing");
    pg_fixture_wait_sql(f->loop, "select current_setting('synchronous_standby_names') = 'missing'");
    struct pg_group *group = pg_group_new(f->pg);
    add_insert(group, 1, "a");
    send(f, group);
    pg_fixture_wait_sql(f->loop, "select exists (select from pg_stat_activity where application_name = 'test'"
                                 " and wait_event = 'SyncRep')");
    pg_fixture_sql("select pg_cancel_backend(%d)", backend());
    pg_fixture_wait(f->loop, &f->done);
    assert_int_equal(f->status, PARLEY_UNCERTAIN);
    assert_int_equal(stored(), 1);
    set_standby("");
    group = pg_group_new(f->pg); /* the connection lives on */
    add_insert(group, 2, "b");
    assert_int_equal(send_and_wait(f, group), PARLEY_OK);
}

static void a_new_connection_is_not_up_before_its_barrier_is_replicated(void **state)
{
    struct fixture *f = *state;
    set_standby("missing");
    pg_fixture_wait_sql(f->loop, "select current_setting('synchronous_standby_names') = 'missing'");
    pg_fixture_sql("select pg_terminate_backend(%d)", backend());
    pg_fixture_wait(f->loop, &f->down);
    pg_fixture_wait_sql(f->loop, "select exists (select from pg_stat_activity where application_name = 'test'"
                                 " and wait_event = 'SyncRep')");
    assert_false(pg_is_up(f->pg));
    assert_int_equal(f->ups, 1);
    set_standby("");
    pg_fixture_wait(f->loop, &f->up);
    assert_int_equal(pg_generation(f->pg), 2);
}

static void closing_ends_what_is_in_flight(void **state)
{
    struct fixture *f = *state;
    struct pg_group *group = pg_group_new(f->pg);
    pg_i64(pg_group_add(group, &sleeping, NULL, NULL), 60000);
    send(f, group);
    pg_close(&f->pg);
    assert_true(f->done);
    assert_int_equal(f->status, PARLEY_CANCELED);
}

static void a_notification_on_the_channel_is_handed_on(void **state)
{
    struct fixture *f = *state;
    pg_fixture_sql("notify parley, 'not for us'");
    pg_fixture_sql("notify news, 'reload'");
    pg_fixture_wait(f->loop, &f->notified);
}

static void what_may_be_in_flight_is_limited(void **state)
{
    struct fixture *f = *state;
    pg_close(&f->pg);
    f->up = false;
    f->ups = 0;
    struct pg_events events = {on_up, on_down, on_notified, f};
    struct pg_options options = {
        .url = pg_fixture_database(), .application = "test", .max_groups = 2, .max_bytes = 1000};
    f->pg = pg_open(f->loop, &options, &events);
    pg_fixture_wait(f->loop, &f->up);
    struct pg_group *group = pg_group_new(f->pg);
    char big[2000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    add_insert(group, 1, big);
    assert_int_equal(pg_group_send(&group, on_done, f), PARLEY_TOO_BIG);
    group = pg_group_new(f->pg); /* prepares */
    pg_i64(pg_group_add(group, &sleeping, NULL, NULL), 1);
    assert_int_equal(send_and_wait(f, group), PARLEY_OK);
    for (int i = 0; i < 2; i++) {
        group = pg_group_new(f->pg);
        pg_i64(pg_group_add(group, &sleeping, NULL, NULL), 1);
        send(f, group);
    }
    group = pg_group_new(f->pg);
    pg_i64(pg_group_add(group, &sleeping, NULL, NULL), 1);
    assert_int_equal(pg_group_send(&group, on_done, f), PARLEY_BUSY);
    f->done = false;
    pg_fixture_wait(f->loop, &f->done);
    group = pg_group_new(f->pg);
    pg_i64(pg_group_add(group, &sleeping, NULL, NULL), 1);
    send(f, group);
}

static void a_server_that_never_answers_is_given_up(void **state)
{
    struct fixture *f = *state;
    pg_close(&f->pg);
    f->up = f->down = false;
    f->ups = 0;
    struct pg_events events = {on_up, on_down, on_notified, f};
    struct pg_options options = {.url = pg_fixture_database(), .application = "test", .stall_ms = 200};
    f->pg = pg_open(f->loop, &options, &events);
    pg_fixture_wait(f->loop, &f->up);
    struct pg_group *group = pg_group_new(f->pg);
    pg_i64(pg_group_add(group, &sleeping, NULL, NULL), 60000);
    send(f, group);
    pg_fixture_wait(f->loop, &f->down);
    assert_int_equal(f->status, PARLEY_UNCERTAIN);
}

/* ---- values ---- */

static const struct pg_statement echo = {
    "t_echo",
    "select $1::bool, $2::int2, $3::int4, $4::int8, $5::uuid, $6::text, $7::bytea, $8::jsonb, $9::timestamptz,"
    "       '-infinity'::timestamptz, null::text, $10::uuid[], $11::int8[], $12::timestamptz[], $13::jsonb[]",
    13,
    {PG_BOOL, PG_I16, PG_I32, PG_I64, PG_UUID, PG_TEXT, PG_BYTES, PG_JSONB, PG_TIME, PG_UUID_ARRAY, PG_I64_ARRAY,
     PG_TIME_ARRAY, PG_JSONB_ARRAY}};

static const int64_t moments[] = {1, 1790000000123, -1, 0};

static void check_lists(const struct pg_result *r, struct uuid id)
{
    struct pg_list ids = pg_get_list(r, 0, 11, PG_UUID_ARRAY);
    assert_true(pg_list_next(&ids));
    assert_true(uuid_equal(pg_list_uuid(&ids), id));
    assert_true(pg_list_next(&ids));
    assert_null(ids.value.ptr);
    assert_false(pg_list_next(&ids));
    struct pg_list none = pg_get_list(r, 0, 12, PG_I64_ARRAY);
    assert_false(pg_list_next(&none));
    struct pg_list times = pg_get_list(r, 0, 13, PG_TIME_ARRAY);
    for (size_t i = 0; i < 4; i++) {
        assert_true(pg_list_next(&times));
        assert_int_equal(pg_list_time_ms(&times), moments[i]);
    }
    struct pg_list bodies = pg_get_list(r, 0, 14, PG_JSONB_ARRAY);
    assert_true(pg_list_next(&bodies));
    assert_memory_equal(bodies.value.ptr, "\1{\"a\": [1, 2]}", bodies.value.len);
}

static void check_echo(void *arg, const struct pg_result *r)
{
    struct fixture *f = arg;
    f->results++;
    assert_true(pg_get_bool(r, 0, 0));
    assert_int_equal(pg_get_i16(r, 0, 1), -2);
    assert_int_equal(pg_get_i32(r, 0, 2), -300000);
    assert_int_equal(pg_get_i64(r, 0, 3), INT64_MIN);
    assert_int_equal(uuid_version(pg_get_uuid(r, 0, 4)), 7);
    assert_true(span_is(pg_get_text(r, 0, 5), "sch\303\266n"));
    assert_memory_equal(pg_get_bytes(r, 0, 6).ptr, "\0\1", 2);
    assert_true(span_is(pg_get_jsonb(r, 0, 7), "{}"));
    assert_int_equal(pg_get_time_ms(r, 0, 8), 1790000000123);
    assert_true(pg_get_time_ms(r, 0, 9) == INT64_MIN);
    assert_true(pg_is_null(r, 0, 10));
    assert_int_equal(pg_get_text(r, 0, 10).len, 0);
    check_lists(r, pg_get_uuid(r, 0, 4));
}

static void values_come_back_as_they_went(void **state)
{
    struct fixture *f = *state;
    struct pg_group *group = pg_group_new(f->pg);
    struct pg_params *p = pg_group_add(group, &echo, check_echo, f);
    struct uuid id = pg_fixture_id();
    pg_bool(p, true);
    pg_i16(p, -2);
    pg_i32(p, -300000);
    pg_i64(p, INT64_MIN);
    pg_uuid(p, id);
    pg_text(p, span_str("sch\303\266n"));
    pg_bytes(p, span_of("\0\1", 2));
    pg_jsonb(p, span_str("{}"));
    pg_time_ms(p, 1790000000123);
    pg_array(p, PG_UUID_ARRAY, 2);
    pg_uuid(p, id);
    pg_null(p);
    pg_array(p, PG_I64_ARRAY, 0);
    pg_array(p, PG_TIME_ARRAY, 4);
    for (size_t i = 0; i < 4; i++)
        pg_time_ms(p, moments[i]);
    pg_array(p, PG_JSONB_ARRAY, 1);
    pg_jsonb(p, span_str("{\"a\":[1,2]}"));
    assert_int_equal(send_and_wait(f, group), PARLEY_OK);
    assert_int_equal(f->results, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_group_is_one_transaction),
        TEST(a_duplicate_rolls_back_the_whole_group_and_shows_no_result),
        TEST(groups_behind_a_failed_one_are_not_touched),
        TEST(a_condition_that_does_not_hold_is_stale),
        TEST(data_and_mistakes_have_their_own_results),
        TEST(a_statement_that_failed_to_prepare_can_be_repaired),
        TEST(a_lock_held_too_long_is_a_timeout),
        TEST(an_error_at_the_commit_is_uncertain),
        TEST(a_deadlock_is_to_be_run_again),
        TEST(a_server_that_forgets_is_refused_unless_allowed),
        TEST(a_name_is_looked_up),
        TEST(hosts_are_tried_in_turn_and_the_one_that_worked_first),
        TEST(no_answer_is_left_lying),
        TEST(without_a_connection_nothing_is_sent),
        TEST(a_lost_backend_leaves_a_write_uncertain_and_a_read_unavailable),
        TEST(a_read_on_a_lost_connection_is_unavailable),
        TEST(a_cancelled_wait_for_the_standby_is_uncertain),
        TEST(a_new_connection_is_not_up_before_its_barrier_is_replicated),
        TEST(closing_ends_what_is_in_flight),
        TEST(a_notification_on_the_channel_is_handed_on),
        TEST(what_may_be_in_flight_is_limited),
        TEST(a_server_that_never_answers_is_given_up),
        TEST(values_come_back_as_they_went),
    };
    log_setup(LOG_ERROR, LOG_TEXT);
    pg_fixture_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pg_fixture_stop();
    return failed;
}
