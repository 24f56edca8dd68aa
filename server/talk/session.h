/* The state machine of a session: every change of who serves goes through session_move, and is an item. */
#ifndef SERVER_TALK_SESSION_H
#define SERVER_TALK_SESSION_H

#include "server/talk/move.h"
#include "server/talk/work.h"

enum session_event {
    SESSION_EVENT_OPEN,     /* the customer spoke: a flow serves, or a queue */
    SESSION_EVENT_HANDOFF,  /* the flow, the customer or a failure asks for a person */
    SESSION_EVENT_OFFER,    /* held out to an agent */
    SESSION_EVENT_WITHDRAW, /* declined, expired or withdrawn: waits again, with its age */
    SESSION_EVENT_ACCEPT,   /* an agent takes it */
    SESSION_EVENT_LEAVE,    /* the customer no longer waits */
    SESSION_EVENT_TRANSFER, /* the agent passes it on to a queue, with its age */
    SESSION_EVENT_RELEASE,  /* the agent hands back to the flow */
    SESSION_EVENT_RESOLVE,  /* the agent ends the human part */
    SESSION_EVENT_LOST,     /* the agent is gone: back to its old place */
    SESSION_EVENT_FINISH,   /* the flow ended, or the customer has been silent for long */
    SESSION_EVENT_HOLD,     /* a process of the bot from outside takes control */
    SESSION_EVENT_LET_GO,   /* it has control no longer; another one is looked for */
    SESSION_EVENT_REOPEN,   /* an agent takes up what was closed */
    SESSION_EVENTS
};

/* What an event brings; unused fields are nil or empty. Texts live as long as the move. */
struct session_change {
    enum session_event event;
    struct uuid agent; /* OFFER, ACCEPT, REOPEN: to whom */
    struct span agent_name;
    struct uuid offer;  /* OFFER */
    int64_t until_ms;   /* OFFER */
    struct uuid run;    /* OPEN: the flow's */
    struct span flow;   /* OPEN: its name, or the bot's */
    struct uuid bot;    /* OPEN: from outside */
    struct uuid holder; /* HOLD: the device of the process */
    struct span queue;  /* OPEN without a flow, HANDOFF, TRANSFER */
    struct span why;    /* HANDOFF: flow, customer, failed; LEAVE: who, customer or flow */
    struct span reason; /* for a person */
    struct span summary, collected;
    struct span said;    /* HANDOFF by a flow: as in handoff_row */
    struct span outcome; /* RESOLVE, RELEASE, LEAVE, FINISH; WITHDRAW: declined, expired, withdrawn; LET_GO: why */
    struct span note;
    int32_t priority;
    bool message;  /* HANDOFF: left for somebody who has time */
    bool run_over; /* HANDOFF: the flow or bot failed and does not come back */
};

/* Whether the event is possible now; WRONG_STATE otherwise, with the reason in out_text. */
parley_status session_allows(const struct conversation *conv, enum session_event event, const char **out_text);

/* The one function that changes a session. The event is possible. */
void session_move(struct move *move, const struct session_change *change);

/* The session as canonical JSON for an error's `current`, in the move's arena. Empty when none is open. */
struct span session_current(struct move *move, struct span agent_name);

#endif
