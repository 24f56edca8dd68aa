/* The scan of MessagePack: a cursor that believes no length. */
#include "protocol/text.h"
#include "protocol/wire_msgpack.h"
#include "protocol/wire_scan.h"

#include <math.h>

static uint64_t big_endian(const unsigned char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* The fix families, which hold their number in the first byte. */
static bool head_of_byte(unsigned char c, struct head *h)
{
    h->size = 1;
    if (c <= 0x7f || c >= 0xe0) {
        h->type = HEAD_INT;
        h->integer = (int8_t)c;
    } else if (c <= 0x8f) {
        h->type = HEAD_MAP;
        h->count = c & 15;
    } else if (c <= 0x9f) {
        h->type = HEAD_ARRAY;
        h->count = c & 15;
    } else if (c <= 0xbf) {
        h->type = HEAD_TEXT;
        h->count = c & 31;
    } else {
        return false;
    }
    return true;
}

/* 0xc0 to 0xdf: the type, and how many bytes its number takes. */
struct family {
    enum head_type type;
    unsigned char wide;
    unsigned char extra; /* ext has a type byte before its payload */
};

static const struct family families[32] = {
    [0x00] = {HEAD_NIL, 0, 0},   [0x02] = {HEAD_BOOL, 0, 0},  [0x03] = {HEAD_BOOL, 0, 0}, [0x04] = {HEAD_BYTES, 1, 0},
    [0x05] = {HEAD_BYTES, 2, 0}, [0x06] = {HEAD_BYTES, 4, 0}, [0x07] = {HEAD_EXT, 1, 1},  [0x08] = {HEAD_EXT, 2, 1},
    [0x09] = {HEAD_EXT, 4, 1},   [0x0a] = {HEAD_REAL, 4, 0},  [0x0b] = {HEAD_REAL, 8, 0}, [0x0c] = {HEAD_UINT, 1, 0},
    [0x0d] = {HEAD_UINT, 2, 0},  [0x0e] = {HEAD_UINT, 4, 0},  [0x0f] = {HEAD_UINT, 8, 0}, [0x10] = {HEAD_INT, 1, 0},
    [0x11] = {HEAD_INT, 2, 0},   [0x12] = {HEAD_INT, 4, 0},   [0x13] = {HEAD_INT, 8, 0},  [0x14] = {HEAD_EXT, 0, 1},
    [0x15] = {HEAD_EXT, 0, 1},   [0x16] = {HEAD_EXT, 0, 1},   [0x17] = {HEAD_EXT, 0, 1},  [0x18] = {HEAD_EXT, 0, 1},
    [0x19] = {HEAD_TEXT, 1, 0},  [0x1a] = {HEAD_TEXT, 2, 0},  [0x1b] = {HEAD_TEXT, 4, 0}, [0x1c] = {HEAD_ARRAY, 2, 0},
    [0x1d] = {HEAD_ARRAY, 4, 0}, [0x1e] = {HEAD_MAP, 2, 0},   [0x1f] = {HEAD_MAP, 4, 0},
};

static double real_of(uint64_t bits, size_t wide)
{
    double real;
    if (wide == 8) {
        memcpy(&real, &bits, 8);
        return real;
    }
    uint32_t narrow = (uint32_t)bits;
    float small;
    memcpy(&small, &narrow, 4);
    return small;
}

static void set_number(struct head *h, uint64_t raw, size_t wide)
{
    if (h->type == HEAD_REAL) {
        h->real = real_of(raw, wide);
    } else if (h->type == HEAD_UINT) {
        h->uinteger = raw;
        if (raw <= INT64_MAX) {
            h->type = HEAD_INT;
            h->integer = (int64_t)raw;
        }
    } else if (h->type == HEAD_INT) {
        int shift = 64 - 8 * (int)wide;
        h->integer = (int64_t)(raw << shift) >> shift;
    } else {
        h->count = raw;
    }
}

/* Fields are set one by one: a struct that is built and then copied costs more than all the rest of the scan. */
bool wire_msgpack_head(struct span bytes, struct head *out)
{
    if (bytes.len == 0)
        return false;
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    out->count = 0;
    if (head_of_byte(p[0], out))
        return true;
    const struct family *f = &families[p[0] - 0xc0];
    out->type = f->type;
    out->size = 1u + f->wide + f->extra;
    if (p[0] == 0xc1 || bytes.len < out->size)
        return false;
    if (out->type == HEAD_BOOL)
        out->boolean = p[0] & 1;
    else if (out->type == HEAD_EXT && f->wide == 0)
        out->count = (size_t)1 << (p[0] - 0xd4);
    else
        set_number(out, big_endian(p + 1, f->wide), f->wide);
    return true;
}

size_t wire_msgpack_skip(struct span bytes)
{
    size_t at = 0;
    uint64_t due = 1; /* values still to come; each takes a byte at least */
    while (due > 0) {
        struct head h;
        if (due > bytes.len - at || !wire_msgpack_head(span_of(bytes.ptr + at, bytes.len - at), &h))
            return 0;
        at += h.size;
        due--;
        if (h.type == HEAD_ARRAY)
            due += h.count;
        else if (h.type == HEAD_MAP)
            due += 2 * (uint64_t)h.count;
        else if (h.count > bytes.len - at)
            return 0;
        else
            at += h.count;
    }
    return at;
}

bool wire_msgpack_array(struct span bytes, size_t *out_count, size_t *out_header)
{
    struct head h;
    if (!wire_msgpack_head(bytes, &h) || h.type != HEAD_ARRAY)
        return false;
    *out_count = h.count;
    *out_header = h.size;
    return true;
}

bool wire_msgpack_peek_int(struct span bytes, struct span key, int64_t *out)
{
    struct head h;
    if (!wire_msgpack_head(bytes, &h) || h.type != HEAD_MAP)
        return false;

    size_t at = h.size;
    for (size_t left = h.count; left > 0; left--) {
        struct span rest = span_of(bytes.ptr + at, bytes.len - at);
        if (!wire_msgpack_head(rest, &h) || h.type != HEAD_TEXT || h.count >= rest.len - h.size)
            return false;
        struct span name = span_of(rest.ptr + h.size, h.count);
        at += h.size + h.count;
        rest = span_of(bytes.ptr + at, bytes.len - at);
        if (span_equal(name, key)) {
            if (!wire_msgpack_head(rest, &h) || h.type != HEAD_INT)
                return false;
            *out = h.integer;
            return true;
        }
        size_t skipped = wire_msgpack_skip(rest);
        if (skipped == 0)
            return false;
        at += skipped;
    }
    return false;
}

bool wire_real_fits(double real)
{
    double size = fabs(real);
    return size == 0 || (size >= 1e-6 && size < 1e21);
}

struct scan {
    struct span bytes;
    size_t at;
    const struct wire_limits *limits;
    struct wire_measure measure;
    struct wire_error *error;
};

static parley_status scan_value(struct scan *s, const struct wire_path *path, int depth);

static parley_status take_head(struct scan *s, const struct wire_path *path, struct head *h)
{
    struct span rest = span_of(s->bytes.ptr + s->at, s->bytes.len - s->at);
    if (!wire_msgpack_head(rest, h)) {
        if (rest.len > 0 && (unsigned char)rest.ptr[0] == 0xc1)
            return wire_refuse(s->error, PARLEY_MALFORMED, path, "byte %zu is 0xc1, which is no MessagePack", s->at);
        return wire_refuse(s->error, PARLEY_MALFORMED, path, "cut short: a value is due at byte %zu", s->at);
    }
    size_t left = rest.len - h->size;
    if (h->count > (h->type == HEAD_MAP ? left / 2 : left))
        return wire_refuse(s->error, PARLEY_MALFORMED, path,
                           "cut short: the value at byte %zu says %zu follow, %zu bytes do", s->at, h->count, left);
    s->at += h->size;
    return PARLEY_OK;
}

static parley_status scan_text(struct scan *s, const struct wire_path *path, size_t len)
{
    struct span text = span_of(s->bytes.ptr + s->at, len);
    size_t valid = text_valid(text);
    s->at += len;
    if (valid == len)
        return PARLEY_OK;
    if (text.ptr[valid] == '\0')
        return wire_refuse(s->error, PARLEY_INVALID, path, "holds U+0000 at its byte %zu; leave it out", valid);
    return wire_refuse(s->error, PARLEY_MALFORMED, path, "is not UTF-8 at its byte %zu", valid);
}

static parley_status scan_array(struct scan *s, const struct wire_path *path, int depth, size_t count)
{
    s->measure.entries += count;
    struct wire_path here = {.up = path};
    for (parley_status st; here.index < count; here.index++)
        if ((st = scan_value(s, &here, depth + 1)) != PARLEY_OK)
            return st;
    return PARLEY_OK;
}

static parley_status scan_map(struct scan *s, const struct wire_path *path, int depth, size_t count)
{
    s->measure.pairs += count;
    for (; count > 0; count--) {
        struct head h;
        parley_status st = take_head(s, path, &h);
        if (st != PARLEY_OK)
            return st;
        if (h.type != HEAD_TEXT)
            return wire_refuse(s->error, PARLEY_INVALID, path, "has a key that is no text; keys are strings");

        struct wire_path here = {.up = path, .key = {s->bytes.ptr + s->at, h.count}};
        if ((st = scan_text(s, &here, h.count)) != PARLEY_OK || (st = scan_value(s, &here, depth + 1)) != PARLEY_OK)
            return st;
    }
    return PARLEY_OK;
}

static parley_status scan_scalar(struct scan *s, const struct wire_path *path, const struct head *h)
{
    switch (h->type) {
    case HEAD_UINT:
        return wire_refuse(s->error, PARLEY_INVALID, path, "%llu is above 2^63 - 1; send it as text",
                           (unsigned long long)h->uinteger);
    case HEAD_REAL:
        if (wire_real_fits(h->real))
            return PARLEY_OK;
        return wire_refuse(s->error, PARLEY_INVALID, path, "%g is not 0 and not within 1e-6 <= |x| < 1e21", h->real);
    case HEAD_EXT:
        return wire_refuse(s->error, PARLEY_INVALID, path, "is an extension type; use what JSON can say");
    case HEAD_BYTES:
        s->at += h->count;
        if (h->count == 16)
            return PARLEY_OK;
        return wire_refuse(s->error, PARLEY_INVALID, path, "is bin of %zu bytes; bin is for ids only, and has 16",
                           h->count);
    default:
        return PARLEY_OK;
    }
}

static parley_status scan_value(struct scan *s, const struct wire_path *path, int depth)
{
    struct head h;
    parley_status st = take_head(s, path, &h);
    if (st != PARLEY_OK)
        return st;
    if (++s->measure.nodes > s->limits->nodes)
        return wire_refuse(s->error, PARLEY_TOO_MANY, path, "more than %zu values in one frame", s->limits->nodes);
    if (h.type == HEAD_TEXT)
        return scan_text(s, path, h.count);
    if (h.type != HEAD_ARRAY && h.type != HEAD_MAP)
        return scan_scalar(s, path, &h);
    if (depth >= s->limits->depth)
        return wire_refuse(s->error, PARLEY_TOO_DEEP, path, "nested deeper than %d levels", s->limits->depth);
    return h.type == HEAD_ARRAY ? scan_array(s, path, depth, h.count) : scan_map(s, path, depth, h.count);
}

parley_status wire_msgpack_scan(struct span bytes, const struct wire_limits *limits, struct wire_measure *out,
                                struct wire_error *error)
{
    struct scan s = {.bytes = bytes, .limits = limits, .error = error};
    parley_status st = scan_value(&s, NULL, 0);
    if (st == PARLEY_OK && s.at < bytes.len)
        st = wire_refuse(error, PARLEY_MALFORMED, NULL, "%zu bytes follow the value that ends at byte %zu",
                         bytes.len - s.at, s.at);
    *out = s.measure;
    return st;
}
