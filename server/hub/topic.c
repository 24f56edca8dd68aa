/* Delivery of one conversation to the links of this worker, in order and without holding anyone back. */
#include "server/hub/topic.h"

#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/hub/bulletin.h"
#include "server/hub/hub.h"
#include "server/hub/link.h"
#include "server/io/packet.h"

struct held_bulletin {
    struct list node;
    struct bulletin *bulletin;
};

struct owed {
    struct list node;
    struct uuid about;
    struct packet *packet;
};

struct sub *sub_find(struct link *link, struct uuid conversation)
{
    LIST_EACH(&link->subs, node)
    {
        struct sub *sub = LIST_ITEM(node, struct sub, in_link);
        if (uuid_equal(sub->topic->conversation, conversation))
            return sub;
    }
    return NULL;
}

struct sub *sub_admitted(struct link *link, struct uuid conversation)
{
    struct sub *sub = sub_find(link, conversation);
    return sub && sub->admitted ? sub : NULL;
}

parley_status sub_begin(struct topic *topic, struct link *link, struct sub **out)
{
    struct sub *sub = sub_find(link, topic->conversation);
    if (!sub && link->topics >= LIMIT_TOPICS)
        return PARLEY_LIMIT;
    if (!sub) {
        sub = mem_alloc(sizeof *sub);
        sub->topic = topic;
        sub->link = link;
        sub->staff = link_is_staff(link);
        list_init(&sub->held);
        list_init(&sub->owed);
        list_push(&topic->subs, &sub->in_topic);
        list_push(&link->subs, &sub->in_link);
        link->topics++;
    }
    sub->loading = true;
    *out = sub;
    return PARLEY_OK;
}

static void hold(struct sub *sub, struct bulletin *bulletin)
{
    if (sub->held_count == SUB_HELD_MAX) {
        sub->lagging = true;
        return;
    }
    struct held_bulletin *held = mem_alloc(sizeof *held);
    held->bulletin = bulletin_ref(bulletin);
    list_push(&sub->held, &held->node);
    sub->held_count++;
}

static void drop_held(struct sub *sub, struct held_bulletin *held)
{
    list_remove(&held->node);
    bulletin_unref(&held->bulletin);
    mem_free(held);
    sub->held_count--;
}

/* ---- how things stand ---- */

static void drop_owed(struct sub *sub, struct owed *owed)
{
    list_remove(&owed->node);
    packet_unref(&owed->packet);
    mem_free(owed);
    sub->owed_count--;
}

static void owe(struct sub *sub, struct uuid about, struct packet *packet)
{
    struct owed *owed = mem_alloc(sizeof *owed);
    *owed = (struct owed){.about = about, .packet = packet_ref(packet)};
    list_push(&sub->owed, &owed->node);
    sub->owed_count++;
    link_await_drain(sub->link);
}

static void pay(struct sub *sub)
{
    LIST_EACH(&sub->owed, node)
    {
        struct owed *owed = LIST_ITEM(node, struct owed, node);
        link_send(sub->link, owed->packet);
        drop_owed(sub, owed);
    }
}

void sub_tell(struct sub *sub, struct uuid about, struct packet *packet)
{
    LIST_EACH(&sub->owed, node)
    {
        struct owed *owed = LIST_ITEM(node, struct owed, node);
        if (uuid_equal(owed->about, about))
            drop_owed(sub, owed);
    }
    if (link_is_slow(sub->link) && sub->owed_count < SUB_OWED_MAX)
        owe(sub, about, packet);
    else
        link_send(sub->link, packet); /* beyond what is kept it is the link's limit that ends it, never silence */
}

/* ---- what is stored ---- */

static void tell_head(struct sub *sub)
{
    struct frame_cursor cursor = {.conversation = sub->topic->conversation, .seq = sub->head};
    struct frame_push_head push = {.heads = &cursor, .heads_count = 1};
    link_push(sub->link, FRAME_push_head, &push);
    sub->lagging = false;
}

void sub_loaded(struct sub *sub, int64_t sent, int64_t head)
{
    bool overflown = sub->lagging;
    sub->admitted = true;
    sub->loading = false;
    sub->lagging = false;
    if (sent > sub->sent)
        sub->sent = sent;
    if (head > sub->head)
        sub->head = head;
    LIST_EACH(&sub->held, node)
    {
        struct held_bulletin *held = LIST_ITEM(node, struct held_bulletin, node);
        sub_deliver(sub, held->bulletin);
        drop_held(sub, held);
    }
    if (overflown)
        tell_head(sub);
}

void sub_end(struct sub *sub)
{
    LIST_EACH(&sub->held, node)
    drop_held(sub, LIST_ITEM(node, struct held_bulletin, node));
    LIST_EACH(&sub->owed, node)
    drop_owed(sub, LIST_ITEM(node, struct owed, node));
    list_remove(&sub->in_topic);
    list_remove(&sub->in_link);
    sub->link->topics--;
    hub_topic_idle(sub->topic->hub, sub->topic);
    mem_free(sub);
}

/* Another process wrote before it what was never shown from here. */
static bool leaves_a_gap(const struct sub *sub, const struct log_row *row)
{
    return (sub->staff ? row->seq - 1 : row->prev) > sub->sent;
}

void sub_deliver(struct sub *sub, struct bulletin *bulletin)
{
    enum reader reader;
    if (bulletin->row.seq <= sub->sent || !bulletin_reader(bulletin, sub->link, sub->staff, &reader))
        return;
    if (bulletin->row.seq > sub->head)
        sub->head = bulletin->row.seq;
    if (sub->loading) {
        hold(sub, bulletin);
        return;
    }
    if (link_is_slow(sub->link) && !sub->lagging) {
        sub->lagging = true;
        link_await_drain(sub->link);
        metric_add(METRIC_slow_reader_heads_total, 1);
    }
    if (sub->lagging)
        return;
    pay(sub); /* what is stored later may end what is owed */
    if (leaves_a_gap(sub, &bulletin->row))
        tell_head(sub);
    sub->sent = bulletin->row.seq;
    link_send(sub->link, bulletin_packet(bulletin, reader, sub->link->encoding));
}

void sub_behind(struct sub *sub, int64_t head)
{
    if (sub->loading || head <= sub->head)
        return;
    sub->head = head;
    tell_head(sub);
}

void link_catch_up(struct link *link)
{
    LIST_EACH(&link->subs, node)
    {
        struct sub *sub = LIST_ITEM(node, struct sub, in_link);
        pay(sub);
        if (sub->lagging && !sub->loading)
            tell_head(sub);
    }
}

void link_beacon(struct link *link)
{
    struct frame_cursor heads[LIMIT_TOPICS];
    struct frame_push_head push = {.heads = heads};
    LIST_EACH(&link->subs, node)
    {
        struct sub *sub = LIST_ITEM(node, struct sub, in_link);
        if (!sub->admitted)
            continue;
        heads[push.heads_count++] = (struct frame_cursor){.conversation = sub->topic->conversation, .seq = sub->head};
    }
    if (push.heads_count && !link_is_slow(link))
        link_push(link, FRAME_push_head, &push);
    link_ping(link); /* in the same write: a phone wakes once */
}
