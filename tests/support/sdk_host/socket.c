/* The host's WebSocket client. Zero masks, as nobody in between is to be fooled. */
#include "tests/support/sdk_host/socket.h"

#include "tests/support/sdk_host/note.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BYTES_MAX = 8 << 20, READ_MAX = 1 << 16, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

void ws_socket_init(struct ws_socket *s, int port)
{
    *s = (struct ws_socket){.port = port, .fd = -1};
    buf_init(&s->in, BYTES_MAX);
    buf_init(&s->out, BYTES_MAX);
    buf_init(&s->message, BYTES_MAX);
}

static void forget(struct ws_socket *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->open = 0;
    s->in.len = s->out.len = s->message.len = 0;
}

void ws_socket_done(struct ws_socket *s)
{
    forget(s);
    buf_done(&s->in);
    buf_done(&s->out);
    buf_done(&s->message);
}

static void lost(struct ws_socket *s, int code, const char *reason)
{
    forget(s);
    parley_transport_closed(s->client, s->number, code, reason);
}

/* --- out --- */

static void flush(struct ws_socket *s)
{
    if (s->fd < 0 || !s->out.len)
        return;
    ssize_t n = send(s->fd, s->out.ptr, s->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0)
        return; /* what is wrong shows when it is read */
    memmove(s->out.ptr, s->out.ptr + n, s->out.len - (size_t)n);
    s->out.len -= (size_t)n;
}

static void add_frame(struct ws_socket *s, int opcode, struct span payload)
{
    unsigned char head[14] = {(unsigned char)(0x80 | opcode)};
    size_t size = payload.len < 126 ? 0 : payload.len <= UINT16_MAX ? 2 : 8;
    head[1] = (unsigned char)(0x80 | (size == 0 ? payload.len : size == 2 ? 126 : 127));
    for (size_t i = 0; i < size; i++)
        head[2 + i] = (unsigned char)((uint64_t)payload.len >> 8 * (size - 1 - i));
    buf_add(&s->out, head, 2 + size + 4);
    buf_add_span(&s->out, payload);
}

static parley_status on_open(void *user, parley_client *client, uint64_t number, const char *url, const char *protocol)
{
    struct ws_socket *s = user;
    int one = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    forget(s);
    s->client = client;
    s->number = number;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(s->fd, (struct sockaddr *)&to, sizeof to) != 0) {
        forget(s);
        return PARLEY_UNAVAILABLE;
    }
    buf_printf(&s->out,
               "GET /v1/ws HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
               "Sec-WebSocket-Protocol: %s\r\n\r\n",
               protocol);
    flush(s);
    return PARLEY_OK;
}

static parley_status on_send(void *user, uint64_t number, const uint8_t *bytes, size_t length, int32_t binary)
{
    struct ws_socket *s = user;
    if (s->fd < 0 || number != s->number)
        return PARLEY_CLOSED;
    point(POINT_send);
    add_frame(s, binary ? OP_BINARY : OP_TEXT, span_of(bytes, length));
    flush(s);
    point(POINT_sent);
    return PARLEY_OK;
}

static void on_close(void *user, uint64_t number, int32_t code)
{
    struct ws_socket *s = user;
    if (s->fd >= 0 && number == s->number)
        forget(s);
}

parley_transport ws_socket_transport(struct ws_socket *s)
{
    return (parley_transport){
        .size = sizeof(parley_transport), .user = s, .open = on_open, .send = on_send, .close = on_close};
}

/* --- in --- */

static void take_message(struct ws_socket *s)
{
    uint64_t number = s->number;
    point(POINT_got);
    parley_status st = parley_transport_received(s->client, number, (const uint8_t *)s->message.ptr, s->message.len);
    s->message.len = 0;
    if (st != PARLEY_OK)
        forget(s);
    point(POINT_taken);
}

static void take_control(struct ws_socket *s, int opcode, struct span payload)
{
    char reason[126];
    const unsigned char *p = (const unsigned char *)payload.ptr;
    if (opcode == OP_PING) {
        add_frame(s, OP_PONG, payload);
    } else if (opcode == OP_CLOSE) {
        snprintf(reason, sizeof reason, "%.*s", payload.len > 2 ? (int)payload.len - 2 : 0, payload.ptr + 2);
        lost(s, payload.len >= 2 ? p[0] << 8 | p[1] : 0, reason);
    }
}

/* Takes one frame from the front; 0 when it is not whole. */
static size_t take_frame(struct ws_socket *s, struct span bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    if (bytes.len < 2)
        return 0;
    size_t len = p[1] & 127, head = len < 126 ? 2 : len == 126 ? 4 : 10;
    if (bytes.len < head)
        return 0;
    if (head > 2)
        len = 0;
    for (size_t i = 2; i < head; i++)
        len = len << 8 | p[i];
    if (bytes.len < head + len)
        return 0;
    if ((p[0] & 15) >= OP_CLOSE) {
        take_control(s, p[0] & 15, span_of(bytes.ptr + head, len));
    } else {
        buf_add(&s->message, bytes.ptr + head, len);
        if (p[0] & 0x80)
            take_message(s);
    }
    return head + len;
}

static size_t take_answer(struct ws_socket *s, struct span bytes)
{
    const char *end = memmem(bytes.ptr, bytes.len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (memcmp(bytes.ptr + 9, "101", 3) != 0) {
        lost(s, 0, "no upgrade");
        return 0;
    }
    s->open = 1;
    parley_transport_opened(s->client, s->number);
    return (size_t)(end + 4 - bytes.ptr);
}

static void take_bytes(struct ws_socket *s)
{
    size_t at = 0, took = 1;
    while (took && s->fd >= 0 && at < s->in.len) {
        struct span rest = span_of(s->in.ptr + at, s->in.len - at);
        took = s->open ? take_frame(s, rest) : take_answer(s, rest);
        at += took;
    }
    if (s->fd < 0)
        return; /* it was forgotten with all that it held */
    memmove(s->in.ptr, s->in.ptr + at, s->in.len - at);
    s->in.len -= at;
}

void ws_socket_turn(struct ws_socket *s, int timeout_ms)
{
    char bytes[READ_MAX];
    struct pollfd p = {.fd = s->fd, .events = (short)(POLLIN | (s->out.len ? POLLOUT : 0))};
    poll(&p, 1, timeout_ms);
    if (s->fd < 0)
        return;
    flush(s);
    ssize_t n = recv(s->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0) {
        buf_add(&s->in, bytes, (size_t)n);
        take_bytes(s);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        lost(s, 0, "the connection is lost");
    }
}
