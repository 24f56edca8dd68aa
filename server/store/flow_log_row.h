/* Lines that flows write with log.*, kept with the step that wrote them. */
#ifndef SERVER_STORE_FLOW_LOG_ROW_H
#define SERVER_STORE_FLOW_LOG_ROW_H

#include "server/store/flow_row.h"

struct flow_log_row {
    int64_t seq; /* what was said up to here may be in the text; 0: it is the server's own */
    int16_t level;
    int32_t line;
    struct span file, text;
};

enum { FLOW_LOG_PER_RUN = 500 };

/* In the transition that makes the run's row what is given, which holds that row. Only the run's newest
 * FLOW_LOG_PER_RUN stay. Where an item has been erased since the last one that the run had taken, the texts stay out.
 */
void flow_log_add(struct pg_group *group, const struct flow_run_row *run, const struct flow_log_row *rows, int n);

/* ended: how many lines were removed; 0 also when that did not work. */
typedef void flow_log_ended(void *arg, int removed);

/* The oldest of each published flow: those from before `before_ms`, and those beyond the newest `most`; at most
 * `at_once` of each. */
parley_status flow_log_prune(struct store *store, int64_t before_ms, int64_t most, int64_t at_once,
                             flow_log_ended *ended, void *arg);

#endif
