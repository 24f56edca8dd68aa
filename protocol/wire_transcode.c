/* Canonical JSON to MessagePack in one pass. The head of a container is one byte until its count is known, and grows
 * for the few that have more than 15 entries. */
#include "protocol/text.h"
#include "protocol/wire_json.h"
#include "protocol/wire_msgpack.h"

#include <locale.h>
#include <stdlib.h>

struct cursor {
    const char *at;
    const char *end;
    struct buf *out;
    int depth;
};

static void skip_space(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
        c->at++;
}

static void fail(struct cursor *c)
{
    if (c->out->status == PARLEY_OK)
        c->out->status = PARLEY_MALFORMED;
    c->at = c->end;
}

static bool take(struct cursor *c, char wanted)
{
    skip_space(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static unsigned hex4(const char *p)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 4 | (unsigned)(p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
    return v & 0xffff;
}

static size_t utf8_put(char *out, unsigned c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(c | (0xf00u >> n & 0xff));
    return n;
}

/* Writes what the escape at p says; its length, 0 when it is cut short. */
static size_t unescape(const char *p, const char *end, char *out, size_t *out_length)
{
    static const char meaning[128] = {
        ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t', ['"'] = '"', ['\\'] = '\\', ['/'] = '/'};
    if (end - p < 2)
        return 0;
    if (p[1] != 'u') {
        out[0] = meaning[p[1] & 0x7f];
        *out_length = 1;
        return 2;
    }
    if (end - p < 6)
        return 0;
    unsigned c = hex4(p + 2);
    size_t taken = 6;
    if (c >= 0xd800 && c < 0xdc00 && end - p >= 12) {
        c = 0x10000 + ((c & 0x3ff) << 10 | (hex4(p + 8) & 0x3ff));
        taken = 12;
    }
    *out_length = utf8_put(out, c);
    return taken;
}

/* Copies with escapes resolved, or only counts when out is NULL. */
static size_t resolve(struct cursor *c, const char *from, const char *to, char *out)
{
    size_t length = 0;
    while (from < to) {
        size_t plain = text_plain(span_of(from, (size_t)(to - from))), n = 0;
        char character[4];
        if (out)
            memcpy(out + length, from, plain);
        length += plain;
        from += plain;
        if (from == to)
            break;
        size_t taken = *from == '\\' ? unescape(from, to, character, &n) : 0;
        if (taken == 0) {
            fail(c);
            return length;
        }
        if (out)
            memcpy(out + length, character, n);
        length += n;
        from += taken;
    }
    return length;
}

static void put_string(struct cursor *c)
{
    const char *from = ++c->at;
    bool escapes = false;
    for (;;) {
        c->at += text_plain(span_of(c->at, (size_t)(c->end - c->at)));
        if (c->at == c->end || *c->at == '"')
            break;
        escapes = true;
        c->at += c->end - c->at > 1 ? 2 : 1;
    }
    if (c->at == c->end) {
        fail(c);
        return;
    }
    const char *to = c->at++;
    if (!escapes) {
        wire_msgpack_put_text(c->out, span_of(from, (size_t)(to - from)));
        return;
    }
    size_t length = resolve(c, from, to, NULL);
    wire_msgpack_put_text_head(c->out, length);
    char *room = buf_reserve(c->out, length);
    if (room)
        resolve(c, from, to, room);
}

static double read_real(struct span token)
{
    char text[64];
    size_t n = token.len < sizeof text - 1 ? token.len : sizeof text - 1;
    memcpy(text, token.ptr, n);
    text[n] = '\0';
    char *point = strchr(text, '.');
    if (point)
        *point = *localeconv()->decimal_point;
    return strtod(text, NULL);
}

static void put_number(struct cursor *c)
{
    const char *from = c->at;
    bool negative = *from == '-', real = false;
    uint64_t size = 0;
    for (c->at += negative; c->at < c->end; c->at++) {
        unsigned digit = (unsigned)(*c->at - '0');
        if (digit < 10)
            size = size * 10 + digit;
        else if (memchr(".eE+-", *c->at, 5))
            real = true;
        else
            break;
    }
    if (!real) {
        wire_msgpack_put_int(c->out, negative ? (int64_t)(0 - size) : (int64_t)size);
        return;
    }
    struct value v = value_number(read_real(span_of(from, (size_t)(c->at - from))));
    wire_msgpack_put_value(c->out, &v);
}

static void put_word(struct cursor *c)
{
    struct span rest = span_of(c->at, (size_t)(c->end - c->at));
    if (rest.len >= 4 && memcmp(rest.ptr, "true", 4) == 0) {
        wire_msgpack_put_bool(c->out, true);
        c->at += 4;
    } else if (rest.len >= 5 && memcmp(rest.ptr, "false", 5) == 0) {
        wire_msgpack_put_bool(c->out, false);
        c->at += 5;
    } else if (rest.len >= 4 && memcmp(rest.ptr, "null", 4) == 0) {
        wire_msgpack_put_nil(c->out);
        c->at += 4;
    } else {
        fail(c);
    }
}

/* Writes the head of a container whose entries begin at `begin`, one byte after the place kept for it. */
static void close_container(struct buf *out, size_t begin, size_t count, bool map)
{
    unsigned char head[5] = {(unsigned char)((map ? 0x80 : 0x90) | count)};
    size_t size = count < 16 ? 1 : count < 65536 ? 3 : 5;
    if (size == 3) {
        head[0] = map ? 0xde : 0xdc;
        head[1] = (unsigned char)(count >> 8);
        head[2] = (unsigned char)count;
    } else if (size == 5) {
        head[0] = map ? 0xdf : 0xdd;
        for (int i = 0; i < 4; i++)
            head[1 + i] = (unsigned char)(count >> (24 - 8 * i));
    }
    size_t moved = out->len - begin;
    if (size > 1 && !buf_reserve(out, size - 1))
        return;
    if (size > 1)
        memmove(out->ptr + begin + size - 1, out->ptr + begin, moved);
    memcpy(out->ptr + begin - 1, head, size);
}

static void put_any(struct cursor *c);

static void put_container(struct cursor *c, bool map)
{
    char last = map ? '}' : ']';
    size_t count = 0;
    c->at++;
    buf_add_char(c->out, 0);
    size_t begin = c->out->len;
    bool more = !take(c, last);
    for (; more && c->out->status == PARLEY_OK; count++) {
        skip_space(c);
        if (map) {
            if (c->at < c->end && *c->at == '"')
                put_string(c);
            else
                fail(c);
            if (!take(c, ':'))
                fail(c);
        }
        put_any(c);
        more = take(c, ',');
        if (!more && !take(c, last))
            fail(c);
    }
    if (c->out->status == PARLEY_OK)
        close_container(c->out, begin, count, map);
}

static void put_any(struct cursor *c)
{
    skip_space(c);
    if (c->at == c->end || c->depth == WIRE_DEPTH_MAX) {
        fail(c);
        return;
    }
    char first = *c->at;
    if (first == '{' || first == '[') {
        c->depth++;
        put_container(c, first == '{');
        c->depth--;
    } else if (first == '"') {
        put_string(c);
    } else if (first == '-' || (first >= '0' && first <= '9')) {
        put_number(c);
    } else {
        put_word(c);
    }
}

void wire_json_to_msgpack(struct buf *out, struct span json)
{
    struct cursor c = {.at = json.ptr, .end = json.ptr + json.len, .out = out};
    put_any(&c);
    skip_space(&c);
    if (c.at != c.end)
        fail(&c);
}
