/* One socket's state, rates and output. */
#include "server/hub/link.h"

#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/hub/hub.h"
#include "server/hub/topic.h"
#include "server/io/packet.h"
#include "server/io/ws.h"

/* Requests a second, and how many may come at once. */
static const struct {
    float per_second, burst;
} rate_table[2][RATE_CLASSES] = {
    /* customers */
    {[RATE_CHEAP] = {10, 50},
     [RATE_POST] = {5, 40},
     [RATE_READ] = {10, 40},
     [RATE_TYPING] = {0.5f, 4},
     [RATE_CONTEXT] = {1, 10}},
    /* staff, bots, back ends */
    {[RATE_CHEAP] = {50, 200},
     [RATE_POST] = {50, 200},
     [RATE_READ] = {50, 200},
     [RATE_TYPING] = {1, 8},
     [RATE_CONTEXT] = {1, 10}},
};

struct link *link_new(struct hub *hub, struct ws_conn *conn, bool text, uint64_t peer)
{
    struct link *link = mem_alloc(sizeof *link);
    link->hub = hub;
    link->conn = conn;
    link->encoding = text ? ENCODING_JSON : ENCODING_MSGPACK;
    link->refs = 1;
    link->opened_ms = clock_ms();
    link->peer = peer;
    list_init(&link->subs);
    list_init(&link->gathering);
    list_init(&link->in_principal);
    list_push(&hub->links, &link->in_hub);
    hub->link_count++;
    metric_set(METRIC_connections, hub->link_count);
    return link;
}

struct link *link_virtual(struct hub *hub, struct principal *who, link_sink *sink, void *arg)
{
    struct link *link = mem_alloc(sizeof *link);
    link->hub = hub;
    link->encoding = ENCODING_JSON;
    link->refs = 1;
    link->state = LINK_OPEN;
    link->who = who;
    link->sink = sink;
    link->sink_arg = arg;
    list_init(&link->subs);
    list_init(&link->in_principal);
    list_init(&link->in_hub);
    return link;
}

struct link *link_ref(struct link *link)
{
    link->refs++;
    return link;
}

void link_unref(struct link **link)
{
    struct link *gone = *link;
    *link = NULL;
    if (!gone || --gone->refs)
        return;
    mem_free(gone->who);
    mem_free(gone);
}

static void let_go(struct link *link)
{
    LIST_EACH(&link->subs, node)
    sub_end(LIST_ITEM(node, struct sub, in_link));
    loop_timer_stop(&link->timer);
    hub_leave(link->hub, link);
    if (!list_empty(&link->in_hub)) {
        link->hub->link_count--;
        metric_set(METRIC_connections, link->hub->link_count);
    }
    list_remove(&link->in_hub);
    link->conn = NULL;
}

void link_move(struct link *link, enum link_state state)
{
    if (link->state == LINK_GONE || link->state == state)
        return;
    link->state = state;
    if (state == LINK_OPEN)
        ws_set_limit(link->conn, LIMIT_MESSAGE);
    if (state == LINK_GONE)
        let_go(link);
}

bool link_is_staff(const struct link *link)
{
    return link->who && link->who->role != role_customer && link->who->role != role_guest;
}

struct spender {
    struct rate rates[RATE_CLASSES];
};

enum { SPENT_MS = 20000, SPENDERS_MIN = 1024 }; /* by then every burst of the table is back */

static void forget_spenders(struct hub *hub, int64_t now)
{
    struct spender *s;
    struct uuid id;
    for (size_t i = 0; i < hub->spenders.cap;) {
        bool idle = (s = hub->spenders.slots[i].value) != NULL;
        for (int c = 0; idle && c < RATE_CLASSES; c++)
            idle = now - s->rates[c].at_ms > SPENT_MS;
        id = hub->spenders.slots[i].key;
        if (idle)
            mem_free(map_remove(&hub->spenders, id)); /* another may move up into this slot */
        else
            i++;
    }
    hub->spenders_most = 2 * hub->spenders.len + SPENDERS_MIN;
}

/* Of the person; of the link before it is known who speaks, and of a program's. */
static struct rate *rates_of(struct link *link, int64_t now)
{
    struct hub *hub = link->hub;
    if (!link->who || link->who->role == role_bot || link->who->role == role_backend)
        return link->rates;
    struct spender *s = map_get(&hub->spenders, link->who->id);
    if (!s && hub->spenders.len >= hub->spenders_most)
        forget_spenders(hub, now);
    if (!s)
        map_put(&hub->spenders, link->who->id, s = mem_alloc(sizeof *s));
    return s->rates;
}

parley_status link_spend(struct link *link, enum rate_class class, int64_t *out_retry_ms)
{
    int64_t now = loop_now_ms(link->hub->loop);
    struct rate *rate = &rates_of(link, now)[class];
    float per_second = rate_table[link_is_staff(link)][class].per_second * link->hub->rate_factor;
    float burst = rate_table[link_is_staff(link)][class].burst * link->hub->rate_factor;

    rate->tokens = rate->at_ms ? rate->tokens + (float)(now - rate->at_ms) * per_second / 1000 : burst;
    rate->at_ms = now;
    if (rate->tokens > burst)
        rate->tokens = burst;
    if (rate->tokens < 1) {
        *out_retry_ms = (int64_t)((1 - rate->tokens) * 1000 / per_second) + 1;
        return PARLEY_RATE_LIMITED;
    }
    rate->tokens -= 1;
    return PARLEY_OK;
}

/* For what is on its way behind a refused post while the network stands still; and no longer, for a client that never
 * repeats anything has to get through in the end. */
enum { HOLD_MS = 15000 };

void link_hold(struct link *link, parley_status status, struct uuid item, int64_t retry_ms)
{
    if (link->held || !status_again(status))
        return;
    link->held = status;
    link->held_id = item;
    link->held_behind = (struct uuid){0};
    link->held_until_ms = loop_now_ms(link->hub->loop) + retry_ms + HOLD_MS;
}

parley_status link_held(struct link *link, struct uuid item)
{
    bool over = loop_now_ms(link->hub->loop) > link->held_until_ms;
    if (link->held && (over || uuid_equal(item, link->held_id) || uuid_equal(item, link->held_behind)))
        link->held = PARLEY_OK;
    if (link->held && uuid_is_nil(link->held_behind))
        link->held_behind = item;
    return link->held;
}

static void send(struct link *link, enum frame_type type, int64_t id, const void *content)
{
    struct buf *scratch = &link->hub->scratch;
    if (!link->conn) {
        if (link->sink && !frame_is_push(type))
            link->sink(link->sink_arg, type, content); /* which may be the end of the link */
        return;
    }
    frame_put_type(scratch, link->encoding, type, id, content);
    if (scratch->status == PARLEY_OK) {
        struct packet *packet = packet_new(buf_span(scratch), link->encoding == ENCODING_JSON);
        link_send(link, packet);
        packet_unref(&packet);
    }
    buf_clear(scratch);
}

void link_reply(struct link *link, int64_t re, enum frame_type type, const void *reply)
{
    send(link, type, re, reply);
}

void link_refuse(struct link *link, int64_t re, const struct frame_error *error)
{
    send(link, FRAME_error, re, error);
}

void link_push(struct link *link, enum frame_type type, const void *push)
{
    send(link, type, 0, push);
}

void link_send(struct link *link, struct packet *packet)
{
    if (link->conn)
        ws_send(link->conn, packet);
}

void link_ping(struct link *link)
{
    if (link->conn)
        ws_ping(link->conn);
}

void link_close(struct link *link, parley_status why, const char *text)
{
    if (link->conn)
        ws_close(link->conn, status_close_code(why), span_str(text ? text : status_text(why)));
}

bool link_is_slow(const struct link *link)
{
    return link->conn && ws_queued(link->conn) > LIMIT_OUT_QUEUE_SOFT;
}

void link_await_drain(struct link *link)
{
    if (link->conn)
        ws_await_drain(link->conn);
}
