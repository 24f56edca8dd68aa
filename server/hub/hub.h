/* Who is connected to this worker, who wants what, and how it gets there, from this worker's conversations and others'.
 * One a worker, made by main before the threads start. */
#ifndef SERVER_HUB_HUB_H
#define SERVER_HUB_HUB_H

#include "protocol/frame.h"
#include "server/base/list.h"
#include "server/base/map.h"

struct link;
struct principal;
struct log_row;
struct loop;
struct packet;
struct peers;
struct store;
struct topic;

/* A principal's first link came to this worker, or the last one went. */
typedef void hub_presence(void *arg, struct uuid principal, enum role role, bool here);

/* By what staff reach a conversation: whose its session is, whom it is offered to, the queue; the process of the bot.
 */
struct hub_reach {
    struct uuid conversation, agent, offered, bot, holder;
    char queue[LIMIT_NAME + 1];
};

/* Whether this member of staff may go on hearing it. */
typedef bool hub_reaches(void *arg, const struct principal *who, const struct hub_reach *reach);

struct hub {
    struct loop *loop;
    const struct peers *peers;
    int self;
    struct map topics;     /* struct topic by conversation */
    struct map watchers;   /* at the home worker: struct watchers, which workers want a conversation */
    struct map principals; /* struct principal_links by id */
    struct list links;
    struct buf scratch;   /* of whoever encodes just now */
    float rate_factor;    /* times the usual rates */
    struct map spenders;  /* struct spender by person, while they have spent anything that is not back yet */
    size_t spenders_most; /* then those who have everything back are forgotten */
    hub_presence *on_presence;
    void *presence_arg;
    hub_reaches *reaches; /* NULL: everybody */
    void *reaches_arg;
    unsigned link_count;
};

struct hub *hub_new(struct loop *loop, const struct peers *peers, int self);
void hub_free(struct hub **hub);

/* ---- following a conversation ---- */

/* done(arg, topic) comes when everything that is stored from then on reaches this worker: at once, or after the home
 * worker has said so. The topic stays as long as somebody subscribes; subscribe in the callback. */
typedef void hub_followed(void *arg, struct topic *topic);
void hub_follow(struct hub *hub, struct uuid conversation, hub_followed *done, void *arg);

/* The topic if somebody here follows it. */
struct topic *hub_topic(const struct hub *hub, struct uuid conversation);

/* Frees the topic when nobody follows it or waits to. */
void hub_topic_idle(struct hub *hub, struct topic *topic);

/* ---- what happens ---- */

/* At the home worker, after the commit: to everyone who follows, on every worker. */
void hub_publish(struct hub *hub, const struct log_row *row);

/* The least number that was sent to anyone who follows here; `otherwise` when nobody does. */
int64_t hub_sent(const struct hub *hub, struct uuid conversation, int64_t otherwise);

/* A push that is not an item, from any worker, to everyone who follows but `except` (nil: nobody). staff_only keeps it
 * from customers. Of the moment: a link that has no room for it does not get it. */
void hub_notify(struct hub *hub, struct uuid conversation, enum frame_type type, const void *push, struct uuid except,
                bool staff_only);

/* The same to everyone, of how something stands: a link without room gets the newest of each `about` once it has. */
void hub_notify_state(struct hub *hub, struct uuid conversation, struct uuid about, enum frame_type type,
                      const void *push);

/* A push to every link of one person, on every worker. */
void hub_tell(struct hub *hub, struct uuid principal, enum frame_type type, const void *push);

/* The same to the links that a program has under this device. */
void hub_tell_device(struct hub *hub, struct uuid principal, struct uuid device, enum frame_type type,
                     const void *push);

/* ---- who is here ---- */

/* Earlier links of the same device, on any worker, are closed. PARLEY_REPLACED: this one is not the latest.
 * PARLEY_LIMIT: the principal has all the links it may have. */
parley_status hub_admit(struct hub *hub, struct link *link);

/* Harmless for a link that was not admitted. */
void hub_leave(struct hub *hub, struct link *link);

/* Ends this principal's links on this worker whose revision is older. */
void hub_revoke(struct hub *hub, struct uuid principal, int64_t revision);

/* Ends all links of this principal, on every worker. */
void hub_sign_out(struct hub *hub, struct uuid principal);

/* Ends the links on this worker whose principal may not be here any more; text NULL: the status's own. */
void hub_close_unless(struct hub *hub, bool (*may)(void *arg, const struct principal *who), void *arg,
                      parley_status why, const char *text);

/* Tells everyone when to come back, spread over spread_ms. */
void hub_drain(struct hub *hub, int64_t spread_ms);

/* Ends every link on this worker, each after what is queued for it. */
void hub_close_links(struct hub *hub, parley_status why);

/* Who reaches a conversation has changed: the subscriptions of staff who do not any more end, on every worker. */
void hub_part(struct hub *hub, const struct hub_reach *reach);

/* Upward: who may hear what, and who is here. */
void hub_on_reach(struct hub *hub, hub_reaches *fn, void *arg);
void hub_on_presence(struct hub *hub, hub_presence *fn, void *arg);

/* A push in one encoding; the caller has the reference. */
struct packet *hub_packet(enum encoding encoding, enum frame_type type, const void *push);

#endif
