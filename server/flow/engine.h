/* Runs of flows: from an event to the next step, and back to the same place after anything.
 *
 * A run is told things (events, and answers of the host), and its script goes on until it waits. Then the step goes to
 * the host, and only when that is committed does the run take the next event. What it was told stands in its journal,
 * so that a run which is not in memory is rebuilt by running the script again. One worker's thread. */
#ifndef SERVER_FLOW_ENGINE_H
#define SERVER_FLOW_ENGINE_H

#include "server/flow/error.h"
#include "server/flow/host.h"
#include "server/flow/sandbox.h"

enum { FLOW_HASH = 32 };

struct flow_engine;
struct flow_version;
struct flow_run;

struct flow_limits {
    struct sandbox_limits sandbox;
    int64_t journal_entries; /* since the last restart */
    size_t journal_bytes;
    size_t step_items;
    size_t collected_bytes;
    size_t runs_per_version; /* in memory */
    int64_t silence_ms;  /* for an answer to what a function of on.* asks, while something else waits below; 0: any */
    const char *apology; /* when a flow has none of its own; outlives the engine */
};

extern const struct flow_limits flow_limits_default;

struct conf;

/* As they are configured. Borrows the apology. */
struct flow_limits flow_limits_from(const struct conf *conf);

/* The host outlives the engine. */
struct flow_engine *flow_engine_new(struct flow_host *host, const struct flow_limits *limits);

/* Ends every run in memory; no commit or read may be under way. */
void flow_engine_free(struct flow_engine **engine);

/* What the flow says of itself in flow{}. */
struct flow_about {
    char id[65], title[257], language[36], escape_queue[65], zone[65];
    char apology[1001]; /* empty: the limits' */
};

/* SHA-256 of the source, which is what a run is pinned to. */
void flow_hash(struct span source, uint8_t out[FLOW_HASH]);

/* Compiles a version, or finds it compiled; `file` is what errors call it. PARLEY_SCRIPT with the error. */
parley_status flow_version_add(struct flow_engine *engine, const char *file, struct span source,
                               struct flow_version **out, struct flow_error *error);

/* For debuggers: see sandbox.h. */
void flow_version_watch(struct flow_version *version, const struct sandbox_watch *watch);

/* NULL when that version is not in memory: then load its source and add it. */
struct flow_version *flow_version_find(struct flow_engine *engine, const uint8_t hash[FLOW_HASH]);

/* Keeps a version in memory that no run has yet, until it is let go as often. */
void flow_version_hold(struct flow_version *version);
void flow_version_let_go(struct flow_version *version);

/* Frees the versions that have had no run and no holder for idle_ms, going by earlier calls. */
void flow_versions_tidy(struct flow_engine *engine, int64_t now_ms, int64_t idle_ms);

/* ---- runs ---- */

struct flow_birth {
    struct uuid run;
    struct uuid conversation;
    int64_t input_seq;        /* of the item that started it; 0: none */
    struct span kind;         /* of that item; "event" for what happened in the app or a back end */
    struct span text;         /* what the customer said first, if it was text */
    struct span event;        /* its type, if it was one */
    const struct value *data; /* of it; NULL: none */
};

/* By this item. Borrows its body. */
void flow_birth_by(struct flow_birth *birth, int64_t seq, int kind, const struct value *body);

/* A run as the host has stored it. */
struct flow_saved {
    struct uuid run;
    struct uuid conversation;
    enum flow_state state;
    int64_t step;
    int64_t input_seq;
    int64_t question_seq; /* number of the item that asked last; 0: unknown */
    struct span waiting;
    const struct flow_entry *entries;
    size_t entry_count;
};

/* Begins a run, or brings a stored one back to its place. `commit`, `ready` and even `gone` may come before the call
 * returns: the host goes by those. PARLEY_BUSY when the version has too many runs in memory, PARLEY_WRONG_STATE for a
 * stored run that is over, PARLEY_INVALID for a journal that cannot be read. */
parley_status flow_start(struct flow_engine *engine, struct flow_version *version, const struct flow_birth *birth,
                         void *owner, struct flow_run **out);
parley_status flow_load(struct flow_engine *engine, struct flow_version *version, const struct flow_saved *saved,
                        void *owner, struct flow_run **out);

enum flow_event_type {
    FLOW_EVENT_ITEM,   /* the customer posted something */
    FLOW_EVENT_TIMER,  /* a timer has fired */
    FLOW_EVENT_BACK,   /* the human part is over */
    FLOW_EVENT_ESCAPE, /* the customer wants a person */
    FLOW_EVENT_HTTP,   /* a call to the outside has been answered, or given up */
    FLOW_EVENT_LEAVE,  /* it is not to go on: a person is to have the conversation */
};

struct flow_event {
    enum flow_event_type type;
    int64_t seq;      /* the item's number; 0: none */
    int kind;         /* ITEM: ITEM_text, ITEM_choice ... */
    struct span body; /* ITEM: JSON; HTTP: as it came */
    struct uuid timer;
    struct span outcome, note, by; /* BACK */
    struct span queue, reason;     /* ESCAPE, empty: the flow's own */
    struct uuid key;               /* HTTP: of the flow_fetch */
    int status;                    /* HTTP; 0: no answer, and then why */
    const char *why; /* timeout, unreachable, lost (it may have arrived), denied, too_big, not_configured */
};

/* PARLEY_OK: taken, a commit follows, or has been (and the run may be gone). PARLEY_WRONG_STATE: this run has no use
 * for it, and an item will not be an answer to what it asks later. PARLEY_BUSY: it has not come to a wait yet; `ready`
 * will say. */
parley_status flow_event(struct flow_run *run, const struct flow_event *event);

/* Whether a call that ended so is worth another try. */
bool flow_fetch_again(int status, const char *why);

/* The host's answers. `question_seq` is the number that the step's question got; 0 when there was none. Any status but
 * PARLEY_OK ends the run in memory (`gone`). A read of something that there is not: PARLEY_OK with an empty span. */
void flow_committed(struct flow_run *run, parley_status status, int64_t question_seq);
void flow_answered(struct flow_run *run, parley_status status, struct span json);
void flow_continue(struct flow_run *run);

/* Takes the run out of memory; it can be loaded again. Not while a commit or read is under way. */
void flow_evict(struct flow_run **run);

void *flow_run_owner(const struct flow_run *run);
enum flow_state flow_run_state(const struct flow_run *run);
int64_t flow_run_input_seq(const struct flow_run *run);

/* The error of a failed run. */
const struct flow_error *flow_run_error(const struct flow_run *run);

#endif
