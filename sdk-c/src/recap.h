/* Where the customer was: from what is here, and what the server says of that which is not. Part of the client, under
 * its lock. */
#ifndef SDK_C_SRC_RECAP_H
#define SDK_C_SRC_RECAP_H

#include "protocol/frame.h"

struct parley_client;
struct parley_event;
struct conversation;

/* The server's word, as of number `head`. */
struct recap {
    bool known;
    int64_t head, read, unread, question;
    char *asked; /* JSON of the question, where it lies below what is held here; or NULL */
};

void recap_done(struct recap *r);

/* Of the thread of a welcome: processes before its items are taken, the rest after them. Tells the app. */
parley_status recap_processes(struct parley_client *c, struct conversation *conv, const struct frame_thread *t);
parley_status recap_take(struct parley_client *c, struct conversation *conv, const struct frame_thread *t);

/* What others said that the user has not read, as well as it is known. */
int64_t recap_unread(struct parley_client *c, struct conversation *conv);

/* What parley_recap hands out, as an event of that type that is not finished; a nil id is the main conversation. */
struct parley_event *recap_event(struct parley_client *c, int32_t type, struct uuid id);

#endif
