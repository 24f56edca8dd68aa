/* Everything on an agent's desk: status, sessions, offers, queues and who waits there. Read as it stands. */
#ifndef SERVER_ROUTE_DESK_H
#define SERVER_ROUTE_DESK_H

#include "protocol/frame.h"

struct directory;
struct store;

/* desk is NULL unless status is OK; borrowed for the call. */
typedef void desk_done(void *arg, parley_status status, const struct frame_desk *desk);

void desk_load(struct store *store, const struct directory *directory, struct uuid agent, desk_done *done, void *arg);

#endif
