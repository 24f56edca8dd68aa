/* parley desk from the inside: what is kept between what arrives (desk.c) and what is typed (desk_line.c). Single
 * thread.
 */
#ifndef SERVER_CLI_DESK_H
#define SERVER_CLI_DESK_H

#include "server/cli/view.h"

enum { DESK_OFFERS = 16, DESK_MATTERS = 64, DESK_OLDER = 20 };

/* A session held out to us. */
struct desk_offer {
    char offer[37], conversation[37], name[VIEW_NAME], queue[65];
    int64_t until; /* on our clock; 0: free */
};

/* A conversation we have to do with. */
struct desk_matter {
    char conversation[37], name[VIEW_NAME], state[16];
    int64_t head;
    bool followed;
    uint32_t unread;
};

struct desk {
    parley_client *client;
    struct term *term;
    struct view view;
    bool quit, greeted, been_online, told_why;
    int code;
    int32_t state;
    int64_t retry_at;
    char status[16];
    int64_t load, capacity, waiting;
    struct desk_offer offers[DESK_OFFERS];
    struct desk_matter matters[DESK_MATTERS];
    uint32_t matter_count;
    struct desk_matter *open; /* whom we write to; NULL: nobody */
    uint64_t accept_call, inbox_call, quiet_call, older_call, process_call, context_call, again_call;
};

/* The conversation, kept from now on; the name may be NULL or "". */
struct desk_matter *desk_keep(struct desk *d, const char *conversation, const char *name);

/* A line as it was typed; it may be changed. */
void desk_line(struct desk *d, char *line);

#endif
