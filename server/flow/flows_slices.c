/* Runs that have used up their slice go on in what the worker can spare: one after another, a little at a time, and
 * never for more than a part of its time. So however many of them there are, and whatever a slice of theirs takes, all
 * that is quick stays quick. */
#include "server/base/clock.h"
#include "server/flow/flows_inside.h"

enum {
    SPARE_US = 300, /* of one turn, for all of them together */
    REST_TIMES = 4, /* as long as they took belongs to the others, so many times */
    REST_MIN_MS = 1
};

static void on_spare(void *arg);

static void come_again(struct flows *flows, int64_t took_us)
{
    int64_t rest_ms = REST_TIMES * took_us / 1000;
    loop_timer_start_exact(flows->loop, &flows->spare, rest_ms > REST_MIN_MS ? rest_ms : REST_MIN_MS, on_spare, flows);
}

/* A slice each, in the order in which they came. */
static void on_spare(void *arg)
{
    struct flows *flows = arg;
    int64_t began_us = clock_mono_us(), took_us = 0;
    while (!list_empty(&flows->sliced) && took_us < SPARE_US) {
        struct bot *bot = LIST_ITEM(flows->sliced.next, struct bot, in_sliced);
        list_remove(&bot->in_sliced);
        flow_continue(bot->run);
        took_us = clock_mono_us() - began_us;
    }
    if (!list_empty(&flows->sliced))
        come_again(flows, took_us);
}

void flows_defer(struct flow_host *host, struct flow_run *run)
{
    struct bot *bot = flow_run_owner(run);
    struct flows *flows = bot->flows;
    bot->run = run;
    list_push(&flows->sliced, &bot->in_sliced);
    if (!loop_timer_started(&flows->spare))
        come_again(flows, 0);
}
