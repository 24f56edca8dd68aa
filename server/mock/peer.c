/* A connection's life, and what comes in. */
#include "server/mock/peer.h"

#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/io/ws.h"
#include "server/mock/answer.h"
#include "server/mock/weather.h"

#include <stdio.h>

enum { ARENA_MAX = 8 << 20, REFUSED_MS = 300, DRAIN_MS = 1000 };

const char *peer_who(const struct peer *p)
{
    return p->person ? p->person->name : NULL;
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

static void start_drain(struct peer *p, int64_t ms)
{
    PEER_PUSH(p, drain, .reconnect_in_ms = ms);
    weather_end_later(p, 1012, ms + DRAIN_MS);
}

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
    weather_log(p, r, r->event == ON_EVERY ? "every" : "after", "");
    if (weather_ends(p, r))
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
        p->refused_behind = (struct uuid){0};
        p->refused_why = r->status;
        p->refused_until = clock_mono_ms() + (r->ms ? r->ms : REFUSED_MS);
    }
    peer_refuse(p, f, r->status, r->ms, NULL, NULL);
}

/* What was posted behind a refused post comes again behind it, however long it was on its way. The first of these that
 * comes again tells that the refused one was given up. */
static bool is_held(struct peer *p, const struct frame *f)
{
    if (f->type != FRAME_post || uuid_is_nil(p->refused_post))
        return false;
    if (uuid_equal(f->post.id, p->refused_post) || uuid_equal(f->post.id, p->refused_behind)) {
        p->refused_post = (struct uuid){0};
        return false;
    }
    if (uuid_is_nil(p->refused_behind))
        p->refused_behind = f->post.id;
    return true;
}

static void take_request(struct peer *p, const struct frame *f)
{
    const char *type = frame_type_name(f->type);
    const struct rule *r = script_match(&p->mock->script, ON_REQUEST, f->type, mock_chance(p->mock));
    if (is_held(p, f)) {
        peer_refuse(p, f, p->refused_why, p->refused_until - clock_mono_ms(), NULL,
                    "an earlier post of yours is to be repeated first");
        return;
    }
    if (r)
        weather_log(p, r, "request", type);
    if (r && (r->action == ACT_LOSE || weather_ends(p, r)))
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
        weather_log(p, r, "open", "");
        weather_ends(p, r);
    }
    return p;
}

static void on_close(void *user, int code)
{
    struct peer *p = user;
    JOURNAL(&p->mock->journal, "close", p->number, peer_who(p), LOG_I64("code", code));
    weather_forget(p);
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
