/* What Postgres would hold of one run and its conversation, for host_memory. Owned by it. */
#ifndef SERVER_FLOW_MEMORY_ROWS_H
#define SERVER_FLOW_MEMORY_ROWS_H

#include "protocol/buf.h"
#include "server/flow/host.h"

struct memory_item {
    struct uuid id; /* nil: the customer's */
    int kind;
    char *body;
    int line; /* of the script that made it; 0: none did */
    char *file;
    bool erased;
};

/* Whether a run is told of it. */
bool memory_item_is_input(const struct memory_item *item);

struct memory_row {
    int64_t entry, step;
    char *call, *data;
    int line;
    int64_t said;
};

struct memory_process {
    struct uuid id;
    char *type;
    char *json; /* as a read answers it */
};

struct memory_rows {
    struct memory_item *items;
    size_t item_count;
    struct memory_row *journal;
    size_t journal_count;
    struct memory_process *processes;
    size_t process_count;
    enum flow_state state; /* 0: no run yet */
    int64_t step, input_seq, question_seq;
    char *waiting, *collected;
    struct uuid timer;
    int64_t timer_due_ms;
    bool taken;         /* an agent has the session */
    bool recalled;      /* nobody had, for long enough: the run is to be told */
    struct buf history; /* handoffs, timers: a line each */
    struct buf lines;   /* what was logged: a line each */
};

void memory_rows_init(struct memory_rows *r);
void memory_rows_done(struct memory_rows *r);

/* Whether the step cannot be stored, because the run or a process does not stand where it thinks. */
bool memory_rows_stale(struct memory_rows *r, const struct flow_step *s);
void memory_rows_store(struct memory_rows *r, const struct flow_step *s);

/* Under the next number; id nil: the customer's, or what routing would write, with all of the request as its body. */
void memory_rows_add(struct memory_rows *r, const struct flow_item *item);

/* It keeps its number. */
void memory_rows_erase(struct memory_rows *r, int64_t seq);

/* The item that an entry names, as a reader of the journal gets it: {kind, body}, mem_free. NULL: none, or erased. */
char *memory_rows_said(const struct memory_rows *r, const struct memory_row *entry);

void memory_rows_put_process(struct memory_rows *r, const struct flow_process *p);
int64_t memory_process_revision(const struct memory_process *p);

/* {events: [...]} as FLOW_READ_EVENT wants it. */
void memory_rows_events(const struct memory_rows *r, struct span type, int64_t after, struct buf *out);

void memory_rows_dialogue(const struct memory_rows *r, struct buf *out);
void memory_rows_dump(const struct memory_rows *r, struct buf *out);

#endif
