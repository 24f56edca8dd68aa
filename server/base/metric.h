/* Counters, gauges and histograms. Each worker writes its own slot without locks; a scrape adds them up. Any thread. */
#ifndef SERVER_BASE_METRIC_H
#define SERVER_BASE_METRIC_H

#include "protocol/buf.h"

#include <stdint.h>

enum metric {
#define COUNTER(name, help) METRIC_##name,
#define GAUGE(name, help) METRIC_##name,
#define HISTOGRAM(name, help) METRIC_##name,
#include "server/base/metric.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
    METRICS
};

enum { METRIC_WORKERS = 65 };

/* Which slot this thread writes; 0 until it says so. */
void metric_worker(int slot);

void metric_add(enum metric metric, int64_t n);
void metric_set(enum metric metric, int64_t value); /* of this slot; a scrape adds the slots */
void metric_observe_us(enum metric metric, int64_t us);

/* Everything in the text format of Prometheus. */
void metric_write(struct buf *out);

#endif
