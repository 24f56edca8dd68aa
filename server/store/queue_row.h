/* A queue as those who would go there see it. */
#ifndef SERVER_STORE_QUEUE_ROW_H
#define SERVER_STORE_QUEUE_ROW_H

#include "server/store/store.h"

struct queue_state {
    struct span hours, zone; /* empty: always open; UTC */
    int64_t waiting;         /* sessions that no agent has taken */
    int64_t agents;          /* online */
    int64_t free;            /* sessions that these could take now */
};

/* state is NULL unless status is PARLEY_OK, and when there is no such queue; borrowed for the call. */
typedef void queue_stated(void *arg, parley_status status, const struct queue_state *state);

parley_status queue_state(struct store *store, struct span name, queue_stated *done, void *arg);

#endif
