/* Everything on an agent's desk: status, sessions, offers, queues and who waits there. Read as it stands. */
#ifndef SERVER_ROUTE_DESK_H
#define SERVER_ROUTE_DESK_H

#include "protocol/frame.h"

struct directory;
struct store;

/* desk is NULL unless status is OK; borrowed for the call. */
typedef void desk_done(void *arg, parley_status status, const struct frame_desk *desk);

/* A process of a bot, as it said of itself. */
struct desk_bot {
    struct uuid bot, device;
    enum agent_status status;
    int capacity;
};

void desk_load_bot(struct store *store, const struct desk_bot *bot, desk_done *done, void *arg);

void desk_load(struct store *store, const struct directory *directory, struct uuid agent, desk_done *done, void *arg);

#endif
