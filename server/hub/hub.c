/* Topics of this worker, the watchers of its conversations on other workers, and stored items on their way to both. */
#include "server/hub/hub_inside.h"

#include "server/base/mem.h"
#include "server/hub/bulletin.h"
#include "server/hub/peers.h"
#include "server/hub/topic.h"
#include "server/io/mailbox.h"

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
    free_values(&(*hub)->spenders);
    buf_done(&(*hub)->scratch);
    mem_free(*hub);
    *hub = NULL;
}

/* ---- following: a topic here, a bit at the home worker ---- */

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
    LIST_EACH(&topic->subs, node)
    {
        struct sub *sub = LIST_ITEM(node, struct sub, in_topic);
        if (!sub->lagging && sub->sent < least)
            least = sub->sent;
    }
    return least;
}
