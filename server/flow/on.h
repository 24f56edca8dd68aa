/* What happens while the script stands in a call: functions that it gave with on.*, for the files of the engine.
 *
 * The call goes on standing, held, and the function runs in a thread of its own. Owned by the run. */
#ifndef SERVER_FLOW_ON_H
#define SERVER_FLOW_ON_H

#include "server/flow/run.h"

enum { RUN_HANDLERS = SANDBOX_KEPT, RUN_HELD = SANDBOX_ENTERED };

/* A function that the script gave with on.*. */
struct run_handler {
    enum flow_function_id on;
    char *args;  /* canonical JSON */
    bool active; /* it is under way */
};

/* A call that stands while a handler runs. */
struct run_held {
    struct flow_wait wait;
    int64_t until_ms;
    int64_t question_seq;
    int handler;
    bool unbegun;   /* it had not said what it says: the handler came first */
    bool disturbed; /* the handler has asked something itself */
};

/* What happens while the script stands in a call (on.c); made by the first on.*. */
struct run_on {
    struct run_handler handlers[RUN_HANDLERS];
    int handler_count;
    struct run_held held[RUN_HELD]; /* innermost last */
    int held_count;
    enum { ON_NOTHING, ON_ENTER, ON_CANCEL } next; /* what is to be done before the script goes on */
    struct value argument;                         /* ENTER: for the handler */
    struct arena arena;                            /* of it, and of a call that is taken up again */
};

enum sandbox_verdict call_on(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_on_leave(struct flow_run *run, struct flow_call *call);
/* How many handlers there are; those from this one on are forgotten. */
int on_count(const struct flow_run *run);
void on_keep_only(struct flow_run *run, int count);
void on_free(struct flow_run *run);

/* The newest handler for this that may begin now; -1: none. `type` is of an event, `said` what the customer said. */
int on_find(struct flow_run *run, enum flow_function_id on, struct span type, struct span said);
/* The type of the event that handler i is for; empty: for none, or it may not begin now. In the arena. */
struct span on_event_of(const struct flow_run *run, int i, struct arena *arena);
/* How long the customer may be silent to this question until a handler begins; 0: for ever. */
int64_t on_idle_ms(const struct flow_run *run);
/* Whether a topic is open that a customer may leave. */
bool on_topic_open(const struct flow_run *run);

/* Whether one is under way. */
bool on_active(const struct flow_run *run);
/* Whether a call is held that ends by itself or for the world: the silence of the customer is not to end the run. */
bool on_holds_what_waits(const struct flow_run *run);

/* The call that stands is held, and the handler begins when the script goes on: as `told` says, which on_told has made,
 * or the journal. */
struct on_start {
    int handler;
    struct value argument;
    bool unbegun;
    struct span event; /* its type; empty: it was none */
    int64_t seq;       /* of the event */
    int64_t said;      /* number of the item that has the argument; 0: there is none */
};
bool on_told(const struct flow_run *run, struct arena *arena, const struct on_start *start, struct value *out);
/* Whether the script has the handler that the journal names. */
bool on_knows(const struct flow_run *run, const struct value *told);
void on_begin(struct flow_run *run, const struct value *told);
/* The same for leaving the handler that is under way. */
void on_cancel(struct flow_run *run);
/* What was to be done before the script goes on. False: nothing, or not possible (run->error is set). */
enum on_next { ON_GO, ON_TAKE_UP, ON_FAIL };
enum on_next on_next(struct flow_run *run);
/* The handler is over: the call that was held stands again. What is known of how it stood. */
struct run_held on_left(struct flow_run *run);
/* That call as the script made it; args and results in run->on's arena. */
bool on_call_again(struct flow_run *run, struct flow_call *call);

#endif
