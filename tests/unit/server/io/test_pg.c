/* What becomes of a group: every way Postgres can answer, or not answer, on a real server. */
#include "tests/unit/server/io/pg_rig.h"

#include "server/io/loop.h"
#include "tests/support/pg_fixture.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static const struct pg_statement lock = {"t_lock", "select v from t where k = $1 for update", 1, {PG_I64}};
static const struct pg_statement broken = {"t_broken", "select no_such_column from t", 0, {0}};
static const struct pg_statement divide = {"t_divide", "select 1 / $1", 1, {PG_I64}};

static void a_group_is_one_transaction(void **state)
{
    struct pg_rig *f = *state;
    struct pg_group *group = pg_group_new(f->pg);
    pg_rig_insert(group, 1, "a");
    pg_rig_insert(group, 2, "b");
    pg_rig_count(group, f);
    assert_int_equal(pg_rig_run(f, group), PARLEY_OK);
    assert_int_equal(f->number, 2);
    assert_int_equal(pg_fixture_number("select count(distinct xmin::text) from t"), 1);
}

static void a_duplicate_rolls_back_the_whole_group_and_shows_no_result(void **state)
{
    struct pg_rig *f = *state;
    pg_fixture_sql("insert into t values (7, 'there')");
    struct pg_group *group = pg_group_new(f->pg);
    pg_rig_insert(group, 1, "a");
    pg_rig_count(group, f);
    pg_group_about(group, "the count");
    pg_rig_insert(group, 7, "b");
    pg_group_about(group, "the second");
    pg_rig_insert(group, 9, "c");
    assert_int_equal(pg_rig_run(f, group), PARLEY_CONFLICT);
    assert_string_equal(f->fault.about, "the second");
    assert_int_equal(f->results, 0);
    assert_string_equal(f->constraint, "t_pkey");
    assert_string_equal(f->statement, "t_insert");
    assert_string_equal(f->fault.sqlstate, "23505");
    assert_int_equal(pg_rig_stored(), 1);
}

static void groups_behind_a_failed_one_are_not_touched(void **state)
{
    struct pg_rig *f = *state;
    struct pg_group *bad = pg_group_new(f->pg), *good = pg_group_new(f->pg);
    pg_rig_insert(bad, 1, "a");
    pg_rig_insert(bad, 1, "b");
    pg_rig_insert(good, 2, "c");
    pg_rig_send(f, bad);
    pg_rig_send(f, good);
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
    struct pg_rig *f = *state;
    struct pg_group *group = pg_group_new(f->pg);
    pg_rig_insert(group, 1, "a");
    pg_rig_change(group, 99, "x");
    assert_int_equal(pg_rig_run(f, group), PARLEY_STALE);
    assert_int_equal(pg_rig_stored(), 0);
    group = pg_group_new(f->pg);
    pg_rig_insert(group, 1, "a");
    pg_rig_change(group, 1, "x");
    assert_int_equal(pg_rig_run(f, group), PARLEY_OK);
    assert_string_equal(pg_fixture_sql("select v from t"), "x");
}

static void data_and_mistakes_have_their_own_results(void **state)
{
    struct pg_rig *f = *state;
    struct pg_group *group = pg_group_new(f->pg);
    pg_rig_insert(group, 1, "bad");
    assert_int_equal(pg_rig_run(f, group), PARLEY_INVALID);
    group = pg_group_new(f->pg);
    pg_i64(pg_group_add(group, &divide, NULL, NULL), 0);
    assert_int_equal(pg_rig_run(f, group), PARLEY_INVALID);
    group = pg_group_new(f->pg);
    pg_group_add(group, &broken, NULL, NULL);
    assert_int_equal(pg_rig_run(f, group), PARLEY_INTERNAL);
}

static void a_statement_that_failed_to_prepare_can_be_repaired(void **state)
{
    struct pg_rig *f = *state;
    struct pg_group *group = pg_group_new(f->pg);
    pg_group_add(group, &broken, NULL, NULL);
    assert_int_equal(pg_rig_run(f, group), PARLEY_INTERNAL);
    pg_fixture_sql("alter table t add no_such_column bigint");
    group = pg_group_new(f->pg);
    pg_group_add(group, &broken, NULL, NULL);
    assert_int_equal(pg_rig_run(f, group), PARLEY_OK);
}

static void a_lock_held_too_long_is_a_timeout(void **state)
{
    struct pg_rig *f = *state;
    pg_fixture_sql("insert into t values (1, 'a')");
    pg_fixture_sql("begin; select * from t for update");
    struct pg_group *group = pg_group_new(f->pg);
    pg_i64(pg_group_add(group, &lock, NULL, NULL), 1);
    assert_int_equal(pg_rig_run(f, group), PARLEY_TIMEOUT);
    pg_fixture_sql("rollback");
}

/* The statement is fine, the commit is not: what an error at that moment means cannot be known. */
static void an_error_at_the_commit_is_uncertain(void **state)
{
    struct pg_rig *f = *state;
    pg_fixture_sql("alter table t drop constraint t_pkey, add unique (k) deferrable initially deferred");
    pg_fixture_sql("insert into t values (1, 'a')");
    struct pg_group *group = pg_group_new(f->pg);
    pg_rig_insert(group, 1, "b");
    assert_int_equal(pg_rig_run(f, group), PARLEY_UNCERTAIN);
    assert_string_equal(f->statement, "commit");
    group = pg_group_new(f->pg); /* the connection goes on */
    pg_rig_insert(group, 2, "b");
    assert_int_equal(pg_rig_run(f, group), PARLEY_OK);
}

/* The other side waits for a row of ours while we want one of theirs; they have more patience than we have. */
static void a_deadlock_is_to_be_run_again(void **state)
{
    struct pg_rig *f = *state;
    const char *url = pg_fixture_database();
    pg_fixture_sql("create table t (k bigint primary key, v text not null); insert into t values (1, 'a'), (2, 'b')");
    pg_rig_reopen(f, &(struct pg_options){.url = url, .lock_timeout_ms = 20000});
    struct pg *other = pg_open(f->loop, &(struct pg_options){.url = url, .lock_timeout_ms = 20000}, NULL);
    while (!pg_is_up(other))
        pg_fixture_turn(f->loop);
    struct pg_group *ours = pg_group_new(f->pg), *theirs = pg_group_new(other);
    pg_rig_change(ours, 1, "x");
    pg_rig_sleep(ours, 200);
    pg_rig_change(ours, 2, "x");
    pg_rig_change(theirs, 2, "y");
    pg_rig_sleep(theirs, 200);
    pg_rig_change(theirs, 1, "y");
    struct pg_rig g = *f;
    pg_rig_send(f, ours);
    assert_int_equal(pg_group_send(&theirs, pg_rig_done, &g), PARLEY_OK);
    pg_fixture_wait(f->loop, &f->done);
    g.done = g.dones > 0;
    pg_fixture_wait(f->loop, &g.done);
    assert_int_equal(f->status == PARLEY_BUSY, g.status == PARLEY_OK);
    assert_int_equal(g.status == PARLEY_BUSY, f->status == PARLEY_OK);
    pg_close(&other);
}

/* Each answer sends the next group, at times two and at times none, so that the connection is busy, idle and in
 * between in every order. */
struct chain {
    struct pg_rig *f;
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
    pg_rig_count(group, chain->f);
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

static void closing_ends_what_is_in_flight(void **state)
{
    struct pg_rig *f = *state;
    struct pg_group *group = pg_group_new(f->pg);
    pg_rig_sleep(group, 60000);
    pg_rig_send(f, group);
    pg_close(&f->pg);
    assert_true(f->done);
    assert_int_equal(f->status, PARLEY_CANCELED);
}

static void what_may_be_in_flight_is_limited(void **state)
{
    struct pg_rig *f = *state;
    pg_rig_reopen(f, &(struct pg_options){.url = pg_fixture_database(), .max_groups = 2, .max_bytes = 1000});
    struct pg_group *group = pg_group_new(f->pg);
    char big[2000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    pg_rig_insert(group, 1, big);
    assert_int_equal(pg_group_send(&group, pg_rig_done, f), PARLEY_TOO_BIG);
    group = pg_group_new(f->pg); /* prepares */
    pg_rig_sleep(group, 1);
    assert_int_equal(pg_rig_run(f, group), PARLEY_OK);
    for (int i = 0; i < 2; i++) {
        group = pg_group_new(f->pg);
        pg_rig_sleep(group, 1);
        pg_rig_send(f, group);
    }
    group = pg_group_new(f->pg);
    pg_rig_sleep(group, 1);
    assert_int_equal(pg_group_send(&group, pg_rig_done, f), PARLEY_BUSY);
    f->done = false;
    pg_fixture_wait(f->loop, &f->done);
    group = pg_group_new(f->pg);
    pg_rig_sleep(group, 1);
    pg_rig_send(f, group);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pg_rig_setup, pg_rig_teardown)

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
        TEST(no_answer_is_left_lying),
        TEST(closing_ends_what_is_in_flight),
        TEST(what_may_be_in_flight_is_limited),
    };
    PG_FIXTURE_RUN(tests, NULL, NULL);
}
