/* Handoffs: each time a person was asked for, with the dossier's own part. Empty spans, nil and 0 stand for null. */
#ifndef SERVER_STORE_HANDOFF_ROW_H
#define SERVER_STORE_HANDOFF_ROW_H

#include "server/store/store.h"

struct handoff_row {
    struct uuid id, session, conversation;
    struct span queue, why, reason, summary;
    struct span collected; /* JSON: what the flow has set; read: with its answers, and of one that no flow asked for as
                              of now */
    struct span said;      /* written, JSON: which items have its answers, by question (parley_told) */
    int32_t priority;
    int64_t asked_at_ms;
    struct uuid agent;
    int64_t accepted_at_ms, ended_at_ms;
    struct span outcome, note;
};

/* ---- in a transition; STALE when it is not there or over ---- */

void handoff_insert(struct pg_group *group, const struct handoff_row *row);
void handoff_accept(struct pg_group *group, struct uuid id, struct uuid agent, int64_t at_ms);

/* Back to a queue: nobody has it, which is noted. */
void handoff_requeue(struct pg_group *group, struct uuid id, struct span queue, struct span reason);

void handoff_end(struct pg_group *group, struct uuid id, struct span outcome, struct span note, int64_t at_ms);

/* ---- reads; n is 0 when there is none ---- */

typedef void handoff_rows(void *arg, parley_status status, const struct handoff_row *rows, int n);

parley_status handoff_get(struct store *store, struct uuid id, handoff_rows *done, void *arg);

#endif
