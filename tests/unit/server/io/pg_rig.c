/* See the header. */
#include "tests/unit/server/io/pg_rig.h"

#include "server/io/loop.h"
#include "tests/support/pg_fixture.h"
#include "tests/unit/unit.h"

#include <stdio.h>

static const struct pg_statement insert = {"t_insert", "insert into t (k, v) values ($1, $2)", 2, {PG_I64, PG_TEXT}};
static const struct pg_statement change = {
    "t_one",
    "with u as (update t set v = $2 where k = $1 returning 1) select parley_one((select count(*) from u), 't')",
    2,
    {PG_I64, PG_TEXT}};
static const struct pg_statement count = {"t_count", "select count(*) from t where k >= $1", 1, {PG_I64}};
static const struct pg_statement sleeping = {"t_sleep", "select pg_sleep($1::float8 / 1000)::text", 1, {PG_I64}};

static void on_up(void *arg, uint64_t generation)
{
    struct pg_rig *f = arg;
    f->up = true;
    f->ups++;
    assert_int_equal(generation, f->ups);
}

static void on_down(void *arg)
{
    struct pg_rig *f = arg;
    f->down = true;
    f->up = false;
}

static void on_notified(void *arg, struct span payload)
{
    struct pg_rig *f = arg;
    assert_true(span_is(payload, "reload"));
    f->notified = true;
}

struct pg *pg_rig_connect(struct pg_rig *f, const struct pg_options *options)
{
    return pg_open(f->loop, options, &(struct pg_events){on_up, on_down, on_notified, f});
}

void pg_rig_reopen(struct pg_rig *f, const struct pg_options *options)
{
    struct pg_options o = *options;
    o.application = "test";
    pg_close(&f->pg);
    f->up = f->down = false;
    f->ups = 0;
    f->pg = pg_rig_connect(f, &o);
    pg_fixture_wait(f->loop, &f->up);
}

int pg_rig_setup(void **state)
{
    static struct pg_rig f;
    f = (struct pg_rig){.loop = loop_new()};
    const char *url = pg_fixture_database();
    pg_fixture_sql("create table t (k bigint primary key, v text not null check (v <> 'bad'))");
    pg_rig_reopen(&f, &(struct pg_options){.url = url, .listen = "news", .lock_timeout_ms = 300});
    *state = &f;
    return 0;
}

int pg_rig_teardown(void **state)
{
    struct pg_rig *f = *state;
    pg_close(&f->pg);
    loop_free(&f->loop);
    return 0;
}

static void on_count(void *arg, const struct pg_result *result)
{
    struct pg_rig *f = arg;
    f->results++;
    if (pg_rows(result) == 1)
        f->number = pg_get_i64(result, 0, 0);
}

void pg_rig_done(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct pg_rig *f = arg;
    f->done = true;
    f->dones++;
    f->status = status;
    f->fault = fault ? *fault : (struct pg_fault){0};
    snprintf(f->constraint, sizeof f->constraint, "%s", fault ? fault->constraint : "");
    snprintf(f->statement, sizeof f->statement, "%s", fault ? fault->statement : "");
}

void pg_rig_insert(struct pg_group *group, int64_t k, const char *v)
{
    struct pg_params *p = pg_group_add(group, &insert, NULL, NULL);
    pg_i64(p, k);
    pg_text(p, span_str(v));
}

void pg_rig_change(struct pg_group *group, int64_t k, const char *v)
{
    struct pg_params *p = pg_group_add(group, &change, NULL, NULL);
    pg_i64(p, k);
    pg_text(p, span_str(v));
}

void pg_rig_count(struct pg_group *group, struct pg_rig *f)
{
    pg_i64(pg_group_add(group, &count, on_count, f), 0);
}

void pg_rig_sleep(struct pg_group *group, int64_t ms)
{
    pg_i64(pg_group_add(group, &sleeping, NULL, NULL), ms);
}

void pg_rig_send(struct pg_rig *f, struct pg_group *group)
{
    f->done = false;
    assert_int_equal(pg_group_send(&group, pg_rig_done, f), PARLEY_OK);
    assert_null(group);
    assert_false(f->done); /* never before send returns */
}

parley_status pg_rig_run(struct pg_rig *f, struct pg_group *group)
{
    pg_rig_send(f, group);
    pg_fixture_wait(f->loop, &f->done);
    return f->status;
}

int64_t pg_rig_stored(void)
{
    return pg_fixture_number("select count(*) from t");
}

int pg_rig_backend(void)
{
    return (int)pg_fixture_number("select pid from pg_stat_activity where application_name = 'test'");
}
