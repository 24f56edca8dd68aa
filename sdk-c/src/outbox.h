/* What the user said, until it is known to be stored, and a while longer to tell how far others have come. An entry
 * keeps its id for life; per conversation they go in the order they were made, and again until they are answered. Part
 * of the client, under its lock. `save` and `forget` in outbox.c are where a store on disk will listen. */
#ifndef SDK_C_SRC_OUTBOX_H
#define SDK_C_SRC_OUTBOX_H

#include "protocol/frame.h"

struct parley_client;
struct conversation;
struct entry;

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
};

void outbox_init(struct outbox *box);
void outbox_done(struct outbox *box);

/* Queues it under a new id. PARLEY_LIMIT, PARLEY_NOMEM. */
parley_status outbox_add(struct parley_client *c, const struct draft *draft, struct uuid *out_id);

/* Sends what may be sent. */
void outbox_pump(struct parley_client *c);
void outbox_lost(struct parley_client *c);

/* The server told the id of the main conversation. */
void outbox_main_known(struct parley_client *c, struct uuid id);

/* Seen in the log, perhaps before its answer, or without one. */
parley_status outbox_stored(struct parley_client *c, struct uuid id, int64_t seq);
parley_status outbox_marked(struct parley_client *c, struct conversation *conv, const struct frame_mark *mark);

parley_status outbox_retry(struct parley_client *c, struct uuid id);
parley_status outbox_discard(struct parley_client *c, struct uuid id);

int64_t outbox_due(const struct parley_client *c);

#endif
