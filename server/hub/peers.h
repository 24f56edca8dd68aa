/* The workers of this process as they know each other: where to send a mail, and what it is for when it arrives.
 * Filled by main before the threads start, const afterwards but for `ready`; what a peer owns is touched on its own
 * thread only. */
#ifndef SERVER_HUB_PEERS_H
#define SERVER_HUB_PEERS_H

#include "protocol/uuid.h"

#include <stdatomic.h>

enum { PEERS_MAX = 64 };

struct mailbox;

struct peer {
    struct mailbox *box;
    struct hub *hub;
    struct talk *talk;
    struct route *route;
    atomic_bool ready; /* it has read what an administrator set up; any thread may look */
};

struct peers {
    int count;
    struct peer at[PEERS_MAX];
};

/* Whether every worker is. Before that nobody is let in: what is said to a worker that is goes to others that are not,
 * and of two posts the second could be the first to be stored. */
static inline bool peers_ready(const struct peers *peers)
{
    for (int i = 0; i < peers->count; i++)
        if (!atomic_load(&peers->at[i].ready))
            return false;
    return true;
}

/* The one worker of this process that writes to a conversation. */
static inline int peers_home(const struct peers *peers, struct uuid conversation)
{
    return peers->count == 1 ? 0 : (int)(uuid_hash(conversation) % (unsigned)peers->count);
}

#endif
