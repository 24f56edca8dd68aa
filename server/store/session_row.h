/* Sessions: one stretch of service each. Nil, empty and 0 stand for null. */
#ifndef SERVER_STORE_SESSION_ROW_H
#define SERVER_STORE_SESSION_ROW_H

#include "server/store/store.h"

/* As frames.def numbers them. */
enum session_row_state {
    SESSION_BOT = 1,
    SESSION_QUEUED = 2,
    SESSION_OFFERED = 3,
    SESSION_LIVE = 4,
    SESSION_WRAP_UP = 5,
    SESSION_CLOSED = 6,
};

struct session_row {
    struct uuid id, conversation, app, customer;
    int16_t state;
    int64_t epoch;
    struct uuid run;     /* the flow run that serves, or waits in handoff */
    struct span queue;   /* it waits in, or came from */
    struct uuid handoff; /* the present one */
    struct uuid agent;
    struct uuid offer, offer_agent;
    int64_t offer_until_ms;
    int32_t priority;
    int64_t opened_at_ms;
    int64_t queued_at_ms; /* first time it waited; kept by decline, expiry, transfer and loss */
    int64_t state_at_ms;
    int64_t live_at_ms;
    int64_t closed_at_ms;
    struct span outcome;
    struct uuid bot;    /* from outside, which serves or waits for the session to come back */
    struct uuid holder; /* the device of the process of it that has control; nil: none */
    bool message;       /* left in the queue: nobody has taken it, and nobody waits for it */
};

/* The columns of session s, in the order in which session_of_result reads them from `col` on. */
#define SESSION_COLUMNS                                                                                                \
    "s.id, s.conversation, s.app, s.customer, s.state, s.epoch, s.run, s.queue, s.handoff, s.agent, s.offer, "         \
    "s.offer_agent, s.offer_until, s.priority, s.opened_at, s.queued_at, s.state_at, s.live_at, s.closed_at, "         \
    "s.outcome, s.bot, s.holder, s.message"
enum { SESSION_NCOLUMNS = 23 };

struct session_row session_of_result(const struct pg_result *r, int row, int col);

/* ---- in a transition ---- */

void session_insert(struct pg_group *group, const struct session_row *row);

/* Everything of the row but id, conversation, app, customer and opened_at becomes as given, where epoch and state are
 * still these; else the group is STALE. */
void session_update(struct pg_group *group, const struct session_row *row, int64_t epoch, int16_t state);

/* ---- reads; rows are NULL unless status is PARLEY_OK, borrowed for the call ---- */

typedef void session_rows(void *arg, parley_status status, const struct session_row *rows, int n);

/* Waiting sessions (queued and offered) of these queues, highest priority first, then oldest: so many of each queue,
 * and of all together. */
parley_status session_waiting(struct store *store, const struct span *queues, int nqueues, int each, int limit,
                              session_rows *done, void *arg);

/* An agent's live and wrap-up sessions, longest first; and those offered to them. */
parley_status session_of_agent(struct store *store, struct uuid agent, session_rows *done, void *arg);

/* Since when a customer may be silent; for those whose session an agent has resolved, if that is later. */
struct session_patience {
    int64_t before_ms;
    int64_t resolved_before_ms;
    int64_t now_ms;
};

struct session_silence {
    struct uuid session, conversation;
    int64_t head;        /* as of this reading */
    struct span outcome; /* to close it with */
    bool due;            /* it was silent for so long */
    int64_t quiet_at_ms; /* if it is not: as if its customer had been heard then */
};

typedef void session_silences(void *arg, parley_status status, const struct session_silence *rows, int n);

/* Sessions that a flow serves, and in which nothing has been heard for so long as far as was known; the longest first.
 * Those that are not due are to be put off: they are read again with every call until then. Of both kinds of patience
 * `limit`. */
parley_status session_silent(struct store *store, const struct session_patience *patience, int limit,
                             session_silences *done, void *arg);
parley_status session_put_off(struct store *store, const struct session_silence *rows, int n, pg_done *done, void *arg);

struct session_place {
    int64_t place;     /* 1 is next */
    int64_t waiting;   /* in that queue */
    int64_t handle_ms; /* mean of the last 50 handled in that queue; -1 for unknown */
    int64_t nhandled;  /* how many that mean is of */
};

typedef void session_placed(void *arg, parley_status status, const struct session_place *place);

/* Where a waiting session stands in its queue. NOT_FOUND when it does not wait. */
parley_status session_place(struct store *store, struct uuid id, session_placed *done, void *arg);

#endif
