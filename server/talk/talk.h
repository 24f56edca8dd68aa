/* What can be done in this worker's conversations: works come in, are decided in order, leave in batches, and what was
 * committed goes out. The one way in which an item enters. One a worker; its thread only. */
#ifndef SERVER_TALK_TALK_H
#define SERVER_TALK_TALK_H

#include "server/base/log.h"
#include "server/base/map.h"
#include "server/io/loop.h"
#include "server/talk/conversation.h"
#include "server/talk/work.h"

struct directory;
struct directory_app;
struct directory_flow;
struct hub;
struct move;
struct peers;
struct store;
struct talk;

/* Upward, to routing and flows; all on the home worker's thread. Any may be NULL. */
struct talk_hooks {
    /* After the commit. */
    /* An item is stored; conv is as of it or later. Comes after it was published. */
    void (*stored)(void *arg, struct conversation *conv, const struct log_row *row);
    /* The session became another: was is how it stood before (id nil: there was none). */
    void (*served)(void *arg, struct conversation *conv, const struct session_row *was);
    /* Before it is stored, and asked again when that did not work: the published flow that this item begins where
     * nobody serves, and the one that begins where neither that nor the app says who does. NULL: none. */
    const struct directory_flow *(*begins)(void *arg, const struct directory_app *app, const struct log_row *row);
    const struct directory_flow *(*else_begins)(void *arg, const struct directory_app *app);
    void *arg;
};

/* How long bots from outside have. Zeros until set: for tests that have none. */
struct talk_bots {
    int64_t answer_ms;  /* to answer; then another process is asked, then a person */
    int64_t longest_ms; /* the same, however often a process says that it works on it */
    const char *apology;
};

enum { TALK_HOOKS = 4, TALK_BATCH = 256, TALK_BATCHES = 2, TALK_SECOND = 24 };

struct batch {
    struct talk *talk;
    bool flying;     /* it has left */
    int64_t left_us; /* when */
    struct log_row rows[TALK_BATCH];
    struct work *works[TALK_BATCH];
    struct conversation *convs[TALK_BATCH]; /* of each row; rows of one stand together */
    int n;
};

struct talk {
    struct loop *loop;
    struct store *store;
    struct hub *hub;
    const struct peers *peers;
    struct directory *directory;
    int self;

    struct map conversations;
    struct list ready; /* conversations with something for the next batch */
    struct list all;   /* least recently used first */
    struct batch batches[TALK_BATCHES];
    int flying; /* batches that have left */
    bool closing;
    bool stalled; /* it could not leave; the tick tries again */
    struct loop_turn turn;
    struct loop_timer tick;
    size_t waiting, waiting_bytes;
    struct move *spare; /* what the next decision is written into; most decisions leave it as it is */
    struct talk_bots bots;
    struct talk_hooks hooks[TALK_HOOKS];
    int nhooks;
};

struct talk *talk_new(struct loop *loop, struct store *store, struct hub *hub, const struct peers *peers, int self,
                      struct directory *directory);

/* Ends every work with CANCELED and takes no more. After the store is closed. */
void talk_cancel(struct talk *talk);

/* Nobody holds a conversation any more. */
void talk_free(struct talk **talk);

void talk_hook(struct talk *talk, const struct talk_hooks *hooks);

/* The store's events. */
void talk_up(struct talk *talk);
void talk_down(struct talk *talk);

/* Takes a work for a conversation whose home is this worker. BUSY when too much waits: then finish never comes. */
parley_status talk_submit(struct talk *talk, struct work *work);

/* The conversation in memory or made now, not necessarily loaded. Borrowed for the turn, or until unpinned. */
struct conversation *talk_conversation(struct talk *talk, struct uuid id);
void conversation_pin(struct conversation *conv);
void conversation_unpin(struct conversation *conv);

/* Somebody else wrote to this conversation, up to this number at least. True when it is in memory here: then what is
 * missing is read and shown. */
bool talk_behind(struct talk *talk, struct uuid conversation, int64_t head);

/* Whether nothing is under way; for draining. */
bool talk_idle(const struct talk *talk);

#endif
