/* Counters, gauges and histograms. Each worker writes a slot of its own, without locks or locked instructions; a scrape
 * adds the slots up. Threads that are no worker share slot 0. Any thread. */
#ifndef SERVER_BASE_METRIC_H
#define SERVER_BASE_METRIC_H

#include "protocol/buf.h"

#include <stdint.h>

enum metric {
#define COUNTER(name, help) METRIC_##name,
#define COUNTER_BY(name, by, help) METRIC_##name,
#define GAUGE(name, help) METRIC_##name,
#define GAUGE_BY(name, by, help) METRIC_##name,
#define HISTOGRAM(name, help) METRIC_##name,
#include "server/base/metric.def"
#undef COUNTER
#undef COUNTER_BY
#undef GAUGE
#undef GAUGE_BY
#undef HISTOGRAM
    METRICS
};

enum { METRIC_WORKERS = 256 };

/* This thread is that worker from now on; two threads must not say the same. */
void metric_worker(int worker);

void metric_add(enum metric metric, int64_t n);
void metric_set(enum metric metric, int64_t value); /* of this thread's slot */
void metric_observe_us(enum metric metric, int64_t us);

/* The same as metric_add of a metric with a label, whose value is a number of the enumeration that metric.def names. */
void metric_add_by(enum metric metric, int by, int64_t n);

/* Everything in the text format of Prometheus, with what the system knows of this process. */
void metric_write(struct buf *out, const char *version);

#endif
