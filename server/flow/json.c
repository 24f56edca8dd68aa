/* Trees and their text. */
#include "server/flow/json.h"

#include "protocol/limits.h"
#include "protocol/wire_json.h"

enum { NODES = 65536, WRITTEN_MAX = 1 << 20 };

parley_status json_read(struct arena *arena, struct span text, struct value *out)
{
    const struct wire_limits limits = {.depth = WIRE_DEPTH_MAX, .nodes = NODES};
    struct wire_error error;
    return wire_json_read(arena, text, &limits, out, &error) == PARLEY_OK ? PARLEY_OK : PARLEY_INVALID;
}

struct span json_write(struct arena *arena, const struct value *v)
{
    struct buf b;
    struct span written = {0};
    buf_init(&b, WRITTEN_MAX);
    wire_json_put_value(&b, v);
    if (b.status == PARLEY_OK)
        written = arena_span(arena, buf_span(&b));
    buf_done(&b);
    return written;
}

static parley_status copy_items(struct arena *arena, const struct value *v, struct value *out)
{
    if (value_array(arena, v->count, out) != PARLEY_OK)
        return PARLEY_NOMEM;
    for (uint32_t i = 0; i < v->count; i++)
        if (json_copy(arena, &v->items[i], &out->items[out->count++]) != PARLEY_OK)
            return PARLEY_NOMEM;
    return PARLEY_OK;
}

static parley_status copy_members(struct arena *arena, const struct value *v, struct value *out)
{
    if (value_map(arena, v->count, out) != PARLEY_OK)
        return PARLEY_NOMEM;
    for (uint32_t i = 0; i < v->count; i++) {
        struct value_member *m = &out->members[out->count++];
        m->key = arena_span(arena, v->members[i].key);
        if (!m->key.ptr || json_copy(arena, &v->members[i].value, &m->value) != PARLEY_OK)
            return PARLEY_NOMEM;
    }
    return PARLEY_OK;
}

parley_status json_copy(struct arena *arena, const struct value *v, struct value *out)
{
    switch (v->type) {
    case VALUE_TEXT:
    case VALUE_BYTES:
        *out = *v;
        out->text = arena_span(arena, v->text);
        return out->text.ptr ? PARLEY_OK : PARLEY_NOMEM;
    case VALUE_ARRAY:
        return copy_items(arena, v, out);
    case VALUE_MAP:
        return copy_members(arena, v, out);
    default:
        *out = *v;
        return PARLEY_OK;
    }
}

struct span json_text(const struct value *map, const char *key)
{
    const struct value *v = value_find(map, key);
    return v && v->type == VALUE_TEXT ? v->text : span_of("", 0);
}

int64_t json_int(const struct value *map, const char *key)
{
    const struct value *v = value_find(map, key);
    return v && v->type == VALUE_INT ? v->integer : 0;
}

bool json_true(const struct value *map, const char *key)
{
    const struct value *v = value_find(map, key);
    return v && v->type == VALUE_BOOL && v->boolean;
}

parley_status json_pair(struct arena *arena, const char *key, struct value v, struct value *out)
{
    parley_status st = value_map(arena, 1, out);
    if (st == PARLEY_OK)
        value_put(out, span_str(key), v);
    return st;
}
