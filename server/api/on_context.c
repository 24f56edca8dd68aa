/* context.put, context.get: what the customer is doing in the app. */
#include "protocol/item.h"
#include "server/api/api.h"
#include "server/api/thread.h"
#include "server/api/verb.h"
#include "server/base/mem.h"
#include "server/hub/topic.h"
#include "server/io/crypto.h"
#include "server/store/context_row.h"
#include "server/talk/context.h"

/* ---- put ---- */

struct waiter {
    struct waiter *next;
    struct ask *ask;
};

/* A put on its way: compared with what is in force, and stored when it differs. */
struct putting {
    struct list in_queue;
    struct context_lane *lane;
    struct api *api;
    struct link *link;      /* held by the waiters */
    struct waiter *waiters; /* whoever is answered by it: its own request, and those it came instead of */
    bool paid;              /* its turn has come; else the next one takes its place */
    uint8_t hash[32];
    struct span snapshot, screen;
    char texts[];
};

/* What a link puts into one conversation, one after the other. Lives while there is something. */
struct context_lane {
    struct list in_link;
    struct uuid conversation;
    struct list queue; /* struct putting; only the last may be one that has not paid */
    struct loop_timer timer;
    bool busy;
};

static void lane_go(struct context_lane *lane);

static void lane_done(struct context_lane *lane)
{
    lane->busy = false;
    lane_go(lane);
}

static struct ask *next_waiter(struct putting *p)
{
    struct waiter *waiter = p->waiters;
    struct ask *ask = waiter ? waiter->ask : NULL;
    if (waiter)
        p->waiters = waiter->next;
    mem_free(waiter);
    return ask;
}

static void reply_all(struct putting *p, const struct frame_context_stored *reply)
{
    for (struct ask *ask; (ask = next_waiter(p));)
        ask_reply(ask, FRAME_context_stored, reply);
    lane_done(p->lane);
    mem_free(p);
}

static void refuse_all(struct putting *p, const struct result *result)
{
    for (struct ask *ask; (ask = next_waiter(p));)
        ask_refuse_result(ask, result);
}

static void fail(struct putting *p, const struct result *result)
{
    refuse_all(p, result);
    lane_done(p->lane);
    mem_free(p);
}

static void on_put(void *arg, struct call *call, const struct result *result)
{
    if (result->status == PARLEY_OK)
        reply_all(arg, &(struct frame_context_stored){.changed = result->seq != 0});
    else
        fail(arg, result);
}

static void on_in_force(void *arg, parley_status status, const struct context_row *rows, int n)
{
    struct putting *p = arg;
    char hex[65];
    crypto_hex(span_of(p->hash, 32), hex);
    if (status == PARLEY_OK && link_gone(p->link))
        status = PARLEY_CANCELED;
    if (status != PARLEY_OK) {
        fail(p, &(struct result){.status = status});
    } else if (n && span_is(rows[0].snapshot, hex) && sub_admitted(p->link, p->lane->conversation)) {
        reply_all(p, &(struct frame_context_stored){.changed = false});
    } else {
        struct caller caller = api_caller(p->link);
        context_ask(p->api->talk, p->lane->conversation, p->snapshot, p->screen, &caller, on_put, p);
    }
}

static void put(struct putting *p)
{
    parley_status st = context_at(p->api->store, p->lane->conversation, INT64_MAX, on_in_force, p);
    if (st != PARLEY_OK)
        on_in_force(p, st, NULL, 0);
}

/* ---- in order, and not faster than they may ---- */

static struct context_lane *lane_of(struct link *link, struct uuid conversation)
{
    LIST_EACH(&link->gathering, node)
    {
        struct context_lane *lane = LIST_ITEM(node, struct context_lane, in_link);
        if (uuid_equal(lane->conversation, conversation))
            return lane;
    }
    struct context_lane *lane = mem_alloc(sizeof *lane);
    lane->conversation = conversation;
    list_init(&lane->queue);
    list_push(&link->gathering, &lane->in_link);
    return lane;
}

static void lane_go(struct context_lane *lane)
{
    struct putting *first = list_empty(&lane->queue) ? NULL : LIST_ITEM(lane->queue.next, struct putting, in_queue);
    if (lane->busy)
        return;
    if (first && first->paid) {
        lane->busy = true;
        list_remove(&first->in_queue);
        put(first);
    } else if (!first) {
        list_remove(&lane->in_link);
        mem_free(lane);
    }
}

static void pay(struct putting *p);

static void on_turn(void *arg)
{
    struct context_lane *lane = arg;
    pay(LIST_ITEM(lane->queue.prev, struct putting, in_queue));
    lane_go(lane);
}

static void pay(struct putting *p)
{
    int64_t wait_ms = 0;
    p->paid = link_spend(p->link, RATE_CONTEXT, &wait_ms) == PARLEY_OK;
    if (!p->paid)
        loop_timer_start(p->api->loop, &p->lane->timer, wait_ms, on_turn, p->lane);
}

/* Takes the place of one that waits for its turn, and answers for it. */
static void replace(struct putting *old, struct putting *p)
{
    p->waiters->next = old->waiters;
    list_remove(&old->in_queue);
    list_push(&p->lane->queue, &p->in_queue);
    mem_free(old);
}

static void enqueue(struct context_lane *lane, struct putting *p)
{
    struct putting *last = list_empty(&lane->queue) ? NULL : LIST_ITEM(lane->queue.prev, struct putting, in_queue);
    p->lane = lane;
    if (last && !last->paid) {
        replace(last, p);
        return;
    }
    list_push(&lane->queue, &p->in_queue);
    pay(p);
    lane_go(lane);
}

static void lane_forget(struct context_lane *lane)
{
    loop_timer_stop(&lane->timer);
    list_remove(&lane->in_link);
    while (!list_empty(&lane->queue)) {
        struct putting *p = LIST_ITEM(lane->queue.next, struct putting, in_queue);
        list_remove(&p->in_queue);
        refuse_all(p, &(struct result){.status = PARLEY_CANCELED});
        mem_free(p);
    }
    lane_go(lane);
}

void context_forget(struct link *link)
{
    while (!list_empty(&link->gathering))
        lane_forget(LIST_ITEM(link->gathering.next, struct context_lane, in_link));
}

static struct putting *putting_new(struct ask *ask, const struct frame_context_put *r)
{
    const struct value *screen = value_find(r->context.value, "screen");
    struct buf *scratch = &ask->api->scratch;
    buf_clear(scratch);
    item_canonical(r->context.value, scratch);
    struct span snapshot = buf_span(scratch);
    struct span name =
        screen && screen->type == VALUE_TEXT && screen->text.len <= LIMIT_TITLE ? screen->text : (struct span){0};
    struct putting *p = mem_alloc(sizeof *p + snapshot.len + name.len);
    p->api = ask->api;
    p->link = ask->link;
    p->waiters = mem_alloc(sizeof *p->waiters);
    *p->waiters = (struct waiter){.ask = ask};
    memcpy(p->texts, snapshot.ptr, snapshot.len);
    if (name.len)
        memcpy(p->texts + snapshot.len, name.ptr, name.len);
    p->snapshot = span_of(p->texts, snapshot.len);
    p->screen = span_of(p->texts + snapshot.len, name.len);
    context_hash(p->snapshot, p->hash);
    return p;
}

void on_context_put(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_context_put *r = &frame->context_put;
    struct ask *ask = ask_begin(api, link, frame);
    if (ask)
        enqueue(lane_of(link, r->conversation), putting_new(ask, r));
}

/* ---- get ---- */

static void on_found(void *arg, parley_status status, const struct context_row *rows, int n)
{
    struct ask *ask = arg;
    struct frame_context_found reply = {0};
    if (status != PARLEY_OK) {
        ask_refuse(ask, status, NULL, NULL);
        return;
    }
    if (n) {
        reply.seq = rows[0].seq, reply.has_seq = true;
        reply.context.json = rows[0].body, reply.has_context = true;
    }
    ask_reply(ask, FRAME_context_found, &reply);
}

struct getting {
    struct ask *ask;
    struct uuid conversation;
    int64_t at;
};

/* Who may read the thread may read the context. */
static void on_may_read(void *arg, parley_status status, struct thread_read *read)
{
    struct getting *g = arg;
    thread_release(read);
    if (status == PARLEY_OK)
        status = context_at(g->ask->api->store, g->conversation, g->at, on_found, g->ask);
    if (status != PARLEY_OK)
        ask_refuse(g->ask, status, NULL, status == PARLEY_NOT_FOUND ? "data.conversation" : NULL);
    mem_free(g);
}

void on_context_get(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_context_get *r = &frame->context_get;
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return;
    struct getting *g = mem_alloc(sizeof *g);
    *g = (struct getting){.ask = ask, .conversation = r->conversation, .at = r->has_at ? r->at : INT64_MAX};
    thread_load(api, link, &(struct thread_wish){.conversation = r->conversation, .limit = 1}, on_may_read, g);
}
