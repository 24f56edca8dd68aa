/* The only user of msgpack-c. Its objects are built in memory of the arena that the scan has measured, so that it asks
 * the system for none; then they become a tree in order. */
#include "protocol/wire_msgpack.h"

#include "protocol/wire_scan.h"

#include <assert.h>
#include <msgpack.h>

struct reading {
    struct arena *arena;
    struct wire_error *error;
};

static parley_status no_memory(struct wire_error *error, const struct wire_path *path)
{
    return wire_refuse(error, PARLEY_NOMEM, path, "no memory for a frame of this size");
}

static parley_status convert(struct reading *r, const struct wire_path *path, const msgpack_object *o,
                             struct value *out);

static parley_status convert_array(struct reading *r, const struct wire_path *path, const msgpack_object_array *a,
                                   struct value *out)
{
    if (value_array(r->arena, a->size, out) != PARLEY_OK)
        return no_memory(r->error, path);
    out->count = a->size;
    struct wire_path here = {.up = path};
    for (parley_status st; here.index < a->size; here.index++)
        if ((st = convert(r, &here, &a->ptr[here.index], &out->items[here.index])) != PARLEY_OK)
            return st;
    return PARLEY_OK;
}

static parley_status convert_map(struct reading *r, const struct wire_path *path, const msgpack_object_map *m,
                                 struct value *out)
{
    struct value_member *members = arena_alloc(r->arena, (m->size ? m->size : 1) * sizeof *members);
    if (!members)
        return no_memory(r->error, path);
    for (uint32_t i = 0; i < m->size; i++) {
        const msgpack_object_str *key = &m->ptr[i].key.via.str;
        members[i].key = span_of(key->ptr, key->size);
        struct wire_path here = {.up = path, .key = members[i].key};
        parley_status st = convert(r, &here, &m->ptr[i].val, &members[i].value);
        if (st != PARLEY_OK)
            return st;
    }
    *out = (struct value){.type = VALUE_MAP, .count = m->size, .members = members};

    struct span twice = value_sort(out);
    if (!twice.ptr)
        return PARLEY_OK;
    struct wire_path there = {.up = path, .key = twice};
    return wire_refuse(r->error, PARLEY_INVALID, &there, "is there twice");
}

/* Fields are set one by one, as in the scan: this runs for every value of every frame. */
static parley_status convert(struct reading *r, const struct wire_path *path, const msgpack_object *o,
                             struct value *out)
{
    out->type = VALUE_NULL;
    out->count = 0;
    switch (o->type) {
    case MSGPACK_OBJECT_BOOLEAN:
        out->type = VALUE_BOOL;
        out->boolean = o->via.boolean;
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        out->type = VALUE_INT;
        out->integer = o->via.i64;
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        *out = value_number(o->via.f64);
        break;
    case MSGPACK_OBJECT_STR:
    case MSGPACK_OBJECT_BIN:
        out->type = o->type == MSGPACK_OBJECT_STR ? VALUE_TEXT : VALUE_BYTES;
        out->text.ptr = o->via.str.ptr;
        out->text.len = o->via.str.size;
        break;
    case MSGPACK_OBJECT_ARRAY:
        return convert_array(r, path, &o->via.array, out);
    case MSGPACK_OBJECT_MAP:
        return convert_map(r, path, &o->via.map, out);
    default:
        break;
    }
    return PARLEY_OK;
}

/* A zone that hands out arena memory. msgpack-c takes one array of objects or pairs a container, nothing
 * else; for an empty one it wants a pointer all the same. */
static bool zone_on_arena(msgpack_zone *zone, struct arena *arena, const struct wire_measure *m)
{
    size_t size = m->entries * sizeof(msgpack_object) + m->pairs * sizeof(msgpack_object_kv) + MSGPACK_ZONE_ALIGN;
    char *memory = arena_alloc(arena, size);
    *zone = (msgpack_zone){.chunk_list = {.free = size, .ptr = memory}};
    return memory;
}

parley_status wire_msgpack_read(struct arena *arena, struct span bytes, const struct wire_limits *limits,
                                struct value *out, struct wire_error *error)
{
    struct wire_measure measure;
    parley_status st = wire_msgpack_scan(bytes, limits, &measure, error);
    if (st != PARLEY_OK)
        return st;

    msgpack_zone zone;
    if (!zone_on_arena(&zone, arena, &measure))
        return no_memory(error, NULL);
    msgpack_object object;
    size_t used = 0;
    msgpack_unpack_return result = msgpack_unpack(bytes.ptr, bytes.len, &used, &zone, &object);
    assert(!zone.chunk_list.head && "the scan measures what msgpack-c takes");
    if (result != MSGPACK_UNPACK_SUCCESS || used != bytes.len)
        return wire_refuse(error, PARLEY_MALFORMED, NULL, "not MessagePack at byte %zu", used);
    return convert(&(struct reading){arena, error}, NULL, &object, out);
}

static int write_bytes(void *data, const char *bytes, size_t len)
{
    buf_add(data, bytes, len);
    return 0;
}

static inline msgpack_packer packer(struct buf *out)
{
    return (msgpack_packer){.data = out, .callback = write_bytes};
}

void wire_msgpack_put_nil(struct buf *out)
{
    msgpack_packer p = packer(out);
    msgpack_pack_nil(&p);
}

void wire_msgpack_put_bool(struct buf *out, bool v)
{
    msgpack_packer p = packer(out);
    if (v)
        msgpack_pack_true(&p);
    else
        msgpack_pack_false(&p);
}

void wire_msgpack_put_int(struct buf *out, int64_t v)
{
    msgpack_packer p = packer(out);
    msgpack_pack_int64(&p, v);
}

void wire_msgpack_put_real(struct buf *out, double v)
{
    msgpack_packer p = packer(out);
    msgpack_pack_double(&p, v);
}

/* Keys and names are nearly all shorter than 32 bytes: head and text at once. */
void wire_msgpack_put_text(struct buf *out, struct span text)
{
    if (text.len < 32) {
        char *at = buf_reserve(out, text.len + 1);
        if (at)
            *at = (char)(0xa0 | text.len);
        if (at && text.len)
            memcpy(at + 1, text.ptr, text.len);
        return;
    }
    msgpack_packer p = packer(out);
    msgpack_pack_str_with_body(&p, text.ptr, text.len);
}

void wire_msgpack_put_text_head(struct buf *out, size_t len)
{
    msgpack_packer p = packer(out);
    msgpack_pack_str(&p, len);
}

void wire_msgpack_put_id(struct buf *out, struct uuid id)
{
    msgpack_packer p = packer(out);
    msgpack_pack_bin_with_body(&p, id.b, sizeof id.b);
}

void wire_msgpack_put_array(struct buf *out, size_t count)
{
    msgpack_packer p = packer(out);
    msgpack_pack_array(&p, count);
}

void wire_msgpack_put_map(struct buf *out, size_t count)
{
    msgpack_packer p = packer(out);
    msgpack_pack_map(&p, count);
}

static void put_container(struct buf *out, const struct value *v)
{
    if (v->type == VALUE_ARRAY) {
        wire_msgpack_put_array(out, v->count);
        for (uint32_t i = 0; i < v->count; i++)
            wire_msgpack_put_value(out, &v->items[i]);
        return;
    }
    wire_msgpack_put_map(out, v->count);
    for (uint32_t i = 0; i < v->count; i++) {
        wire_msgpack_put_text(out, v->members[i].key);
        wire_msgpack_put_value(out, &v->members[i].value);
    }
}

void wire_msgpack_put_value(struct buf *out, const struct value *v)
{
    switch (v->type) {
    case VALUE_NULL:
        wire_msgpack_put_nil(out);
        break;
    case VALUE_BOOL:
        wire_msgpack_put_bool(out, v->boolean);
        break;
    case VALUE_INT:
        wire_msgpack_put_int(out, v->integer);
        break;
    case VALUE_REAL:
        wire_msgpack_put_real(out, v->real);
        break;
    case VALUE_TEXT:
        wire_msgpack_put_text(out, v->text);
        break;
    case VALUE_BYTES:
        buf_add(out, "\xc4\x10", 2);
        buf_add_span(out, v->text);
        break;
    case VALUE_ARRAY:
    case VALUE_MAP:
        put_container(out, v);
        break;
    }
}
