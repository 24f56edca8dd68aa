/* What an attacker or a broken proxy sends: each is answered once at most, with the right status or by a drop, and
 * nothing that hides behind it reaches the application. */
#include "tests/unit/server/io/peer.h"
#include "tests/unit/server/io/rig.h"

#include "protocol/buf.h"
#include "server/base/mem.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DROP = 0 };

/* status: what is expected; DROP: closed without an answer; negative: that status or a drop. */
struct probe {
    const char *name;
    int status;
    const char *bytes;
    size_t len;
};

#define PROBE(name, status, bytes)                                                                                     \
    {                                                                                                                  \
        name, status, bytes, sizeof(bytes) - 1                                                                         \
    }

static int answers_in(const char *text)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, "HTTP/1.")); p++)
        n += p[8] == ' ' && p[9] >= '1' && p[9] <= '5';
    return n;
}

static bool status_fits(int expected, int got)
{
    return expected < 0 ? got == DROP || got == -expected : got == expected;
}

/* The peer ends its side after sending, so that a worker that waits for more sees that none comes. */
static char *send_probe(struct rig *rig, struct span bytes)
{
    int fd = peer_connect(rig);
    peer_send(fd, bytes);
    shutdown(fd, SHUT_WR);
    char *answer = peer_read_all(fd, NULL);
    close(fd);
    return answer;
}

/* What is wrong with an answer; NULL when nothing is. */
static const char *judge(const struct probe *p, const char *answer, int reached)
{
    int status = answer[0] ? atoi(answer + 9) : DROP;
    if (!status_fits(p->status, status))
        return "the status is another";
    if (answers_in(answer) > 1)
        return "there is more than one answer";
    if (reached > (status == 200 || status == 404) || strstr(answer, "smuggled"))
        return "a request came through that should not";
    /* the own 403 of the library is HTTP/1.0, which says so */
    if (status && status != 101 && status != 403 && !strstr(answer, "\r\nConnection: close\r\n"))
        return "the answer does not end the connection";
    return NULL;
}

static int run_probe(struct rig *rig, const struct probe *p)
{
    int before = rig_requests(rig);
    char *answer = send_probe(rig, span_of(p->bytes, p->len));
    const char *wrong = judge(p, answer, rig_requests(rig) - before);
    if (wrong)
        print_error("%s: %s; expected %d, got:\n%s\n", p->name, wrong, p->status, answer);
    mem_free(answer);
    return wrong ? 1 : 0;
}

/* ---- handshakes ---- */

#define REQUEST "GET /v1/ws HTTP/1.1\r\n"
#define HOST "Host: localhost\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: parley.v1.json\r\n"
#define REST VERSION KEY PROTOCOL "\r\n"

static const struct probe HANDSHAKES[] = {
    PROBE("all in order", 101, REQUEST HOST UPGRADE REST),
    PROBE("several subprotocols", 101,
          REQUEST HOST UPGRADE VERSION KEY "Sec-WebSocket-Protocol: a, parley.v1.msgpack\r\n\r\n"),
    PROBE("upgrade in capitals, connection a list", 101,
          REQUEST HOST "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n" REST),
    PROBE("allowed origin", 101, REQUEST HOST "Origin: https://app.example\r\n" UPGRADE REST),
    PROBE("no version", 426, REQUEST HOST UPGRADE KEY PROTOCOL "\r\n"),
    PROBE("version 12", 426, REQUEST HOST UPGRADE "Sec-WebSocket-Version: 12\r\n" KEY PROTOCOL "\r\n"),
    PROBE("version 99", 426, REQUEST HOST UPGRADE "Sec-WebSocket-Version: 99\r\n" KEY PROTOCOL "\r\n"),
    PROBE("version 013", 426, REQUEST HOST UPGRADE "Sec-WebSocket-Version: 013\r\n" KEY PROTOCOL "\r\n"),
    PROBE("two versions", 426, REQUEST HOST UPGRADE VERSION VERSION KEY PROTOCOL "\r\n"),
    PROBE("no key", 400, REQUEST HOST UPGRADE VERSION PROTOCOL "\r\n"),
    PROBE("key of 3 characters", 400, REQUEST HOST UPGRADE VERSION "Sec-WebSocket-Key: abc\r\n" PROTOCOL "\r\n"),
    PROBE("key of 15 bytes", 400,
          REQUEST HOST UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n" PROTOCOL "\r\n"),
    PROBE("key of 17 bytes", 400,
          REQUEST HOST UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=\r\n" PROTOCOL "\r\n"),
    PROBE("key that is not base64", 400,
          REQUEST HOST UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSB*b25jZQ==\r\n" PROTOCOL "\r\n"),
    PROBE("two keys", 400, REQUEST HOST UPGRADE VERSION KEY KEY PROTOCOL "\r\n"),
    PROBE("POST", 405, "POST /v1/ws HTTP/1.1\r\n" HOST UPGRADE REST),
    PROBE("HEAD", 405, "HEAD /v1/ws HTTP/1.1\r\n" HOST UPGRADE REST),
    PROBE("HTTP/1.0", 400, "GET /v1/ws HTTP/1.0\r\n" HOST UPGRADE REST),
    PROBE("HTTP/2.0", 400, "GET /v1/ws HTTP/2.0\r\n" HOST UPGRADE REST),
    PROBE("no host", 400, REQUEST UPGRADE REST),
    PROBE("empty host", 400, REQUEST "Host:\r\n" UPGRADE REST),
    PROBE("two hosts", 400, REQUEST HOST "Host: evil\r\n" UPGRADE REST),
    PROBE("a host with a comma", 400, REQUEST "Host: a,b\r\n" UPGRADE REST),
    PROBE("no upgrade", 426, REQUEST HOST "Connection: Upgrade\r\n" REST),
    PROBE("h2c", 400,
          REQUEST HOST
          "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"),
    PROBE("h2c to a request", 404,
          "GET /echo HTTP/1.1\r\n" HOST
          "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"),
    PROBE("websocket and h2c", -403, REQUEST HOST "Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n" REST),
    PROBE("an unknown upgrade", -403, REQUEST HOST "Upgrade: foo\r\nConnection: Upgrade\r\n" REST),
    PROBE("an unknown upgrade, keep-alive", -403, REQUEST HOST "Upgrade: foo\r\nConnection: keep-alive\r\n" REST),
    PROBE("two upgrades", 400, REQUEST HOST "Upgrade: websocket\r\n" UPGRADE REST),
    PROBE("connection without upgrade", 400, REQUEST HOST "Upgrade: websocket\r\nConnection: keep-alive\r\n" REST),
    PROBE("connection with the start of upgrade", 400, REQUEST HOST "Upgrade: websocket\r\nConnection: u\r\n" REST),
    PROBE("a body", 400, REQUEST HOST UPGRADE "Content-Length: 4\r\n" REST "body"),
    PROBE("a body of nothing", 400, REQUEST HOST UPGRADE "Content-Length: 0\r\n" REST),
    PROBE("chunks", 400, REQUEST HOST UPGRADE "Transfer-Encoding: chunked\r\n" REST),
    PROBE("no subprotocol", 400, REQUEST HOST UPGRADE VERSION KEY "\r\n"),
    PROBE("an empty subprotocol", 400, REQUEST HOST UPGRADE VERSION KEY "Sec-WebSocket-Protocol:\r\n\r\n"),
    PROBE("an unknown subprotocol", 400, REQUEST HOST UPGRADE VERSION KEY "Sec-WebSocket-Protocol: chat\r\n\r\n"),
    PROBE("the start of a subprotocol", 400,
          REQUEST HOST UPGRADE VERSION KEY "Sec-WebSocket-Protocol: parley.v1\r\n\r\n"),
    PROBE("another origin", 403, REQUEST HOST "Origin: https://app.example.evil\r\n" UPGRADE REST),
    PROBE("origin null", 403, REQUEST HOST "Origin: null\r\n" UPGRADE REST),
    PROBE("an empty origin", 403, REQUEST HOST "Origin:\r\n" UPGRADE REST),
    PROBE("two origins", 400, REQUEST HOST "Origin: https://a.example\r\nOrigin: https://b.example\r\n" UPGRADE REST),
    PROBE("another path", 404, "GET /v1/wss HTTP/1.1\r\n" HOST UPGRADE REST),
    PROBE("a token in the query", 400, "GET /v1/ws?token=abc HTTP/1.1\r\n" HOST UPGRADE REST),
};

static void a_handshake_is_exact_or_refused(void **state)
{
    struct rig *rig = *state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof HANDSHAKES / sizeof *HANDSHAKES; i++) {
        wrong += run_probe(rig, &HANDSHAKES[i]);
        if (HANDSHAKES[i].status == 101) /* the peer ended its side, which is a lost connection */
            assert_int_equal(rig_closed(rig), 1006);
    }
    assert_int_equal(wrong, 0);
}

static void frames_may_come_with_the_handshake(void **state)
{
    struct rig *rig = *state;
    struct span probe = span_of(REQUEST HOST UPGRADE REST "\x81\x82\0\0\0\0hi\x88\x80\0\0\0\0",
                                sizeof REQUEST HOST UPGRADE REST - 1 + 14);
    int fd = peer_connect(rig);
    peer_send(fd, probe);
    char *answer = peer_read_all(fd, NULL);
    assert_non_null(strstr(answer, "\r\n\r\n"));
    mem_free(answer);
    close(fd);
    rig_closed(rig);
}

/* ---- requests ---- */

#define GET "GET /echo HTTP/1.1\r\n"
#define POST "POST /echo HTTP/1.1\r\n"
#define SMUGGLED "GET /seen?after=smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
#define LENGTH(n) "Content-Length: " n "\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

static const struct probe REQUESTS[] = {
    /* plain ones, for comparison */
    PROBE("get", 200, GET HOST "\r\n"),
    PROBE("post", 200, POST HOST LENGTH("4") "\r\nbody"),
    PROBE("post of nothing", 200, POST HOST LENGTH("0") "\r\n"),
    PROBE("ordinary headers", 200,
          GET HOST
          "X-Forwarded-Proto: https\r\nSec-Fetch-Site: none\r\nPriority: u=1\r\nTraceparent: 00-a-b-01\r\n\r\n"),
    /* Content-Length */
    PROBE("length +5", 400, POST HOST LENGTH("+5") "\r\nabcde" SMUGGLED),
    PROBE("length -5", 400, POST HOST LENGTH("-5") "\r\n" SMUGGLED),
    PROBE("length -0", 400, POST HOST LENGTH("-0") "\r\n" SMUGGLED),
    PROBE("length 5abc", 400, POST HOST LENGTH("5abc") "\r\nabcde" SMUGGLED),
    PROBE("length 0x5", 400, POST HOST LENGTH("0x5") "\r\nabcde" SMUGGLED),
    PROBE("length 5_0", 400, POST HOST LENGTH("5_0") "\r\nabcde" SMUGGLED),
    PROBE("length 5, 5", 400, POST HOST LENGTH("5, 5") "\r\nabcde" SMUGGLED),
    PROBE("length 5, 50", 400, POST HOST LENGTH("5, 50") "\r\nabcde" SMUGGLED),
    PROBE("length 5 5", 400, POST HOST LENGTH("5 5") "\r\nabcde" SMUGGLED),
    PROBE("two lengths", 400, POST HOST LENGTH("5") LENGTH("50") "\r\nabcde" SMUGGLED),
    PROBE("two equal lengths", 400, POST HOST LENGTH("5") LENGTH("5") "\r\nabcde" SMUGGLED),
    PROBE("empty length", 400, POST HOST "Content-Length:\r\n\r\n" SMUGGLED),
    PROBE("length of blanks", 400, POST HOST "Content-Length:   \r\n\r\n" SMUGGLED),
    PROBE("length 2^64", 400, POST HOST LENGTH("18446744073709551616") "\r\n" SMUGGLED),
    PROBE("length 2^64 + 5", 400, POST HOST LENGTH("18446744073709551621") "\r\nabcde" SMUGGLED),
    PROBE("length 9999999999", 413, POST HOST LENGTH("9999999999") "\r\n" SMUGGLED),
    PROBE("no length", 411, POST HOST "\r\n" SMUGGLED),
    PROBE("more than the length", 200, POST HOST LENGTH("5") "\r\nabcde" SMUGGLED),
    PROBE("less than the length", DROP, POST HOST LENGTH("500") "\r\nabcde"),
    PROBE("get with a body", 400, GET HOST LENGTH("5") "\r\nabcde" SMUGGLED),
    /* Transfer-Encoding */
    PROBE("chunked", 400, POST HOST CHUNKED "\r\n0\r\n\r\n" SMUGGLED),
    PROBE("chunked and length", 400, POST HOST LENGTH("4") CHUNKED "\r\n0\r\n\r\n" SMUGGLED),
    PROBE("length and chunked", 400, POST HOST CHUNKED LENGTH("4") "\r\n0\r\n\r\n" SMUGGLED),
    PROBE("xchunked", 400, POST HOST LENGTH("4") "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    PROBE("Chunked", 400, POST HOST LENGTH("4") "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    PROBE(",chunked", 400, POST HOST LENGTH("4") "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    PROBE("chunked after a tab", 400, POST HOST LENGTH("4") "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    PROBE("chunked twice", 400, POST HOST LENGTH("4") CHUNKED CHUNKED "\r\n0\r\n\r\n" SMUGGLED),
    PROBE("identity", 400, POST HOST LENGTH("4") "Transfer-Encoding: identity\r\n\r\nbody" SMUGGLED),
    PROBE("empty transfer encoding", 400, POST HOST LENGTH("4") "Transfer-Encoding:\r\n\r\nbody" SMUGGLED),
    PROBE("chunked on 1.0", 400, "POST /echo HTTP/1.0\r\n" HOST CHUNKED "\r\n0\r\n\r\n" SMUGGLED),
    PROBE("chunked on a get", 400, GET HOST CHUNKED "\r\n0\r\n\r\n" SMUGGLED),
    /* pipelining */
    PROBE("two gets", 200, GET HOST "\r\n" SMUGGLED),
    PROBE("a hundred gets", 200,
          GET HOST "\r\n" SMUGGLED SMUGGLED SMUGGLED SMUGGLED SMUGGLED SMUGGLED SMUGGLED SMUGGLED SMUGGLED SMUGGLED),
    PROBE("keep-alive", 200, GET HOST "Connection: keep-alive\r\n\r\n" SMUGGLED),
    /* versions, hosts, methods */
    PROBE("no version", -400, "GET /echo\r\n\r\n"),
    PROBE("HTTP/1.0", 400, "GET /echo HTTP/1.0\r\n" HOST "\r\n"),
    PROBE("HTTP/1.2", 400, "GET /echo HTTP/1.2\r\n" HOST "\r\n"),
    PROBE("HTTP/9.9", 400, "GET /echo HTTP/9.9\r\n" HOST "\r\n"),
    PROBE("http/1.1", 400, "GET /echo http/1.1\r\n" HOST "\r\n"),
    PROBE("no host", 400, GET "\r\n"),
    PROBE("two hosts", 400, GET HOST "Host: evil\r\n\r\n"),
    PROBE("a host with a path", 400, GET "Host: a/b\r\n\r\n"),
    PROBE("CONNECT", DROP, "CONNECT localhost:80 HTTP/1.1\r\n" HOST "\r\n" SMUGGLED),
    PROBE("TRACE", -403, "TRACE /echo HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("BREW", -403, "BREW /echo HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("a method in lower case is the method", 200, "get /echo HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("two methods", -403, "GET /echo HTTP/1.1\r\nPOST /echo HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("HTTP/2 preface", -403, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    PROBE("TLS hello", -403, "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"),
    /* targets */
    PROBE("absolute form", 403, "GET http://localhost/echo HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("star", -403, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("escaped dots stay below the root", 404, "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("escaped NUL", -403, "GET /echo%00 HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("half an escape", -403, "GET /echo%2 HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("escape of an escape", 400, "GET /%252e%252e/ HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("backslash", 400, "GET /..\\echo HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("overlong UTF-8", 400, "GET /%c0%ae%c0%ae/ HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("escaped line end", 400, "GET /echo%0d%0aX:%20y HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("repeated parameter", 400, "GET /seen?after=1&after=2 HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("parameter without a value", 200, "GET /seen?after HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("parameter without a name", 400, "GET /seen?=after HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("parameter repeated without a value", 400, "GET /seen?after&after=1 HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("escaped ampersand in a value", 400, "GET /seen?x=a%26after=2 HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("too many parameters", 400,
          "GET /seen?a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1&l=1&m=1&n=1&o=1&p=1&q=1 HTTP/1.1\r\n" HOST "\r\n"),
    PROBE("a link's path without an upgrade", 426, "GET /v1/ws HTTP/1.1\r\n" HOST "\r\n"),
    /* header lines */
    PROBE("NUL in a header", -400, GET HOST "Authorization: a\0b\r\n\r\n"),
    PROBE("control character in a header", -400,
          GET HOST "Authorization: a\x01"
                   "b\r\n\r\n"),
    PROBE("two authorizations", 400, GET HOST "Authorization: a\r\nAuthorization: b\r\n\r\n"),
    PROBE("two content types", 400, POST HOST LENGTH("0") "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n"),
    PROBE("another expectation", 417, POST HOST LENGTH("4") "Expect: money\r\n\r\nbody"),
};

static void a_request_is_sound_or_refused_and_the_only_one(void **state)
{
    int wrong = 0;
    for (size_t i = 0; i < sizeof REQUESTS / sizeof *REQUESTS; i++)
        wrong += run_probe(*state, &REQUESTS[i]);
    assert_int_equal(wrong, 0);
}

/* ---- header names that begin a known one swallow the line after them ---- */

static const char *const PREFIXES[] = {
    "A",         "Ac",      "Acc", "Accept-", "Acce",     "Au",   "Auth",    "Authorizatio", "C",
    "Ca",        "Co",      "Con", "Conn",    "Connect",  "Cont", "Content", "Content-",     "Content-L",
    "Content-T", "Cook",    "D",   "E",       "Ex",       "F",    "H",       "Hos",          "I",
    "If",        "If-M",    "O",   "Or",      "P",        "R",    "Ra",      "Ref",          "S",
    "Sec",       "Sec-Web", "T",   "Tr",      "Transfer", "U",    "X",       "X-F",          "X-Forwarded-F",
};

enum { PREFIXES_LEN = sizeof PREFIXES / sizeof *PREFIXES };

static void probe_prefix(struct rig *rig, const char *prefix, const char *before_it, const char *after_it)
{
    char text[512];
    snprintf(text, sizeof text, "%s%s%s", before_it, prefix, after_it);
    int before = rig_requests(rig);
    char *answer = send_probe(rig, span_str(text));
    if (answers_in(answer) > 1 || strstr(answer, "smuggled") || rig_requests(rig) - before > 1)
        fail_msg("%s: more than one request came through:\n%s", prefix, answer);
    mem_free(answer);
}

static void a_header_that_swallows_the_next_smuggles_nothing(void **state)
{
    static const struct {
        const char *before, *after;
    } places[] = {
        /* hides the length: the body would be a request */
        {POST HOST, ": x\r\nContent-Length: 48\r\n\r\n" SMUGGLED},
        {POST HOST "Content-Length: 2\r\n", ": x\r\n" CHUNKED "\r\n0\r\n\r\n" SMUGGLED},
        {GET, ": x\r\n" HOST "\r\n" SMUGGLED},
        {GET HOST, ": x\r\nAuthorization: y\r\n\r\n" SMUGGLED},
        {GET HOST, ": x\r\n\r\n" SMUGGLED},
    };
    for (size_t i = 0; i < PREFIXES_LEN; i++)
        for (size_t k = 0; k < sizeof places / sizeof *places; k++)
            probe_prefix(*state, PREFIXES[i], places[k].before, places[k].after);
}

static void a_hidden_origin_does_not_open_a_link(void **state)
{
    struct rig *rig = *state;
    int opened = 0;
    for (size_t i = 0; i < PREFIXES_LEN; i++) {
        char text[512];
        snprintf(text, sizeof text, REQUEST HOST "%s: x\r\nOrigin: https://evil.test\r\n" UPGRADE REST, PREFIXES[i]);
        char *answer = send_probe(rig, span_str(text));
        opened += !strncmp(answer, "HTTP/1.1 101", 12);
        mem_free(answer);
    }
    /* A browser cannot send such names, so that a link which opens this way is no browser's. */
    print_message("%d of %d names hid the origin\n", opened, PREFIXES_LEN);
    for (int i = 0; i < opened; i++)
        rig_closed(rig);
}

/* ---- too much ---- */

static void assert_refused(struct rig *rig, const char *what, struct buf *request)
{
    int before = rig_requests(rig);
    char *answer = send_probe(rig, buf_span(request));
    if (answer[0] && atoi(answer + 9) < 400)
        fail_msg("%s: %s", what, answer);
    assert_int_equal(rig_requests(rig), before);
    mem_free(answer);
    buf_clear(request);
}

static void add_many(struct buf *out, const char *what, int times)
{
    while (times--)
        buf_add_str(out, what);
}

static void a_head_that_is_too_large_is_refused(void **state)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    buf_add_str(&out, "GET /");
    add_many(&out, "a", 9000);
    buf_add_str(&out, " HTTP/1.1\r\n" HOST "\r\n");
    assert_refused(*state, "path of 9000", &out);
    buf_add_str(&out, "GET /");
    add_many(&out, "a", 1500);
    buf_add_str(&out, " HTTP/1.1\r\n" HOST "\r\n");
    assert_refused(*state, "path of 1500", &out);
    buf_add_str(&out, "GET /seen?");
    add_many(&out, "&", 3000);
    buf_add_str(&out, " HTTP/1.1\r\n" HOST "\r\n");
    assert_refused(*state, "3000 ampersands", &out);
    buf_add_str(&out, GET HOST "Authorization: ");
    add_many(&out, "a", 9000);
    buf_add_str(&out, "\r\n\r\n");
    assert_refused(*state, "header of 9000", &out);
    buf_add_str(&out, GET HOST);
    add_many(&out, "X-Some-Header: some value\r\n", 1000);
    buf_add_str(&out, "\r\n");
    assert_refused(*state, "1000 headers", &out);
    add_many(&out, "A", 20000);
    assert_refused(*state, "a method without end", &out);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_RIG(a_handshake_is_exact_or_refused),
        ON_RIG(frames_may_come_with_the_handshake),
        ON_RIG(a_request_is_sound_or_refused_and_the_only_one),
        ON_RIG(a_header_that_swallows_the_next_smuggles_nothing),
        ON_RIG(a_hidden_origin_does_not_open_a_link),
        ON_RIG(a_head_that_is_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
