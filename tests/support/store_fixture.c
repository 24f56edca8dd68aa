/* See the header. */
#include "tests/support/store_fixture.h"

#include "server/io/loop.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <uv.h>

enum { BODIES = 4096 };

struct store_fixture f;

static void on_up(void *arg, uint64_t generation)
{
    f.up = true;
}

static void on_down(void *arg)
{
    f.up = false;
}

static void make_people(void)
{
    f.app = pg_fixture_id();
    f.customer = pg_fixture_id();
    pg_fixture_sql("insert into app (id, name) values ('%s', 'shop')", pg_fixture_text(f.app));
    pg_fixture_sql("insert into customer (id, name) values ('%s', 'Ada')", pg_fixture_text(f.customer));
}

int store_fixture_setup(void **state)
{
    f = (struct store_fixture){.loop = loop_new()};
    struct store_options options = {.url = pg_fixture_database(), .application = "unit", .lock_timeout_ms = 500};
    make_people();
    f.store = store_open(f.loop, &options, &(struct store_events){.up = on_up, .down = on_down});
    for (struct store_status s = {0}; !f.up || !s.settle_up || !s.slow_up; s = store_status(f.store))
        uv_run(loop_uv(f.loop), UV_RUN_ONCE);
    return 0;
}

int store_fixture_teardown(void **state)
{
    store_close(&f.store);
    loop_free(&f.loop);
    return 0;
}

struct uuid store_fixture_conversation(void)
{
    struct uuid id = pg_fixture_id();
    pg_fixture_sql("insert into conversation (id, customer, app, topic) values ('%s', '%s', '%s', 't' || "
                   "(select count(*) from conversation))",
                   pg_fixture_text(id), pg_fixture_text(f.customer), pg_fixture_text(f.app));
    return id;
}

void store_fixture_done(void *arg, parley_status status, const struct pg_fault *fault)
{
    f.status = status;
    f.done = true;
}

parley_status store_fixture_wait(parley_status accepted)
{
    assert_int_equal(accepted, PARLEY_OK);
    pg_fixture_wait(f.loop, &f.done);
    f.done = false;
    return f.status;
}

struct log_row store_fixture_row(struct uuid conversation, struct uuid author, int64_t seq, int64_t prev)
{
    static char bodies[BODIES][40];
    static unsigned next;
    char *body = bodies[next++ % BODIES];
    int n = snprintf(body, sizeof bodies[0], "{\"text\":\"n %lld\"}", (long long)seq);
    return (struct log_row){
        .conversation = conversation,
        .id = pg_fixture_id(),
        .author = author,
        .seq = seq,
        .prev = prev,
        .at_ms = 1790000000000 + seq * 60000,
        .kind = 1,
        .role = 1,
        .body = span_of(body, (size_t)n),
    };
}
