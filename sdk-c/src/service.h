/* Who serves a conversation just now. The server says it whole when a conversation is opened, and when place or
 * estimate change; every other change is an item, and read from it. Under the client's lock. */
#ifndef SDK_C_SRC_SERVICE_H
#define SDK_C_SRC_SERVICE_H

#include "protocol/frame.h"

struct parley_client;
struct conversation;

struct service {
    bool open;                /* whether there is a session */
    struct frame_service now; /* its texts stand below */
    char queue[LIMIT_NAME + 1];
    char agent_name[LIMIT_TITLE + 1];
};

/* Takes it over without a word; and the SERVICE event. */
void service_keep(struct conversation *conv, const struct frame_service *s);
parley_status service_tell(struct parley_client *c, const struct conversation *conv);

/* As the server says it; s NULL: no session is open. Tells the app. */
parley_status service_set(struct parley_client *c, struct conversation *conv, const struct frame_service *s);

/* A new item, which may move it. Tells the app if it did. */
parley_status service_follow(struct parley_client *c, struct conversation *conv, const struct frame_item *item);

#endif
