/* The conversations and what arrives in them: each item is told once, newer ones in order; what is missing is known by
 * its numbers and fetched, newest first. Part of the client, under its lock. Functions that take what the server sent
 * return PARLEY_NOMEM or PARLEY_SLOW when it could not be told to the app; then nothing of it counts, and the
 * connection is given up: the next one brings it again. */
#ifndef SDK_C_SRC_INBOX_H
#define SDK_C_SRC_INBOX_H

#include "sdk-c/src/conversation.h"
#include "sdk-c/src/request.h"

struct inbox {
    struct conversation *first;
    struct conversation *main; /* NULL before it is used */
    size_t count;
};

enum { CONVERSATIONS_MAX = 4096, FETCHES_MAX = 3 };

void inbox_done(struct inbox *in);

/* NULL when it is not known. */
struct conversation *inbox_find(struct inbox *in, struct uuid id);

/* Made if there is none; a nil id is the main one. NULL without memory or room. */
struct conversation *inbox_open(struct inbox *in, struct uuid id);

/* Cursors for hello, the main conversation's first; how many of at most LIMIT_HAVE. */
size_t inbox_have(struct inbox *in, struct frame_cursor *out);

void inbox_lost(struct inbox *in);
parley_status inbox_welcome(struct parley_client *c, const struct frame_welcome *w);

/* Another conversation is the main one from now on: a guest has become a customer. */
parley_status inbox_main(struct parley_client *c, struct uuid id);

parley_status inbox_item(struct parley_client *c, const struct frame_push_item *push);
parley_status inbox_heads(struct parley_client *c, const struct frame_push_head *push);
parley_status inbox_service(struct parley_client *c, const struct frame_push_service *push);

/* One item, wherever it came from; and those of a thread. And its JSON, as events show it. */
void item_json(const struct frame_item *item, struct buf *out);
parley_status inbox_take(struct parley_client *c, struct conversation *conv, const struct frame_item *item);
parley_status inbox_page(struct parley_client *c, struct conversation *conv, const struct frame_thread *t);

/* As it was when the app was here last; nothing is told. NULL without memory. */
struct conversation *inbox_restore(struct parley_client *c, const struct frame_thread *t);

/* The CONVERSATION and PERSON events. */
parley_status inbox_tell(struct parley_client *c, const struct conversation *conv);
parley_status inbox_tell_person(struct parley_client *c, const struct conversation *conv, const struct frame_person *p);

/* Asks for what is missing, if anything is. */
parley_status inbox_fill(struct parley_client *c, struct conversation *conv);

/* A question whose answer shows that the server lives, and its heads. */
parley_status inbox_probe(struct parley_client *c, request_done *done, struct request **out);
parley_status inbox_probed(struct parley_client *c, const struct request *r, const struct answer *answer);

/* Calls whose answer is a thread: subscribe, conversation.open, offer.accept. */
parley_status inbox_follow(struct parley_client *c, enum frame_type type, const void *content, uint64_t *out_call);

#endif
