/* The binary format of Postgres: big-endian numbers, microseconds since 2000, JSON text behind a version byte. */
#include "server/base/mem.h"
#include "server/io/pg_private.h"

#include <assert.h>
#include <endian.h>
#include <limits.h>
#include <stdlib.h>

enum { ARRAY_HEADER = 20, JSONB_VERSION = 1 };

static const int64_t epoch_2000_ms = 946684800000;

void pg_params_init(struct pg_params *p, size_t max)
{
    *p = (struct pg_params){0};
    buf_init(&p->bytes, max);
}

void pg_params_done(struct pg_params *p)
{
    buf_done(&p->bytes);
    mem_free(p->places);
}

void pg_params_begin(struct pg_params *p, const enum pg_type *types)
{
    assert(p->entries_left == 0);
    p->types = types;
    p->next = 0;
}

static enum pg_type entry_of(enum pg_type array)
{
    switch (array) {
    case PG_BYTES_ARRAY:
        return PG_BYTES;
    case PG_I16_ARRAY:
        return PG_I16;
    case PG_I32_ARRAY:
        return PG_I32;
    case PG_TEXT_ARRAY:
        return PG_TEXT;
    case PG_I64_ARRAY:
        return PG_I64;
    case PG_TIME_ARRAY:
        return PG_TIME;
    case PG_UUID_ARRAY:
        return PG_UUID;
    case PG_JSONB_ARRAY:
        return PG_JSONB;
    default:
        assert(!"an array type");
        return PG_TEXT;
    }
}

static void add_u32(struct buf *b, uint32_t v)
{
    v = htobe32(v);
    buf_add(b, &v, sizeof v);
}

static void add_place(struct pg_params *p, int len)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 16;
        p->places = mem_resize(p->places, (size_t)p->cap * sizeof *p->places);
    }
    p->places[p->n++] = (struct pg_place){.at = p->bytes.len, .len = len};
    p->next++;
}

/* The next parameter, or the next entry of the open array, begins here with `len` bytes to come; -1 for null. */
static void begin(struct pg_params *p, int len)
{
    if (p->entries_left == 0) {
        assert(p->next < PG_PARAMS_MAX && p->types[p->next] != 0);
        add_place(p, len);
        return;
    }
    add_u32(&p->bytes, (uint32_t)len);
    p->places[p->n - 1].len += 4 + (len > 0 ? len : 0);
    p->entries_left--;
}

static void check_type(const struct pg_params *p, enum pg_type type)
{
    assert(type == (p->entries_left ? p->entry : p->types[p->next]));
}

static void add_value(struct pg_params *p, enum pg_type type, const void *bytes, size_t len)
{
    assert(len < INT_MAX / 2);
    check_type(p, type);
    begin(p, (int)len);
    buf_add(&p->bytes, bytes, len);
}

void pg_null(struct pg_params *p)
{
    begin(p, -1);
}

void pg_bool(struct pg_params *p, bool v)
{
    char c = v;
    add_value(p, PG_BOOL, &c, 1);
}

void pg_i16(struct pg_params *p, int16_t v)
{
    uint16_t be = htobe16((uint16_t)v);
    add_value(p, PG_I16, &be, sizeof be);
}

void pg_i32(struct pg_params *p, int32_t v)
{
    uint32_t be = htobe32((uint32_t)v);
    add_value(p, PG_I32, &be, sizeof be);
}

void pg_i64(struct pg_params *p, int64_t v)
{
    uint64_t be = htobe64((uint64_t)v);
    add_value(p, PG_I64, &be, sizeof be);
}

void pg_uuid(struct pg_params *p, struct uuid v)
{
    add_value(p, PG_UUID, v.b, sizeof v.b);
}

void pg_text(struct pg_params *p, struct span v)
{
    add_value(p, PG_TEXT, v.ptr, v.len);
}

void pg_bytes(struct pg_params *p, struct span v)
{
    add_value(p, PG_BYTES, v.ptr, v.len);
}

void pg_jsonb(struct pg_params *p, struct span text)
{
    assert(text.len < INT_MAX / 2);
    check_type(p, PG_JSONB);
    begin(p, (int)text.len + 1);
    buf_add_char(&p->bytes, JSONB_VERSION);
    buf_add_span(&p->bytes, text);
}

/* The infinities, as pg_get_time_ms gives them, stay what they are. */
void pg_time_ms(struct pg_params *p, int64_t ms)
{
    int64_t us = ms == INT64_MIN || ms == INT64_MAX ? ms : (ms - epoch_2000_ms) * 1000;
    uint64_t be = htobe64((uint64_t)us);
    add_value(p, PG_TIME, &be, sizeof be);
}

void pg_uuid_or_null(struct pg_params *p, struct uuid v)
{
    if (uuid_is_nil(v))
        pg_null(p);
    else
        pg_uuid(p, v);
}

void pg_text_or_null(struct pg_params *p, struct span v)
{
    if (!v.ptr || v.len == 0)
        pg_null(p);
    else
        pg_text(p, v);
}

void pg_bytes_or_null(struct pg_params *p, struct span v)
{
    if (!v.ptr || v.len == 0)
        pg_null(p);
    else
        pg_bytes(p, v);
}

void pg_jsonb_or_null(struct pg_params *p, struct span text)
{
    if (!text.ptr || text.len == 0)
        pg_null(p);
    else
        pg_jsonb(p, text);
}

void pg_time_ms_or_null(struct pg_params *p, int64_t ms)
{
    if (ms == 0)
        pg_null(p);
    else
        pg_time_ms(p, ms);
}

void pg_array(struct pg_params *p, enum pg_type type, int n)
{
    assert(n >= 0 && p->entries_left == 0);
    check_type(p, type);
    enum pg_type entry = entry_of(type);
    begin(p, n ? ARRAY_HEADER : ARRAY_HEADER - 8);
    add_u32(&p->bytes, n ? 1 : 0); /* dimensions */
    add_u32(&p->bytes, 0);
    add_u32(&p->bytes, entry);
    if (n) {
        add_u32(&p->bytes, (uint32_t)n);
        add_u32(&p->bytes, 1); /* lower bound */
    }
    p->entry = entry;
    p->entries_left = n;
}

/* ---- results ---- */

int pg_rows(const struct pg_result *r)
{
    return PQntuples(r);
}

bool pg_is_null(const struct pg_result *r, int row, int col)
{
    return PQgetisnull(r, row, col);
}

/* The bytes of a value of that type; ptr NULL for null. */
static struct span value(const struct pg_result *r, int row, int col, enum pg_type type)
{
    assert(PQftype(r, col) == (Oid)type && PQfformat(r, col) == 1);
    int len = PQgetlength(r, row, col);
    if (len == 0 && PQgetisnull(r, row, col))
        return (struct span){0};
    return span_of(PQgetvalue(r, row, col), (size_t)len);
}

static int64_t read_number(struct span s)
{
    uint64_t be64;
    uint32_t be32;
    uint16_t be16;
    switch (s.len) {
    case 8:
        memcpy(&be64, s.ptr, 8);
        return (int64_t)be64toh(be64);
    case 4:
        memcpy(&be32, s.ptr, 4);
        return (int32_t)be32toh(be32);
    case 2:
        memcpy(&be16, s.ptr, 2);
        return (int16_t)be16toh(be16);
    case 1:
        return s.ptr[0];
    default:
        return 0;
    }
}

static struct uuid read_uuid(struct span s)
{
    struct uuid id = {0};
    if (s.len == sizeof id.b)
        memcpy(id.b, s.ptr, sizeof id.b);
    return id;
}

/* Rounds down, so that a time before 1970 keeps its order. */
static int64_t read_time(struct span s)
{
    int64_t us = read_number(s);
    if (s.len == 0)
        return 0;
    if (us == INT64_MIN || us == INT64_MAX)
        return us;
    return (us >= 0 ? us / 1000 : -((-us + 999) / 1000)) + epoch_2000_ms;
}

bool pg_get_bool(const struct pg_result *r, int row, int col)
{
    return read_number(value(r, row, col, PG_BOOL)) != 0;
}

int16_t pg_get_i16(const struct pg_result *r, int row, int col)
{
    return (int16_t)read_number(value(r, row, col, PG_I16));
}

int32_t pg_get_i32(const struct pg_result *r, int row, int col)
{
    return (int32_t)read_number(value(r, row, col, PG_I32));
}

int64_t pg_get_i64(const struct pg_result *r, int row, int col)
{
    return read_number(value(r, row, col, PG_I64));
}

struct uuid pg_get_uuid(const struct pg_result *r, int row, int col)
{
    return read_uuid(value(r, row, col, PG_UUID));
}

struct span pg_get_text(const struct pg_result *r, int row, int col)
{
    return value(r, row, col, PG_TEXT);
}

struct span pg_get_bytes(const struct pg_result *r, int row, int col)
{
    return value(r, row, col, PG_BYTES);
}

void pg_copy_bytes(const struct pg_result *r, int row, int col, uint8_t *out, size_t len)
{
    struct span s = pg_get_bytes(r, row, col);
    memset(out, 0, len);
    if (s.len == len)
        memcpy(out, s.ptr, len);
}

struct span pg_get_jsonb(const struct pg_result *r, int row, int col)
{
    struct span s = value(r, row, col, PG_JSONB);
    return s.len ? span_of(s.ptr + 1, s.len - 1) : s;
}

int64_t pg_get_time_ms(const struct pg_result *r, int row, int col)
{
    return read_time(value(r, row, col, PG_TIME));
}

struct pg_list pg_get_list(const struct pg_result *r, int row, int col, enum pg_type type)
{
    struct span s = value(r, row, col, type);
    if (s.len < ARRAY_HEADER)
        return (struct pg_list){0}; /* null, or without a dimension: no entries */
    assert(read_number(span_of(s.ptr, 4)) == 1);
    return (struct pg_list){
        .left = (int)read_number(span_of(s.ptr + 12, 4)),
        .next = s.ptr + ARRAY_HEADER,
        .end = s.ptr + s.len,
    };
}

bool pg_list_next(struct pg_list *list)
{
    if (list->left == 0 || list->end - list->next < 4)
        return false;
    int64_t len = read_number(span_of(list->next, 4));
    list->next += 4;
    list->left--;
    list->value = len < 0 ? (struct span){0} : span_of(list->next, (size_t)len);
    assert(len <= list->end - list->next);
    list->next += list->value.len;
    return true;
}

int16_t pg_list_i16(const struct pg_list *list)
{
    return (int16_t)read_number(list->value);
}

int64_t pg_list_i64(const struct pg_list *list)
{
    return read_number(list->value);
}

int64_t pg_list_time_ms(const struct pg_list *list)
{
    return read_time(list->value);
}

struct uuid pg_list_uuid(const struct pg_list *list)
{
    return read_uuid(list->value);
}
