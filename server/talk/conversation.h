/* A conversation at its home worker: its state as of the last committed item, and what waits to be decided.
 * Made at first use, dropped when idle; what was read is void when its connection ends.
 *
 * Works wait in order. A conversation is in one lane at a time, with one thing in flight. */
#ifndef SERVER_TALK_CONVERSATION_H
#define SERVER_TALK_CONVERSATION_H

#include "protocol/limits.h"
#include "server/base/list.h"
#include "server/store/log.h"

struct moving;
struct talk;

enum lane {
    LANE_IDLE,
    LANE_LOADING, /* its state is being read */
    LANE_FAST,    /* plain posts, numbered here, have left with this worker's batch */
    LANE_MOVE,    /* a transition is under way in a transaction of its own */
    LANE_SETTLE,  /* the settling function decides: after a collision, for possible repeats, while others write too */
    LANE_PROBE,   /* the outcome of a transition is unknown and is being asked for */
};

/* The last session, with the texts that its row points to. Copy with service_set only. */
struct service {
    struct session_row row; /* id nil: there was none */
    char queue[LIMIT_NAME + 1];
    char outcome[LIMIT_NAME + 1];
};

/* An id that this node saw committed clean: a repeat is answered from here. */
struct recent {
    struct uuid id, author;
    int64_t seq, at_ms;
    uint64_t digest;
};

enum { RECENT_MAX = 32 };

struct conversation {
    struct uuid id, customer, app;
    struct talk *talk;
    char topic[LIMIT_NAME + 1];

    enum lane lane;
    bool loaded;
    bool followed;       /* `shown` is known */
    bool seen;           /* was loaded before: `service` is how it stood then */
    int64_t shown;       /* last number that was shown from here; what is stored above it has to be read and shown */
    int64_t head;        /* last number */
    int64_t public_head; /* last number of a public item */
    int64_t moved;       /* last number of an item that moved the state of service */
    uint64_t context;    /* tells the last context item from others; 0: none was stored since it was read */
    struct service service;

    struct list works;       /* struct work, undecided, in order */
    struct moving *doubt;    /* the first work's transition while its outcome is unknown */
    struct list in_ready;    /* listed in talk->ready while something may leave with the next batch */
    struct list in_all;      /* least recently used first */
    unsigned flying;         /* works at the front that have left */
    int64_t bitten_until_ms; /* settle straight away until then */
    int64_t used_ms;
    unsigned tries;         /* loads and moves in a row that led nowhere */
    unsigned pins;          /* somebody above holds a pointer to it */
    struct uuid person_run; /* of which the next two are known */
    char
        person_queue[LIMIT_NAME + 1]; /* where the flow that serves leads a customer who asks past it; empty: nowhere */
    bool person_asks;                 /* a customer's first wish for a person is for that flow */
    void *run;                        /* of the floor that runs flows, while it keeps one in memory; pinned */

    struct recent *recent; /* RECENT_MAX, once there is one */
    unsigned recent_at;
};

/* Whether a session is open. */
static inline bool conversation_serving(const struct conversation *conv)
{
    return !uuid_is_nil(conv->service.row.id) && conv->service.row.state != SESSION_CLOSED;
}

void service_set(struct service *service, const struct session_row *row);

/* What this run has said of customers who ask past it. */
void conversation_person(struct conversation *conv, struct uuid run, struct span queue, bool asks);

/* Whether that run serves now. */
bool conversation_knows_person(const struct conversation *conv);

/* Takes what was read as the state. */
void conversation_take(struct conversation *conv, const struct log_state *state);

/* Moves the heads over a committed item. */
void conversation_apply(struct conversation *conv, const struct log_row *row);

/* As conv->context has it, of the body of a context item. */
uint64_t conversation_context(struct span body);

void conversation_remember(struct conversation *conv, const struct log_row *row, uint64_t digest);
const struct recent *conversation_recall(const struct conversation *conv, struct uuid id, struct uuid author);

#endif
