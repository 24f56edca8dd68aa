/* What other processes did: once a second this worker reads the heads of the conversations that are followed here,
 * while other processes share the database, and the revisions of the people who are connected. So a packet that no bus
 * brought, and access that was withdrawn, are noticed within two seconds. One a worker. */
#ifndef SERVER_HUB_BEACON_H
#define SERVER_HUB_BEACON_H

#include "protocol/uuid.h"

#include <stddef.h>

struct beacon;
struct hub;
struct loop;
struct store;

/* A conversation has items above what was shown here. True: somebody will show them; else its links are told the head.
 */
typedef bool beacon_behind(void *arg, struct uuid conversation, int64_t head);

/* Somebody else's process has gone; comes once for each, to one process. */
typedef void beacon_buried(void *arg, struct uuid node);

struct beacon_calls {
    beacon_behind *behind;
    beacon_buried *buried;
    void *arg;
};

/* `first`: the worker that keeps this process's row alive. */
struct beacon *beacon_new(struct loop *loop, struct store *store, struct hub *hub, struct uuid node, bool first,
                          const struct beacon_calls *calls);
void beacon_stop(struct beacon *beacon);
void beacon_free(struct beacon **beacon);

/* How many of so many are asked for at one beat. */
size_t beacon_share(size_t watched);

#endif
