/* A table of relaxed atomics: a reader may see one metric a moment older than another, which no scrape can tell. */
#include "server/base/metric.h"

#include <inttypes.h>
#include <stdatomic.h>

enum { BUCKETS = 12 };
enum type { TYPE_COUNTER, TYPE_GAUGE, TYPE_HISTOGRAM };

static const int64_t bounds_us[BUCKETS] = {100,   250,   500,    1000,   2500,    5000,
                                           10000, 25000, 100000, 500000, 2000000, 10000000};

static const struct {
    enum type type;
    const char *name, *help;
} table[METRICS] = {
#define COUNTER(n, h) [METRIC_##n] = {TYPE_COUNTER, "parley_" #n, h},
#define GAUGE(n, h) [METRIC_##n] = {TYPE_GAUGE, "parley_" #n, h},
#define HISTOGRAM(n, h) [METRIC_##n] = {TYPE_HISTOGRAM, "parley_" #n, h},
#include "server/base/metric.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

struct slot {
    _Atomic int64_t value[METRICS];                /* of a histogram: the sum in us */
    _Atomic int64_t buckets[METRICS][BUCKETS + 1]; /* the last one: all */
};

static struct slot slots[METRIC_WORKERS];
static _Thread_local int mine;

void metric_worker(int slot)
{
    mine = slot < METRIC_WORKERS ? slot : METRIC_WORKERS - 1;
}

static void add(_Atomic int64_t *where, int64_t n)
{
    atomic_fetch_add_explicit(where, n, memory_order_relaxed);
}

void metric_add(enum metric metric, int64_t n)
{
    add(&slots[mine].value[metric], n);
}

void metric_set(enum metric metric, int64_t value)
{
    atomic_store_explicit(&slots[mine].value[metric], value, memory_order_relaxed);
}

void metric_observe_us(enum metric metric, int64_t us)
{
    struct slot *slot = &slots[mine];
    int bucket = 0;
    while (bucket < BUCKETS && us > bounds_us[bucket])
        bucket++;
    add(&slot->value[metric], us);
    add(&slot->buckets[metric][bucket], 1);
}

static int64_t sum(enum metric metric)
{
    int64_t total = 0;
    for (int i = 0; i < METRIC_WORKERS; i++)
        total += atomic_load_explicit(&slots[i].value[metric], memory_order_relaxed);
    return total;
}

static void write_histogram(struct buf *out, enum metric metric)
{
    int64_t total = 0;
    for (int b = 0; b <= BUCKETS; b++) {
        for (int i = 0; i < METRIC_WORKERS; i++)
            total += atomic_load_explicit(&slots[i].buckets[metric][b], memory_order_relaxed);
        if (b < BUCKETS)
            buf_printf(out, "%s_bucket{le=\"%g\"} %" PRId64 "\n", table[metric].name, (double)bounds_us[b] / 1e6,
                       total);
        else
            buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRId64 "\n", table[metric].name, total);
    }
    buf_printf(out, "%s_sum %.6f\n%s_count %" PRId64 "\n", table[metric].name, (double)sum(metric) / 1e6,
               table[metric].name, total);
}

void metric_write(struct buf *out)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    for (int m = 0; m < METRICS; m++) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", table[m].name, table[m].help, table[m].name,
                   types[table[m].type]);
        if (table[m].type == TYPE_HISTOGRAM)
            write_histogram(out, (enum metric)m);
        else
            buf_printf(out, "%s %" PRId64 "\n", table[m].name, sum((enum metric)m));
    }
}
