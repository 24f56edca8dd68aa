/* Flows, their published sources, runs and journals. */
#ifndef SERVER_STORE_FLOW_ROW_H
#define SERVER_STORE_FLOW_ROW_H

#include "server/store/store.h"

enum flow_run_state {
    FLOW_RUN_RUNNING = 1,
    FLOW_RUN_WAITING = 2,
    FLOW_RUN_HANDOFF = 3,
    FLOW_RUN_ENDED = 4,
    FLOW_RUN_FAILED = 5,
};

enum { FLOW_HASH = 32 };

struct flow_run_row {
    struct uuid id, session, conversation;
    uint8_t hash[FLOW_HASH]; /* the source it is pinned to */
    int16_t state;
    int64_t step;        /* steps committed */
    int64_t input_seq;   /* items up to here have been consumed */
    struct span waiting; /* JSON: what it waits for */
    int64_t started_at_ms, updated_at_ms;
};

/* The columns of flow_run r, in the order in which flow_run_of_result reads them from `col` on. */
#define FLOW_RUN_COLUMNS                                                                                               \
    "r.id, r.session, r.conversation, r.hash, r.state, r.step, r.input_seq, r.waiting, r.started_at, r.updated_at"
enum { FLOW_RUN_NCOLUMNS = 10 };

struct flow_run_row flow_run_of_result(const struct pg_result *r, int row, int col);

#endif
