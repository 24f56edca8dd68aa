/* The only user of jansson below io/: text that has passed the scan becomes jansson's tree, then ours. */
#include "protocol/wire_json.h"

#include "protocol/limits.h"
#include "protocol/wire_scan.h"

#include <jansson.h>

struct reading {
    struct arena *arena;
    struct wire_error *error;
};

static parley_status no_memory(struct wire_error *error, const struct wire_path *path)
{
    return wire_refuse(error, PARLEY_NOMEM, path, "no memory for a frame of this size");
}

static parley_status convert(struct reading *r, const struct wire_path *path, json_t *json, struct value *out);

static parley_status convert_text(struct reading *r, const struct wire_path *path, json_t *json, struct value *out)
{
    struct span copy = arena_span(r->arena, span_of(json_string_value(json), json_string_length(json)));
    *out = value_text(copy);
    return copy.ptr ? PARLEY_OK : no_memory(r->error, path);
}

static parley_status convert_real(struct reading *r, const struct wire_path *path, double real, struct value *out)
{
    if (!wire_real_fits(real))
        return wire_refuse(r->error, PARLEY_INVALID, path, "%g is not 0 and not within 1e-6 <= |x| < 1e21", real);
    *out = value_number(real);
    return PARLEY_OK;
}

static parley_status convert_array(struct reading *r, const struct wire_path *path, json_t *json, struct value *out)
{
    size_t count = json_array_size(json);
    if (value_array(r->arena, count, out) != PARLEY_OK)
        return no_memory(r->error, path);
    out->count = (uint32_t)count;
    struct wire_path here = {.up = path};
    for (parley_status st; here.index < count; here.index++)
        if ((st = convert(r, &here, json_array_get(json, here.index), &out->items[here.index])) != PARLEY_OK)
            return st;
    return PARLEY_OK;
}

static parley_status convert_map(struct reading *r, const struct wire_path *path, json_t *json, struct value *out)
{
    if (value_map(r->arena, json_object_size(json), out) != PARLEY_OK)
        return no_memory(r->error, path);
    for (void *i = json_object_iter(json); i; i = json_object_iter_next(json, i)) {
        struct value_member *member = &out->members[out->count++];
        member->key = arena_span(r->arena, span_of(json_object_iter_key(i), json_object_iter_key_len(i)));
        if (!member->key.ptr)
            return no_memory(r->error, path);
        struct wire_path here = {.up = path, .key = member->key};
        parley_status st = convert(r, &here, json_object_iter_value(i), &member->value);
        if (st != PARLEY_OK)
            return st;
    }
    value_sort(out); /* jansson has refused keys that are there twice */
    return PARLEY_OK;
}

static parley_status convert(struct reading *r, const struct wire_path *path, json_t *json, struct value *out)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return convert_map(r, path, json, out);
    case JSON_ARRAY:
        return convert_array(r, path, json, out);
    case JSON_STRING:
        return convert_text(r, path, json, out);
    case JSON_REAL:
        return convert_real(r, path, json_real_value(json), out);
    case JSON_INTEGER:
        *out = value_int(json_integer_value(json));
        return PARLEY_OK;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = value_bool(json_is_true(json));
        return PARLEY_OK;
    case JSON_NULL:
        break;
    }
    *out = (struct value){.type = VALUE_NULL};
    return PARLEY_OK;
}

static parley_status translate(const json_error_t *from, struct wire_error *error)
{
    switch (json_error_code(from)) {
    case json_error_out_of_memory:
        return no_memory(error, NULL);
    case json_error_duplicate_key:
        return wire_refuse(error, PARLEY_INVALID, NULL, "byte %d: %s", from->position, from->text);
    default:
        return wire_refuse(error, PARLEY_MALFORMED, NULL, "byte %d: %s", from->position, from->text);
    }
}

parley_status wire_json_read(struct arena *arena, struct span text, const struct wire_limits *limits, struct value *out,
                             struct wire_error *error)
{
    parley_status st = wire_json_scan(text, limits, error);
    if (st != PARLEY_OK)
        return st;

    json_error_t problem;
    json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &problem);
    if (!json)
        return translate(&problem, error);
    st = convert(&(struct reading){arena, error}, NULL, json, out);
    json_decref(json);
    return st;
}

parley_status wire_json_read_stored(struct arena *arena, struct span text, struct value *out)
{
    static const struct wire_limits limits = {.depth = LIMIT_DEPTH_DATA, .nodes = LIMIT_NODES};
    struct wire_error error;
    return wire_json_read(arena, text, &limits, out, &error);
}
