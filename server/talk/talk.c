/* The conversations in memory: made at first use, moved on by the tick and by the connection, dropped when idle. */
#include "server/talk/talk.h"

#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/talk/lane.h"

enum { TICK_MS = 250, IDLE_MS = 60000, CONVERSATIONS_KEPT = 20000 };

static void on_tick(void *arg);

struct talk *talk_new(struct loop *loop, struct store *store, struct hub *hub, const struct peers *peers, int self,
                      struct directory *directory)
{
    struct talk *talk = mem_alloc(sizeof *talk);
    talk->loop = loop;
    talk->store = store;
    talk->hub = hub;
    talk->peers = peers;
    talk->self = self;
    talk->directory = directory;
    list_init(&talk->ready);
    list_init(&talk->all);
    for (int i = 0; i < TALK_BATCHES; i++)
        talk->batches[i].talk = talk;
    loop_timer_start(loop, &talk->tick, TICK_MS, on_tick, talk);
    return talk;
}

/* ---- conversations ---- */

struct conversation *talk_conversation(struct talk *talk, struct uuid id)
{
    struct conversation *conv = map_get(&talk->conversations, id);
    if (!conv) {
        conv = mem_alloc(sizeof *conv);
        conv->id = id;
        conv->talk = talk;
        list_init(&conv->works);
        list_init(&conv->in_ready);
        list_push(&talk->all, &conv->in_all);
        map_put(&talk->conversations, id, conv);
    }
    conv->used_ms = loop_now_ms(talk->loop);
    list_remove(&conv->in_all);
    list_push(&talk->all, &conv->in_all);
    return conv;
}

static void conversation_free(struct conversation *conv)
{
    map_remove(&conv->talk->conversations, conv->id);
    list_remove(&conv->in_all);
    list_remove(&conv->in_ready);
    move_forget(conv);
    mem_free(conv->recent);
    mem_free(conv);
}

void conversation_pin(struct conversation *conv)
{
    conv->pins++;
}

void conversation_unpin(struct conversation *conv)
{
    conv->pins--;
}

static bool is_idle(const struct conversation *conv)
{
    return conv->lane == LANE_IDLE && conv->pins == 0 && list_empty(&conv->works);
}

static void drop_idle(struct talk *talk)
{
    int64_t now = loop_now_ms(talk->loop);
    LIST_EACH(&talk->all, node)
    {
        struct conversation *conv = LIST_ITEM(node, struct conversation, in_all);
        if (talk->conversations.len <= CONVERSATIONS_KEPT && now - conv->used_ms < IDLE_MS)
            return;
        if (is_idle(conv))
            conversation_free(conv);
    }
}

/* ---- the connection comes and goes ---- */

void talk_up(struct talk *talk)
{
    LIST_EACH(&talk->all, node)
    conversation_pump(LIST_ITEM(node, struct conversation, in_all));
}

void talk_down(struct talk *talk)
{
    LIST_EACH(&talk->all, node)
    {
        struct conversation *conv = LIST_ITEM(node, struct conversation, in_all);
        conv->loaded = false;
        list_remove(&conv->in_ready);
    }
}

static void on_tick(void *arg)
{
    struct talk *talk = arg;
    bool up = store_is_up(talk->store);
    talk->stalled = false;
    metric_set(METRIC_posts_waiting, (int64_t)talk->waiting);
    LIST_EACH(&talk->all, node)
    {
        struct conversation *conv = LIST_ITEM(node, struct conversation, in_all);
        if (list_empty(&conv->works))
            continue;
        if (up)
            conversation_pump(conv);
        work_give_up(conv);
    }
    batch_go_on(talk);
    drop_idle(talk);
    loop_timer_start(talk->loop, &talk->tick, TICK_MS, on_tick, talk);
}

bool talk_behind(struct talk *talk, struct uuid conversation, int64_t head)
{
    struct conversation *conv = map_get(&talk->conversations, conversation);
    if (!conv || !conv->loaded || conv->shown >= head)
        return false;
    if (conv->lane == LANE_IDLE) {
        conversation_bitten(conv);
        conversation_reload(conv);
    }
    return true;
}

bool talk_idle(const struct talk *talk)
{
    return talk->waiting == 0 && !talk->flying;
}

void talk_hook(struct talk *talk, const struct talk_hooks *hooks)
{
    talk->hooks[talk->nhooks++] = *hooks;
}

void talk_cancel(struct talk *talk)
{
    struct refusal refusal;
    refuse(&refusal, PARLEY_CANCELED, NULL);
    talk->closing = true;
    loop_timer_stop(&talk->tick);
    loop_turn_cancel(&talk->turn);
    LIST_EACH(&talk->all, node)
    {
        struct conversation *conv = LIST_ITEM(node, struct conversation, in_all);
        while (!list_empty(&conv->works))
            work_refuse(conv, LIST_ITEM(conv->works.next, struct work, node), &refusal);
    }
}

void talk_free(struct talk **talk)
{
    if (!*talk)
        return;
    LIST_EACH(&(*talk)->all, node)
    conversation_free(LIST_ITEM(node, struct conversation, in_all));
    map_done(&(*talk)->conversations);
    mem_free((*talk)->spare);
    mem_free(*talk);
    *talk = NULL;
}
