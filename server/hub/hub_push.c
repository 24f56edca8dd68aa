/* Pushes that are not items: encoded once, to a conversation's followers or a person's links, on every worker. */
#include "server/hub/hub_inside.h"

#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/hub/link.h"
#include "server/hub/peers.h"
#include "server/hub/topic.h"
#include "server/io/mailbox.h"
#include "server/io/packet.h"

/* ---- to a conversation ---- */

struct packet *hub_packet(enum encoding encoding, enum frame_type type, const void *push)
{
    struct buf out;
    buf_init(&out, FRAME_OUT_MAX);
    frame_put_type(&out, encoding, type, 0, push);
    if (out.status != PARLEY_OK)
        log_error(NULL, "a push could not be encoded", LOG_STR("type", frame_type_name(type)), LOG_STATUS(out.status));
    struct packet *packet =
        packet_new(out.status == PARLEY_OK ? buf_span(&out) : span_of("", 0), encoding == ENCODING_JSON);
    buf_done(&out);
    return packet;
}

struct notice {
    struct mail mail;
    struct uuid target; /* a conversation, or a principal */
    struct uuid except;
    struct uuid about;  /* what it says the state of; nil: it is of the moment, and gives way to anything */
    struct uuid device; /* of a principal: to its links under this one; nil: to all */
    bool staff_only;
    bool relay; /* at the home worker: pass it on to the watchers */
    int from;
    struct packet *packets[2];
};

static void encode(struct notice *n, enum frame_type type, const void *push)
{
    n->packets[ENCODING_MSGPACK] = hub_packet(ENCODING_MSGPACK, type, push);
    n->packets[ENCODING_JSON] = hub_packet(ENCODING_JSON, type, push);
}

static void drop_packets(struct notice *n)
{
    packet_unref(&n->packets[ENCODING_MSGPACK]);
    packet_unref(&n->packets[ENCODING_JSON]);
}

static void notice_free(struct notice *n)
{
    drop_packets(n);
    mem_free(n);
}

static void discard_notice(struct mail *mail)
{
    notice_free(LIST_ITEM(mail, struct notice, mail));
}

static void mail_notice(struct hub *hub, int worker, const struct notice *n, void (*open)(struct mail *, void *))
{
    struct notice *copy = mem_alloc(sizeof *copy);
    *copy = *n;
    copy->mail = (struct mail){.open = open, .discard = discard_notice};
    copy->packets[ENCODING_MSGPACK] = packet_copy(n->packets[ENCODING_MSGPACK]);
    copy->packets[ENCODING_JSON] = packet_copy(n->packets[ENCODING_JSON]);
    mailbox_send(hub->peers->at[worker].box, &copy->mail);
}

static void notify(struct sub *sub, const struct notice *n)
{
    struct packet *packet = n->packets[sub->link->encoding];
    if (!sub->admitted || (n->staff_only && !sub->staff) || uuid_equal(sub->link->who->id, n->except))
        return;
    if (!uuid_is_nil(n->about))
        sub_tell(sub, n->about, packet);
    else if (!link_is_slow(sub->link))
        link_send(sub->link, packet);
}

static void notify_here(struct hub *hub, const struct notice *n)
{
    struct topic *topic = hub_topic(hub, n->target);
    if (!topic)
        return;
    LIST_EACH(&topic->subs, node)
    notify(LIST_ITEM(node, struct sub, in_topic), n);
}

static void open_notice(struct mail *mail, void *receiver);

static void relay(struct hub *hub, struct notice *n)
{
    struct watchers *w = map_get(&hub->watchers, n->target);
    n->relay = false;
    for (uint64_t left = w ? w->workers : 0; left; left &= left - 1)
        if (__builtin_ctzll(left) != n->from)
            mail_notice(hub, __builtin_ctzll(left), n, open_notice);
}

static void open_notice(struct mail *mail, void *receiver)
{
    struct notice *n = LIST_ITEM(mail, struct notice, mail);
    struct hub *hub = ((struct peer *)receiver)->hub;
    notify_here(hub, n);
    if (n->relay)
        relay(hub, n);
    notice_free(n);
}

static void spread(struct hub *hub, struct notice *n, enum frame_type type, const void *push)
{
    int home = peers_home(hub->peers, n->target);
    n->relay = true;
    n->from = hub->self;
    encode(n, type, push);
    notify_here(hub, n);
    if (home == hub->self)
        relay(hub, n);
    else
        mail_notice(hub, home, n, open_notice);
    drop_packets(n);
}

void hub_notify(struct hub *hub, struct uuid conversation, enum frame_type type, const void *push, struct uuid except,
                bool staff_only)
{
    struct notice notice = {.target = conversation, .except = except, .staff_only = staff_only};
    spread(hub, &notice, type, push);
}

void hub_notify_state(struct hub *hub, struct uuid conversation, struct uuid about, enum frame_type type,
                      const void *push)
{
    struct notice notice = {.target = conversation, .about = about};
    spread(hub, &notice, type, push);
}

/* ---- to a person ---- */

static void tell_here(struct hub *hub, const struct notice *n)
{
    struct principal_links *p = map_get(&hub->principals, n->target);
    if (!p)
        return;
    LIST_EACH(&p->links, node)
    {
        struct link *link = LIST_ITEM(node, struct link, in_principal);
        if (!uuid_is_nil(n->device) && !uuid_equal(link->who->device, n->device))
            continue;
        if (link->state == LINK_OPEN) /* before welcome it is told by the welcome */
            link_send(link, n->packets[link->encoding]);
    }
}

static void open_tell(struct mail *mail, void *receiver)
{
    struct notice *n = LIST_ITEM(mail, struct notice, mail);
    tell_here(((struct peer *)receiver)->hub, n);
    notice_free(n);
}

void hub_tell(struct hub *hub, struct uuid principal, enum frame_type type, const void *push)
{
    hub_tell_device(hub, principal, (struct uuid){0}, type, push);
}

void hub_tell_device(struct hub *hub, struct uuid principal, struct uuid device, enum frame_type type, const void *push)
{
    struct notice here = {.target = principal, .device = device};
    encode(&here, type, push);
    tell_here(hub, &here);
    for (int i = 0; i < hub->peers->count; i++)
        if (i != hub->self)
            mail_notice(hub, i, &here, open_tell);
    drop_packets(&here);
}
