/* Runs that do not come to an end by themselves share what a worker can spare, in turn, and leave it its loop; and
 * their limits are those that a developer has met at the desk. */
#include "server/flow/flows_inside.h"
#include "tests/unit/unit.h"

#include "server/base/conf.h"

enum { RUNS = 40 };

static struct world {
    struct flows flows;
    struct bot bots[RUNS];
    int slices[RUNS]; /* that were asked for */
    int failed;
    int turns; /* that something else had meanwhile */
    struct loop_timer other;
} world;

static void on_commit(struct flow_host *host, struct flow_run *run, const struct flow_step *step)
{
    world.failed += step->state == FLOW_FAILED;
    flow_committed(run, PARLEY_OK, 0);
}

static void on_ready(struct flow_host *host, struct flow_run *run)
{
}

static void on_defer(struct flow_host *host, struct flow_run *run)
{
    struct bot *bot = flow_run_owner(run);
    int mine = ++world.slices[bot - world.bots];
    for (int i = 0; i < RUNS; i++) /* nobody is ahead by more than the slice that it has just had */
        assert_in_range(mine, 1, world.slices[i] + 1);
    flows_defer(host, run);
}

static int64_t on_now(struct flow_host *host)
{
    return 0;
}

static void on_other(void *arg)
{
    world.turns++;
    if (world.failed < RUNS)
        loop_timer_start_exact(world.flows.loop, &world.other, 0, on_other, NULL);
    else
        loop_stop(world.flows.loop);
}

static void start(struct flow_version *version, int n)
{
    struct bot *bot = &world.bots[n];
    struct flow_birth birth = {.run = {{(uint8_t)n}}};
    bot->flows = &world.flows;
    list_init(&bot->in_sliced);
    assert_int_equal(flow_start(world.flows.engine, version, &birth, bot, &bot->run), PARLEY_OK);
}

static void endless_runs_have_slices_in_turn_and_the_loop_has_its_own(void **state)
{
    static const char source[] = "flow { id = 'endless', title = 'Never ends' }\nwhile true do end\n";
    struct flow_version *version;
    struct flow_error error;
    struct flows *flows = &world.flows;
    flows->host = (struct flow_host){.commit = on_commit, .defer = on_defer, .ready = on_ready, .now_ms = on_now};
    struct flow_limits limits = flow_limits_default;
    limits.sandbox.slice_us = 60 * 1000000; /* by instructions alone, which are the same for all */
    flows->loop = loop_new();
    flows->engine = flow_engine_new(&flows->host, &limits);
    list_init(&flows->sliced);
    assert_int_equal(flow_version_add(flows->engine, "endless.lua", span_str(source), &version, &error), PARLEY_OK);
    for (int i = 0; i < RUNS; i++)
        start(version, i);
    assert_int_equal(world.failed, 0);
    loop_timer_start_exact(flows->loop, &world.other, 0, on_other, NULL);
    loop_run(flows->loop);
    assert_int_equal(world.failed, RUNS);
    for (int i = 0; i < RUNS; i++) {
        assert_string_equal(flow_run_error(world.bots[i].run)->code, "E401");
        assert_int_equal(world.slices[i], world.slices[0]);
    }
    /* a machine a hundred times as fast as today's would still come round that often */
    assert_true(world.turns > 2 * world.slices[0] / RUNS);
    flow_engine_free(&flows->engine);
    loop_free(&flows->loop);
}

static void what_is_tried_at_a_desk_has_a_servers_limits(void **state)
{
    struct buf problems;
    buf_init(&problems, 4096);
    char *none[] = {NULL};
    const struct conf *conf =
        conf_load(&(struct conf_source){.file = "parley.conf", .text = span_str("\n"), .env = none}, &problems);
    assert_non_null(conf);
    struct flow_limits served = flow_limits_from(conf);
    assert_int_equal(served.sandbox.ticks_step, flow_limits_default.sandbox.ticks_step);
    assert_int_equal(served.sandbox.memory_run, flow_limits_default.sandbox.memory_run);
    assert_string_equal(served.apology, flow_limits_default.apology);
    conf_free(&conf);
    buf_done(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endless_runs_have_slices_in_turn_and_the_loop_has_its_own),
        cmocka_unit_test(what_is_tried_at_a_desk_has_a_servers_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
