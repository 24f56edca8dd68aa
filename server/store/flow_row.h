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

enum { FLOW_ROW_HASH = 32 };

struct flow_run_row {
    struct uuid id, session, conversation;
    uint8_t hash[FLOW_ROW_HASH]; /* the source it is pinned to */
    int16_t state;
    int64_t step;        /* steps committed */
    int64_t input_seq;   /* items up to here have been consumed */
    struct span waiting; /* JSON: what it waits for */
    int64_t started_at_ms, updated_at_ms;
    bool leaves; /* read only: it is to be handed to a person */
};

/* ---- sources ---- */

struct flow_row {
    struct span name, title;
    uint8_t hash[FLOW_ROW_HASH];
    struct span source;
    struct span start; /* JSON: how it is reached, see flow/start.h */
};

/* rows are NULL unless status is PARLEY_OK; borrowed for the call. A look-up that finds none: n is 0. */
typedef void flow_rows(void *arg, parley_status status, const struct flow_row *rows, int n);

/* Any version that was ever published. */
parley_status flow_by_hash(struct store *store, const uint8_t hash[FLOW_ROW_HASH], flow_rows *done, void *arg);

/* All published flows; source is empty. */
parley_status flow_list(struct store *store, flow_rows *done, void *arg);

/* ---- runs, in a transition ---- */

void flow_run_insert(struct pg_group *group, const struct flow_run_row *row);

/* State, step, input_seq, waiting and updated_at become as given, where step and hash are still those: the run may have
 * been moved to another version meanwhile. Else STALE. */
void flow_run_update(struct pg_group *group, const struct flow_run_row *row, int64_t step);

/* ---- runs, reads; rows are NULL unless status is PARLEY_OK, borrowed for the call ---- */

typedef void flow_run_rows(void *arg, parley_status status, const struct flow_run_row *rows, int n);

parley_status flow_run_get(struct store *store, struct uuid id, flow_run_rows *done, void *arg);

/* ---- the journal ---- */

struct flow_journal_row {
    int64_t entry; /* contiguous in a run, from 1 */
    int64_t step;
    struct span call; /* ask, say, ... */
    int32_t line;
    struct span data; /* JSON */
    struct span item; /* read only, JSON {kind, body}: what data.told.said names by number; empty: nothing, or erased */
};

/* Of journal j: the item of this conversation that an entry names, and what a reader of the journal gets of it. */
#define FLOW_JOURNAL_JOIN(conversation)                                                                                \
    "left join item i on i.conversation = " conversation " and i.seq = (j.data->'told'->>'said')::int8"                \
    " left join tombstone t on t.conversation = i.conversation and t.seq = i.seq"
#define FLOW_JOURNAL_ITEM                                                                                              \
    "case when i.seq is not null and t.seq is null then jsonb_build_object('kind', i.kind, 'body', i.body) end"

/* In a transition. CONFLICT when another writer has been there. */
void flow_journal_add(struct pg_group *group, struct uuid run, const struct flow_journal_row *entries, int n);

enum { FLOW_JOURNAL_PAGE = 250 };

typedef void flow_journal_rows(void *arg, parley_status status, const struct flow_journal_row *entries, int n);

/* In order, at most FLOW_JOURNAL_PAGE with numbers above `after`, each with the item that it names. */
parley_status flow_journal_load(struct store *store, const struct flow_run_row *run, int64_t after,
                                flow_journal_rows *done, void *arg);

#endif
