/* server/io/ws_check: any table of headers is refused with a status, or what is handed up keeps its promises.
 *
 * The input is such a table: a line a header, its first letter saying which (the list below), several lines of one
 * letter as the library's fragments. The library's functions that read the table are played here. */
#include "server/io/ws_inside.h"

#include <libwebsockets.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 64, BODY_MAX_ALLOWED = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    char letter;
    int token;
} letters[] = {
    {'g', WSI_TOKEN_GET_URI},
    {'p', WSI_TOKEN_POST_URI},
    {'u', WSI_TOKEN_PUT_URI},
    {'d', WSI_TOKEN_DELETE_URI},
    {'o', WSI_TOKEN_OPTIONS_URI},
    {'?', WSI_TOKEN_HTTP_URI_ARGS},
    {'v', WSI_TOKEN_HTTP},
    {'h', WSI_TOKEN_HOST},
    {'t', WSI_TOKEN_HTTP_TRANSFER_ENCODING},
    {'U', WSI_TOKEN_UPGRADE},
    {'C', WSI_TOKEN_CONNECTION},
    {'V', WSI_TOKEN_VERSION},
    {'K', WSI_TOKEN_KEY},
    {'P', WSI_TOKEN_PROTOCOL},
    {'O', WSI_TOKEN_ORIGIN},
    {'l', WSI_TOKEN_HTTP_CONTENT_LENGTH},
    {'a', WSI_TOKEN_HTTP_AUTHORIZATION},
    {'c', WSI_TOKEN_HTTP_CONTENT_TYPE},
    {'e', WSI_TOKEN_HTTP_EXPECT},
    {'i', -1}, /* a header that the library does not know */
};

static struct {
    int token;
    struct span value;
} lines[LINES_MAX];
static int nlines;

static bool token_of(char letter, int *out)
{
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (letters[i].letter == letter) {
            *out = letters[i].token;
            return true;
        }
    return false;
}

static void read_lines(struct span text)
{
    nlines = 0;
    while (text.len && nlines < LINES_MAX) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        if (len && token_of(text.ptr[0], &lines[nlines].token))
            lines[nlines++].value = span_of(text.ptr + 1, len - 1);
        len += end != NULL;
        text = span_of(text.ptr + len, text.len - len);
    }
}

/* ---- the library's part ---- */

static const struct span *fragment(int token, int index)
{
    for (int i = 0; i < nlines; i++)
        if (lines[i].token == token && index-- == 0)
            return &lines[i].value;
    return NULL;
}

static int copy(const struct span *from, char *to, int room)
{
    if (!from || from->len >= (size_t)room)
        return -1;
    memcpy(to, from->ptr, from->len);
    to[from->len] = '\0';
    return (int)from->len;
}

int lws_hdr_total_length(struct lws *wsi, enum lws_token_indexes h)
{
    const struct span *f;
    int total = 0;
    for (int i = 0; (f = fragment((int)h, i)); i++)
        total += (int)f->len + (i > 0);
    return total;
}

int lws_hdr_fragment_length(struct lws *wsi, enum lws_token_indexes h, int index)
{
    const struct span *f = fragment((int)h, index);
    return f ? (int)f->len : 0;
}

int lws_hdr_copy_fragment(struct lws *wsi, char *to, int room, enum lws_token_indexes h, int index)
{
    return copy(fragment((int)h, index), to, room);
}

int lws_hdr_copy(struct lws *wsi, char *to, int room, enum lws_token_indexes h)
{
    const struct span *f;
    int at = 0;
    if (lws_hdr_total_length(wsi, h) >= room)
        return -1;
    for (int i = 0; (f = fragment((int)h, i)); i++) {
        if (i)
            to[at++] = h == WSI_TOKEN_HTTP_URI_ARGS ? '&' : ',';
        at += copy(f, to + at, room - at);
    }
    to[at] = '\0';
    return at;
}

/* ---- what must hold ---- */

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void must_be_plain(const struct ws_request *r, struct span s)
{
    must(s.len == 0 || (s.ptr >= r->text.ptr && s.ptr + s.len <= r->text.ptr + r->text.len));
    for (size_t i = 0; i < s.len; i++)
        must((unsigned char)s.ptr[i] >= 0x20 && s.ptr[i] != 0x7f);
}

/* What stands in the header, read once more in another way. */
static bool length_is(struct span digits, size_t n)
{
    char text[24];
    while (digits.len > 1 && digits.ptr[0] == '0')
        digits = span_of(digits.ptr + 1, digits.len - 1);
    while (digits.len && strchr(" \t", digits.ptr[digits.len - 1]))
        digits.len--;
    return digits.len == (size_t)snprintf(text, sizeof text, "%zu", n) && memcmp(text, digits.ptr, digits.len) == 0;
}

static void must_be_sound(const struct ws_request *r)
{
    const struct span *length = fragment(WSI_TOKEN_HTTP_CONTENT_LENGTH, 0);
    size_t parameters = r->query.len > 0;
    must(r->method.len && r->path.len && r->path.ptr[0] == '/');
    must_be_plain(r, r->path);
    must_be_plain(r, r->query);
    must_be_plain(r, r->authorization);
    for (size_t i = 0; i < r->query.len; i++)
        parameters += r->query.ptr[i] == '&';
    must(parameters <= 16 && !memchr(r->query.ptr ? r->query.ptr : "", '%', r->query.len));
    must(r->body_len <= BODY_MAX_ALLOWED && (!length || !r->body_len || length_is(*length, r->body_len)));
    must(fragment(WSI_TOKEN_HOST, 0) && !fragment(WSI_TOKEN_HOST, 1));
    must(!fragment(WSI_TOKEN_HTTP_TRANSFER_ENCODING, 0));
}

static size_t body_max(void *arg, int listener, struct span method, struct span path)
{
    return BODY_MAX_ALLOWED;
}

static bool origin_allowed(void *arg, struct span origin)
{
    return origin.len % 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ws_calls calls = {.body_max = body_max, .origin_allowed = origin_allowed};
    struct ws ws = {.calls = &calls};
    struct ws_conn conn = {.ws = &ws, .links_allowed = size % 2};
    struct ws_request request;
    read_lines(span_of(size ? (const char *)data : "", size));
    struct ws_refusal refusal = ws_check_request(&conn, NULL, &request);
    if (refusal.status)
        must(refusal.status >= 400 && refusal.status < 500 && refusal.text);
    else
        must_be_sound(&request);
    buf_done(&request.text);

    refusal = ws_check_upgrade(&conn, NULL);
    must(refusal.status || (conn.links_allowed && fragment(WSI_TOKEN_KEY, 0) && fragment(WSI_TOKEN_KEY, 0)->len >= 24));
    return 0;
}
