/* Who answers next. Queues hold sessions by priority and age; the longest-idle agent with free capacity gets an offer.
 * The router proposes, Postgres decides: each offer and each accept is a transition of the conversation.
 *
 * Every worker has one to speak to; the matching is done by the first worker of the process, which the others tell what
 * they see. Another process has a router of its own, for the agents that are connected there. */
#ifndef SERVER_ROUTE_ROUTE_H
#define SERVER_ROUTE_ROUTE_H

#include "protocol/frame.h"
#include "server/base/conf.h"
#include "server/store/session_row.h"

struct directory;
struct hub;
struct loop;
struct peers;
struct store;
struct talk;
struct route;

struct route *route_new(const struct conf *conf, struct loop *loop, struct store *store, struct hub *hub,
                        struct talk *talk, struct directory *directory, const struct peers *peers, int self,
                        struct uuid node);
void route_free(struct route **route);

/* The directory of this worker was read anew. */
void route_refresh(struct route *route);

/* Place and, where enough is known, estimated wait of a waiting session. */
void route_place(const struct directory *directory, const struct session_row *session,
                 const struct session_place *place, struct frame_service *out);

/* An agent was welcomed on a new link: what is held out to them is told again, for it may have been told to a link that
 * was going. Any worker. */
void route_arrived(struct route *route, struct uuid agent);

/* A process of a bot on a link. */
struct route_seat {
    struct uuid bot, device;
    const void *link; /* tells one from another; never followed */
    bool here;        /* false: the link has gone */
    enum agent_status status;
    int capacity;
    struct uuid declined; /* an offer that it does not want; nil: this is not about one */
};

/* The router hears of it. Any worker. */
void route_bot(struct route *route, const struct route_seat *seat);

/* An agent says of themselves. Writes it, then tells the router; done(arg, status) then. Any worker. */
typedef void route_done(void *arg, parley_status status);
void route_set_status(struct route *route, struct uuid agent, enum agent_status status, route_done *done, void *arg);

#endif
