/* A request of somebody for a conversation, on its way to the home worker and back with the answer.
 * Embed it first in what the request needs; allocate with mem_alloc; call_submit takes it over. */
#ifndef SERVER_TALK_CALL_H
#define SERVER_TALK_CALL_H

#include "protocol/frame.h"
#include "server/io/mailbox.h"
#include "server/talk/conversation.h"
#include "server/talk/move.h"
#include "server/talk/work.h"

struct call;
struct talk;

/* Who asks, as the home worker needs to know it. */
struct caller {
    struct uuid id;
    enum role role;
    struct uuid app;    /* nil for Parley itself and for staff, who belong to no app */
    struct uuid device; /* of a bot: the process that asks */
};

/* Parley itself: the router, the sweeps, what follows from something else. */
extern const struct caller caller_parley;

/* What it points to is the result's own. Small: there is one for every post that waits. */
struct result {
    parley_status status;
    bool duplicate;
    int64_t seq, at_ms;
    int64_t head; /* the conversation's, as of then */
    int64_t retry_after_ms;
    char *text; /* NULL: the status's own */
    char *path;
    char *current;           /* canonical JSON; NULL: none */
    struct service *service; /* as of then, for a call that has tell_service; row.id nil: none */
};

/* Exactly once, on the worker that submitted. The call is freed afterwards. NULL: nobody waits for it. */
typedef void call_done(void *arg, struct call *call, const struct result *result);

typedef enum verdict call_decide(struct call *call, struct conversation *conv, struct move *move,
                                 struct refusal *refusal);

struct call {
    struct work work;
    struct mail mail;
    struct talk *talk; /* whose turn it is */
    int from;
    bool tell_service;
    struct caller caller;
    call_decide *decide;
    call_done *done;
    void *arg;
    void (*free_extra)(struct call *call); /* what it owns beside itself; NULL: nothing */
    struct result result;
};

/* Sets conversation, cause and so on; the cause makes what the server derives the same if it is decided again. */
void call_init(struct call *call, struct uuid conversation, struct uuid cause, const struct caller *caller,
               call_decide *decide, call_done *done, void *arg);

/* done comes in any case, perhaps at once. */
void call_submit(struct talk *talk, struct call *call);

/* ---- what decisions have in common ---- */

/* OK when the caller, an agent or a process of a bot, is in control at this epoch; else the refusal is filled: STALE
 * with `current`. */
parley_status call_in_control(struct call *call, struct conversation *conv, int64_t epoch, struct move *move,
                              struct refusal *refusal);

/* Whether the caller may know of this conversation at all: its customer, a program of its space, or staff. Else
 * NOT_FOUND. */
parley_status call_may_see(struct call *call, const struct conversation *conv, struct refusal *refusal);

/* Whether the caller, an agent, may read it: who serves it, or its queue. Else NOT_FOUND. */
parley_status call_may_read(struct call *call, const struct conversation *conv, struct refusal *refusal);

#endif
