/* A table of relaxed atomics: a reader may see one metric a moment older than another, which no scrape can tell. */
#include "server/base/metric.h"

#include "protocol/frame.h"

#include <assert.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BUCKETS = 12, BY_MAX = 128, CACHE_LINE = 64 };
enum type { TYPE_COUNTER, TYPE_GAUGE, TYPE_HISTOGRAM };
enum by { BY_none, BY_status, BY_role, BY_frame };

static const int64_t bounds_us[BUCKETS] = {100,   250,   500,    1000,   2500,    5000,
                                           10000, 25000, 100000, 500000, 2000000, 10000000};

static const struct {
    enum type type;
    enum by by;
    const char *name, *help;
} table[METRICS] = {
#define COUNTER(n, h) [METRIC_##n] = {TYPE_COUNTER, BY_none, "parley_" #n, h},
#define COUNTER_BY(n, b, h) [METRIC_##n] = {TYPE_COUNTER, BY_##b, "parley_" #n, h},
#define GAUGE(n, h) [METRIC_##n] = {TYPE_GAUGE, BY_none, "parley_" #n, h},
#define GAUGE_BY(n, b, h) [METRIC_##n] = {TYPE_GAUGE, BY_##b, "parley_" #n, h},
#define HISTOGRAM(n, h) [METRIC_##n] = {TYPE_HISTOGRAM, BY_none, "parley_" #n, h},
#include "server/base/metric.def"
#undef COUNTER
#undef COUNTER_BY
#undef GAUGE
#undef GAUGE_BY
#undef HISTOGRAM
};

/* Where cells of a metric begin: one, or one for each bucket and the sum, or one for each value of the label. */
struct cells {
#define COUNTER(n, h) _Atomic int64_t n[1];
#define COUNTER_BY(n, b, h) _Atomic int64_t n[BY_MAX];
#define GAUGE(n, h) _Atomic int64_t n[1];
#define GAUGE_BY(n, b, h) _Atomic int64_t n[BY_MAX];
#define HISTOGRAM(n, h) _Atomic int64_t n[BUCKETS + 2]; /* buckets, all beyond the last, sum in us */
#include "server/base/metric.def"
#undef COUNTER
#undef COUNTER_BY
#undef GAUGE
#undef GAUGE_BY
#undef HISTOGRAM
} __attribute__((aligned(CACHE_LINE)));

static const size_t offsets[METRICS] = {
#define COUNTER(n, h) [METRIC_##n] = offsetof(struct cells, n),
#define COUNTER_BY(n, b, h) [METRIC_##n] = offsetof(struct cells, n),
#define GAUGE(n, h) [METRIC_##n] = offsetof(struct cells, n),
#define GAUGE_BY(n, b, h) [METRIC_##n] = offsetof(struct cells, n),
#define HISTOGRAM(n, h) [METRIC_##n] = offsetof(struct cells, n),
#include "server/base/metric.def"
#undef COUNTER
#undef COUNTER_BY
#undef GAUGE
#undef GAUGE_BY
#undef HISTOGRAM
};

_Static_assert((int)FRAME_TYPES <= (int)BY_MAX, "a cell for each frame type");

static struct cells slots[METRIC_WORKERS + 1];
static _Atomic int slots_used = 1;
static _Thread_local int mine;

void metric_worker(int worker)
{
    assert(worker >= 0 && worker < METRIC_WORKERS);
    mine = worker + 1;
    int used = slots_used;
    while (used < mine + 1 && !atomic_compare_exchange_weak(&slots_used, &used, mine + 1))
        continue;
}

static _Atomic int64_t *cell(int slot, enum metric metric, int at)
{
    return (_Atomic int64_t *)((char *)&slots[slot] + offsets[metric]) + at;
}

/* A worker is the only writer of its slot, so reading and writing need not be one instruction. */
static void add(_Atomic int64_t *where, int64_t n)
{
    if (mine == 0)
        atomic_fetch_add_explicit(where, n, memory_order_relaxed);
    else
        atomic_store_explicit(where, atomic_load_explicit(where, memory_order_relaxed) + n, memory_order_relaxed);
}

void metric_add(enum metric metric, int64_t n)
{
    assert(table[metric].by == BY_none && table[metric].type != TYPE_HISTOGRAM);
    add(cell(mine, metric, 0), n);
}

void metric_set(enum metric metric, int64_t value)
{
    assert(table[metric].by == BY_none && table[metric].type == TYPE_GAUGE);
    atomic_store_explicit(cell(mine, metric, 0), value, memory_order_relaxed);
}

void metric_add_by(enum metric metric, int by, int64_t n)
{
    assert(table[metric].by != BY_none && by >= 0 && by < BY_MAX);
    add(cell(mine, metric, by), n);
}

void metric_observe_us(enum metric metric, int64_t us)
{
    int bucket = 0;
    assert(table[metric].type == TYPE_HISTOGRAM);
    while (bucket < BUCKETS && us > bounds_us[bucket])
        bucket++;
    add(cell(mine, metric, bucket), 1);
    add(cell(mine, metric, BUCKETS + 1), us);
}

static int64_t sum(enum metric metric, int at)
{
    int64_t total = 0;
    for (int i = 0; i < slots_used; i++)
        total += atomic_load_explicit(cell(i, metric, at), memory_order_relaxed);
    return total;
}

static void write_histogram(struct buf *out, enum metric metric)
{
    int64_t total = 0;
    for (int b = 0; b <= BUCKETS; b++) {
        total += sum(metric, b);
        if (b < BUCKETS)
            buf_printf(out, "%s_bucket{le=\"%g\"} %" PRId64 "\n", table[metric].name, (double)bounds_us[b] / 1e6,
                       total);
        else
            buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRId64 "\n", table[metric].name, total);
    }
    buf_printf(out, "%s_sum %.6f\n%s_count %" PRId64 "\n", table[metric].name, (double)sum(metric, BUCKETS + 1) / 1e6,
               table[metric].name, total);
}

static const char *label_value(enum by by, int at)
{
    const char *name = by == BY_status  ? status_name((parley_status)at)
                       : by == BY_frame ? (at < FRAME_TYPES ? frame_type_name((enum frame_type)at) : NULL)
                                        : role_name(at);
    return name ? name : "unknown";
}

/* Values that never came are left out: most never do. */
static void write_family(struct buf *out, enum metric metric)
{
    static const char *const labels[] = {[BY_status] = "code", [BY_role] = "kind", [BY_frame] = "type"};
    enum by by = table[metric].by;
    for (int at = 0; at < BY_MAX; at++) {
        int64_t n = sum(metric, at);
        if (n != 0)
            buf_printf(out, "%s{%s=\"%s\"} %" PRId64 "\n", table[metric].name, labels[by], label_value(by, at), n);
    }
}

static void write_head(struct buf *out, const char *name, const char *help, const char *type)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The numbers of /proc/self/stat behind the name, which is in brackets, and the state: 10 and 11 are ticks of user and
 * system, 18 is the start in ticks since boot, 20 the resident pages. */
static void read_stat(long long out[24])
{
    char text[1024] = "";
    FILE *f = fopen("/proc/self/stat", "re");
    if (f) {
        text[fread(text, 1, sizeof text - 1, f)] = '\0';
        fclose(f);
    }
    char *at = strrchr(text, ')');
    at = at ? at + 3 : text; /* past ") S" */
    for (int i = 0; i < 24; i++)
        out[i] = strtoll(at, &at, 10);
}

static int64_t open_files(void)
{
    int64_t n = -3; /* ".", ".." and the one that reads */
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n < 0 ? 0 : n;
}

static void write_process(struct buf *out)
{
    long long stat[24];
    struct timespec now, up;
    read_stat(stat);
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    double ticks = (double)sysconf(_SC_CLK_TCK);
    double started = (double)(now.tv_sec - up.tv_sec) + (double)stat[18] / ticks;
    write_head(out, "process_cpu_seconds_total", "user and system time", "counter");
    buf_printf(out, "process_cpu_seconds_total %.2f\n", (double)(stat[10] + stat[11]) / ticks);
    write_head(out, "process_resident_memory_bytes", "memory in use", "gauge");
    buf_printf(out, "process_resident_memory_bytes %lld\n", stat[20] * (long long)sysconf(_SC_PAGESIZE));
    write_head(out, "process_start_time_seconds", "when this process started, since 1970", "gauge");
    buf_printf(out, "process_start_time_seconds %.2f\n", started);
    write_head(out, "process_open_fds", "open descriptors", "gauge");
    buf_printf(out, "process_open_fds %" PRId64 "\n", open_files());
}

void metric_write(struct buf *out, const char *version)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    write_head(out, "parley_build_info", "what is running", "gauge");
    buf_printf(out, "parley_build_info{version=\"%s\"} 1\n", version);
    for (int m = 0; m < METRICS; m++) {
        write_head(out, table[m].name, table[m].help, types[table[m].type]);
        if (table[m].type == TYPE_HISTOGRAM)
            write_histogram(out, (enum metric)m);
        else if (table[m].by != BY_none)
            write_family(out, (enum metric)m);
        else
            buf_printf(out, "%s %" PRId64 "\n", table[m].name, sum((enum metric)m, 0));
    }
    write_process(out);
}
