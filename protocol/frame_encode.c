/* From structs to bytes, field by field along the same tables that the decoder walks. */
#include "protocol/frame_table.h"
#include "protocol/wire_json.h"
#include "protocol/wire_msgpack.h"

#include <assert.h>

#define AT(from, offset, type) (*(const type *)((const char *)(from) + (offset)))

static bool is_json(const struct encoding_to *to)
{
    return to->encoding == ENCODING_JSON;
}

static void put_text(const struct encoding_to *to, struct span text)
{
    if (is_json(to))
        wire_json_put_text(to->out, text);
    else
        wire_msgpack_put_text(to->out, text);
}

static void put_int(const struct encoding_to *to, int64_t v)
{
    if (is_json(to))
        wire_json_put_int(to->out, v);
    else
        wire_msgpack_put_int(to->out, v);
}

static void put_real(const struct encoding_to *to, double v)
{
    if (is_json(to))
        wire_json_put_real(to->out, v);
    else
        wire_msgpack_put_real(to->out, v);
}

static void put_bool(const struct encoding_to *to, bool v)
{
    if (is_json(to))
        buf_add_str(to->out, v ? "true" : "false");
    else
        wire_msgpack_put_bool(to->out, v);
}

static void put_id(const struct encoding_to *to, struct uuid id)
{
    if (is_json(to))
        wire_json_put_id(to->out, id);
    else
        wire_msgpack_put_id(to->out, id);
}

static void put_body(const struct encoding_to *to, const struct body *body)
{
    static const struct value nothing = {.type = VALUE_MAP};
    const struct value *v = body->value ? body->value : &nothing;
    if (body->json.ptr && is_json(to))
        wire_json_put_compact(to->out, body->json);
    else if (body->json.ptr)
        wire_json_to_msgpack(to->out, body->json);
    else if (is_json(to))
        wire_json_put_value(to->out, v);
    else
        wire_msgpack_put_value(to->out, v);
}

static void put_choice(const struct encoding_to *to, const struct enumeration *e, int number)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->choices[i].number == number) {
            put_text(to, e->choices[i].text);
            return;
        }
    /* read from a newer peer, and passed on: it had a name that this build does not know */
    assert(number == -1 && "a number of the enumeration");
    put_text(to, span_str("unknown"));
}

static void put_list(const struct encoding_to *to, const struct field *f, const void *from)
{
    const char *entries = AT(from, f->at, char *);
    size_t count = AT(from, f->count, size_t);
    if (is_json(to))
        buf_add_char(to->out, '[');
    else
        wire_msgpack_put_array(to->out, count);
    for (size_t i = 0; i < count; i++) {
        if (is_json(to) && i > 0)
            buf_add_char(to->out, ',');
        frame_encode_map(to, f->shape, entries + i * f->shape->size);
    }
    if (is_json(to))
        buf_add_char(to->out, ']');
}

static void put_field(const struct encoding_to *to, const struct field *f, const void *from)
{
    switch (f->type) {
    case FIELD_ID:
    case FIELD_ID7:
        put_id(to, AT(from, f->at, struct uuid));
        break;
    case FIELD_INT:
    case FIELD_TIME:
        put_int(to, AT(from, f->at, int64_t));
        break;
    case FIELD_REAL:
        put_real(to, AT(from, f->at, double));
        break;
    case FIELD_BOOL:
        put_bool(to, AT(from, f->at, bool));
        break;
    case FIELD_TEXT:
    case FIELD_NAME:
        put_text(to, AT(from, f->at, struct span));
        break;
    case FIELD_BODY:
        put_body(to, &AT(from, f->at, struct body));
        break;
    case FIELD_CHOICE:
        put_choice(to, f->enumeration, AT(from, f->at, int));
        break;
    case FIELD_ONE:
        frame_encode_map(to, f->shape, (const char *)from + f->at);
        break;
    case FIELD_LIST:
        put_list(to, f, from);
        break;
    }
}

static bool is_present(const struct field *f, const void *from)
{
    if (f->required)
        return true;
    return f->type == FIELD_LIST ? AT(from, f->count, size_t) > 0 : AT(from, f->has, bool);
}

static size_t count_present(const struct shape *shape, const void *from)
{
    size_t n = 0;
    for (size_t i = 0; i < shape->count; i++)
        n += is_present(&shape->fields[i], from);
    return n;
}

/* The field that comes next in jsonb's order, NULL after the last. Shapes are small and bodies of our own are few. */
static const struct field *next_in_order(const struct shape *shape, const struct field *last)
{
    const struct field *next = NULL;
    for (const struct field *f = shape->fields; f < shape->fields + shape->count; f++)
        if ((!last || value_key_compare(f->name, last->name) > 0) &&
            (!next || value_key_compare(f->name, next->name) < 0))
            next = f;
    return next;
}

static const struct field *next_in_table(const struct shape *shape, const struct field *last)
{
    const struct field *next = last ? last + 1 : shape->fields;
    return next < shape->fields + shape->count ? next : NULL;
}

static void put_key(const struct encoding_to *to, struct span name, bool first)
{
    if (!is_json(to)) {
        wire_msgpack_put_text(to->out, name);
        return;
    }
    char *at = buf_reserve(to->out, name.len + 3 + !first);
    if (!at)
        return;
    if (!first)
        *at++ = ',';
    *at++ = '"';
    memcpy(at, name.ptr, name.len);
    memcpy(at + name.len, "\":", 2);
}

void frame_encode_map(const struct encoding_to *to, const struct shape *shape, const void *from)
{
    bool first = true;
    if (is_json(to))
        buf_add_char(to->out, '{');
    else
        wire_msgpack_put_map(to->out, count_present(shape, from));
    for (const struct field *f = NULL;
         (f = to->canonical ? next_in_order(shape, f) : next_in_table(shape, f)) != NULL;) {
        if (!is_present(f, from))
            continue;
        put_key(to, f->name, first);
        put_field(to, f, from);
        first = false;
    }
    if (is_json(to))
        buf_add_char(to->out, '}');
}

static void put_envelope(const struct encoding_to *to, enum frame_type type, int64_t id)
{
    if (is_json(to))
        buf_add_char(to->out, '{');
    else
        wire_msgpack_put_map(to->out, frame_is_request(type) ? 3 : 2);
    if (!frame_is_push(type)) {
        put_key(to, span_str(frame_is_reply(type) ? "re" : "id"), true);
        put_int(to, id);
    }
    if (!frame_is_reply(type)) {
        put_key(to, span_str("type"), frame_is_push(type));
        put_text(to, span_str(frame_type_name(type)));
    }
    put_key(to, span_str(type == FRAME_error ? "error" : "data"), false);
}

void frame_put_type(struct buf *out, enum encoding encoding, enum frame_type type, int64_t id, const void *content)
{
    struct encoding_to to = {.out = out, .encoding = encoding};
    put_envelope(&to, type, id);
    frame_encode_map(&to, frame_shape(type), content);
    if (is_json(&to))
        buf_add_char(out, '}');
}

struct frame_error frame_error_of(const struct wire_error *error)
{
    struct frame_error e = {.code = span_str(status_name(error->status)), .text = span_str(error->text)};
    e.has_path = error->path[0] != '\0';
    e.path = span_str(error->path);
    return e;
}

struct frame_error frame_error_status(parley_status status)
{
    return (struct frame_error){.code = span_str(status_name(status)), .text = span_str(status_text(status))};
}
