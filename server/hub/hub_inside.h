/* What the parts of the hub share: topics and items (hub.c), pushes (hub_push.c), people (hub_people.c). */
#ifndef SERVER_HUB_HUB_INSIDE_H
#define SERVER_HUB_HUB_INSIDE_H

#include "server/hub/hub.h"

enum { FRAME_OUT_MAX = 1 << 20 };

/* A bit for each worker that wants a conversation of which this worker is the home. */
struct watchers {
    uint64_t workers;
};

/* The links of one person on this worker. */
struct principal_links {
    struct list links;
    unsigned count;
};

#endif
