/* From a tree to structs: every field of the table is looked up, checked and put in its place. */
#include "protocol/frame_table.h"
#include "protocol/text.h"
#include "protocol/wire_json.h"

#include <assert.h>

#define AT(out, offset, type) ((type *)((char *)(out) + (offset)))

static parley_status wrong_type(struct decoding *d, const struct wire_path *path, const struct value *v,
                                const char *wanted)
{
    return wire_refuse(d->error, PARLEY_INVALID, path, "is %s; %s is due", value_type_name(v->type), wanted);
}

static bool is_lower_uuid(struct span text, struct uuid *out)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] >= 'A' && text.ptr[i] <= 'F')
            return false;
    return uuid_parse(text, out) == PARLEY_OK;
}

static parley_status decode_id(struct decoding *d, const struct field *f, const struct wire_path *path,
                               const struct value *v, void *out)
{
    struct uuid id;
    if (d->ids_are_text) {
        if (v->type != VALUE_TEXT || !is_lower_uuid(v->text, &id))
            return wire_refuse(d->error, PARLEY_BAD_ID, path, "is no UUID of 36 lower-case characters");
    } else {
        if (v->type != VALUE_BYTES)
            return wire_refuse(d->error, PARLEY_BAD_ID, path, "is %s; in MessagePack an id is bin of 16 bytes",
                               value_type_name(v->type));
        memcpy(id.b, v->text.ptr, sizeof id.b);
    }
    if (f->type == FIELD_ID7 && uuid_version(id) != 7)
        return wire_refuse(d->error, PARLEY_BAD_ID, path, "is a UUID of version %d; make one of version 7",
                           uuid_version(id));
    *AT(out, f->at, struct uuid) = id;
    return PARLEY_OK;
}

static parley_status decode_int(struct decoding *d, const struct field *f, const struct wire_path *path,
                                const struct value *v, void *out)
{
    if (v->type != VALUE_INT)
        return wrong_type(d, path, v, "an integer");
    if (v->integer < f->min || v->integer > f->max)
        return wire_refuse(d->error, PARLEY_INVALID, path, "is %lld; it goes from %lld to %lld", (long long)v->integer,
                           (long long)f->min, (long long)f->max);
    *AT(out, f->at, int64_t) = v->integer;
    return PARLEY_OK;
}

static parley_status decode_real(struct decoding *d, const struct field *f, const struct wire_path *path,
                                 const struct value *v, void *out)
{
    if (v->type != VALUE_REAL && v->type != VALUE_INT)
        return wrong_type(d, path, v, "a number");
    double real = v->type == VALUE_INT ? (double)v->integer : v->real;
    if (real < (double)f->min || real > (double)f->max)
        return wire_refuse(d->error, PARLEY_INVALID, path, "is %g; it goes from %lld to %lld", real, (long long)f->min,
                           (long long)f->max);
    *AT(out, f->at, double) = real;
    return PARLEY_OK;
}

static parley_status decode_bool(struct decoding *d, const struct field *f, const struct wire_path *path,
                                 const struct value *v, void *out)
{
    if (v->type != VALUE_BOOL)
        return wrong_type(d, path, v, "true or false");
    *AT(out, f->at, bool) = v->boolean;
    return PARLEY_OK;
}

static parley_status decode_text(struct decoding *d, const struct field *f, const struct wire_path *path,
                                 const struct value *v, void *out)
{
    if (v->type != VALUE_TEXT)
        return wrong_type(d, path, v, "text");
    if (v->text.len > (size_t)f->max)
        return wire_refuse(d->error, PARLEY_TOO_BIG, path, "has %zu bytes; it may have %lld", v->text.len,
                           (long long)f->max);
    if (v->text.len < (size_t)f->min)
        return wire_refuse(d->error, PARLEY_INVALID, path, "has %zu bytes; it needs %lld", v->text.len,
                           (long long)f->min);
    if (f->type == FIELD_NAME && !text_is_name(v->text))
        return wire_refuse(d->error, PARLEY_INVALID, path,
                           "is no name; names are of a-z 0-9 _ . : / - and start with a letter or digit");
    *AT(out, f->at, struct span) = v->text;
    return PARLEY_OK;
}

static parley_status decode_choice(struct decoding *d, const struct field *f, const struct wire_path *path,
                                   const struct value *v, void *out)
{
    if (v->type != VALUE_TEXT)
        return wrong_type(d, path, v, "text");
    for (size_t i = 0; i < f->enumeration->count; i++) {
        const struct choice *c = &f->enumeration->choices[i];
        if (span_equal(c->text, v->text)) {
            *AT(out, f->at, int) = c->number;
            return PARLEY_OK;
        }
    }
    *AT(out, f->at, int) = -1;
    return d->newer ? PARLEY_OK
                    : wire_refuse(d->error, PARLEY_INVALID, path, "is none of the names of %s", f->enumeration->name);
}

/* Bytes have no place in the JSON data model; finds the first. */
static parley_status refuse_bytes(struct decoding *d, const struct wire_path *path, const struct value *v)
{
    if (v->type == VALUE_BYTES)
        return wire_refuse(d->error, PARLEY_INVALID, path, "is bin; in a body use what JSON can say, ids as text");
    parley_status st = PARLEY_OK;
    struct wire_path here = {.up = path};
    if (v->type == VALUE_ARRAY)
        for (; st == PARLEY_OK && here.index < v->count; here.index++)
            st = refuse_bytes(d, &here, &v->items[here.index]);
    if (v->type == VALUE_MAP)
        for (uint32_t i = 0; st == PARLEY_OK && i < v->count; i++) {
            here.key = v->members[i].key;
            st = refuse_bytes(d, &here, &v->members[i].value);
        }
    return st;
}

parley_status frame_check_body(struct decoding *d, const struct wire_path *path, const struct value *v, int depth,
                               size_t max)
{
    if (v->type != VALUE_MAP)
        return wrong_type(d, path, v, "a map");
    if (value_depth(v) > depth)
        return wire_refuse(d->error, PARLEY_TOO_DEEP, path, "is nested deeper than %d levels", depth);
    parley_status st = d->ids_are_text ? PARLEY_OK : refuse_bytes(d, path, v);
    if (st != PARLEY_OK)
        return st;
    size_t size = wire_json_size(v, false);
    if (size > max && (size = wire_json_size(v, true)) > max)
        return wire_refuse(d->error, PARLEY_TOO_BIG, path, "has %zu bytes as JSON; it may have %zu", size, max);
    return PARLEY_OK;
}

static parley_status decode_body(struct decoding *d, const struct field *f, const struct wire_path *path,
                                 const struct value *v, void *out)
{
    parley_status st = frame_check_body(d, path, v, f->min ? LIMIT_DEPTH_DATA : LIMIT_DEPTH, (size_t)f->max);
    if (st == PARLEY_OK)
        *AT(out, f->at, struct body) = (struct body){.value = v};
    return st;
}

static parley_status decode_list(struct decoding *d, const struct field *f, const struct wire_path *path,
                                 const struct value *v, void *out)
{
    if (v->type != VALUE_ARRAY)
        return wrong_type(d, path, v, "an array");
    if (v->count > (uint64_t)f->max)
        return wire_refuse(d->error, PARLEY_TOO_MANY, path, "has %u entries; it may have %lld", v->count,
                           (long long)f->max);
    if (v->count < (uint64_t)f->min)
        return wire_refuse(d->error, PARLEY_INVALID, path, "is empty; it needs an entry");
    if (v->count == 0)
        return PARLEY_OK;
    char *entries = arena_array(d->arena, v->count, f->shape->size);
    if (!entries)
        return wire_refuse(d->error, PARLEY_NOMEM, path, "no memory for a frame of this size");

    struct wire_path here = {.up = path};
    for (parley_status st; here.index < v->count; here.index++) {
        st = frame_decode_map(d, f->shape, &here, &v->items[here.index], entries + here.index * f->shape->size);
        if (st != PARLEY_OK)
            return st;
    }
    *AT(out, f->at, const void *) = entries;
    *AT(out, f->count, size_t) = v->count;
    return PARLEY_OK;
}

static parley_status decode_field(struct decoding *d, const struct field *f, const struct wire_path *path,
                                  const struct value *v, void *out)
{
    switch (f->type) {
    case FIELD_ID:
    case FIELD_ID7:
        return decode_id(d, f, path, v, out);
    case FIELD_INT:
    case FIELD_TIME:
        return decode_int(d, f, path, v, out);
    case FIELD_REAL:
        return decode_real(d, f, path, v, out);
    case FIELD_BOOL:
        return decode_bool(d, f, path, v, out);
    case FIELD_TEXT:
    case FIELD_NAME:
        return decode_text(d, f, path, v, out);
    case FIELD_BODY:
        return decode_body(d, f, path, v, out);
    case FIELD_CHOICE:
        return decode_choice(d, f, path, v, out);
    case FIELD_ONE:
        return frame_decode_map(d, f->shape, path, v, AT(out, f->at, void));
    case FIELD_LIST:
        return decode_list(d, f, path, v, out);
    }
    assert(!"every type has its case");
    return PARLEY_INTERNAL;
}

static const struct value *find(const struct value *map, struct span name)
{
    for (uint32_t i = 0; i < map->count; i++)
        if (span_equal(map->members[i].key, name))
            return map->members[i].value.type == VALUE_NULL ? NULL : &map->members[i].value;
    return NULL;
}

parley_status frame_decode_map(struct decoding *d, const struct shape *shape, const struct wire_path *path,
                               const struct value *map, void *out)
{
    if (map->type != VALUE_MAP)
        return wrong_type(d, path, map, "a map");
    memset(out, 0, shape->size);
    for (const struct field *f = shape->fields; f < shape->fields + shape->count; f++) {
        const struct value *v = map->count > 32 ? value_find(map, f->name.ptr) : find(map, f->name);
        if (!v && !f->required)
            continue;
        struct wire_path here = {.up = path, .key = f->name};
        if (!v)
            return wire_refuse(d->error, PARLEY_INVALID, &here, "is missing");
        parley_status st = decode_field(d, f, &here, v, out);
        if (st != PARLEY_OK)
            return st;
        if (!f->required && f->type != FIELD_LIST)
            *AT(out, f->has, bool) = true;
    }
    return PARLEY_OK;
}
