/* Beside a run's own row: what it has learnt, a journal begun anew, and the runs that a crash left behind. */
#ifndef SERVER_STORE_FLOW_UPKEEP_H
#define SERVER_STORE_FLOW_UPKEEP_H

#include "server/store/store.h"

/* ---- in a transition ---- */

/* All that the flow was told so far, by question; canonical JSON. Where an item has been erased since the last one that
 * the run had taken, what is its own stays out: it may not have heard of that. */
void flow_run_set_collected(struct pg_group *group, struct uuid run, struct span collected, struct span said);

/* The run begins anew: its journal is empty from here on. */
void flow_journal_forget(struct pg_group *group, struct uuid run, int64_t from);

/* The session went on without the run: it is over, and its timers with it. */
void flow_run_abandon(struct pg_group *group, struct uuid run);

/* ---- reads ---- */

struct flow_behind_row {
    struct uuid conversation;
    bool leaves; /* the run is to be handed to a person */
};

/* Where to look for them, by the conversations' ids: so many runs after that one (nil: from the first), or until so
 * many are found. */
struct flow_look {
    struct uuid after;
    int looked_at, found;
    bool all_calls;
};

/* rows is NULL unless status is PARLEY_OK; borrowed for the call. reached: whoever looks on from there reaches all;
 * nil: all have been looked at. */
typedef void flow_left_behind(void *arg, parley_status status, const struct flow_behind_row *rows, int n,
                              struct uuid reached);

/* Conversations whose run has not been told something: an item of the customer, what became of the session, or that it
 * is not to go on. One that has called the outside is behind when nobody can have the call any more, or at once when
 * all calls are asked for. */
parley_status flow_runs_behind(struct store *store, const struct flow_look *look, flow_left_behind *done, void *arg);

/* Something that happened in the app or a back end: an item of kind custom. */
struct flow_event_row {
    int64_t seq;
    struct span data; /* JSON; empty: none */
};

typedef void flow_event_rows(void *arg, parley_status status, const struct flow_event_row *rows, int n);

struct flow_event_wish {
    struct span type;
    struct span where; /* JSON map of scalars that their data has; empty: none */
    int64_t after;     /* only greater numbers */
};

/* The oldest 20 of them. Borrowed for the call. */
parley_status flow_events(struct store *store, struct uuid conversation, const struct flow_event_wish *wish,
                          flow_event_rows *done, void *arg);

#endif
