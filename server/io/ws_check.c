/* What a request must look like before anyone hears of it.
 *
 * The library's parser forgives too much: it takes any version, signed lengths, several hosts, ignores
 * Transfer-Encoding, and a header whose name is the beginning of a known one swallows the next line. So everything that
 * decides is looked at again here, what is missing refuses, and no connection ever serves a second request. */
#include "protocol/limits.h"
#include "server/io/ws.h"
#include "server/io/ws_inside.h"

#include <ctype.h>
#include <libwebsockets.h>
#include <strings.h>

enum { VALUE_MAX = LIMIT_HTTP_HEADERS, PATH_MAX_BYTES = 1024, PARAMETERS_MAX = 16, LENGTH_DIGITS = 10 };

#define REFUSE(status, text)                                                                                           \
    (struct ws_refusal)                                                                                                \
    {                                                                                                                  \
        status, text                                                                                                   \
    }

static const struct ws_refusal fine;

/* ---- headers ---- */

/* An empty header counts as well. */
static bool hdr_there(struct lws *wsi, enum lws_token_indexes h)
{
    char empty[2];
    return lws_hdr_total_length(wsi, h) > 0 || lws_hdr_copy_fragment(wsi, empty, sizeof empty, h, 0) >= 0;
}

static int hdr_count(struct lws *wsi, enum lws_token_indexes h)
{
    if (!hdr_there(wsi, h))
        return 0;
    return lws_hdr_fragment_length(wsi, h, 1) > 0 ? 2 : 1;
}

static bool is_plain(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return false;
    return true;
}

/* Trailing white space is not part of a value. */
static struct span trimmed(struct span s)
{
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* The value of a header that may come once, in a buffer of VALUE_MAX; false when it comes twice or has control
 * characters. An absent one is empty. */
static bool hdr_once(struct lws *wsi, enum lws_token_indexes h, char *room, struct span *out)
{
    *out = span_of(room, 0);
    int count = hdr_count(wsi, h);
    if (count == 0)
        return true;
    int n = lws_hdr_copy(wsi, room, VALUE_MAX, h);
    if (count > 1 || n < 0)
        return false;
    *out = trimmed(span_of(room, (size_t)n));
    return is_plain(*out);
}

static bool span_is_word(struct span s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.ptr, word, s.len) == 0;
}

/* Whether a comma-separated list has the word. */
static bool list_has(struct span list, const char *word)
{
    const char *end = list.ptr + list.len;
    for (const char *p = list.ptr; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        while (p < stop && (*p == ' ' || *p == '\t'))
            p++;
        if (span_is_word(trimmed(span_of(p, (size_t)(stop - p))), word))
            return true;
        p = stop + 1;
    }
    return false;
}

/* ---- what both kinds need ---- */

static bool host_is_good(struct span host)
{
    for (size_t i = 0; i < host.len; i++)
        if (!isalnum((unsigned char)host.ptr[i]) && !strchr(".-_:[]", host.ptr[i]))
            return false;
    return host.len > 0 && host.len < 256;
}

static bool path_is_good(struct span path)
{
    for (size_t i = 0; i < path.len; i++)
        if (!isalnum((unsigned char)path.ptr[i]) && !memchr("/-._~:@", path.ptr[i], 7))
            return false;
    return path.len > 0 && path.len <= PATH_MAX_BYTES && path.ptr[0] == '/';
}

static struct ws_refusal check_common(struct lws *wsi, char *room)
{
    struct span value;
    if (!hdr_once(wsi, WSI_TOKEN_HTTP, room, &value) || !span_is(value, "HTTP/1.1"))
        return REFUSE(400, "speak HTTP/1.1");
    if (!hdr_once(wsi, WSI_TOKEN_HOST, room, &value) || !host_is_good(value))
        return REFUSE(400, "send exactly one Host header");
    if (hdr_count(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING))
        return REFUSE(400, "send Content-Length, not Transfer-Encoding");
    return fine;
}

/* ---- upgrade ---- */

static bool key_is_good(struct span key)
{
    if (key.len != 24 || memcmp(key.ptr + 22, "==", 2) != 0)
        return false;
    for (size_t i = 0; i < 22; i++)
        if (!isalnum((unsigned char)key.ptr[i]) && key.ptr[i] != '+' && key.ptr[i] != '/')
            return false;
    return true;
}

static struct ws_refusal check_upgrade_path(struct ws_conn *conn, struct lws *wsi, char *room)
{
    struct span path;
    if (!hdr_once(wsi, WSI_TOKEN_GET_URI, room, &path) || !path.len)
        return REFUSE(405, "open a link with GET");
    if (!conn->links_allowed || !span_is(path, "/v1/ws"))
        return REFUSE(404, "links are at /v1/ws");
    if (hdr_count(wsi, WSI_TOKEN_HTTP_URI_ARGS))
        return REFUSE(400, "a link takes no query; tokens go into hello");
    return fine;
}

static struct ws_refusal check_upgrade_words(struct lws *wsi, char *room)
{
    struct span value;
    if (!hdr_once(wsi, WSI_TOKEN_UPGRADE, room, &value) || !span_is_word(value, "websocket"))
        return REFUSE(400, "the only upgrade here is websocket");
    if (!hdr_once(wsi, WSI_TOKEN_CONNECTION, room, &value) || !list_has(value, "upgrade"))
        return REFUSE(400, "an upgrade needs Connection: Upgrade");
    if (!hdr_once(wsi, WSI_TOKEN_VERSION, room, &value) || !span_is(value, "13"))
        return REFUSE(426, "speak Sec-WebSocket-Version 13");
    if (!hdr_once(wsi, WSI_TOKEN_KEY, room, &value) || !key_is_good(value))
        return REFUSE(400, "Sec-WebSocket-Key has to be 16 bytes in base64");
    if (hdr_count(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH))
        return REFUSE(400, "an upgrade has no body");
    int n = lws_hdr_copy(wsi, room, VALUE_MAX, WSI_TOKEN_PROTOCOL);
    struct span list = span_of(room, n > 0 ? (size_t)n : 0);
    if (!list_has(list, "parley.v1.msgpack") && !list_has(list, "parley.v1.json"))
        return REFUSE(400, "ask for subprotocol parley.v1.msgpack or parley.v1.json");
    return fine;
}

static struct ws_refusal check_origin(struct ws_conn *conn, struct lws *wsi, char *room)
{
    struct ws *ws = conn->ws;
    struct span origin;
    if (!hdr_once(wsi, WSI_TOKEN_ORIGIN, room, &origin))
        return REFUSE(400, "send at most one Origin header");
    if (hdr_count(wsi, WSI_TOKEN_ORIGIN) && ws->calls->origin_allowed && !ws->calls->origin_allowed(ws->arg, origin))
        return REFUSE(403, "this origin is not allowed here");
    return fine;
}

struct ws_refusal ws_check_upgrade(struct ws_conn *conn, struct lws *wsi)
{
    char room[VALUE_MAX];
    struct ws_refusal refusal = check_common(wsi, room);
    if (!refusal.status)
        refusal = check_upgrade_path(conn, wsi, room);
    if (!refusal.status)
        refusal = check_upgrade_words(wsi, room);
    if (!refusal.status)
        refusal = check_origin(conn, wsi, room);
    return refusal;
}

/* ---- request ---- */

static const struct {
    enum lws_token_indexes token;
    const char *name;
    bool has_body;
} METHODS[] = {
    {WSI_TOKEN_GET_URI, "GET", false},         {WSI_TOKEN_POST_URI, "POST", true},
    {WSI_TOKEN_PUT_URI, "PUT", true},          {WSI_TOKEN_PATCH_URI, "PATCH", true},
    {WSI_TOKEN_DELETE_URI, "DELETE", false},   {WSI_TOKEN_HEAD_URI, "HEAD", false},
    {WSI_TOKEN_OPTIONS_URI, "OPTIONS", false},
};

enum { METHODS_LEN = sizeof METHODS / sizeof *METHODS };

/* A copy in the request's own text. */
static struct span keep(struct ws_request *out, struct span value)
{
    size_t at = out->text.len;
    buf_add_span(&out->text, value);
    return out->text.status == PARLEY_OK ? span_of(out->text.ptr + at, value.len) : span_of("", 0);
}

static struct ws_refusal take_target(struct lws *wsi, char *room, struct ws_request *out, bool *out_has_body)
{
    struct span path;
    size_t i = 0;
    while (i < METHODS_LEN && !hdr_there(wsi, METHODS[i].token))
        i++;
    if (i == METHODS_LEN)
        return REFUSE(405, "this method is not served here");
    if (!hdr_once(wsi, METHODS[i].token, room, &path) || !path_is_good(path))
        return REFUSE(400, "the path has characters that no path here has");
    out->method = span_str(METHODS[i].name);
    out->path = keep(out, path);
    *out_has_body = METHODS[i].has_body;
    return fine;
}

/* name=value, decoded, of characters that need no escape; so that joining with '&' cannot change the meaning. */
static bool parameter_is_good(struct span p)
{
    const char *equals = memchr(p.ptr, '=', p.len);
    for (size_t i = 0; i < p.len; i++)
        if (!isalnum((unsigned char)p.ptr[i]) && !memchr("-._~:@,+/=", p.ptr[i], 10))
            return false;
    return equals && equals > p.ptr && !memchr(equals + 1, '=', (size_t)(p.ptr + p.len - equals - 1));
}

static bool parameter_known(struct span query, struct span p)
{
    size_t name = (size_t)((const char *)memchr(p.ptr, '=', p.len) - p.ptr) + 1;
    for (size_t at = 0; at + name <= query.len;) {
        if (memcmp(query.ptr + at, p.ptr, name) == 0)
            return true;
        const char *next = memchr(query.ptr + at, '&', query.len - at);
        at = next ? (size_t)(next - query.ptr) + 1 : query.len;
    }
    return false;
}

static struct ws_refusal take_query(struct lws *wsi, char *room, struct ws_request *out)
{
    size_t at = out->text.len;
    if (!hdr_there(wsi, WSI_TOKEN_HTTP_URI_ARGS))
        return fine;
    for (int i = 0;; i++) {
        int n = lws_hdr_copy_fragment(wsi, room, VALUE_MAX, WSI_TOKEN_HTTP_URI_ARGS, i);
        struct span p = span_of(room, n > 0 ? (size_t)n : 0);
        if (n < 0)
            break;
        if (n == 0 && i == 0)
            continue; /* "?" alone */
        if (n > 0 && n + 1 < VALUE_MAX && !memchr(room, '=', (size_t)n))
            room[p.len++] = '='; /* a name alone has an empty value */
        out->query = span_of(out->text.ptr + at, out->text.len - at);
        if (i == PARAMETERS_MAX || !parameter_is_good(p) || parameter_known(out->query, p))
            return REFUSE(400, "the query has a parameter that is malformed, repeated or one too many");
        if (i)
            buf_add_char(&out->text, '&');
        buf_add_span(&out->text, p);
    }
    out->query = span_of(out->text.ptr + at, out->text.len - at);
    return fine;
}

static struct ws_refusal take_headers(struct lws *wsi, char *room, struct ws_request *out)
{
    struct span value;
    if (!hdr_once(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, room, &value) || !hdr_once(wsi, WSI_TOKEN_ORIGIN, room, &value) ||
        !hdr_once(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, room, &value))
        return REFUSE(400, "Authorization, Content-Type and Origin come at most once");
    out->authorization = keep(out, value);
    return fine;
}

static bool parse_length(struct span digits, size_t *out)
{
    size_t n = 0;
    if (digits.len == 0 || digits.len > LENGTH_DIGITS)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (!isdigit((unsigned char)digits.ptr[i]))
            return false;
        n = n * 10 + (size_t)(digits.ptr[i] - '0');
    }
    *out = n;
    return true;
}

static size_t body_max(const struct ws_conn *conn, const struct ws_request *request)
{
    const struct ws *ws = conn->ws;
    if (!ws->calls->body_max)
        return LIMIT_HTTP_BODY;
    return ws->calls->body_max(ws->arg, conn->listener_id, request->method, request->path);
}

static struct ws_refusal check_body(struct ws_conn *conn, struct lws *wsi, char *room, bool has_body,
                                    struct ws_request *out)
{
    struct span length, expect;
    bool given = hdr_count(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0;
    if (!hdr_once(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, room, &length) ||
        (given && !parse_length(length, &out->body_len)))
        return REFUSE(400, "Content-Length has to be one number");
    if (has_body && !given)
        return REFUSE(411, "send Content-Length");
    if (!has_body && out->body_len)
        return REFUSE(400, "this method takes no body");
    if (has_body && out->body_len > body_max(conn, out))
        return REFUSE(413, "the body is longer than its limit");
    if (!hdr_once(wsi, WSI_TOKEN_HTTP_EXPECT, room, &expect) || (expect.len && !span_is_word(expect, "100-continue")))
        return REFUSE(417, "the only expectation met here is 100-continue");
    out->expects_continue = expect.len > 0;
    return fine;
}

struct ws_refusal ws_check_request(struct ws_conn *conn, struct lws *wsi, struct ws_request *out)
{
    char room[VALUE_MAX];
    bool has_body = false;
    memset(out, 0, sizeof *out);
    buf_init(&out->text, 2 * VALUE_MAX);
    buf_reserve(&out->text, 2 * VALUE_MAX); /* once, so that the spans into it stay */
    out->text.len = 0;
    struct ws_refusal refusal = check_common(wsi, room);
    if (!refusal.status)
        refusal = take_target(wsi, room, out, &has_body);
    if (!refusal.status && span_is(out->path, "/v1/ws") && conn->links_allowed)
        refusal = REFUSE(426, "this is for WebSocket; ask for an upgrade");
    if (!refusal.status)
        refusal = take_query(wsi, room, out);
    if (!refusal.status)
        refusal = take_headers(wsi, room, out);
    if (!refusal.status)
        refusal = check_body(conn, wsi, room, has_body, out);
    return refusal;
}
