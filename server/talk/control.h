/* Who serves: what customers, agents and the router ask of a session. Each is a call that session_move carries out. */
#ifndef SERVER_TALK_CONTROL_H
#define SERVER_TALK_CONTROL_H

#include "server/talk/call.h"
#include "server/talk/session.h"

struct control {
    struct uuid conversation;
    enum session_event event;
    struct uuid cause;           /* made by whoever asks, new for each request */
    struct uuid session;         /* the one meant; nil: the open one */
    int64_t epoch;               /* TRANSFER, RELEASE, RESOLVE: the control believed in; LOST: 0 */
    struct uuid offer;           /* OFFER, ACCEPT, WITHDRAW: the offer meant */
    int64_t head;                /* FINISH: the last number when it was decided on; STALE when something came since */
    struct uuid agent;           /* OFFER, LOST */
    struct uuid holder;          /* LET_GO by Parley: who has it */
    const struct bot_turn *turn; /* LET_GO and HANDOFF by Parley: as it was seen; NULL: it does not matter */
    int64_t until_ms;            /* OFFER */
    struct span queue;           /* HANDOFF, TRANSFER */
    struct span reason, outcome, note;
    struct span summary, collected; /* HANDOFF by a bot */
    int32_t priority;               /* HANDOFF by a bot, with has_priority */
    bool has_priority;
};

/* Copies the texts. done as for call_submit: result->service is the session as it is then. */
void control_ask(struct talk *talk, const struct control *control, const struct caller *caller, call_done *done,
                 void *arg);

#endif
