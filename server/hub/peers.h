/* The workers of this process as they know each other: where to send a mail, and what it is for when it arrives.
 * Filled by main before the threads start, const afterwards; what a peer owns is touched on its own thread only. */
#ifndef SERVER_HUB_PEERS_H
#define SERVER_HUB_PEERS_H

#include "protocol/uuid.h"

enum { PEERS_MAX = 64 };

struct mailbox;

struct peer {
    struct mailbox *box;
    struct hub *hub;
    struct talk *talk;
    struct route *route;
};

struct peers {
    int count;
    struct peer at[PEERS_MAX];
};

/* The one worker of this process that writes to a conversation. */
static inline int peers_home(const struct peers *peers, struct uuid conversation)
{
    return peers->count == 1 ? 0 : (int)(uuid_hash(conversation) % (unsigned)peers->count);
}

#endif
