/* What the user said, until it is known to be stored, and a while longer to tell how far others have come. An entry
 * keeps its id for life; per conversation they go in the order they were made, and again until they are answered. On
 * disk (keep.h) before the call that makes it returns, and until it is stored by the server or discarded. Part of the
 * client, under its lock. */
#ifndef SDK_C_SRC_OUTBOX_H
#define SDK_C_SRC_OUTBOX_H

#include "protocol/frame.h"

struct parley_client;
struct conversation;
struct parley_event;

enum {
    OUTBOX_MAX = 10000,    /* entries that are not stored yet */
    OUTBOX_SENT_MAX = 256, /* stored ones whose marks are still of interest */
    OUTBOX_IN_FLIGHT = 32, /* of one conversation */
    OUTBOX_HOLD_MS = 500,  /* before a repeat when the server does not say */
    OUTBOX_TRIES = 5,      /* of what the server has a fault with */
};

struct outbox {
    struct entry *first, **end; /* in the order they were made */
    size_t waiting;             /* not stored yet */
    size_t sent;
};

/* Something to say. Text and body are copied; body is canonical JSON. */
struct draft {
    struct uuid conversation; /* nil: the main one */
    struct span kind;
    struct span body;
    bool is_note; /* then body is the text alone */
    bool has_to;
    struct uuid to;
    bool is_edit; /* of a process (edit.h) */
    int64_t form; /* number of the draft that it was made from; negative: none */
};

struct entry {
    struct entry *next;
    struct uuid id;
    struct uuid conversation; /* nil: the main one */
    int32_t state;            /* PARLEY_OUTBOX_* */
    parley_status reason;     /* why it failed or waits, and in words */
    char why[160];
    bool in_flight; /* its answer is awaited, also after it was seen in the log */
    int tries;
    int64_t seq;
    int64_t epoch; /* the control its author believed in; 0: none */
    bool is_note, has_to, is_edit;
    struct uuid to;
    struct uuid process; /* of an edit */
    bool looking, lost;  /* it is asked how the process stands; there is none */
    size_t kind_len, body_len;
    char *rewritten; /* the body that took the place of the first one, or NULL */
    char text[];     /* kind, then body */
};

static inline struct span entry_kind(const struct entry *e)
{
    return span_of(e->text, e->kind_len);
}

static inline struct span entry_body(const struct entry *e)
{
    return span_of(e->rewritten ? e->rewritten : e->text + e->kind_len, e->body_len);
}

/* One as it was found on disk. */
struct entry_row {
    struct draft draft;
    struct uuid id;
    int64_t epoch;
    int32_t state;
    parley_status reason;
    struct span text;
};

/* The queue's own: NULL without memory; and the OUTBOX event. */
struct entry *entry_new(const struct draft *draft, struct uuid id, struct uuid conversation);
void entry_free(struct entry *e);
parley_status entry_tell(struct parley_client *c, const struct entry *e);
struct entry **outbox_find(struct outbox *box, struct uuid id); /* NULL: it is not there */
void outbox_move(struct parley_client *c, struct entry *e, int32_t state, parley_status reason, struct span text);
void outbox_forget(struct parley_client *c, struct entry **at);

void outbox_init(struct outbox *box);
void outbox_done(struct outbox *box);

/* Queues it under a new id, and has it on disk when it returns. PARLEY_LIMIT, PARLEY_NOMEM, and what the disk says. */
parley_status outbox_add(struct parley_client *c, const struct draft *draft, struct uuid *out_id);

/* The same under an id that is made already. */
parley_status outbox_add_as(struct parley_client *c, const struct draft *draft, struct uuid id);

/* Of edits: another body, on disk when it returns, that stands on this process; the app is asked what is to become of
 * it; and the one about which it was, or NULL. */
parley_status outbox_rewrite(struct parley_client *c, struct uuid id, struct value *body, const struct value *process);
void outbox_ask(struct parley_client *c, struct uuid id);
const struct entry *outbox_conflict(struct parley_client *c, struct uuid id);
bool outbox_has(struct parley_client *c, struct uuid id);

/* Queues it again, as it was when the app was here last. PARLEY_MALFORMED, PARLEY_NOMEM. */
parley_status outbox_restore(struct parley_client *c, const struct entry_row *row);

/* Tells the app of each that is not stored yet. */
parley_status outbox_paint(struct parley_client *c);

/* Puts the entries of a conversation into its views. */
void outbox_show(struct parley_client *c, const struct conversation *conv);

/* For rows of views. */
const char *outbox_state_name(int32_t state);
bool outbox_is_stored(const struct entry *e);
void outbox_put_item(struct buf *out, const struct entry *e);

/* Adds `outbox`: each that is not stored yet, in order, with its body. */
void outbox_put(struct parley_client *c, struct parley_event *e);

/* Sends what may be sent. */
void outbox_pump(struct parley_client *c);
void outbox_lost(struct parley_client *c);

/* Whether something is to be sent, or awaited. */
bool outbox_waits(const struct parley_client *c);

/* Whether an answer is awaited. */
bool outbox_in_flight(const struct parley_client *c);

/* The server told the id of the main conversation. */
void outbox_main_known(struct parley_client *c, struct uuid id);

/* Seen in the log, perhaps before its answer, or without one. */
parley_status outbox_stored(struct parley_client *c, struct uuid id, int64_t seq);
parley_status outbox_marked(struct parley_client *c, struct conversation *conv, const struct frame_mark *mark);

parley_status outbox_retry(struct parley_client *c, struct uuid id);
parley_status outbox_discard(struct parley_client *c, struct uuid id);

int64_t outbox_due(const struct parley_client *c);

#endif
