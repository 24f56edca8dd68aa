/* Frames on their way out. */
#include "server/mock/weather.h"

#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/io/packet.h"
#include "server/io/ws.h"

enum { OUT_MAX = 4 << 20, LATE_MS = 300, TORN_MS = 10 };

struct held {
    struct list node;
    struct peer *peer;
    struct packet *packet;
    int64_t behind; /* frames; 0: only the timer counts */
    struct loop_timer timer;
};

/* --- the end --- */

void peer_end(struct peer *p, int code, const char *reason)
{
    if (p->gone)
        return;
    p->gone = true;
    if (code)
        ws_close(p->conn, code, span_str(reason));
    else
        ws_abort(p->conn, 1006);
}

static void end_now(void *arg)
{
    struct peer *p = arg;
    p->silent = false;
    peer_end(p, p->end_code, "");
}

void weather_end_later(struct peer *p, int code, int64_t ms)
{
    p->end_code = code;
    loop_timer_start_exact(p->mock->loop, &p->end, ms, end_now, p);
}

void weather_log(struct peer *p, const struct rule *r, const char *on, const char *what)
{
    JOURNAL(&p->mock->journal, rule_action_name(r->action), p->number, peer_who(p), LOG_STR("on", on),
            LOG_STR("type", what), LOG_I64("line", r->line));
}

bool weather_ends(struct peer *p, const struct rule *r)
{
    if (r->action == ACT_CUT)
        peer_end(p, 0, NULL);
    else if (r->action == ACT_CLOSE)
        peer_end(p, (int)r->amount, r->text);
    else if (r->action == ACT_SILENCE)
        p->silent = true;
    else
        return false;
    return true;
}

/* --- out --- */

static void held_free(struct held *h)
{
    loop_timer_stop(&h->timer);
    list_remove(&h->node);
    packet_unref(&h->packet);
    mem_free(h);
}

static void send_held(void *arg)
{
    struct held *h = arg;
    if (!h->peer->silent && !h->peer->gone)
        ws_send(h->peer->conn, h->packet);
    held_free(h);
}

/* One frame has gone out: those that waited for it come next. */
static void send_packet(struct peer *p, struct packet *packet)
{
    ws_send(p->conn, packet);
    LIST_EACH(&p->held, node)
    {
        struct held *h = LIST_ITEM(node, struct held, node);
        if (h->behind && --h->behind == 0)
            send_held(h);
    }
}

static void hold(struct peer *p, struct packet *packet, const struct rule *r)
{
    struct held *h = mem_alloc(sizeof *h);
    *h = (struct held){.peer = p, .packet = packet_ref(packet), .behind = r->amount};
    list_push(&p->held, &h->node);
    loop_timer_start_exact(p->mock->loop, &h->timer, r->ms ? r->ms : LATE_MS, send_held, h);
}

static void send_torn(struct peer *p, struct span bytes)
{
    struct packet *packet = packet_torn(bytes, p->encoding == ENCODING_JSON, bytes.len / 2);
    ws_send(p->conn, packet);
    packet_unref(&packet);
    p->silent = true; /* what follows would be taken for the rest of it */
    weather_end_later(p, 0, TORN_MS);
}

static void send_bytes(struct peer *p, struct span bytes, const struct rule *r)
{
    bool text = p->encoding == ENCODING_JSON;
    struct packet *packet = packet_new(r && r->action == ACT_HALF ? span_of(bytes.ptr, bytes.len / 2) : bytes, text);
    if (r && r->action == ACT_LATE)
        hold(p, packet, r);
    else if (r && r->action == ACT_TORN)
        send_torn(p, bytes);
    else if (!r || r->action != ACT_LOSE)
        send_packet(p, packet);
    if (r && r->action == ACT_TWICE)
        send_packet(p, packet);
    packet_unref(&packet);
}

static int64_t lie(int64_t head, int64_t by)
{
    return head + by > 0 ? head + by : 0;
}

static void falsify(enum frame_type type, void *content, int64_t by)
{
    if (type == FRAME_push_head) {
        struct frame_push_head *f = content;
        for (size_t i = 0; i < f->heads_count; i++)
            ((struct frame_cursor *)f->heads)[i].seq = lie(f->heads[i].seq, by);
    } else if (type == FRAME_ranged) {
        struct frame_ranged *f = content;
        f->thread.head = lie(f->thread.head, by);
    } else if (type == FRAME_welcome) {
        struct frame_welcome *f = content;
        for (size_t i = 0; i < f->threads_count; i++)
            ((struct frame_thread *)f->threads)[i].head = lie(f->threads[i].head, by);
    }
}

static void put(struct peer *p, enum frame_type type, int64_t id, void *content, const struct rule *r)
{
    struct buf out;
    if (r && r->action == ACT_HEAD)
        falsify(type, content, r->amount);
    if (r && r->action == ACT_EXPIRE) {
        struct frame_welcome *w = content;
        w->has_expires_at = true;
        w->expires_at = clock_ms() + r->ms;
    }
    buf_init(&out, OUT_MAX);
    frame_put_type(&out, p->encoding, type, id, content);
    if (out.status == PARLEY_OK)
        send_bytes(p, buf_span(&out), r);
    buf_done(&out);
    if (r && r->action == ACT_EXPIRE)
        peer_expires(p, r->ms);
}

void peer_answer(struct peer *p, const struct frame *request, enum frame_type type, void *content)
{
    if (p->gone || p->silent)
        return;
    const struct rule *r = script_match(&p->mock->script, ON_ANSWER, request->type, mock_chance(p->mock));
    if (type == FRAME_error)
        r = NULL; /* a refusal is trouble enough */
    if (r)
        weather_log(p, r, "answer", frame_type_name(request->type));
    if (!r || !weather_ends(p, r))
        put(p, type, request->id, content, r);
}

void peer_push(struct peer *p, enum frame_type type, void *content)
{
    if (p->gone || p->silent)
        return;
    const struct rule *r = script_match(&p->mock->script, ON_PUSH, type, mock_chance(p->mock));
    if (r)
        weather_log(p, r, "push", frame_type_name(type));
    if (!r || !weather_ends(p, r))
        put(p, type, 0, content, r);
}

void peer_refuse(struct peer *p, const struct frame *request, parley_status why, int64_t retry_ms, const char *path,
                 const char *text)
{
    struct frame_error error = frame_error_status(why);
    if (text)
        error.text = span_str(text);
    error.has_path = path != NULL;
    error.path = span_str(path);
    error.has_retry_after_ms = retry_ms > 0;
    error.retry_after_ms = retry_ms;
    JOURNAL(&p->mock->journal, "refused", p->number, peer_who(p), LOG_STR("type", frame_type_name(request->type)),
            LOG_STATUS(why));
    peer_answer(p, request, FRAME_error, &error);
}

void weather_forget(struct peer *p)
{
    LIST_EACH(&p->held, node)
    {
        held_free(LIST_ITEM(node, struct held, node));
    }
}
