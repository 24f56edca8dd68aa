/* Walks the tables: a sample of each field, then each field spoilt in turn. */
#include "tests/support/frame_cases.h"

#include "protocol/frame_table.h"
#include "protocol/item.h"
#include "protocol/wire_json.h"
#include "protocol/wire_msgpack.h"

#include <assert.h>
#include <stdio.h>

/* How one comes from the frame's data to the map whose field is spoilt. */
struct chain {
    const struct chain *up;
    const struct shape *shape;
    const struct field *field;
};

struct maker {
    struct arena arena;
    enum frame_type type; /* FRAME_none for a body */
    frame_case_use *use;
    void *arg;
};

static const struct uuid sample_id7 = {{0x01, 0x8c, 0xc2, 0x51, 0xf4, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 7}};
static const struct uuid sample_id4 = {
    {0x9b, 0x1d, 0xeb, 0x4d, 0x3b, 0x7d, 0x4b, 0xad, 0x9b, 0xdd, 0x2b, 0x0d, 0x7b, 0x3d, 0xcb, 0x6d}};

static struct value sample_map(struct maker *m, const struct shape *shape, bool all);

static struct value text_value(struct maker *m, const char *text)
{
    return value_text(arena_span(&m->arena, span_str(text)));
}

static struct value id_value(struct maker *m, struct uuid id)
{
    char text[UUID_TEXT + 1];
    uuid_format(id, text);
    struct value v = text_value(m, text);
    if (m->type != FRAME_none)
        v = (struct value){.type = VALUE_BYTES, .text = arena_span(&m->arena, span_of(id.b, 16))};
    return v;
}

static struct value repeated(struct maker *m, char c, size_t len)
{
    char *text = arena_alloc(&m->arena, len + 1);
    memset(text, c, len);
    return value_text(span_of(text, len));
}

static struct value sample_int(const struct field *f)
{
    int64_t v = f->type == FIELD_TIME ? 1700000000000 : 42;
    return value_int(v < f->min ? f->min : v > f->max ? f->max : v);
}

static struct value sample_text(struct maker *m, const struct field *f)
{
    if (f->min > 1)
        return repeated(m, 'a', (size_t)f->min);
    struct value v = text_value(m, f->type == FIELD_NAME ? "name" : "text, \"quoted\"\n\xc3\xa9");
    v.text.len = v.text.len > (size_t)f->max ? (size_t)f->max : v.text.len;
    return v;
}

static struct value sample_body(struct maker *m)
{
    struct value body;
    value_map(&m->arena, 2, &body);
    value_put(&body, span_str("text"), text_value(m, "hello"));
    value_put(&body, span_str("n"), (struct value){.type = VALUE_REAL, .real = 0.25});
    return body;
}

static struct value list_of(struct maker *m, const struct field *f, size_t count)
{
    struct value list;
    value_array(&m->arena, count, &list);
    while (list.count < count)
        value_push(&list, sample_map(m, f->shape, false));
    return list;
}

static struct value sample_field(struct maker *m, const struct field *f, bool all)
{
    switch (f->type) {
    case FIELD_ID:
        return id_value(m, sample_id4);
    case FIELD_ID7:
        return id_value(m, sample_id7);
    case FIELD_INT:
    case FIELD_TIME:
        return sample_int(f);
    case FIELD_REAL:
        return (struct value){.type = VALUE_REAL, .real = (double)f->max - 0.5};
    case FIELD_BOOL:
        return value_bool(true);
    case FIELD_TEXT:
    case FIELD_NAME:
        return sample_text(m, f);
    case FIELD_BODY:
        return sample_body(m);
    case FIELD_CHOICE:
        return value_text(f->enumeration->choices[f->enumeration->count - 1].text);
    case FIELD_ONE:
        return sample_map(m, f->shape, all);
    case FIELD_LIST:
        break;
    }
    struct value list;
    value_array(&m->arena, 1, &list);
    if (all || f->min)
        value_push(&list, sample_map(m, f->shape, all));
    return list;
}

static struct value sample_map(struct maker *m, const struct shape *shape, bool all)
{
    struct value map;
    parley_status st = value_map(&m->arena, shape->count + 1, &map);
    assert(st == PARLEY_OK);
    for (size_t i = 0; i < shape->count; i++)
        if (all || shape->fields[i].required)
            value_put(&map, shape->fields[i].name, sample_field(m, &shape->fields[i], all));
    return map;
}

static struct value envelope(struct maker *m, struct value data)
{
    if (m->type == FRAME_none)
        return data;
    struct value map;
    value_map(&m->arena, 4, &map);
    if (!frame_is_push(m->type))
        value_put(&map, span_str(frame_is_reply(m->type) ? "re" : "id"), value_int(7));
    if (!frame_is_reply(m->type))
        value_put(&map, span_str("type"), value_text(span_str(frame_type_name(m->type))));
    value_put(&map, span_str(m->type == FRAME_error ? "error" : "data"), data);
    return map;
}

static void append_path(const struct maker *m, const struct chain *chain, char *path, size_t room)
{
    if (!chain) {
        snprintf(path, room, "%s", m->type == FRAME_error ? "error" : m->type == FRAME_none ? "data.body" : "data");
        return;
    }
    append_path(m, chain->up, path, room);
    size_t used = strlen(path);
    snprintf(path + used, room - used, ".%s%s", chain->field->name.ptr, chain->field->type == FIELD_LIST ? "[0]" : "");
}

/* Puts a map where the chain says into an otherwise good frame, and hands the case out. */
static void emit(struct maker *m, const struct chain *chain, struct value map, struct frame_case *c)
{
    c->nested = chain != NULL;
    for (; chain; chain = chain->up) {
        struct value outer = sample_map(m, chain->shape, false), inner = map;
        if (chain->field->type == FIELD_LIST) {
            value_array(&m->arena, 1, &inner);
            value_push(&inner, map);
        }
        value_put(&outer, chain->field->name, inner);
        map = outer;
    }
    c->tree = envelope(m, map);
    m->use(m->arg, c);
    arena_reset(&m->arena);
}

/* A good map whose field f is v, which must be answered so; suffix goes to the path. */
static void spoil(struct maker *m, const struct chain *chain, const struct shape *shape, const struct field *f,
                  struct value v, const char *what, parley_status expected, const char *suffix)
{
    struct frame_case c = {.expected = expected};
    char path[120];
    append_path(m, chain, path, sizeof path);
    snprintf(c.name, sizeof c.name, "%s.%s %s", path, f->name.ptr, what);
    if (expected != PARLEY_OK)
        snprintf(c.path, sizeof c.path, "%s.%s%s", path, f->name.ptr, suffix);
    struct value map = sample_map(m, shape, false);
    value_put(&map, f->name, v);
    emit(m, chain, map, &c);
}

static struct value nested_maps(struct maker *m, int depth)
{
    struct value map;
    value_map(&m->arena, 1, &map);
    if (depth > 1)
        value_put(&map, span_str("a"), nested_maps(m, depth - 1));
    return map;
}

static struct value body_of_size(struct maker *m, size_t size)
{
    struct value body;
    value_map(&m->arena, 1, &body);
    value_put(&body, span_str("x"), repeated(m, 'x', size - strlen("{\"x\":\"\"}")));
    return body;
}

static const char *wrong_name(const struct field *f)
{
    return f->type == FIELD_BODY || f->type == FIELD_ONE ? "is an array"
           : f->type == FIELD_LIST                       ? "is a map"
                                                         : "is of another type";
}

static struct value wrong_value(struct maker *m, const struct field *f)
{
    struct value v;
    switch (f->type) {
    case FIELD_BODY:
    case FIELD_ONE:
        value_array(&m->arena, 1, &v);
        return v;
    case FIELD_LIST:
        value_map(&m->arena, 1, &v);
        return v;
    case FIELD_INT:
    case FIELD_TIME:
    case FIELD_REAL:
        return text_value(m, "1");
    default:
        return value_int(1);
    }
}

static void spoil_absence(struct maker *m, const struct chain *chain, const struct shape *shape, const struct field *f)
{
    if (f->required) {
        spoil(m, chain, shape, f, (struct value){.type = VALUE_NULL}, "is null", PARLEY_INVALID, "");
        return;
    }
    if (chain)
        return;
    struct frame_case c = {.reads_as_required = true};
    snprintf(c.name, sizeof c.name, "%s is null", f->name.ptr);
    struct value map = sample_map(m, shape, false);
    value_put(&map, f->name, (struct value){.type = VALUE_NULL});
    emit(m, chain, map, &c);
}

static void leave_out(struct maker *m, const struct chain *chain, const struct shape *shape, const struct field *f)
{
    struct frame_case c = {.expected = PARLEY_INVALID};
    char path[120];
    append_path(m, chain, path, sizeof path);
    snprintf(c.name, sizeof c.name, "%s.%s is missing", path, f->name.ptr);
    snprintf(c.path, sizeof c.path, "%s.%s", path, f->name.ptr);
    struct value map = sample_map(m, shape, false), less;
    value_map(&m->arena, shape->count, &less);
    for (uint32_t i = 0; i < map.count; i++)
        if (!span_equal(map.members[i].key, f->name))
            value_put(&less, map.members[i].key, map.members[i].value);
    emit(m, chain, less, &c);
}

static void spoil_number(struct maker *m, const struct chain *chain, const struct shape *shape, const struct field *f)
{
    if (f->type != FIELD_REAL)
        spoil(m, chain, shape, f, (struct value){.type = VALUE_REAL, .real = 1.5}, "is a fraction", PARLEY_INVALID, "");
    spoil(m, chain, shape, f, value_int(f->min), "is the least", PARLEY_OK, "");
    spoil(m, chain, shape, f, value_int(f->max), "is the greatest", PARLEY_OK, "");
    spoil(m, chain, shape, f, value_int(f->min - 1), "is below the least", PARLEY_INVALID, "");
    if (f->max < INT64_MAX)
        spoil(m, chain, shape, f, value_int(f->max + 1), "is above the greatest", PARLEY_INVALID, "");
}

static void spoil_text(struct maker *m, const struct chain *chain, const struct shape *shape, const struct field *f)
{
    spoil(m, chain, shape, f, repeated(m, 'a', (size_t)f->max), "is the longest", PARLEY_OK, "");
    spoil(m, chain, shape, f, repeated(m, 'a', (size_t)f->max + 1), "is too long", PARLEY_TOO_BIG, "");
    if (f->min > 0)
        spoil(m, chain, shape, f, repeated(m, 'a', (size_t)f->min - 1), "is too short", PARLEY_INVALID, "");
    if (f->type == FIELD_NAME)
        spoil(m, chain, shape, f, text_value(m, "No Name"), "is no name", PARLEY_INVALID, "");
}

static void spoil_body(struct maker *m, const struct chain *chain, const struct shape *shape, const struct field *f)
{
    bool in_body = m->type == FRAME_none; /* where the whole has limits of its own */
    int depth = in_body ? LIMIT_DEPTH - 1 : f->min ? LIMIT_DEPTH_DATA : LIMIT_DEPTH;
    spoil(m, chain, shape, f, nested_maps(m, depth), "is as deep as it may be", PARLEY_OK, "");
    if (in_body)
        return;
    spoil(m, chain, shape, f, nested_maps(m, depth + 1), "is too deep", PARLEY_TOO_DEEP, "");
    spoil(m, chain, shape, f, body_of_size(m, (size_t)f->max), "is as big as it may be", PARLEY_OK, "");
    spoil(m, chain, shape, f, body_of_size(m, (size_t)f->max + 1), "is too big", PARLEY_TOO_BIG, "");
}

static void spoil_choice(struct maker *m, const struct chain *chain, const struct shape *shape, const struct field *f)
{
    bool newer = m->type != FRAME_none && !frame_is_request(m->type);
    if (!newer)
        spoil(m, chain, shape, f, text_value(m, "unheard_of"), "is unknown", PARLEY_INVALID, "");
    for (size_t i = 0; i < f->enumeration->count; i++) {
        char what[64];
        snprintf(what, sizeof what, "is %s", f->enumeration->choices[i].text.ptr);
        spoil(m, chain, shape, f, value_text(f->enumeration->choices[i].text), what, PARLEY_OK, "");
    }
    if (!newer)
        return;
    struct frame_case c = {.lossy = true};
    snprintf(c.name, sizeof c.name, "%s is unknown", f->name.ptr);
    struct value map = sample_map(m, shape, false);
    value_put(&map, f->name, text_value(m, "unheard_of"));
    emit(m, chain, map, &c);
}

static void spoil_map(struct maker *m, const struct chain *chain, const struct shape *shape);

static void spoil_field(struct maker *m, const struct chain *chain, const struct shape *shape, const struct field *f)
{
    bool id = f->type == FIELD_ID || f->type == FIELD_ID7;
    spoil(m, chain, shape, f, wrong_value(m, f), wrong_name(f), id ? PARLEY_BAD_ID : PARLEY_INVALID, "");
    spoil_absence(m, chain, shape, f);
    if (f->required)
        leave_out(m, chain, shape, f);
    if (f->type == FIELD_ID7)
        spoil(m, chain, shape, f, id_value(m, sample_id4), "is of version 4", PARLEY_BAD_ID, "");
    if (f->type == FIELD_INT || f->type == FIELD_TIME || f->type == FIELD_REAL)
        spoil_number(m, chain, shape, f);
    if (f->type == FIELD_TEXT || f->type == FIELD_NAME)
        spoil_text(m, chain, shape, f);
    if (f->type == FIELD_BODY)
        spoil_body(m, chain, shape, f);
    if (f->type == FIELD_CHOICE)
        spoil_choice(m, chain, shape, f);
    if (f->type == FIELD_LIST) {
        spoil(m, chain, shape, f, list_of(m, f, (size_t)f->max), "is the longest", PARLEY_OK, "");
        spoil(m, chain, shape, f, list_of(m, f, (size_t)f->max + 1), "is too long", PARLEY_TOO_MANY, "");
        if (f->min)
            spoil(m, chain, shape, f, list_of(m, f, 0), "is empty", PARLEY_INVALID, "");
    }
    if (f->type == FIELD_LIST || f->type == FIELD_ONE)
        spoil_map(m, &(struct chain){chain, shape, f}, f->shape);
}

static void spoil_map(struct maker *m, const struct chain *chain, const struct shape *shape)
{
    for (size_t i = 0; i < shape->count; i++)
        spoil_field(m, chain, shape, &shape->fields[i]);
}

static void good_cases(struct maker *m, const struct shape *shape)
{
    struct frame_case required = {.name = "required fields"};
    emit(m, NULL, sample_map(m, shape, false), &required);
    struct frame_case all = {.name = "every field"};
    emit(m, NULL, sample_map(m, shape, true), &all);

    struct frame_case unknown = {.name = "a field that nobody knows", .reads_as_required = true};
    struct value map = sample_map(m, shape, false);
    value_put(&map, span_str("some_day"), sample_body(m));
    emit(m, NULL, map, &unknown);
}

static void run(struct maker *m, const struct shape *shape)
{
    arena_init(&m->arena, 1 << 24);
    good_cases(m, shape);
    spoil_map(m, NULL, shape);
    arena_done(&m->arena);
}

void frame_cases(enum frame_type type, frame_case_use *use, void *arg)
{
    run(&(struct maker){.type = type, .use = use, .arg = arg}, frame_shape(type));
}

void item_cases(int kind, frame_case_use *use, void *arg)
{
    run(&(struct maker){.type = FRAME_none, .use = use, .arg = arg}, item_shape(kind));
}

void frame_case_put(struct buf *out, enum encoding encoding, const struct value *tree)
{
    buf_clear(out);
    if (encoding == ENCODING_JSON)
        wire_json_put_value(out, tree);
    else
        wire_msgpack_put_value(out, tree);
}

enum frame_type frame_case_awaits(enum frame_type reply)
{
    if (reply == FRAME_error)
        return FRAME_post;
    for (enum frame_type t = FRAME_none + 1; t < FRAME_REQUESTS_END; t++)
        if (frame_reply_type(t) == reply)
            return t;
    return FRAME_none;
}
