/* One request a connection: checked, its body collected, handed up, answered. */
#include "server/base/mem.h"
#include "server/io/loop.h"
#include "server/io/ws.h"
#include "server/io/ws_inside.h"

#include <libwebsockets.h>

enum { BODY_BYTES_A_MS = 1 };

struct http_exchange {
    struct ws *ws;
    struct ws_conn *conn; /* NULL: the peer has gone */
    size_t held;
    struct ws_request request;
    char *body;
    size_t body_got;
    int64_t since;
    uint64_t peer;
};

/* ---- the request ---- */

static void exchange_free(struct http_exchange *exchange)
{
    exchange->ws->held -= exchange->held;
    buf_done(&exchange->request.text);
    mem_free(exchange->body);
    mem_free(exchange);
}

static void ask(struct ws_conn *conn)
{
    struct ws *ws = conn->ws;
    conn->state = WS_ASKED;
    loop_timer_stop(&conn->timer); /* how long an answer takes is the upper floor's to limit */
    lws_rx_flow_control(conn->wsi, 0);
    if (ws->calls->on_request) {
        ws->calls->on_request(ws->arg, conn->exchange);
        return;
    }
    exchange_free(conn->exchange);
    conn->exchange = NULL;
    answer_refuse(conn, (struct ws_refusal){404, "nothing is served here"});
}

/* A body has its time, and as much more as it takes at a kilobyte a second. */
static void on_body_timer(void *arg)
{
    struct ws_conn *conn = arg;
    struct http_exchange *exchange = conn->exchange;
    int64_t due = exchange->since + conn->ws->config.body_ms + (int64_t)exchange->body_got / BODY_BYTES_A_MS;
    int64_t left = due - loop_now_ms(conn->ws->loop);
    if (left <= 0)
        ws_kill(conn, 0);
    else
        loop_timer_start(conn->ws->loop, &conn->timer, left, on_body_timer, conn);
}

static void await_body(struct ws_conn *conn)
{
    struct http_exchange *exchange = conn->exchange;
    conn->state = WS_BODY;
    exchange->body = mem_resize(NULL, exchange->request.body_len);
    loop_timer_start(conn->ws->loop, &conn->timer, conn->ws->config.body_ms, on_body_timer, conn);
    if (exchange->request.expects_continue)
        answer_interim(conn, span_str("HTTP/1.1 100 Continue\r\n\r\n"));
}

int http_request(struct ws_conn *conn)
{
    struct http_exchange *exchange = mem_alloc(sizeof *exchange);
    lws_set_timeout(conn->wsi, NO_PENDING_TIMEOUT, 0); /* ours are in force */
    exchange->ws = conn->ws;
    struct ws_refusal refusal = ws_check_request(conn, conn->wsi, &exchange->request);
    if (!refusal.status && !http_hold(exchange, exchange->request.body_len))
        refusal = (struct ws_refusal){503, "too much is on its way just now; come again"};
    if (refusal.status) {
        exchange_free(exchange);
        answer_refuse(conn, refusal);
        return 0;
    }
    ws_peer_forwarded(conn, conn->wsi);
    exchange->conn = conn;
    exchange->peer = conn->peer;
    exchange->since = loop_now_ms(conn->ws->loop);
    conn->exchange = exchange;
    if (exchange->request.body_len)
        await_body(conn);
    else
        ask(conn);
    return 0;
}

/* The library goes on delivering what it has read, also of a request that was refused. */
void http_body_part(struct ws_conn *conn, const char *bytes, size_t len)
{
    struct http_exchange *exchange = conn->exchange;
    if (conn->state != WS_BODY || !len)
        return;
    size_t room = exchange->request.body_len - exchange->body_got;
    if (len > room)
        len = room;
    memcpy(exchange->body + exchange->body_got, bytes, len);
    exchange->body_got += len;
}

void http_body_end(struct ws_conn *conn)
{
    if (conn->state != WS_BODY)
        return;
    if (conn->exchange->body_got == conn->exchange->request.body_len)
        ask(conn);
    else
        ws_kill(conn, 0);
}

void http_closed(struct ws_conn *conn)
{
    answer_free(conn);
    if (!conn->exchange)
        return;
    conn->exchange->conn = NULL;
    if (conn->state == WS_BODY) /* nobody else has seen it */
        exchange_free(conn->exchange);
    conn->exchange = NULL;
}

/* ---- public ---- */

struct span http_method(const struct http_exchange *exchange)
{
    return exchange->request.method;
}

struct span http_path(const struct http_exchange *exchange)
{
    return exchange->request.path;
}

struct span http_parameter(const struct http_exchange *exchange, const char *name)
{
    struct span q = exchange->request.query;
    size_t name_len = strlen(name);
    for (size_t at = 0; at < q.len;) {
        const char *p = q.ptr + at, *and = memchr(p, '&', q.len - at);
        size_t len = and? (size_t)(and-p) : q.len - at;
        if (len > name_len && memcmp(p, name, name_len) == 0 && p[name_len] == '=')
            return span_of(p + name_len + 1, len - name_len - 1);
        at += len + 1;
    }
    return span_of(NULL, 0);
}

struct span http_body(const struct http_exchange *exchange)
{
    return span_of(exchange->body, exchange->body_got);
}

struct span http_authorization(const struct http_exchange *exchange)
{
    return exchange->request.authorization;
}

bool http_hold(struct http_exchange *exchange, size_t bytes)
{
    if (!ws_has_room(exchange->ws, bytes))
        return false;
    exchange->held += ws_weight(bytes);
    exchange->ws->held += ws_weight(bytes);
    return true;
}

uint64_t http_peer(const struct http_exchange *exchange)
{
    return exchange->peer;
}

void http_answer(struct http_exchange *exchange, int status, const char *content_type,
                 const struct http_header *headers, struct span body)
{
    struct ws_conn *conn = exchange->conn;
    bool head_only = span_is(exchange->request.method, "HEAD");
    if (conn)
        conn->exchange = NULL;
    if (conn && !conn->dead)
        answer_start(conn, status, content_type, headers, body, head_only);
    exchange_free(exchange); /* last: what is answered may be of the request */
}
