/* The links of this worker that follow one conversation.
 * Made by the hub at the first subscription, freed after the last. One worker's thread only. */
#ifndef SERVER_HUB_TOPIC_H
#define SERVER_HUB_TOPIC_H

#include "protocol/status.h"
#include "protocol/uuid.h"
#include "server/base/list.h"

struct bulletin;
struct hub;
struct link;
struct packet;

struct topic {
    struct uuid conversation;
    struct hub *hub;
    struct list subs;
    bool ready;          /* the home worker sends us what happens */
    struct list waiting; /* hub_follow calls until then */
};

/* One link on one topic. */
struct sub {
    struct list in_topic;
    struct list in_link;
    struct topic *topic;
    struct link *link;
    int64_t sent;            /* the last number that was queued for the link */
    int64_t head;            /* the last number that the link may see */
    int64_t read, delivered; /* the marks that its owner is known to have */
    bool staff;
    bool admitted;    /* the link may see the conversation; before that it hears nothing and says nothing */
    bool loading;     /* a range is on its way: what comes meanwhile is held */
    bool lagging;     /* what came was dropped: the head follows once the queue has emptied */
    struct list held; /* struct held_bulletin */
    unsigned held_count;
    struct list owed; /* struct owed: how things stand that the link had no room to be told of */
    unsigned owed_count;
};

enum { SUB_HELD_MAX = 64, SUB_OWED_MAX = 8 };

/* Its subscription of this conversation, or NULL. */
struct sub *sub_find(struct link *link, struct uuid conversation);

/* Subscribes, in state loading. PARLEY_LIMIT when the link has all the topics it may have; then nothing changed.
 * Undone by sub_end or by the link's end. */
parley_status sub_begin(struct topic *topic, struct link *link, struct sub **out);

/* Its subscription of a conversation that it may see, or NULL: one that has only been asked for counts as none. */
struct sub *sub_admitted(struct link *link, struct uuid conversation);

/* The range up to `sent` has been queued; what was held and is newer follows now. */
void sub_loaded(struct sub *sub, int64_t sent, int64_t head);

void sub_end(struct sub *sub);

/* Gives one bulletin to one reader, or remembers that it is owed. */
void sub_deliver(struct sub *sub, struct bulletin *bulletin);

/* Gives a push that says how something stands, or keeps the newest of each `about` until the link has room. */
void sub_tell(struct sub *sub, struct uuid about, struct packet *packet);

/* There is more than this link was sent, and nobody brings it: it is told the head. */
void sub_behind(struct sub *sub, int64_t head);

/* Tells the link how things stand, and the head of everything it lags behind on: after its queue has emptied. */
void link_catch_up(struct link *link);

/* Tells the link all its heads: the beacon by which a lost last packet is noticed. */
void link_beacon(struct link *link);

#endif
