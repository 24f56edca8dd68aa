/* Topics of this worker, the watchers of its conversations on other workers, and the people behind the links. */
#include "server/hub/hub.h"

#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/hub/bulletin.h"
#include "server/hub/link.h"
#include "server/hub/peers.h"
#include "server/hub/topic.h"
#include "server/io/mailbox.h"
#include "server/io/packet.h"

enum { FRAME_OUT_MAX = 1 << 20 };

struct hub *hub_new(struct loop *loop, const struct peers *peers, int self)
{
    struct hub *hub = mem_alloc(sizeof *hub);
    hub->loop = loop;
    hub->peers = peers;
    hub->self = self;
    hub->rate_factor = 1;
    list_init(&hub->links);
    buf_init(&hub->scratch, FRAME_OUT_MAX);
    return hub;
}

static void free_values(struct map *map)
{
    void *value;
    for (size_t i = 0; (value = map_next(map, &i));)
        mem_free(value);
    map_done(map);
}

void hub_free(struct hub **hub)
{
    if (!*hub)
        return;
    free_values(&(*hub)->topics);
    free_values(&(*hub)->watchers);
    free_values(&(*hub)->principals);
    buf_done(&(*hub)->scratch);
    mem_free(*hub);
    *hub = NULL;
}

/* ---- following: a topic here, a bit at the home worker ---- */

struct watchers {
    uint64_t workers;
};

struct follow {
    struct mail mail;
    struct uuid conversation;
    int worker;
    bool on;
};

struct waiting {
    struct list node;
    hub_followed *done;
    void *arg;
};

static void watch(struct hub *hub, struct uuid conversation, int worker, bool on)
{
    struct watchers *w = map_get(&hub->watchers, conversation);
    if (!w && on)
        map_put(&hub->watchers, conversation, w = mem_alloc(sizeof *w));
    if (!w)
        return;
    w->workers = on ? w->workers | 1ull << worker : w->workers & ~(1ull << worker);
    if (!w->workers)
        mem_free(map_remove(&hub->watchers, conversation));
}

static void topic_ready(struct topic *topic)
{
    struct list waiting;
    topic->ready = true;
    list_init(&waiting);
    list_move_all(&waiting, &topic->waiting);
    LIST_EACH(&waiting, node)
    {
        struct waiting *w = LIST_ITEM(node, struct waiting, node);
        list_remove(&w->node);
        w->done(w->arg, topic);
        mem_free(w);
    }
    hub_topic_idle(topic->hub, topic);
}

static void open_confirmation(struct mail *mail, void *receiver)
{
    struct follow *f = LIST_ITEM(mail, struct follow, mail);
    struct peer *self = receiver;
    struct topic *topic = hub_topic(self->hub, f->conversation);
    if (topic && !topic->ready)
        topic_ready(topic);
    mem_free(f);
}

static void open_follow(struct mail *mail, void *receiver)
{
    struct follow *f = LIST_ITEM(mail, struct follow, mail);
    struct peer *self = receiver;
    watch(self->hub, f->conversation, f->worker, f->on);
    if (!f->on) {
        mem_free(f);
        return;
    }
    f->mail = (struct mail){.open = open_confirmation};
    mailbox_send(self->hub->peers->at[f->worker].box, &f->mail);
}

static void ask_home(struct hub *hub, struct uuid conversation, bool on)
{
    struct follow *f = mem_alloc(sizeof *f);
    *f = (struct follow){.mail.open = open_follow, .conversation = conversation, .worker = hub->self, .on = on};
    mailbox_send(hub->peers->at[peers_home(hub->peers, conversation)].box, &f->mail);
}

static struct topic *topic_new(struct hub *hub, struct uuid conversation)
{
    struct topic *topic = mem_alloc(sizeof *topic);
    topic->conversation = conversation;
    topic->hub = hub;
    list_init(&topic->subs);
    list_init(&topic->waiting);
    map_put(&hub->topics, conversation, topic);
    topic->ready = peers_home(hub->peers, conversation) == hub->self;
    if (!topic->ready)
        ask_home(hub, conversation, true);
    return topic;
}

void hub_follow(struct hub *hub, struct uuid conversation, hub_followed *done, void *arg)
{
    struct topic *topic = hub_topic(hub, conversation);
    if (!topic)
        topic = topic_new(hub, conversation);
    if (topic->ready) {
        done(arg, topic);
        hub_topic_idle(hub, topic);
        return;
    }
    struct waiting *w = mem_alloc(sizeof *w);
    *w = (struct waiting){.done = done, .arg = arg};
    list_push(&topic->waiting, &w->node);
}

struct topic *hub_topic(const struct hub *hub, struct uuid conversation)
{
    return map_get(&hub->topics, conversation);
}

void hub_topic_idle(struct hub *hub, struct topic *topic)
{
    if (!list_empty(&topic->subs) || !list_empty(&topic->waiting))
        return;
    if (peers_home(hub->peers, topic->conversation) != hub->self)
        ask_home(hub, topic->conversation, false);
    mem_free(map_remove(&hub->topics, topic->conversation));
}

/* ---- what happens ---- */

static void deliver(struct hub *hub, const struct log_row *row)
{
    struct topic *topic = hub_topic(hub, row->conversation);
    if (!topic)
        return;
    struct bulletin *bulletin = bulletin_new(row);
    LIST_EACH(&topic->subs, node)
    sub_deliver(LIST_ITEM(node, struct sub, in_topic), bulletin);
    bulletin_unref(&bulletin);
}

struct item_mail {
    struct mail mail;
    struct log_row row;
    char body[];
};

static void open_item(struct mail *mail, void *receiver)
{
    struct item_mail *m = LIST_ITEM(mail, struct item_mail, mail);
    deliver(((struct peer *)receiver)->hub, &m->row);
    mem_free(m);
}

static void mail_item(const struct peers *peers, int worker, const struct log_row *row)
{
    struct item_mail *m = mem_alloc(sizeof *m + row->body.len);
    m->mail.open = open_item;
    m->row = *row;
    memcpy(m->body, row->body.ptr, row->body.len);
    m->row.body.ptr = m->body;
    mailbox_send(peers->at[worker].box, &m->mail);
}

void hub_publish(struct hub *hub, const struct log_row *row)
{
    deliver(hub, row);
    struct watchers *w = map_get(&hub->watchers, row->conversation);
    for (uint64_t left = w ? w->workers : 0; left; left &= left - 1)
        mail_item(hub->peers, __builtin_ctzll(left), row);
}

int64_t hub_sent(const struct hub *hub, struct uuid conversation, int64_t otherwise)
{
    struct topic *topic = hub_topic(hub, conversation);
    int64_t least = otherwise;
    if (!topic)
        return otherwise;
    LIST_EACH (&topic->subs, node) {
        struct sub *sub = LIST_ITEM(node, struct sub, in_topic);
        if (!sub->lagging && sub->sent < least)
            least = sub->sent;
    }
    return least;
}

/* ---- pushes that are not items ---- */

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
    bool staff_only;
    bool relay; /* at the home worker: pass it on to the watchers */
    int from;
    struct packet *packets[2];
};

static struct notice *notice_new(struct uuid target, struct packet *const packets[2],
                                 void (*open)(struct mail *, void *))
{
    struct notice *n = mem_alloc(sizeof *n);
    n->target = target;
    n->packets[0] = packet_copy(packets[0]);
    n->packets[1] = packet_copy(packets[1]);
    n->mail.open = open;
    return n;
}

static void notice_free(struct notice *n)
{
    packet_unref(&n->packets[0]);
    packet_unref(&n->packets[1]);
    mem_free(n);
}

static void discard_notice(struct mail *mail)
{
    notice_free(LIST_ITEM(mail, struct notice, mail));
}

static void notify_here(struct hub *hub, const struct notice *n)
{
    struct topic *topic = hub_topic(hub, n->target);
    if (!topic)
        return;
    LIST_EACH(&topic->subs, node)
    {
        struct sub *sub = LIST_ITEM(node, struct sub, in_topic);
        if (link_is_slow(sub->link) || (n->staff_only && !sub->staff) || uuid_equal(sub->link->who->id, n->except))
            continue;
        link_send(sub->link, n->packets[sub->link->encoding]);
    }
}

static void open_notice(struct mail *mail, void *receiver);

static void relay(struct hub *hub, const struct notice *n)
{
    struct watchers *w = map_get(&hub->watchers, n->target);
    for (uint64_t left = w ? w->workers : 0; left; left &= left - 1) {
        int worker = __builtin_ctzll(left);
        if (worker == n->from)
            continue;
        struct notice *copy = notice_new(n->target, n->packets, open_notice);
        copy->mail.discard = discard_notice;
        copy->except = n->except;
        copy->staff_only = n->staff_only;
        mailbox_send(hub->peers->at[worker].box, &copy->mail);
    }
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

void hub_notify(struct hub *hub, struct uuid conversation, enum frame_type type, const void *push, struct uuid except,
                bool staff_only)
{
    struct notice here = {.target = conversation, .except = except, .staff_only = staff_only, .from = hub->self};
    int home = peers_home(hub->peers, conversation);

    here.packets[ENCODING_MSGPACK] = hub_packet(ENCODING_MSGPACK, type, push);
    here.packets[ENCODING_JSON] = hub_packet(ENCODING_JSON, type, push);
    notify_here(hub, &here);
    if (home == hub->self) {
        relay(hub, &here);
    } else {
        struct notice *away = notice_new(conversation, here.packets, open_notice);
        away->mail.discard = discard_notice;
        away->except = except;
        away->staff_only = staff_only;
        away->relay = true;
        away->from = hub->self;
        mailbox_send(hub->peers->at[home].box, &away->mail);
    }
    packet_unref(&here.packets[0]);
    packet_unref(&here.packets[1]);
}

/* ---- people ---- */

struct principal_links {
    struct list links;
    unsigned count;
};

static void tell_here(struct hub *hub, const struct notice *n)
{
    struct principal_links *p = map_get(&hub->principals, n->target);
    if (!p)
        return;
    LIST_EACH(&p->links, node)
    {
        struct link *link = LIST_ITEM(node, struct link, in_principal);
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
    struct notice here = {.target = principal};
    here.packets[ENCODING_MSGPACK] = hub_packet(ENCODING_MSGPACK, type, push);
    here.packets[ENCODING_JSON] = hub_packet(ENCODING_JSON, type, push);
    tell_here(hub, &here);
    for (int i = 0; i < hub->peers->count; i++) {
        if (i == hub->self)
            continue;
        struct notice *away = notice_new(principal, here.packets, open_tell);
        away->mail.discard = discard_notice;
        mailbox_send(hub->peers->at[i].box, &away->mail);
    }
    packet_unref(&here.packets[0]);
    packet_unref(&here.packets[1]);
}

static void replace_older(struct principal_links *p, const struct link *link)
{
    LIST_EACH(&p->links, node)
    {
        struct link *other = LIST_ITEM(node, struct link, in_principal);
        if (!uuid_is_nil(link->who->device) && uuid_equal(other->who->device, link->who->device))
            link_close(other, PARLEY_REPLACED, NULL);
    }
}

parley_status hub_admit(struct hub *hub, struct link *link)
{
    struct principal_links *p = map_get(&hub->principals, link->who->id);
    unsigned max = link->who->role == role_backend || link->who->role == role_bot ? 1024
                   : link_is_staff(link)                                          ? LIMIT_LINKS_PER_AGENT
                                                                                  : LIMIT_LINKS_PER_CUSTOMER;
    if (p && p->count >= max)
        return PARLEY_LIMIT;
    if (!p) {
        p = mem_alloc(sizeof *p);
        list_init(&p->links);
        map_put(&hub->principals, link->who->id, p);
    }
    replace_older(p, link);
    list_push(&p->links, &link->in_principal);
    if (p->count++ == 0 && hub->on_presence)
        hub->on_presence(hub->presence_arg, link->who->id, link->who->role, true);
    return PARLEY_OK;
}

void hub_leave(struct hub *hub, struct link *link)
{
    if (list_empty(&link->in_principal))
        return;
    struct principal_links *p = map_get(&hub->principals, link->who->id);
    list_remove(&link->in_principal);
    if (--p->count)
        return;
    mem_free(map_remove(&hub->principals, link->who->id));
    if (hub->on_presence)
        hub->on_presence(hub->presence_arg, link->who->id, link->who->role, false);
}

unsigned hub_links_of(const struct hub *hub, struct uuid principal)
{
    struct principal_links *p = map_get(&hub->principals, principal);
    return p ? p->count : 0;
}

void hub_revoke(struct hub *hub, struct uuid principal, int64_t revision)
{
    struct principal_links *p = map_get(&hub->principals, principal);
    if (!p)
        return;
    LIST_EACH(&p->links, node)
    {
        struct link *link = LIST_ITEM(node, struct link, in_principal);
        if (link->who->revision < revision)
            link_close(link, PARLEY_SIGNED_OUT, NULL);
    }
}

struct sign_out {
    struct mail mail;
    struct uuid principal;
};

static void discard_sign_out(struct mail *mail)
{
    mem_free(LIST_ITEM(mail, struct sign_out, mail));
}

static void open_sign_out(struct mail *mail, void *receiver)
{
    struct sign_out *s = LIST_ITEM(mail, struct sign_out, mail);
    hub_revoke(((struct peer *)receiver)->hub, s->principal, INT64_MAX);
    mem_free(s);
}

void hub_sign_out(struct hub *hub, struct uuid principal)
{
    hub_revoke(hub, principal, INT64_MAX);
    for (int i = 0; i < hub->peers->count; i++) {
        if (i == hub->self)
            continue;
        struct sign_out *s = mem_alloc(sizeof *s);
        *s = (struct sign_out){.mail = {.open = open_sign_out, .discard = discard_sign_out}, .principal = principal};
        mailbox_send(hub->peers->at[i].box, &s->mail);
    }
}

void hub_drain(struct hub *hub, int64_t spread_ms)
{
    unsigned i = 0;
    LIST_EACH(&hub->links, node)
    {
        struct link *link = LIST_ITEM(node, struct link, in_hub);
        struct frame_push_drain push = {.reconnect_in_ms = spread_ms * i++ / (hub->link_count ? hub->link_count : 1)};
        if (link->state != LINK_OPEN)
            continue;
        link_push(link, FRAME_push_drain, &push);
    }
}

void hub_on_presence(struct hub *hub, hub_presence *fn, void *arg)
{
    hub->on_presence = fn;
    hub->presence_arg = arg;
}
