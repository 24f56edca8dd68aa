/* Lua, held tightly: one state for one version of a flow on one worker, and the runs in it.
 *
 * Scripts see a frozen library and a fresh set of globals. Nothing in C loops without a bound, nothing calls back into
 * Lua from C, and nothing differs between two runs that are told the same. Every call that reaches outside arrives at
 * `on_call` as plain values, copied raw; no metamethod ever runs for C.
 * sandbox*.c and prelude.lua are the only users of Lua. One worker's thread. */
#ifndef SERVER_FLOW_SANDBOX_H
#define SERVER_FLOW_SANDBOX_H

#include "protocol/value.h"
#include "server/flow/error.h"

enum {
    SANDBOX_SOURCE_MAX = 65536,
    SANDBOX_RESULTS = 2,
    SANDBOX_DEPTH = 16,
    SANDBOX_NODES = 4096,
    SANDBOX_KEPT = 16,   /* functions of a run that the host may begin */
    SANDBOX_ENTERED = 8, /* of them under way at once */
};

struct sandbox;
struct sandbox_run;

/* A tick is one instruction, or as much work in C. */
struct sandbox_limits {
    size_t memory_run;   /* bytes that a run may hold */
    size_t memory_state; /* bytes of all runs of the version together */
    size_t block;        /* bytes of one text, one part of a table, one stack */
    int64_t ticks_slice; /* then the others have their turn */
    int64_t slice_us;    /* or after this time, looked at every thousand instructions: what a tick costs differs */
    int64_t ticks_step;  /* then the run has failed */
};

#define SANDBOX_LIMITS                                                                                                 \
    {                                                                                                                  \
        .memory_run = 8 << 20, .memory_state = 256 << 20, .block = 262144 + 1024, .ticks_slice = 5000,                 \
        .slice_us = 500, .ticks_step = 1000000                                                                         \
    }
extern const struct sandbox_limits sandbox_limits_default;

/* One call of the script to the outside. args and results live until the call returns. A function among the args, which
 * the prelude lets through for few calls, is VALUE_BYTES and empty: sandbox_keep. */
struct sandbox_call {
    int function;     /* index in the list of functions */
    int line;         /* of the flow */
    const char *file; /* where that line is: the flow, or one that it has called; as long as the sandbox */
    const struct value *args;
    size_t count;
    struct arena *arena; /* for args and results; emptied at the next call */
    struct value results[SANDBOX_RESULTS];
    size_t result_count;
    struct flow_error *error; /* for SANDBOX_RAISE: code, text, help */
};

enum sandbox_verdict {
    SANDBOX_RETURN, /* goes on with the results */
    SANDBOX_WAIT,   /* stands until sandbox_resume brings the results */
    SANDBOX_RAISE   /* an error that the script may catch */
};

typedef enum sandbox_verdict sandbox_on_call(void *owner, struct sandbox_call *call);

/* What the host offers: dotted names as scripts write them. Borrowed for the sandbox's life. */
struct sandbox_functions {
    const char *const *names;
    size_t count;
    sandbox_on_call *on_call;
};

enum sandbox_result {
    SANDBOX_SLICE, /* has used its slice: resume it next turn, without results */
    SANDBOX_WAITS, /* stands in a call that on_call answered with SANDBOX_WAIT */
    SANDBOX_ENDED, /* ran to its end, or on_call asked for it */
    SANDBOX_LEFT,  /* the function that was entered last is over: the call before it stands again */
    SANDBOX_FAILED /* see sandbox_error; it cannot be resumed */
};

/* Compiles the source, a flow and those that it calls (bundle.h). `file` is what errors call it. PARLEY_SCRIPT, and the
 * error, when it cannot be. */
parley_status sandbox_new(const char *file, struct span source, const struct sandbox_functions *functions,
                          const struct sandbox_limits *limits, struct sandbox **out, struct flow_error *error);

/* All runs must be gone. */
void sandbox_free(struct sandbox **sandbox);

/* A run at the beginning of the script. NULL when the version holds too much memory. `owner` goes to on_call. */
struct sandbox_run *sandbox_run_new(struct sandbox *sandbox, void *owner);
void sandbox_run_free(struct sandbox_run **run);

/* Goes on for at most a slice. The results answer the call it stands in; none for the first time and after a slice. */
enum sandbox_result sandbox_resume(struct sandbox_run *run, const struct value *results, size_t count);

/* A new step: its instructions are counted from zero. */
void sandbox_step(struct sandbox_run *run);

/* For on_call: the script ends here, whatever it has put around the call. Return SANDBOX_WAIT after it. */
void sandbox_stop(struct sandbox_run *run);

/* ---- functions of a script that are begun while a call stands (sandbox_enter.c) ---- */

/* Keeps the function that the script has just passed to a call, and gives its number; they count from 0. -1: it passed
 * none, or has SANDBOX_KEPT of them. */
int sandbox_keep(struct sandbox_run *run);
/* Those from this number on are forgotten. */
void sandbox_keep_only(struct sandbox_run *run, int count);

/* The call that stands goes on standing, and the next resume begins this function, with one argument. False when there
 * is no memory, or too many are under way. */
bool sandbox_enter(struct sandbox_run *run, int function, const struct value *argument);
/* Ends the innermost such function where it is, whatever it has put around that place. */
void sandbox_leave(struct sandbox_run *run);

/* Why it failed. */
const struct flow_error *sandbox_error(const struct sandbox_run *run);

/* For debuggers: told of every line of the script before it runs, and how deep calls stand there. May ask for the
 * variables and nothing else. Borrowed for the sandbox's life; counts from the next resume. */
struct sandbox_watch {
    void *owner;
    void (*on_line)(void *owner, struct sandbox_run *run, const char *file, int line, int depth);
};
void sandbox_watch(struct sandbox *sandbox, const struct sandbox_watch *watch);

/* Within on_line: what the script can see there, the innermost first, each name once, its value as Lua is written. */
typedef void sandbox_on_variable(void *owner, const char *name, struct span value);
void sandbox_variables(struct sandbox_run *run, sandbox_on_variable *each, void *owner);
/* A variable as a person reads it; borrowed for the call. */
struct sandbox_variable {
    const char *file;
    int line; /* that its function stands in; 0: it is no function's */
    const char *name;
    const char *text; /* cut when it is long */
};

typedef void sandbox_seen(void *arg, const struct sandbox_variable *variable);

/* Of a run that stands in a call or has failed: what its functions know, the innermost first. */
void sandbox_look(const struct sandbox_run *run, sandbox_seen *seen, void *arg);

/* For the checker: whether the library has the name, in `table` when that is not empty. If not, the error says so as it
 * would to a script. */
bool sandbox_lookup(struct sandbox *sandbox, const char *table, const char *name, struct flow_error *error);

#endif
