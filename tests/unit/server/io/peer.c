/* See the header. */
#include "tests/unit/server/io/peer.h"

#include "server/base/mem.h"
#include "tests/unit/server/io/rig.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { WAIT_S = 10 };

int peer_connect(const struct rig *rig)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(rig_port(rig))};
    struct timeval wait = {.tv_sec = WAIT_S};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

void peer_send(int fd, struct span bytes)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the other side may have had enough */
        bytes = span_of(bytes.ptr + n, bytes.len - (size_t)n);
    }
}

void peer_send_text(int fd, const char *text)
{
    peer_send(fd, span_str(text));
}

char *peer_read_all(int fd, size_t *out_len)
{
    size_t len = 0, cap = 65536;
    char *bytes = mem_resize(NULL, cap + 1);
    for (;;) {
        if (len == cap)
            bytes = mem_resize(bytes, (cap *= 2) + 1);
        ssize_t n = recv(fd, bytes + len, cap - len, 0);
        if (n < 0 && errno != ECONNRESET)
            fail_msg("the connection is still open after %d s: %s", WAIT_S, strerror(errno));
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    bytes[len] = 0;
    if (out_len)
        *out_len = len;
    return bytes;
}

char *peer_talk(const struct rig *rig, const char *request)
{
    int fd = peer_connect(rig);
    peer_send_text(fd, request);
    char *answer = peer_read_all(fd, NULL);
    close(fd);
    return answer;
}

static void read_exactly(int fd, char *to, size_t len)
{
    while (len) {
        ssize_t n = recv(fd, to, len, 0);
        assert_true(n > 0);
        to += n;
        len -= (size_t)n;
    }
}

int peer_link(const struct rig *rig, const char *subprotocol)
{
    char text[512], answer[1024];
    size_t len = 0;
    int fd = peer_connect(rig);
    snprintf(text, sizeof text,
             "GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
             "Sec-WebSocket-Protocol: %s\r\n\r\n",
             subprotocol);
    peer_send_text(fd, text);
    do { /* a byte at a time: frames may follow at once */
        assert_true(len + 1 < sizeof answer);
        read_exactly(fd, answer + len++, 1);
        answer[len] = 0;
    } while (!strstr(answer, "\r\n\r\n"));
    assert_non_null(strstr(answer, "HTTP/1.1 101 "));
    assert_non_null(strstr(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_non_null(strstr(answer, subprotocol));
    return fd;
}

void peer_frame(int fd, int first, struct span payload)
{
    static const unsigned char mask[4] = {0x12, 0x34, 0x56, 0x78};
    unsigned char *frame = mem_alloc(payload.len + 14);
    size_t at = 2;
    frame[0] = (unsigned char)first;
    if (payload.len < 126)
        frame[1] = (unsigned char)(0x80 | payload.len);
    else {
        int bytes = payload.len <= 0xffff ? 2 : 8;
        frame[1] = (unsigned char)(0x80 | (bytes == 2 ? 126 : 127));
        for (int i = bytes - 1; i >= 0; i--)
            frame[at++] = (unsigned char)((uint64_t)payload.len >> (8 * i));
    }
    memcpy(frame + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < payload.len; i++)
        frame[at++] = (unsigned char)payload.ptr[i] ^ mask[i & 3];
    peer_send(fd, span_of(frame, at));
    mem_free(frame);
}

static struct peer_message closed_message(void)
{
    return (struct peer_message){.opcode = -1};
}

static struct peer_message receive_any(int fd)
{
    unsigned char head[10];
    ssize_t n = recv(fd, head, 1, 0);
    if (n <= 0) {
        assert_true(n == 0 || errno == ECONNRESET);
        return closed_message();
    }
    read_exactly(fd, (char *)head + 1, 1);
    assert_true(head[0] & OP_FIN);
    assert_false(head[1] & 0x80);
    uint64_t len = head[1];
    if (len >= 126) {
        size_t bytes = len == 126 ? 2 : 8;
        read_exactly(fd, (char *)head + 2, bytes);
        len = 0;
        for (size_t i = 0; i < bytes; i++)
            len = len << 8 | head[2 + i];
    }
    struct peer_message m = {.opcode = head[0] & 15, .len = len, .bytes = mem_alloc(len + 1)};
    read_exactly(fd, m.bytes, len);
    return m;
}

struct peer_message peer_receive(int fd)
{
    for (;;) {
        struct peer_message m = receive_any(fd);
        if (m.opcode != OP_PING)
            return m;
        peer_frame(fd, OP_FIN | OP_PONG, span_of(m.bytes, m.len));
        peer_message_done(&m);
    }
}

void peer_message_done(struct peer_message *message)
{
    mem_free(message->bytes);
    message->bytes = NULL;
}

void peer_expect(int fd, int opcode, const char *payload)
{
    struct peer_message m = peer_receive(fd);
    assert_int_equal(m.opcode, opcode);
    assert_string_equal(m.bytes, payload);
    peer_message_done(&m);
}

void peer_expect_close(int fd, int code)
{
    struct peer_message m = peer_receive(fd);
    assert_int_equal(m.opcode, OP_CLOSE);
    assert_true(m.len >= 2);
    assert_int_equal((unsigned char)m.bytes[0] << 8 | (unsigned char)m.bytes[1], code);
    peer_frame(fd, OP_FIN | OP_CLOSE, span_of(m.bytes, 2));
    peer_message_done(&m);
    m = receive_any(fd);
    assert_int_equal(m.opcode, -1); /* nothing follows a Close */
    close(fd);
}
