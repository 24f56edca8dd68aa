/* Changes of processes as the app makes them: shown at once, kept in the outbox, sent on whatever the process has
 * become meanwhile, and put before the app where two have changed the same. An edit is an entry of the outbox whose
 * body says what is changed, and what stood there when it was made. Part of the client, under its lock. */
#ifndef SDK_C_SRC_EDIT_H
#define SDK_C_SRC_EDIT_H

#include "protocol/frame.h"
#include "sdk-c/src/request.h"

struct parley_client;
struct parley_event;
struct conversation;
struct entry;

enum { EDIT_TRIES = 20, EDIT_ARENA_MAX = 8 << 20 };

/* What is to become of a process. Empty spans and NULL: as it is. */
struct edit {
    struct uuid conversation; /* nil: the main one */
    struct uuid process;
    struct span type, title; /* of one that begins */
    struct span step, state;
    const struct value *data;
};

/* Shown, on disk, and sent when it can be. The process of one that begins has the entry's id. PARLEY_NOT_FOUND: the
 * process is not known here. */
parley_status edit_begin(struct parley_client *c, const struct edit *edit, struct uuid *out_process);
parley_status edit_change(struct parley_client *c, const struct edit *edit, struct uuid *out_id);

/* The app's answer to a conflict: what is changed now stands on what it was told; all empty: as it was. */
parley_status edit_merge(struct parley_client *c, struct uuid id, const struct edit *edit);

/* Which process it is of; read once, when the entry is made. */
struct uuid edit_process(const struct entry *e);

/* Whether it is its turn, what is known allows it, and nobody is to be asked before. */
bool edit_may_go(struct parley_client *c, struct conversation *conv, struct entry *e);
parley_status edit_send(struct parley_client *c, struct conversation *conv, const struct entry *e, request_done *done,
                        struct request **out);

/* Refused because the process has moved on: looks, and goes again. True when that is what it was. */
bool edit_stale(struct parley_client *c, struct entry *e, const struct frame_error *error);

/* How the process looks with all that waits: the PROCESS event. */
parley_status edit_tell(struct parley_client *c, struct conversation *conv, struct uuid process);

/* The same as JSON, over what the server said; and those that have not begun yet. *out_pending: how many wait. */
parley_status edit_overlay(struct parley_client *c, const struct conversation *conv, struct uuid process,
                           struct span known, struct buf *out, int64_t *out_pending);
void edit_put_begun(struct parley_client *c, const struct conversation *conv, struct buf *list);

#endif
