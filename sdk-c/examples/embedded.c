/* Parley in a loop of the host's own: no thread of the library, and a WebSocket of the host's own under it. What a
 * game, a till or a device with one loop would do; lines typed are said, what is heard is printed.
 *
 *   cc embedded.c $(pkg-config --cflags --libs parley libcrypto) -o embedded
 *   PARLEY_URL=ws://127.0.0.1:8300/v1/ws PARLEY_TOKEN=$(parley token mint ...) ./embedded
 *
 * The WebSocket is plain (ws://) and takes numeric addresses: a look-up of names and TLS are the platform's business.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem, SOCK_NONBLOCK */
#endif
#include <parley/client.h>

#include <errno.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OP_MORE = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };
enum { SIZE_MAX_IN = 4 << 20, ACCEPT_SIZE = 29 };

struct bytes {
    uint8_t *at;
    size_t len;
};

/* One attempt at a connection; the library has one at a time, and numbers them. */
struct wire {
    parley_client *client;
    uint64_t socket;
    int fd; /* -1: none */
    int is_connected, is_upgraded;
    char accept[ACCEPT_SIZE];
    struct bytes out, in, message;
};

static int grow(struct bytes *b, const void *more, size_t len)
{
    uint8_t *at = len ? realloc(b->at, b->len + len) : b->at;
    if (len && !at)
        return 0;
    if (len)
        memcpy(at + b->len, more, len);
    b->at = at;
    b->len += len;
    return 1;
}

static void drop(struct bytes *b, size_t len)
{
    b->len -= len;
    if (b->len)
        memmove(b->at, b->at + len, b->len);
}

static void wire_reset(struct wire *w)
{
    if (w->fd >= 0)
        close(w->fd);
    free(w->out.at);
    free(w->in.at);
    free(w->message.at);
    *w = (struct wire){.client = w->client, .fd = -1};
}

/* The socket is lost, or the server has said good-bye; the library decides what next. */
static void wire_lost(struct wire *w, int code, const char *why)
{
    uint64_t socket = w->socket;
    wire_reset(w);
    parley_transport_closed(w->client, socket, code, why);
}

/* --- the handshake (RFC 6455, 4) --- */

static int ask_to_upgrade(struct wire *w, const char *host, const char *path, const char *subprotocol)
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t nonce[16], digest[20];
    char key[25], text[1200];
    if (RAND_bytes(nonce, sizeof nonce) != 1)
        return 0;
    EVP_EncodeBlock((unsigned char *)key, nonce, sizeof nonce);
    int n = snprintf(text, sizeof text, "%s%s", key, magic);
    EVP_Digest(text, (size_t)n, digest, NULL, EVP_sha1(), NULL);
    EVP_EncodeBlock((unsigned char *)w->accept, digest, sizeof digest);
    n = snprintf(text, sizeof text,
                 "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
                 path, host, key, subprotocol);
    return n < (int)sizeof text && grow(&w->out, text, (size_t)n);
}

static void read_answer(struct wire *w)
{
    static const char good[] = "HTTP/1.1 101";
    uint8_t *end = w->in.len < 4 ? NULL : memmem(w->in.at, w->in.len, "\r\n\r\n", 4);
    if (!end && w->in.len > 8192)
        wire_lost(w, 0, "a long answer");
    if (!end || w->fd < 0)
        return;
    size_t head = (size_t)(end - w->in.at) + 4;
    if (memcmp(w->in.at, good, sizeof good - 1) != 0 || !memmem(w->in.at, head, w->accept, strlen(w->accept))) {
        wire_lost(w, 0, "no WebSocket there");
        return;
    }
    drop(&w->in, head);
    w->is_upgraded = 1;
    parley_transport_opened(w->client, w->socket);
}

/* --- frames (RFC 6455, 5); a client masks what it sends --- */

static int put_frame(struct wire *w, int opcode, const uint8_t *payload, size_t len)
{
    uint8_t head[14] = {(uint8_t)(0x80 | opcode)}, mask[4];
    size_t n = 2, size = len < 126 ? 0 : len <= 0xffff ? 2 : 8, from = w->out.len;
    head[1] = (uint8_t)(0x80 | (size == 0 ? len : size == 2 ? 126 : 127));
    for (size_t i = 0; i < size; i++)
        head[n++] = (uint8_t)((uint64_t)len >> (8 * (size - 1 - i)));
    if (RAND_bytes(mask, sizeof mask) != 1)
        return 0;
    memcpy(head + n, mask, sizeof mask);
    n += sizeof mask;
    if (!grow(&w->out, head, n) || !grow(&w->out, payload, len))
        return 0;
    for (size_t i = 0; i < len; i++)
        w->out.at[from + n + i] ^= mask[i % 4];
    return 1;
}

static void take_frame(struct wire *w, int opcode, int is_last, const uint8_t *payload, size_t len)
{
    if (opcode == OP_CLOSE) {
        wire_lost(w, len >= 2 ? payload[0] << 8 | payload[1] : 0, NULL);
    } else if (opcode == OP_PING) {
        put_frame(w, OP_PONG, payload, len);
    } else if (opcode <= OP_BINARY) {
        if (!grow(&w->message, payload, len))
            wire_lost(w, 0, "no memory");
        else if (is_last) {
            parley_transport_received(w->client, w->socket, w->message.at, w->message.len);
            w->message.len = 0;
        }
    }
}

/* Takes one whole frame off the front; 0 when there is none yet. */
static int read_frame(struct wire *w)
{
    const uint8_t *at = w->in.at;
    if (w->in.len < 2)
        return 0;
    size_t size = (at[1] & 127) < 126 ? 0 : (at[1] & 127) == 126 ? 2 : 8, head = 2 + size;
    if (w->in.len < head)
        return 0;
    uint64_t len = size ? 0 : at[1] & 127;
    for (size_t i = 0; i < size; i++)
        len = len << 8 | at[2 + i];
    if (at[1] & 128 || len > SIZE_MAX_IN || w->message.len > SIZE_MAX_IN) {
        wire_lost(w, 0, "not a frame of a server");
        return 0;
    }
    if (w->in.len - head < len)
        return 0;
    uint64_t socket = w->socket;
    take_frame(w, at[0] & 15, at[0] & 128, at + head, (size_t)len);
    if (w->fd < 0 || w->socket != socket)
        return 0;
    drop(&w->in, head + (size_t)len);
    return 1;
}

/* --- what the library asks of the transport; called from parley_step --- */

static int dial(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *found;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return -1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0 && errno != EINPROGRESS) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static parley_status wire_open(void *user, parley_client *client, uint64_t socket, const char *url,
                               const char *subprotocol)
{
    struct wire *w = user;
    char host[64], port[6], path[512] = "/", whole[80];
    if (sscanf(url, "ws://%63[0-9.]:%5[0-9]%511s", host, port, path) < 2)
        return PARLEY_INVALID;
    wire_reset(w);
    w->client = client;
    w->socket = socket;
    w->fd = dial(host, port);
    snprintf(whole, sizeof whole, "%s:%s", host, port);
    if (w->fd < 0 || !ask_to_upgrade(w, whole, path, subprotocol)) {
        wire_reset(w);
        return PARLEY_UNAVAILABLE;
    }
    return PARLEY_OK;
}

static parley_status wire_send(void *user, uint64_t socket, const uint8_t *bytes, size_t length, int32_t binary)
{
    struct wire *w = user;
    if (w->fd < 0 || w->socket != socket)
        return PARLEY_CLOSED;
    return put_frame(w, binary ? OP_BINARY : OP_TEXT, bytes, length) ? PARLEY_OK : PARLEY_NOMEM;
}

static void wire_close(void *user, uint64_t socket, int32_t code)
{
    struct wire *w = user;
    uint8_t said[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    if (w->fd < 0 || w->socket != socket)
        return;
    if (w->is_upgraded && w->out.len == 0 && put_frame(w, OP_CLOSE, said, sizeof said))
        (void)!send(w->fd, w->out.at, w->out.len,
                    MSG_NOSIGNAL); /* if it goes at once, good; if not, it closes all the same */
    wire_reset(w);
}

/* --- the loop --- */

static short wants(const struct wire *w)
{
    return (short)(POLLIN | (w->out.len || !w->is_connected ? POLLOUT : 0));
}

static void on_socket(struct wire *w, short ready)
{
    uint8_t chunk[16384];
    w->is_connected |= (ready & POLLOUT) != 0;
    while (w->out.len && ready & POLLOUT) {
        ssize_t n = send(w->fd, w->out.at, w->out.len, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        drop(&w->out, (size_t)n);
    }
    if (!(ready & (POLLIN | POLLHUP | POLLERR)))
        return;
    ssize_t n = recv(w->fd, chunk, sizeof chunk, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !grow(&w->in, chunk, (size_t)n)) {
        wire_lost(w, 0, n < 0 ? strerror(errno) : "the connection ended");
        return;
    }
    if (!w->is_upgraded)
        read_answer(w);
    while (w->fd >= 0 && w->is_upgraded && read_frame(w)) {
    }
}

static void show(parley_event *e)
{
    const char *text = parley_event_text(e, "item.body.text"), *why = parley_event_text(e, "text");
    if (parley_event_type(e) == PARLEY_EVENT_STATE)
        printf("state   %s%s%s\n", parley_event_text(e, "state"), why ? ": " : "", why ? why : "");
    else if (parley_event_type(e) == PARLEY_EVENT_ITEM)
        printf("%-7s %s\n", parley_event_text(e, "item.role"), text ? text : parley_event_text(e, "item.kind"));
    else if (parley_event_type(e) == PARLEY_EVENT_OUTBOX)
        printf("mine    %s\n", parley_event_text(e, "state"));
    fflush(stdout);
}

/* Everything that typed lines ask for; 0 at their end. */
static int on_input(parley_client *client)
{
    static char line[4096];
    static size_t len;
    ssize_t n = read(STDIN_FILENO, line + len, sizeof line - 1 - len);
    if (n <= 0 || len + (size_t)n == sizeof line - 1)
        return 0;
    len += (size_t)n;
    for (char *end; (end = memchr(line, '\n', len)); memmove(line, end + 1, len)) {
        *end = '\0';
        if (end > line)
            parley_send_text(client, NULL, line, NULL);
        len -= (size_t)(end + 1 - line);
    }
    return 1;
}

/* Typed and not answered yet, with a chance that it will be. */
static int is_unsaid(parley_client *client)
{
    int32_t state = parley_state(client);
    if (state == PARLEY_STATE_BLOCKED || state == PARLEY_STATE_NEEDS_TOKEN)
        return 0;
    int unsaid = 0;
    parley_event *list = parley_outbox_list(client);
    for (uint32_t i = list ? parley_event_count(list, "outbox") : 0; i-- > 0;) {
        char path[32];
        snprintf(path, sizeof path, "outbox.%u.state", (unsigned)i);
        unsaid += strncmp(parley_event_text(list, path), "failed", 6) != 0;
    }
    parley_event_free(list);
    return unsaid > 0;
}

static void run(struct wire *w)
{
    parley_event *event;
    for (int more = 1; more || is_unsaid(w->client);) {
        parley_step(w->client, 0);
        while ((event = parley_next_event(w->client, 0))) {
            show(event);
            parley_event_free(event);
        }
        struct pollfd fds[2] = {{.fd = more ? STDIN_FILENO : -1, .events = POLLIN}, {.fd = w->fd, .events = wants(w)}};
        if (poll(fds, 2, parley_step_due(w->client)) < 0 && errno != EINTR)
            break;
        if (fds[1].revents)
            on_socket(w, fds[1].revents);
        if (fds[0].revents)
            more = on_input(w->client);
    }
}

int main(void)
{
    struct wire wire = {.fd = -1};
    parley_transport transport = {
        .size = sizeof transport, .user = &wire, .open = wire_open, .send = wire_send, .close = wire_close};
    parley_config config;
    parley_config_init(&config, sizeof config);
    config.url = getenv("PARLEY_URL");
    config.token = getenv("PARLEY_TOKEN");
    config.flags = PARLEY_HOST_DRIVEN;
    config.transport = &transport;
    parley_status st = parley_client_new(&config, &wire.client);
    if (st != PARLEY_OK)
        return fprintf(stderr, "embedded: %s\n", parley_status_text(st)), 1;
    parley_connect(wire.client);
    run(&wire);
    parley_client_free(wire.client);
    wire_reset(&wire);
    return 0;
}
