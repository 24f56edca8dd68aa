/* The life of the library's context and its callbacks, each handed to the part it concerns.
 *
 * libwebsockets is used for what it does well - TLS, the HTTP head, frames in - and kept from the rest: no listener, no
 * timers, no extensions, no keep-alive. Everything a link sends leaves in one raw write at the end of a turn. */
#include "server/io/ws.h"

#include "protocol/limits.h"
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/io/loop.h"
#include "server/io/packet.h"
#include "server/io/tls.h"
#include "server/io/ws_inside.h"

#include <libwebsockets.h>
#include <sys/socket.h>
#include <uv.h>

enum {
    CONNECTIONS = 16384,
    HANDSHAKES = 4096,
    RX_BUFFER = 1024,
    SERVICE_BUFFER = 16384,
    TX_PACKET = 1 << 20,   /* 0 would chop every write to the size of the read buffer */
    LIBRARY_TIMEOUT_S = 60 /* ours are shorter: see ws_conn.timer */
};

static int on_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);

/* The first one serves HTTP; its name must not be a subprotocol that anyone asks for. */
static const struct lws_protocols protocol_table[] = {
    {.name = "", .callback = on_callback, .tx_packet_size = TX_PACKET},
    {.name = "parley.v1.msgpack", .callback = on_callback, .rx_buffer_size = RX_BUFFER, .tx_packet_size = TX_PACKET},
    {.name = "parley.v1.json", .callback = on_callback, .rx_buffer_size = RX_BUFFER, .tx_packet_size = TX_PACKET},
    {.name = NULL},
};

/* All zero: the library's own pings cost a walk of all links for each new one. */
static const lws_retry_bo_t no_pings;

/* ---- callbacks ---- */

/* The upper floor hears of it at once; the memory stays until the library's handle is closed, a little later. */
static void closed(struct ws_conn *conn)
{
    if (conn->closed)
        return;
    conn->closed = true;
    conn->wsi = NULL;
    loop_timer_stop(&conn->timer);
    list_remove(&conn->dirty);
    if (conn->state == WS_LINK)
        link_closed(conn);
    else
        http_closed(conn);
}

static void destroyed(struct ws_conn *conn)
{
    struct ws *ws = conn->ws;
    closed(conn);
    ws->count.sockets--;
    if (conn->state != WS_LINK)
        ws_handshake_over(ws);
    mem_free(conn);
}

static int upgrade_asked(struct ws_conn *conn, struct lws *wsi)
{
    struct ws_refusal refusal = ws_check_upgrade(conn, wsi);
    if (!refusal.status)
        return 0;
    answer_refuse_now(conn, wsi, refusal);
    return -1;
}

/* The library has answered 101 by now. */
static int upgraded(struct ws_conn *conn, struct lws *wsi)
{
    conn->text = !strcmp(lws_get_protocol(wsi)->name, "parley.v1.json");
    link_open(conn);
    return 0;
}

static int on_link(struct ws_conn *conn, enum lws_callback_reasons reason, void *in, size_t len)
{
    switch ((int)reason) {
    case LWS_CALLBACK_RECEIVE:
        return link_receive(conn, in, len);
    case LWS_CALLBACK_RECEIVE_PONG:
        link_heard(conn);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        link_writeable(conn);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        link_peer_closes(conn, in, len);
        return 0;
    default:
        return 0;
    }
}

static int on_http(struct ws_conn *conn, struct lws *wsi, enum lws_callback_reasons reason, void *in, size_t len)
{
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        /* `in` may be freed memory here (CVE-2025-11677); the header table is what counts. Without this handler an
         * upgrade to h2c would pass every other filter. */
        return upgrade_asked(conn, wsi);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        /* the check above looked at the same headers: this one is for a subprotocol that the library chose */
        return lws_get_protocol(wsi)->name[0] ? 0 : -1;
    case LWS_CALLBACK_ESTABLISHED:
        return upgraded(conn, wsi);
    case LWS_CALLBACK_HTTP:
        return http_request(conn);
    case LWS_CALLBACK_HTTP_BODY:
        http_body_part(conn, in, len);
        return 0;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        http_body_end(conn);
        return 0;
    case LWS_CALLBACK_RAW_ADOPT: /* CONNECT would make it a raw socket */
    case LWS_CALLBACK_RAW_RX:
        return -1;
    default:
        return 0;
    }
}

static int on_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct ws *ws = lws_context_user(lws_get_context(wsi));
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS) {
        ws->ssl_ctx = user;
        tls_harden(user);
        return 0;
    }
    if (reason == LWS_CALLBACK_WSI_CREATE)
        ws->adopted = true;
    struct ws_conn *conn = ws && wsi ? lws_get_opaque_user_data(wsi) : NULL;
    if (!conn)
        return 0;
    if (reason == LWS_CALLBACK_CLOSED || reason == LWS_CALLBACK_CLOSED_HTTP)
        closed(conn);
    if (reason == LWS_CALLBACK_WSI_DESTROY) {
        lws_set_opaque_user_data(wsi, NULL);
        destroyed(conn);
        return 0;
    }
    if (conn->closed)
        return 0;
    conn->wsi = wsi;
    return conn->state == WS_LINK ? on_link(conn, reason, in, len) : on_http(conn, wsi, reason, in, len);
}

/* ---- the end of a turn ---- */

/* shutdown makes the library see a broken socket whatever it holds back for the peer; the rest makes it look. */
static void kill_now(struct ws_conn *conn)
{
    struct lws *wsi = conn->wsi;
    shutdown(lws_get_socket_fd(wsi), SHUT_RDWR);
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

static void flush_all(void *arg)
{
    struct ws *ws = arg;
    struct list todo;
    list_init(&todo);
    list_move_all(&todo, &ws->dirty);
    while (!list_empty(&todo)) {
        struct ws_conn *conn = LIST_ITEM(todo.next, struct ws_conn, dirty);
        list_remove(&conn->dirty);
        if (!conn->wsi)
            continue;
        if (!conn->dead && conn->state == WS_LINK)
            link_flush(conn);
        if (conn->dead)
            kill_now(conn);
    }
}

void ws_mark(struct ws_conn *conn)
{
    struct ws *ws = conn->ws;
    if (conn->dirty.next != &conn->dirty)
        return;
    list_push(&ws->dirty, &conn->dirty);
    loop_at_turn_last(ws->loop, &ws->flush, flush_all, ws);
}

void ws_kill(struct ws_conn *conn, int code)
{
    if (conn->dead)
        return;
    conn->dead = true;
    if (!conn->code)
        conn->code = (uint16_t)code;
    ws_mark(conn);
}

void ws_handshake_over(struct ws *ws)
{
    ws->handshakes--;
    ws_accept_again(ws);
}

/* ---- life ---- */

static bool starting; /* main only, before any thread: the library's complaints matter then */

static void on_library_log(int level, const char *line)
{
    if (starting)
        log_warn(NULL, "libwebsockets", LOG_STR("said", line));
}

static parley_status make_vhosts(struct ws *ws)
{
    struct lws_context_creation_info info;
    memset(&info, 0, sizeof info);
    info.protocols = protocol_table;
    info.retry_and_idle_policy = &no_pings;
    info.timeout_secs = LIBRARY_TIMEOUT_S;
    info.keepalive_timeout = 1;
    info.alpn = "http/1.1";
    info.vhost_name = "plain";
    info.port = CONTEXT_PORT_NO_LISTEN; /* the two differ, or the library would swap the vhosts by Host header */
    ws->plain = lws_create_vhost(ws->context, &info);
    if (!ws->plain || !ws->tls_certificate)
        return ws->plain ? PARLEY_OK : PARLEY_UNAVAILABLE;

    info.vhost_name = "tls";
    info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
    info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
    info.ssl_cert_filepath = ws->tls_certificate;
    info.ssl_private_key_filepath = ws->tls_key;
    ws->tls = lws_create_vhost(ws->context, &info);
    return ws->tls && ws->ssl_ctx ? PARLEY_OK : PARLEY_INVALID;
}

static parley_status make_context(struct ws *ws)
{
    struct lws_context_creation_info info;
    void *loops[] = {loop_uv(ws->loop)};
    memset(&info, 0, sizeof info);
    info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS |
                   LWS_SERVER_OPTION_VALIDATE_UTF8;
    if (ws->tls_certificate)
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
    info.foreign_loops = loops;
    info.count_threads = 1;
    info.pcontext = &ws->context;
    info.user = ws;
    info.server_string = "parley"; /* of the library's own refusals; it asserts that there is one */
    info.timeout_secs = LIBRARY_TIMEOUT_S;
    info.pt_serv_buf_size = SERVICE_BUFFER;
    info.max_http_header_data = LIMIT_HTTP_HEADERS;
    info.max_http_header_pool = ws->config.handshakes_max;
    info.retry_and_idle_policy = &no_pings;
    starting = true;
    lws_set_log_level(LLL_ERR, on_library_log);
    ws->context = lws_create_context(&info);
    parley_status st = ws->context ? make_vhosts(ws) : PARLEY_UNAVAILABLE;
    starting = false;
    if (st != PARLEY_OK)
        log_error(NULL, "the WebSocket library cannot start; is libwebsockets-evlib-uv installed?", LOG_STATUS(st));
    return st;
}

static void take_config(struct ws *ws, const struct ws_config *config)
{
    struct ws_config *c = &ws->config;
    *c = *config;
    ws->calls = config->calls;
    ws->arg = config->arg;
    ws->tls_certificate = mem_text(config->tls_certificate);
    ws->tls_key = mem_text(config->tls_key);
    ws_peer_networks(ws, config->proxies, config->proxies_count);
    c->connections_max = c->connections_max ? c->connections_max : CONNECTIONS;
    c->handshakes_max = c->handshakes_max ? c->handshakes_max : HANDSHAKES;
    c->ping_ms = c->ping_ms ? c->ping_ms : LIMIT_PING_MS;
    c->silence_ms = c->silence_ms ? c->silence_ms : LIMIT_SILENCE_MS;
    c->stall_ms = c->stall_ms ? c->stall_ms : LIMIT_OUT_STALL_MS;
    c->out_max = c->out_max ? c->out_max : LIMIT_OUT_QUEUE_HARD;
    c->held_max = c->held_max ? c->held_max : LIMIT_HTTP_HELD;
    c->head_ms = c->head_ms ? c->head_ms : LIMIT_HTTP_HEADERS_MS;
    c->body_ms = c->body_ms ? c->body_ms : LIMIT_HTTP_BODY_MS;
}

parley_status ws_new(struct loop *loop, const struct ws_config *config, struct ws **out)
{
    if (config->tls_certificate) {
        parley_status st = tls_check(config->tls_certificate, config->tls_key);
        if (st != PARLEY_OK)
            return st;
    }
    struct ws *ws = mem_alloc(sizeof *ws);
    ws->loop = loop;
    list_init(&ws->listeners);
    list_init(&ws->dirty);
    take_config(ws, config);
    ws->ping = packet_ping();
    ws->scratch = mem_resize(NULL, WS_SCRATCH);
    parley_status st = make_context(ws);
    if (st != PARLEY_OK)
        ws_free(&ws);
    else
        *out = ws;
    return st;
}

parley_status ws_reload_tls(struct ws *ws)
{
    return ws->ssl_ctx ? tls_load(ws->ssl_ctx, ws->tls_certificate, ws->tls_key) : PARLEY_WRONG_STATE;
}

void ws_stop(struct ws *ws)
{
    if (ws->stopped)
        return;
    ws->stopped = true;
    ws_stop_listening(ws);
    loop_turn_cancel(&ws->flush);
    if (ws->context)
        lws_context_destroy(ws->context); /* closes everything; the memory goes in ws_free */
}

void ws_free(struct ws **at)
{
    struct ws *ws = *at;
    if (!ws)
        return;
    ws_stop(ws);
    for (int i = 0; i < 3; i++) /* the library's handles finish closing only inside the loop */
        uv_run(loop_uv(ws->loop), UV_RUN_NOWAIT);
    if (ws->context)
        lws_context_destroy(ws->context);
    packet_unref(&ws->ping);
    mem_free(ws->scratch);
    mem_free(ws->tls_certificate);
    mem_free(ws->tls_key);
    mem_free(ws->proxies);
    mem_free(ws);
    *at = NULL;
}

struct ws_count ws_count(const struct ws *ws)
{
    return ws->count;
}
