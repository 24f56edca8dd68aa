/* The one answer of a connection, and its end.
 *
 * The library reads the request and is told to read no more. It could write the answer too, but neither without
 * spinning while a peer that reads slowly has sent more than asked, nor without resetting a peer that is still sending
 * when it is refused. So the answer goes straight to the socket, and what still comes is discarded for a while. */
#include "protocol/status.h"
#include "server/base/mem.h"
#include "server/io/loop.h"
#include "server/io/sock.h"
#include "server/io/tls.h"
#include "server/io/ws.h"
#include "server/io/ws_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINGER_MS = 2000, STALL_CHECKS = 4, HEAD_MAX = 16384 };

struct ws_answer {
    struct buf bytes;
    size_t sent, held;
    int fd; /* the socket under a second number, as the library watches the first one; -1: not needed yet */
    struct loop_watch *watch;
    bool discard; /* the peer may still be sending */
    bool ended;
    uint64_t acked;
    int64_t progress_at;
};

/* ---- writing ---- */

/* As tls_write. */
static long put(struct ws_conn *conn, struct lws *wsi, struct span bytes)
{
    if (conn->tls)
        return tls_write(lws_get_ssl(wsi), bytes);
    ssize_t n = send(lws_get_socket_fd(wsi), bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0)
        return (long)n;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } known[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {417, "Expectation Failed"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].status == status)
            return known[i].reason;
    return "Status";
}

/* Sent with every answer unless the answer brings its own. */
#define VALUE(text)                                                                                                    \
    {                                                                                                                  \
        text, sizeof text - 1                                                                                          \
    }

static const struct http_header DEFAULTS[] = {
    {"Cache-Control", VALUE("no-store")},
    {"Content-Security-Policy", VALUE("default-src 'none'; frame-ancestors 'none'")},
    {"Cross-Origin-Opener-Policy", VALUE("same-origin")},
    {"Cross-Origin-Resource-Policy", VALUE("same-origin")},
    {"Referrer-Policy", VALUE("no-referrer")},
    {"X-Content-Type-Options", VALUE("nosniff")},
    {NULL, {NULL, 0}},
};

static bool given(const struct http_header *headers, const char *name)
{
    for (; headers && headers->name; headers++)
        if (!strcasecmp(headers->name, name))
            return true;
    return false;
}

/* A value with a control character would be a second header: it is left out. */
static void add_header(struct buf *out, const char *name, struct span value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < 0x20)
            return;
    buf_printf(out, "%s: ", name);
    buf_add_span(out, value);
    buf_add_str(out, "\r\n");
}

static void write_head(struct buf *out, int status, bool tls, const char *content_type,
                       const struct http_header *headers, size_t body_len)
{
    buf_printf(out, "HTTP/1.1 %d %s\r\nConnection: close\r\n", status, reason_of(status));
    if (status != 204 && status != 304)
        buf_printf(out, "Content-Length: %zu\r\n", body_len);
    if (content_type)
        add_header(out, "Content-Type", span_str(content_type));
    if (tls)
        buf_add_str(out, "Strict-Transport-Security: max-age=63072000; includeSubDomains\r\n");
    for (const struct http_header *h = headers; h && h->name; h++)
        add_header(out, h->name, h->value);
    for (const struct http_header *h = DEFAULTS; h->name; h++)
        if (!given(headers, h->name))
            add_header(out, h->name, h->value);
    buf_add_str(out, "\r\n");
}

static parley_status status_of_http(int status)
{
    switch (status) {
    case 403:
        return PARLEY_DENIED;
    case 404:
        return PARLEY_NOT_FOUND;
    case 413:
        return PARLEY_TOO_BIG;
    case 503:
        return PARLEY_BUSY;
    default:
        return PARLEY_INVALID;
    }
}

static void write_refusal(struct buf *out, bool tls, struct ws_refusal refusal)
{
    static const struct http_header version[] = {
        {"Upgrade", VALUE("websocket")}, {"Sec-WebSocket-Version", VALUE("13")}, {NULL, {NULL, 0}}};
    char body[256]; /* the texts are our own, without quotes */
    int len = snprintf(body, sizeof body, "{\"error\":{\"code\":\"%s\",\"text\":\"%s\"}}",
                       status_name(status_of_http(refusal.status)), refusal.text);
    write_head(out, refusal.status, tls, "application/json; charset=utf-8", refusal.status == 426 ? version : NULL,
               (size_t)len);
    buf_add_span(out, span_of(body, (size_t)len));
}

void answer_refuse_now(struct ws_conn *conn, struct lws *wsi, struct ws_refusal refusal)
{
    struct buf out;
    buf_init(&out, HEAD_MAX);
    write_refusal(&out, conn->tls, refusal);
    conn->ws->count.refused++;
    put(conn, wsi, buf_span(&out));
    buf_done(&out);
}

/* ---- the answer ---- */

void answer_free(struct ws_conn *conn)
{
    struct ws_answer *a = conn->answer;
    conn->answer = NULL;
    if (!a)
        return;
    loop_watch_close(&a->watch);
    if (a->fd >= 0)
        close(a->fd);
    conn->ws->held -= a->held;
    buf_done(&a->bytes);
    mem_free(a);
}

static void answer_go_on(struct ws_conn *conn);

static void on_answer_ready(void *arg, unsigned events)
{
    answer_go_on(arg);
}

/* Calls answer_go_on when the socket is ready for it. */
static void wait_for(struct ws_conn *conn, unsigned events)
{
    struct ws_answer *a = conn->answer;
    if (a->fd < 0)
        a->fd = fcntl(lws_get_socket_fd(conn->wsi), F_DUPFD_CLOEXEC, 0);
    if (a->fd >= 0 && !a->watch)
        a->watch = loop_watch_new(conn->ws->loop, a->fd, on_answer_ready, conn);
    if (a->watch)
        loop_watch_set(a->watch, events);
    else
        ws_kill(conn, 0);
}

static void on_linger_over(void *arg)
{
    ws_kill(arg, 0);
}

static void on_answer_timer(void *arg)
{
    struct ws_conn *conn = arg;
    struct ws_answer *a = conn->answer;
    uint64_t acked = sock_acked(lws_get_socket_fd(conn->wsi));
    int64_t now = loop_now_ms(conn->ws->loop);
    if (acked != a->acked) {
        a->acked = acked;
        a->progress_at = now;
    }
    if (now - a->progress_at >= conn->ws->config.stall_ms)
        ws_kill(conn, 0);
    else
        loop_timer_start(conn->ws->loop, &conn->timer, conn->ws->config.stall_ms / STALL_CHECKS, on_answer_timer, conn);
}

/* No more comes from here; a peer that is still sending is heard out for a moment, because closing now would reset the
 * connection and take the answer with it. */
static void end_writing(struct ws_conn *conn)
{
    struct ws_answer *a = conn->answer;
    int fd = lws_get_socket_fd(conn->wsi), unread = 0;
    a->ended = true;
    if (conn->tls)
        tls_end(lws_get_ssl(conn->wsi));
    if (!a->discard && (ioctl(fd, FIONREAD, &unread) != 0 || unread == 0)) {
        ws_kill(conn, 0);
        return;
    }
    shutdown(fd, SHUT_WR);
    loop_timer_start(conn->ws->loop, &conn->timer, LINGER_MS, on_linger_over, conn);
    wait_for(conn, LOOP_READ);
}

static void discard_input(struct ws_conn *conn)
{
    char nowhere[16384];
    ssize_t n = recv(conn->answer->fd, nowhere, sizeof nowhere, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        ws_kill(conn, 0);
}

static void answer_go_on(struct ws_conn *conn)
{
    struct ws_answer *a = conn->answer;
    if (conn->dead)
        return;
    if (a->ended) {
        discard_input(conn);
        return;
    }
    while (a->sent < a->bytes.len) {
        long n = put(conn, conn->wsi, span_of(a->bytes.ptr + a->sent, a->bytes.len - a->sent));
        if (n < 0)
            ws_kill(conn, 0);
        else if (n == 0)
            wait_for(conn, LOOP_WRITE);
        if (n <= 0)
            return;
        a->sent += (size_t)n;
    }
    end_writing(conn);
}

static struct buf *answer_begin(struct ws_conn *conn, size_t max)
{
    struct ws_answer *a = mem_alloc(sizeof *a);
    buf_init(&a->bytes, max);
    a->fd = -1;
    a->progress_at = loop_now_ms(conn->ws->loop);
    conn->answer = a;
    conn->state = WS_ANSWER;
    lws_rx_flow_control(conn->wsi, 0);
    loop_timer_start(conn->ws->loop, &conn->timer, conn->ws->config.stall_ms / STALL_CHECKS, on_answer_timer, conn);
    return &a->bytes;
}

void answer_refuse(struct ws_conn *conn, struct ws_refusal refusal)
{
    struct buf *out = answer_begin(conn, HEAD_MAX);
    write_refusal(out, conn->tls, refusal);
    conn->ws->count.refused++;
    conn->answer->discard = true;
    answer_go_on(conn);
}

void answer_start(struct ws_conn *conn, int status, const char *content_type, const struct http_header *headers,
                  struct span body, bool head_only)
{
    struct buf *out = answer_begin(conn, HEAD_MAX + body.len);
    write_head(out, status, conn->tls, content_type, headers, body.len);
    conn->answer->held = ws_weight(body.len);
    conn->ws->held += conn->answer->held;
    if (!head_only && status != 204 && status != 304)
        buf_add_span(out, body);
    answer_go_on(conn);
}

void answer_interim(struct ws_conn *conn, struct span bytes)
{
    put(conn, conn->wsi, bytes); /* a peer whose socket takes not even this goes on by itself */
}
