/* What the parts of the server's flow host share: bots (bot.c), loading one (flows_load.c), what happens to them
 * (flows.c), commits (flows_commit.c), reads (flows_read.c), slices (flows_slices.c). */
#ifndef SERVER_FLOW_FLOWS_INSIDE_H
#define SERVER_FLOW_FLOWS_INSIDE_H

#include "server/base/list.h"
#include "server/base/map.h"
#include "server/flow/engine.h"
#include "server/flow/flows.h"
#include "server/io/loop.h"
#include "server/store/flow_row.h"
#include "server/store/store.h"
#include "server/talk/talk.h"

enum bot_state {
    BOT_LOADING, /* row, source, journal, missed items are being read */
    BOT_RESTING, /* the run waits, or is about to be told something */
    BOT_BUSY,    /* the engine or a commit has it */
    BOT_ASIDE,  /* not in memory: it has gone back in its dialogue, or has not begun and control is elsewhere; made anew
                 */
    BOT_FAILED, /* loading did not work; tried again by the tick */
};

/* Something the customer did that the run has not consumed. */
struct bot_input {
    struct list node;
    int64_t seq;
    int kind;
    struct span body; /* owned */
};

/* A run in memory, or on its way there. The conversation is pinned meanwhile. */
struct bot {
    struct list node;      /* of flows->bots */
    struct list in_due;    /* of flows->due: to be looked at, at the turn's end */
    struct list in_sliced; /* of flows->sliced: its run has used up its slice */
    struct flows *flows;
    struct conversation *conv;
    struct flow_run *run; /* NULL while loading */
    struct uuid id;
    enum bot_state state;
    struct list inputs; /* struct bot_input, ascending */
    struct uuid timer;  /* fired, not told yet; nil: none */
    unsigned failures;  /* to load it, one after another */
    int64_t again_ms;   /* when it has failed: not to be loaded before */
    int64_t replay_us;  /* when its journal began to be gone over, by clock_mono_us; 0: it is not being */
    int64_t used_ms;    /* when it was loaded or told something last; being looked at does not count */

    /* while loading */
    struct flow_run_row row;
    char *waiting;
    struct arena arena;
    struct flow_entry *entries;
    size_t entry_count, entry_room;
    struct flow_version *version; /* held; NULL before it is known, and once the run has it */
    struct bot_fetch *fetch;      /* a call to the outside that is under way; NULL: none */
    bool forgets;                 /* something was erased that it may have been told: it is not to stay in memory */
    bool leaves;                  /* its row says that a person is to have the conversation */
    bool dropped;                 /* the conversation has another run by now */
};

struct flows {
    struct flow_host host; /* first */
    const struct conf *conf;
    struct loop *loop;
    struct store *store;
    struct talk *talk;
    const struct peers *peers;
    int self;
    struct flow_engine *engine;
    struct directory *directory;
    struct starts *starts; /* of the flows in the directory, as it was read last */
    struct fetcher *fetcher;
    struct list fetches;
    struct list bots, due, sliced;
    struct loop_turn turn;
    struct loop_timer tick, again, spare;
    int64_t swept_ms;
    struct uuid swept_to; /* the conversation to look on from for those behind; nil: from the first */
    bool swept_calls;     /* once: who starts takes up all calls, of which another process may have some under way */
    int64_t prune_ms;     /* when lines of flows are looked through again for old ones, by the loop's clock */
    bool hurries;         /* until all have been looked at once: somebody may have been left behind just now */
    bool anew;            /* from the first again, once the look that is under way is over */
    bool polling, sweeping, pruning, closing;
};

/* The bot of the conversation's run, made and being loaded if there is none. Another run's is dropped. */
struct bot *bot_of(struct flows *flows, struct conversation *conv);
void bot_free(struct bot *bot);

/* Tells the run at once, if it rests. False when it has no use for it. */
bool bot_tell(struct bot *bot, const struct flow_event *event);

/* Brings the conversation into memory, and has its run looked at: a timer of it has fired (nil: none), or it is to
 * leave. */
void flows_poke(struct flows *flows, struct uuid conversation, struct uuid timer, bool leaves);

/* flows_fetch.c: what comes of a call of this bot's is not told to it any more. */
void bot_fetch_forget(struct bot *bot);
void flows_fetch_stop(struct flows *flows);

/* It is looked at when the turn ends: whether the run is to be told something, or to leave. */
void bot_due(struct bot *bot);

/* The tick's part: loads again what failed, lets go of what is idle. */
void bot_tend(struct bot *bot, int64_t now);

/* Whether the flow has control just now. */
bool bot_serves(const struct bot *bot);

/* Whether a run is told of this item: what a customer says, as opposed to what is recorded of them, and what happens in
 * a back end. */
bool bot_takes(const struct log_row *row);

/* Forgets inputs up to this number. */
void bot_drop_inputs(struct bot *bot, int64_t seq);

/* Keeps it until the run is told; in order, once, also when it was stored while older ones are still being read: what
 * that read saw of it cannot be known. */
void bot_add_input(struct bot *bot, const struct log_row *row);

/* Reads row, source, journal and missed items; then the bot rests, or has failed. */
void bot_load(struct bot *bot);

void bot_let_version_go(struct bot *bot);

/* The run is where it stood, or has gone another way: how long that took is counted. */
void bot_replayed(struct bot *bot);

/* flows_start.c: which flow begins, by the directory as it is now. */
void flows_read_starts(struct flows *flows);
const struct directory_flow *flows_begins(void *arg, const struct directory_app *app, const struct log_row *row);
const struct directory_flow *flows_else_begins(void *arg, const struct directory_app *app);
/* An event is stored: said, where it would have begun a flow had nobody served. */
void flows_note_event(struct flows *flows, const struct conversation *conv, const struct log_row *row);

/* struct flow_host */
void flows_commit(struct flow_host *host, struct flow_run *run, const struct flow_step *step);
void flows_read(struct flow_host *host, struct flow_run *run, const struct flow_read *read);
void flows_fetch(struct flow_host *host, struct flow_run *run, const struct flow_fetch *fetch);
void flows_defer(struct flow_host *host, struct flow_run *run); /* flows_slices.c */
void flows_describe(struct flow_host *host, struct flow_run *run, bool begins, struct arena *arena,
                    struct value *record);

#endif
