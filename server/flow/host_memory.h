/* A host of one conversation and one run, in memory: for tests, and for trying a flow without a server. It keeps what
 * Postgres would keep, as text, so that the engine can be thrown away at any moment and the run be rebuilt.
 * One thread. */
#ifndef SERVER_FLOW_HOST_MEMORY_H
#define SERVER_FLOW_HOST_MEMORY_H

#include "protocol/buf.h"
#include "server/flow/engine.h"
#include "server/flow/memory_rows.h"

struct host_memory;
struct rehearsal;

/* What goes wrong, each time again. */
enum memory_crash {
    MEMORY_CRASH_NEVER,
    MEMORY_CRASH_BEFORE_EVENT,  /* the run is not in memory when something happens to it */
    MEMORY_CRASH_BEFORE_COMMIT, /* the step is lost, and what caused it comes again */
    MEMORY_CRASH_AFTER_COMMIT,  /* the step is stored, and nobody learns of it */
    MEMORY_STALE_COMMIT         /* the first attempt at every step is refused */
};

struct memory_options {
    enum memory_crash crash;
    const struct sandbox_watch *watch; /* NULL: nobody looks */
    bool at_once;                      /* answers come before the host's functions return */
    struct flow_limits limits;
};

struct host_memory *host_memory_new(const struct memory_options *options);
void host_memory_free(struct host_memory **host);

/* The flow that the customer will meet. PARLEY_SCRIPT with the error. */
parley_status host_memory_use(struct host_memory *host, const char *file, struct span source, struct flow_error *error);

/* For debuggers: see sandbox.h. Counts from what happens next. */
void host_memory_watch(struct host_memory *host, const struct sandbox_watch *watch);

/* What the host answers; canonical JSON maps. */
void host_memory_set_customer(struct host_memory *host, const char *json);
void host_memory_set_context(struct host_memory *host, const char *json);
/* By name, each as FLOW_READ_QUEUE answers it; of others that nobody waits, and one agent is free. */
void host_memory_set_queues(struct host_memory *host, const char *json);
const char *host_memory_queues(const struct host_memory *host);

/* What the outside answers to a call: `url` with * for anything; status 0: no answer, and why; "hang": none ever. Of
 * several for the same URL the first that was not used counts, and the last goes on. Copied. */
struct memory_stub {
    char *method, *url;
    int status;
    char *why, *body;
    bool used;
};
void host_memory_stub(struct host_memory *host, const struct memory_stub *stub);

/* ---- what happens; each returns when the run rests again ---- */

/* The first words; or anything else that is posted, as JSON. */
void host_memory_start(struct host_memory *host, const char *text);
void host_memory_begin(struct host_memory *host, int kind, const char *body);
/* The customer writes, or taps a choice of the last question. */
void host_memory_say(struct host_memory *host, const char *text);
void host_memory_tap(struct host_memory *host, const char *wire);
/* Anything else that a customer may post, to the question of that number. */
void host_memory_post(struct host_memory *host, int kind, const char *body);
void host_memory_escape(struct host_memory *host);
/* An agent takes what was handed off. */
void host_memory_accept(struct host_memory *host);
void host_memory_back(struct host_memory *host, const char *outcome, const char *note, const char *by);
/* Time passes; a timer that is due fires. */
void host_memory_advance(struct host_memory *host, int64_t ms);
/* The item of that number is erased: the log and the journal no longer have what it said. */
void host_memory_erase(struct host_memory *host, int64_t seq);
/* Takes the run out of memory; the next event brings it back. */
void host_memory_crash(struct host_memory *host);
/* Somebody else moves the processes of change->type; its id and revisions do not count. False when there is none. */
bool host_memory_move_process(struct host_memory *host, const struct flow_process *change);

/* Tries the stored run on what the rehearsal uses; the run itself is left alone. */
parley_status host_memory_rehearse(const struct host_memory *host, struct rehearsal *rehearsal,
                                   struct flow_error *error);

/* ---- what there is now ---- */

enum flow_state host_memory_state(const struct host_memory *host);
int64_t host_memory_step(const struct host_memory *host);
size_t host_memory_journal(const struct host_memory *host);
/* How often a run was rebuilt from its journal. */
size_t host_memory_rebuilt(const struct host_memory *host);
/* The run in memory; NULL when it is not. */
struct flow_run *host_memory_run(struct host_memory *host);
/* The error of a run that failed; NULL when none has. */
const struct flow_error *host_memory_error(const struct host_memory *host);
int64_t host_memory_clock(const struct host_memory *host);
/* Calls to the outside that were made, and the last one that no stub was for, as "GET {shop}/x"; "": none. */
size_t host_memory_calls(const struct host_memory *host);
const char *host_memory_unknown_call(const struct host_memory *host);
/* Everything that is stored. */
const struct memory_rows *host_memory_rows(const struct host_memory *host);

/* The dialogue, a line an item: "bot text Hello", "you choice yes", "handoff orders (flow): reason". */
void host_memory_dialogue(const struct host_memory *host, struct buf *out);
/* All that is stored, with ids: two worlds in which the same happened give the same text. */
void host_memory_dump(const struct host_memory *host, struct buf *out);

#endif
