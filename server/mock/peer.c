/* Frames through the weather. */
#include "server/mock/peer.h"

#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/io/packet.h"
#include "server/io/ws.h"
#include "server/mock/answer.h"

#include <stdio.h>

enum { OUT_MAX = 4 << 20, ARENA_MAX = 8 << 20, HELD_MS = 300, TORN_MS = 10, DRAIN_MS = 1000 };

struct held {
    struct list node;
    struct peer *peer;
    struct packet *packet;
    int64_t behind; /* frames; 0: only the timer counts */
    struct loop_timer timer;
};

const char *peer_who(const struct peer *p)
{
    return p->person ? p->person->name : NULL;
}

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

static void end_later(struct peer *p, int code, int64_t ms)
{
    p->end_code = code;
    loop_timer_start_exact(p->mock->loop, &p->end, ms, end_now, p);
}

static void log_rule(struct peer *p, const struct rule *r, const char *on, const char *what)
{
    JOURNAL(&p->mock->journal, rule_action_name(r->action), p->number, peer_who(p), LOG_STR("on", on),
            LOG_STR("type", what), LOG_I64("line", r->line));
}

static void start_drain(struct peer *p, int64_t ms)
{
    PEER_PUSH(p, drain, .reconnect_in_ms = ms);
    end_later(p, 1012, ms + DRAIN_MS);
}

/* What a rule does to the connection as a whole; false: it is about one frame. */
static bool end_by_rule(struct peer *p, const struct rule *r)
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
    loop_timer_start_exact(p->mock->loop, &h->timer, r->ms ? r->ms : HELD_MS, send_held, h);
}

static void send_torn(struct peer *p, struct span bytes)
{
    struct packet *packet = packet_torn(bytes, p->encoding == ENCODING_JSON, bytes.len / 2);
    ws_send(p->conn, packet);
    packet_unref(&packet);
    p->silent = true; /* what follows would be taken for the rest of it */
    end_later(p, 0, TORN_MS);
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
        log_rule(p, r, "answer", frame_type_name(request->type));
    if (!r || !end_by_rule(p, r))
        put(p, type, request->id, content, r);
}

void peer_push(struct peer *p, enum frame_type type, void *content)
{
    if (p->gone || p->silent)
        return;
    const struct rule *r = script_match(&p->mock->script, ON_PUSH, type, mock_chance(p->mock));
    if (r)
        log_rule(p, r, "push", frame_type_name(type));
    if (!r || !end_by_rule(p, r))
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

/* --- tokens --- */

static void expired(void *arg)
{
    struct peer *p = arg;
    if (p->token)
        person_refuse(p->person, span_str(p->token), PARLEY_TOKEN_EXPIRED);
    JOURNAL(&p->mock->journal, "expired", p->number, peer_who(p));
    peer_end(p, status_close_code(PARLEY_TOKEN_EXPIRED), "the token has expired");
}

void peer_expires(struct peer *p, int64_t ms)
{
    p->expires_at = ms ? clock_ms() + ms : 0;
    loop_timer_stop(&p->expiry);
    if (!ms)
        return;
    loop_timer_start_exact(p->mock->loop, &p->expiry, ms, expired, p);
    PEER_PUSH(p, token_expiring, .expires_at = p->expires_at);
}

/* --- heartbeats --- */

static void beat(void *arg)
{
    struct peer *p = arg;
    struct frame_cursor heads[LIMIT_HAVE];
    size_t n = 0;
    LIST_EACH(&p->person->talks, node)
    {
        const struct talk *t = LIST_ITEM(node, struct talk, node);
        if (n < LIMIT_HAVE)
            heads[n++] = (struct frame_cursor){.conversation = t->id, .seq = t->head};
    }
    PEER_PUSH(p, head, .heads = heads, .heads_count = n);
    loop_timer_start(p->mock->loop, &p->beacon, p->mock->script.beacon_ms, beat, p);
}

void peer_welcome(struct peer *p, struct person *person, struct span token)
{
    p->person = person;
    mem_free(p->token);
    p->token = mem_span(token);
    loop_timer_start(p->mock->loop, &p->beacon, p->mock->script.beacon_ms, beat, p);
}

/* --- rules of the clock --- */

static void on_clock(void *arg)
{
    struct peer_clock *c = arg;
    struct peer *p = c->peer;
    struct rule *r = c->rule;
    if (p->gone)
        return;
    if (r->event == ON_EVERY)
        loop_timer_start_exact(p->mock->loop, &c->timer, r->period_ms, on_clock, c);
    if (p->silent || !rule_counts(r, mock_chance(p->mock)))
        return;
    log_rule(p, r, r->event == ON_EVERY ? "every" : "after", "");
    if (end_by_rule(p, r))
        return;
    if (r->action == ACT_DRAIN)
        start_drain(p, r->ms);
    else if (r->action == ACT_SAY && p->person)
        mock_say(p->mock, talk_main(p->person), r->text);
}

static void start_clocks(struct peer *p)
{
    struct script *s = &p->mock->script;
    for (size_t i = 0; i < s->count; i++) {
        struct rule *r = &s->rules[i];
        p->clocks[i] = (struct peer_clock){.peer = p, .rule = r};
        if (r->event == ON_EVERY || r->event == ON_AFTER)
            loop_timer_start_exact(p->mock->loop, &p->clocks[i].timer, r->period_ms, on_clock, &p->clocks[i]);
    }
}

/* --- in --- */

static void refuse_by_rule(struct peer *p, const struct frame *f, const struct rule *r)
{
    if (f->type == FRAME_hello && r->status >= PARLEY_UNAUTHENTICATED && r->status <= PARLEY_TOKEN_AUDIENCE) {
        bool guest;
        char *owner = token_owner(f->hello.token, &guest);
        person_refuse(person_of(&p->mock->people, span_str(owner), guest), f->hello.token, r->status);
        mem_free(owner);
    }
    if (f->type == FRAME_post && status_again(r->status)) {
        p->refused_post = f->post.id;
        p->refused_why = r->status;
        p->refused_until = clock_mono_ms() + (r->ms ? r->ms : HELD_MS);
    }
    peer_refuse(p, f, r->status, r->ms, NULL, NULL);
}

/* What was posted behind a refused post comes again behind it. */
static bool is_held(struct peer *p, const struct frame *f)
{
    if (f->type != FRAME_post || uuid_is_nil(p->refused_post))
        return false;
    if (!uuid_equal(f->post.id, p->refused_post) && clock_mono_ms() < p->refused_until)
        return true;
    p->refused_post = (struct uuid){0};
    return false;
}

static void take_request(struct peer *p, const struct frame *f)
{
    const char *type = frame_type_name(f->type);
    const struct rule *r = script_match(&p->mock->script, ON_REQUEST, f->type, mock_chance(p->mock));
    if (is_held(p, f)) {
        peer_refuse(p, f, p->refused_why, p->refused_until - clock_mono_ms(), NULL, NULL);
        return;
    }
    if (r)
        log_rule(p, r, "request", type);
    if (r && (r->action == ACT_LOSE || end_by_rule(p, r)))
        return;
    if (r && r->action == ACT_REFUSE)
        refuse_by_rule(p, f, r);
    else if (f->type != FRAME_hello && !p->person)
        peer_refuse(p, f, PARLEY_HELLO_FIRST, 0, NULL, NULL);
    else
        answer(p, f);
}

static void refuse_frame(struct peer *p, const struct frame *f, const struct wire_error *error)
{
    struct frame_error answer = frame_error_of(error);
    JOURNAL(&p->mock->journal, "unread", p->number, peer_who(p), LOG_STATUS(error->status),
            LOG_STR("path", error->path), LOG_STR("text", error->text));
    if (f->id)
        peer_answer(p, f, FRAME_error, &answer);
    else
        PEER_PUSH(p, error, .error = answer);
}

static void on_message(void *user, struct span message)
{
    struct peer *p = user;
    struct frame_reader reader;
    struct wire_error error;
    struct frame f;
    if (p->silent || p->gone)
        return;
    if (frame_reader_init(&reader, p->encoding, message, &error) != PARLEY_OK) {
        refuse_frame(p, &(struct frame){0}, &error);
        return;
    }
    while (!p->gone && !p->silent && frame_next_request(&reader, &p->arena, &f, &error)) {
        if (error.status != PARLEY_OK)
            refuse_frame(p, &f, &error);
        else
            take_request(p, &f);
        arena_reset(&p->arena);
    }
}

/* --- life --- */

static void *on_open(void *arg, struct ws_conn *conn, const struct ws_opened *opened)
{
    struct mock *m = arg;
    struct peer *p = mem_alloc(sizeof *p);
    p->mock = m;
    p->conn = conn;
    p->encoding = opened->text ? ENCODING_JSON : ENCODING_MSGPACK;
    p->number = ++m->last_peer;
    list_init(&p->held);
    arena_init(&p->arena, ARENA_MAX);
    list_push(&m->peers, &p->node);
    ws_set_limit(conn, LIMIT_MESSAGE);
    JOURNAL(&m->journal, "open", p->number, NULL, LOG_STR("encoding", opened->text ? "json" : "msgpack"));
    start_clocks(p);
    const struct rule *r = script_match(&m->script, ON_OPEN, FRAME_none, mock_chance(m));
    if (r) {
        log_rule(p, r, "open", "");
        end_by_rule(p, r);
    }
    return p;
}

static void on_close(void *user, int code)
{
    struct peer *p = user;
    JOURNAL(&p->mock->journal, "close", p->number, peer_who(p), LOG_I64("code", code));
    LIST_EACH(&p->held, node)
    {
        held_free(LIST_ITEM(node, struct held, node));
    }
    for (size_t i = 0; i < p->mock->script.count; i++)
        loop_timer_stop(&p->clocks[i].timer);
    loop_timer_stop(&p->expiry);
    loop_timer_stop(&p->beacon);
    loop_timer_stop(&p->end);
    list_remove(&p->node);
    arena_done(&p->arena);
    mem_free(p->token);
    mem_free(p);
}

/* ---- guests ---- */

/* The device is theirs to name; any key of an app will do. */
static void on_request(void *arg, struct http_exchange *x)
{
    struct mock *m = arg;
    char device[UUID_TEXT + 1], customer[UUID_TEXT + 1], body[256], token[64];
    if (!span_is(http_path(x), "/v1/guests") || !span_is(http_method(x), "POST")) {
        http_answer(x, 404, "text/plain", NULL, span_str("parley mock: the WebSocket is at /v1/ws\n"));
        return;
    }
    snprintf(token, sizeof token, "pg_guest%lld", (long long)++m->guests);
    uuid_format(person_of(&m->people, span_str(token), true)->id, customer);
    uuid_format(mock_id("device", mock_bot, m->guests), device);
    snprintf(body, sizeof body, "{\"token\":\"%s\",\"customer\":\"%s\",\"device\":\"%s\"}", token, customer, device);
    http_answer(x, 200, "application/json", NULL, span_str(body));
}

const struct ws_calls peer_calls = {
    .on_open = on_open, .on_message = on_message, .on_close = on_close, .on_request = on_request};
