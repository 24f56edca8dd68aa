/* What is to happen later: whoever fires a timer removes its row in the same transaction as what it causes. */
#ifndef SERVER_STORE_TIMER_ROW_H
#define SERVER_STORE_TIMER_ROW_H

#include "server/store/store.h"

enum timer_row_kind { TIMER_OFFER = 1, TIMER_GRACE = 2, TIMER_FLOW = 3, TIMER_SESSION = 4, TIMER_PUSH = 5 };

struct timer_row {
    struct uuid id, conversation;
    int16_t kind;
    int64_t due_ms;
    struct uuid ref;  /* the offer, agent, run or session it is about */
    struct span data; /* JSON */
};

/* ---- in a transition ---- */

/* Sets it, or moves the one with this id. */
void timer_set(struct pg_group *group, const struct timer_row *row);

/* Fires: STALE unless it was still there. */
void timer_fire(struct pg_group *group, struct uuid id);

/* No longer needed; nothing when it is gone already. */
void timer_clear(struct pg_group *group, struct uuid id);

/* Of that kind about that thing. */
void timer_clear_ref(struct pg_group *group, int16_t kind, struct uuid ref);

/* ---- outside of one ---- */

/* rows are NULL unless status is PARLEY_OK; borrowed for the call. */
typedef void timer_rows(void *arg, parley_status status, const struct timer_row *rows, int n);

/* Due ones, oldest first. Conversations are dealt out to `parts` takers, of which this is number `part`: 0 and 1 for
 * all. Two takers of the same timer do no harm: it fires once. */
parley_status timer_due(struct store *store, int64_t now_ms, int part, int parts, int limit, timer_rows *done,
                        void *arg);

/* They were due, were taken up, and are still there: due again later, each time twice as long, up to some minutes. So
 * those that cannot fire hold up no others. Those that have been moved meanwhile stay as they are. */
parley_status timer_put_off(struct store *store, int64_t now_ms, const struct timer_row *rows, int n, pg_done *done,
                            void *arg);

#endif
