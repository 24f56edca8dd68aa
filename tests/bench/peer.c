/* A WebSocket client that is in a hurry: zero masks, since masking with zero leaves the bytes as they are. */
#include "tests/bench/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_MAX = 1 << 18, MESSAGE_MAX = 1 << 20, EVENTS = 256, OPCODE_BINARY = 2, OPCODE_CLOSE = 8, OPCODE_PING = 9 };

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("loadgen: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

uint64_t next_random(void)
{
    static uint64_t chance;
    if (!chance)
        chance = 88172645463325252u ^ (uint64_t)now_us() << 20 ^ (uint64_t)getpid();
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return chance;
}

struct uuid new_id(void)
{
    struct timespec t;
    uint64_t r[2] = {next_random(), next_random()};
    clock_gettime(CLOCK_REALTIME, &t);
    return uuid_v7(t.tv_sec * 1000ll + t.tv_nsec / 1000000, (const uint8_t *)r);
}

void crowd_init(struct crowd *crowd, int port, const struct peer_calls *calls, void *arg)
{
    *crowd = (struct crowd){.calls = calls, .arg = arg, .port = port, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    arena_init(&crowd->arena, 16 << 20);
    buf_init(&crowd->frame, MESSAGE_MAX);
    crowd->read_buffer = malloc(READ_MAX);
}

/* ---- out ---- */

static void add_frame(struct buf *out, int opcode, struct span payload)
{
    unsigned char head[14] = {(unsigned char)(0x80 | opcode)};
    size_t n = 2;
    if (payload.len < 126) {
        head[1] = (unsigned char)payload.len;
    } else if (payload.len <= UINT16_MAX) {
        head[1] = 126, head[2] = (unsigned char)(payload.len >> 8), head[3] = (unsigned char)payload.len;
        n = 4;
    } else {
        die("a message of %zu bytes", payload.len);
    }
    head[1] |= 0x80;
    buf_add(out, head, n + 4); /* the mask is zero */
    buf_add_span(out, payload);
}

void peer_add(struct peer *peer, struct span payload)
{
    add_frame(&peer->out, OPCODE_BINARY, payload);
}

/* What the kernel does not take at once is tried again after the next read: the server always answers. */
void peer_flush(struct peer *peer)
{
    struct buf *out = &peer->out;
    if (!out->len)
        return;
    ssize_t n = peer->ssl ? SSL_write(peer->ssl, out->ptr, (int)out->len)
                          : send(peer->fd, out->ptr, out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN)
        die("sending: %s", strerror(errno));
    if (n > 0 && (size_t)n < out->len)
        memmove(out->ptr, out->ptr + n, out->len - (size_t)n);
    out->len -= n > 0 ? (size_t)n : 0;
}

/* ---- hello ---- */

static void ask_upgrade(struct peer *peer)
{
    static const char request[] = "GET /v1/ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                  "Sec-WebSocket-Protocol: parley.v1.msgpack\r\n\r\n";
    buf_add(&peer->out, request, sizeof request - 1);
    peer_flush(peer);
    peer->state = PEER_UPGRADING;
}

static void say_hello(struct crowd *crowd, struct peer *peer)
{
    struct frame_cursor have = {.conversation = peer->conversation, .seq = peer->have};
    struct frame_hello hello = {.token = peer->token};
    if (!uuid_is_nil(peer->device))
        hello.device = peer->device, hello.has_device = true;
    if (peer->have >= 0)
        hello.have = &have, hello.have_count = 1;
    hello.recap = hello.has_recap = crowd->recap;
    buf_clear(&crowd->frame);
    frame_put_type(&crowd->frame, ENCODING_MSGPACK, FRAME_hello, 1, &hello);
    peer_add(peer, buf_span(&crowd->frame));
    peer_flush(peer);
    peer->state = PEER_GREETING;
}

/* ---- in ---- */

static enum frame_type awaited(void *arg, int64_t re)
{
    return *(enum frame_type *)arg;
}

const struct frame *peer_decode(struct crowd *crowd, struct span message, enum frame_type request)
{
    static struct frame frame;
    struct frame_reader reader;
    struct wire_error error = {0};
    arena_reset(&crowd->arena);
    if (frame_reader_init(&reader, ENCODING_MSGPACK, message, &error) != PARLEY_OK ||
        !frame_next_answer(&reader, &crowd->arena, awaited, &request, &frame, &error) || error.status != PARLEY_OK)
        die("the server sent what cannot be read: %s %s", error.path, error.text);
    if (frame.type == FRAME_error)
        die("the server refuses: %.*s: %.*s", SPAN_ARG(frame.error.code), SPAN_ARG(frame.error.text));
    return &frame;
}

static void take_message(struct crowd *crowd, struct peer *peer, int opcode, struct span payload)
{
    if (opcode == OPCODE_CLOSE)
        die("the server closes: %.*s", payload.len > 2 ? (int)payload.len - 2 : 0, payload.ptr + 2);
    if (opcode == OPCODE_PING) {
        add_frame(&peer->out, OPCODE_PING + 1, payload);
        return;
    }
    if (peer->state == PEER_OPEN) {
        crowd->calls->on_message(crowd, peer, payload);
        return;
    }
    if (crowd->calls->on_greeted) {
        peer->state = PEER_OPEN;
        crowd->calls->on_greeted(crowd, peer, payload);
        return;
    }
    const struct frame *frame = peer_decode(crowd, payload, FRAME_hello);
    if (frame->type != FRAME_welcome)
        return;
    peer->state = PEER_OPEN;
    if (frame->welcome.threads_count)
        peer->conversation = frame->welcome.threads[0].conversation;
    crowd->calls->on_welcome(crowd, peer, &frame->welcome);
}

/* Takes one frame from the front; 0 when it is not whole. */
static size_t take_frame(struct crowd *crowd, struct peer *peer, struct span s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    if (s.len < 2)
        return 0;
    size_t len = p[1], head = len < 126 ? 2 : len == 126 ? 4 : 10;
    if (s.len < head)
        return 0;
    if (head > 2)
        len = 0;
    for (size_t i = 2; i < head; i++)
        len = len << 8 | p[i];
    if (s.len < head + len)
        return 0;
    take_message(crowd, peer, p[0] & 15, span_of(s.ptr + head, len));
    return head + len;
}

static size_t take_upgraded(struct crowd *crowd, struct peer *peer, struct span s)
{
    const char *end = memmem(s.ptr, s.len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (s.len < 12 || memcmp(s.ptr + 9, "101", 3) != 0)
        die("no upgrade: %.*s", (int)s.len, s.ptr);
    say_hello(crowd, peer);
    return (size_t)(end + 4 - s.ptr);
}

static void take_bytes(struct crowd *crowd, struct peer *peer, struct span s)
{
    size_t took = 1;
    if (peer->in.len) {
        buf_add_span(&peer->in, s);
        s = buf_span(&peer->in);
    }
    while (took && s.len && peer->state != PEER_NONE) {
        took = peer->state == PEER_UPGRADING ? take_upgraded(crowd, peer, s) : take_frame(crowd, peer, s);
        s = span_of(s.ptr + took, s.len - took);
    }
    if (peer->state == PEER_NONE || !s.len) {
        buf_done(&peer->in);
        buf_init(&peer->in, MESSAGE_MAX);
    } else if (s.ptr != peer->in.ptr || !peer->in.len) {
        struct buf rest;
        buf_init(&rest, MESSAGE_MAX);
        buf_add_span(&rest, s);
        buf_done(&peer->in);
        peer->in = rest;
    }
}

/* Whether there may be more. */
static bool read_some(struct crowd *crowd, struct peer *peer)
{
    ssize_t n =
        peer->ssl ? SSL_read(peer->ssl, crowd->read_buffer, READ_MAX) : recv(peer->fd, crowd->read_buffer, READ_MAX, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return errno == EINTR;
    if (n <= 0)
        die("the link %d is lost: %s", peer->at, n ? strerror(errno) : "closed");
    take_bytes(crowd, peer, span_of(crowd->read_buffer, (size_t)n));
    return n == READ_MAX;
}

/* ---- connecting ---- */

static void open_socket(struct crowd *crowd, struct peer *peer, int flags)
{
    int one = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)crowd->port)};
    /* addresses in turn, or one of them would run out of ports in a storm */
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002u + (unsigned)peer->at % 8)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(peer->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (peer->fd < 0 || bind(peer->fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        (connect(peer->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS))
        die("connecting: %s", strerror(errno));
    buf_init(&peer->in, MESSAGE_MAX);
    buf_init(&peer->out, MESSAGE_MAX);
    peer->began_us = now_us();
    peer->state = PEER_CONNECTING;
}

void peer_connect(struct crowd *crowd, struct peer *peer)
{
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = peer};
    open_socket(crowd, peer, SOCK_NONBLOCK);
    epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, peer->fd, &event);
}

static struct ssl_st *tls_new(int fd)
{
    static SSL_CTX *context;
    if (!context)
        context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    if (!SSL_set_fd(ssl, fd) || SSL_connect(ssl) != 1)
        die("no TLS");
    return ssl;
}

void peer_connect_now(struct crowd *crowd, struct peer *peer, bool tls)
{
    open_socket(crowd, peer, 0);
    if (tls)
        peer->ssl = tls_new(peer->fd);
    ask_upgrade(peer);
    while (peer->state != PEER_OPEN)
        read_some(crowd, peer);
    buf_done(&peer->in);
    buf_done(&peer->out);
}

void peer_close(struct peer *peer)
{
    /* without a last word: a port that lingers could not be used again */
    struct linger now = {.l_onoff = 1};
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(peer->fd);
    buf_done(&peer->in);
    buf_done(&peer->out);
    peer->state = PEER_NONE;
}

static void connected(struct crowd *crowd, struct peer *peer)
{
    int zero = 0;
    /* one that only reads would acknowledge each message by itself */
    setsockopt(peer->fd, IPPROTO_TCP, TCP_QUICKACK, &zero, sizeof zero);
    /* by edge: by level each event is looked at twice */
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = peer};
    epoll_ctl(crowd->epoll, EPOLL_CTL_MOD, peer->fd, &event);
    ask_upgrade(peer);
}

void crowd_turn(struct crowd *crowd, int64_t wait_us)
{
    struct epoll_event events[EVENTS];
    struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    int n = epoll_pwait2(crowd->epoll, events, EVENTS, &wait, NULL);
    for (int i = 0; i < n; i++) {
        struct peer *peer = events[i].data.ptr;
        if (peer->state == PEER_CONNECTING) {
            connected(crowd, peer);
            continue;
        }
        while (peer->state != PEER_NONE && read_some(crowd, peer))
            ;
        if (peer->state == PEER_OPEN && crowd->calls->on_quiet)
            crowd->calls->on_quiet(crowd, peer);
        if (peer->state != PEER_NONE)
            peer_flush(peer);
    }
}
