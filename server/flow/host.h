/* What the engine asks of whoever runs it: Postgres in the server, memory in tests and in `flow play`.
 *
 * All that happens between two waits of a run is one step, handed over whole: the host commits it in one transaction
 * together with the input it consumed, on the condition that the run still stands at `number - 1`, and says how that
 * went with flow_committed. Nothing of a step may be seen by anyone before. Plain data; borrowed until that answer. */
#ifndef SERVER_FLOW_HOST_H
#define SERVER_FLOW_HOST_H

#include "protocol/span.h"
#include "protocol/status.h"
#include "protocol/uuid.h"
#include "server/base/log.h"

struct arena;
struct flow_run;
struct value;

/* As in flow_run.state. */
enum flow_state {
    FLOW_RUNNING = 1, /* in memory only: between two waits */
    FLOW_WAITING = 2, /* for an answer or a timer */
    FLOW_HANDOFF = 3, /* for the end of the human part */
    FLOW_ENDED = 4,
    FLOW_FAILED = 5 /* a person has been asked for; nothing more will come of it */
};

/* A file that stands beside the flow, put into the conversation with the item that shows it. */
struct flow_file {
    struct uuid blob;
    struct span name, type, sha256; /* hex */
    int64_t bytes;
};

/* To append, in this order, as the bot. Bodies are canonical JSON. */
struct flow_item {
    struct uuid id; /* UUIDv8 of run, step and place: the same when the step is made again */
    int kind;       /* ITEM_text ... */
    struct span body;
    int line; /* of the script, and in which of its files */
    const char *file;
    const struct flow_file *shows; /* NULL: no file */
};

/* A row of flow_journal. */
struct flow_entry {
    int64_t entry; /* from 1, contiguous since the last restart */
    int64_t step;
    struct span call; /* "ask" */
    int line;
    struct span data; /* canonical JSON: label, args (digest), told; without what was said (journal.h) */
    int64_t said;     /* number of the item that has what was said; 0: nothing was */
    struct span item; /* when it is read again, that item as JSON {kind, body}; empty: it has been erased */
    size_t bytes;     /* of all this together, when it is written */
};

/* What a step makes of one process, all its changes together; an item for each of them is among the items. When the row
 * does not stand at `was`, the whole step is PARLEY_STALE. */
struct flow_process {
    struct uuid id;
    int64_t was;      /* 0: there is none yet */
    int64_t revision; /* afterwards */
    int state;        /* process_open, process_done, process_failed */
    struct span type;
    struct span title; /* ptr NULL: none, or as it was */
    struct span step;  /* the same */
    struct span data;  /* canonical JSON, merged by top-level key, null removes; ptr NULL: none */
};

/* A request for a person, made with this step. Texts may be empty. */
struct flow_handoff {
    bool wanted;
    struct span queue; /* empty: the app's */
    struct span why;   /* flow, customer, failed: as in the item `queued` */
    struct span reason;
    struct span summary;
    struct span collected; /* canonical JSON: what the agent is to see of what the flow has set, as in flow_step */
    struct span said;      /* the same of what it was answered */
    int priority;          /* 0 normal, 1 high */
    bool message;          /* left for somebody who has time: the run is over with it */
    bool taken;            /* the customer has asked past the flow: control is with people already */
};

enum { FLOW_LOG_LINES = 64 }; /* of one step */

/* For those who make the flow. */
struct flow_log_line {
    enum log_level level;
    bool own; /* the engine's words, in which nothing stands that was said */
    const char *file;
    int line;
    struct span text;
};

#define FLOW_HIDDEN "***" /* in place of a text that has what was said in secret */

struct flow_step {
    int64_t number;    /* 1 creates the run */
    int64_t input_seq; /* consumed: items up to here */
    enum flow_state state;
    struct span waiting; /* canonical JSON for flow_run.waiting; `question` is the number of a question asked before */
    int64_t forget_from; /* delete the run's journal from this entry on, first; 0: nothing of it */
    const struct flow_entry *entries;
    size_t entry_count;
    const struct flow_item *items;
    size_t item_count;
    int question; /* index of the item that asks something new, or -1; its number goes to flow_committed */
    const struct flow_process *processes;
    size_t process_count;
    struct span learnt;    /* canonical JSON, all that the flow has set and kept of answers; ptr NULL: unchanged */
    struct span collected; /* of that what it has set itself */
    struct span said;      /* and the answers: {item, type, choices, fields} by question, see collect.c */
    struct flow_handoff handoff;
    bool recall; /* nobody has taken what was handed off: back to the flow, which is told so by FLOW_EVENT_BACK */
    /* Timers are known by id. Clear first: a step may replace one by another. */
    struct uuid timer_clear; /* nil: none */
    struct uuid timer_set;   /* nil: none */
    int64_t timer_due_ms;
    const struct flow_log_line *logs; /* to be kept */
    size_t log_count;
    size_t log_dropped; /* lines for which there was no room */
    bool journal_near;  /* with this step the journal has come near its limits */
};

/* What a script may ask about the world; answered with a map as canonical JSON, or with none. */
enum flow_read_kind {
    FLOW_READ_CUSTOMER, /* {name, language, verified, traits, outcome} */
    FLOW_READ_CONTEXT,  /* the snapshot in force */
    FLOW_READ_EVENT,    /* {events: [{seq, data}]}: items of kind custom and that type, of the customer's app or a back
                         end, after a number, whose data has what `where` says; the oldest of them, or some more */
    FLOW_READ_QUEUE,  /* {hours, zone, waiting, agents, free} of the queue that `type` names; without hours it is always
                         open */
    FLOW_READ_PROCESS /* {process, type, title, state, step, revision, data, and what describe adds} of the id, else the
                         newest open of type */
};

struct flow_read {
    enum flow_read_kind kind;
    struct uuid process; /* nil: by type */
    struct span type;    /* of process or event, empty: any; QUEUE: its name */
    int64_t after;       /* EVENT */
    struct span where;   /* EVENT: JSON map of scalars; empty: none */
};

/* A call to the outside, begun when the step that asks for it is committed, and again whenever the run comes back into
 * memory without its answer: so the key, which is the same each time, goes with it. One that may be made once only
 * comes with `again` then: whoever has it under way brings its answer, else the run's timer ends the waiting. Borrowed
 * for the call. */
struct flow_fetch {
    struct uuid key;
    const char *method;
    struct span url;             /* "{service}/path" */
    const struct value *query;   /* map of scalars; NULL: none */
    const struct value *headers; /* the same */
    struct span secret;          /* name; empty: none */
    struct span body;            /* JSON; empty: none */
    int64_t timeout_ms;          /* of one try */
    int tries;
    bool again; /* not to be made: it may have been */
};

struct flow_host {
    /* Commit this step; answer with flow_committed, now or later. Exactly one is under way for a run. */
    void (*commit)(struct flow_host *host, struct flow_run *run, const struct flow_step *step);
    /* Find out; answer with flow_answered, now or later. */
    void (*read)(struct flow_host *host, struct flow_run *run, const struct flow_read *read);
    /* Others have their turn; then, and not within this call, call flow_continue. */
    void (*defer)(struct flow_host *host, struct flow_run *run);
    /* The run waits, or is over: bring what came after its input_seq, one at a time, or let it rest. */
    void (*ready)(struct flow_host *host, struct flow_run *run);
    /* The run is taken out of memory because a commit or a read did not work, or (PARLEY_OK) because it has gone back
     * in its dialogue; it can be loaded again, and is then told what came after its input_seq. Do not use it after this
     * call. */
    void (*gone)(struct flow_host *host, struct flow_run *run, parley_status why);
    int64_t (*now_ms)(struct flow_host *host);
    /* Completes the record of a process by what its declared type says: what is missing, and, when it begins, the
     * version and the first step. Nothing where the type is not declared. The record has room for three more. NULL:
     * none is. */
    void (*describe)(struct flow_host *host, struct flow_run *run, bool begins, struct arena *arena,
                     struct value *record);
    /* Call the outside; answer with flow_event, FLOW_EVENT_HTTP, later. The run waits meanwhile. */
    void (*fetch)(struct flow_host *host, struct flow_run *run, const struct flow_fetch *fetch);
};

#endif
