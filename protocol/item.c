/* The table of kinds, and bodies checked by the fields that a kind lists. */
#include "protocol/item.h"

#include "protocol/frame_table.h"
#include "protocol/wire_json.h"

#include <assert.h>

#define MOVES_true(number) ((number) >= ITEM_MOVES)
#define MOVES_false(number) ((number) < ITEM_MOVES)
#define ITEM_BEGIN(name, number, wire, audience, moves, posters, doc)                                                  \
    _Static_assert(MOVES_##moves(number), wire ": kinds that move the state are 64 and above");
#include "protocol/items.def"

struct kind {
    struct item_row row;
    const struct shape *shape;
};

#define AUDIENCE_PUBLIC audience_public
#define AUDIENCE_STAFF audience_staff
enum { C = POSTER_CUSTOMER, A = POSTER_AGENT, S = POSTER_STAFF, B = POSTER_BOT, K = POSTER_BACKEND };

static const struct kind kinds[] = {
#define ITEM_BEGIN(name, number, wire, audience, moves, posters, doc)                                                  \
    {{number, wire, AUDIENCE_##audience, moves, posters}, &shape_##name##_body},
#include "protocol/items.def"
};

static const struct kind *find(int number)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].row.kind == number)
            return &kinds[i];
    return NULL;
}

const struct item_row *item_row(int kind)
{
    const struct kind *k = find(kind);
    return k ? &k->row : NULL;
}

const struct shape *item_shape(int kind)
{
    const struct kind *k = find(kind);
    return k ? k->shape : NULL;
}

int item_kind_of(struct span name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (span_is(name, kinds[i].row.name))
            return kinds[i].row.kind;
    return ITEM_none;
}

const char *item_kind_name(int kind)
{
    const struct item_row *row = item_row(kind);
    return row ? row->name : NULL;
}

static const struct wire_path path_of_data = {.key = {"data", 4}};
static const struct wire_path path_of_body = {.up = &path_of_data, .key = {"body", 4}};

static parley_status unknown_kind(struct wire_error *error)
{
    static const struct wire_path path_of_kind = {.up = &path_of_data, .key = {"kind", 4}};
    return wire_refuse(error, PARLEY_UNKNOWN_KIND, &path_of_kind, "no item kind of this name; use custom");
}

parley_status item_read_body(int kind, const struct value *body, struct arena *arena, void *out,
                             struct wire_error *error)
{
    const struct kind *k = find(kind);
    struct decoding d = {.arena = arena, .error = error, .ids_are_text = true};
    return k ? frame_decode_map(&d, k->shape, &path_of_body, body, out) : unknown_kind(error);
}

parley_status item_read_file(struct span field, const struct value *v, struct arena *arena, struct frame_form_file *out,
                             struct wire_error *error)
{
    struct wire_path values = {.up = &path_of_body, .key = {"values", 6}}, here = {.up = &values, .key = field};
    struct decoding d = {.arena = arena, .error = error, .ids_are_text = true};
    return frame_decode_map(&d, &shape_form_file, &here, v, out);
}

bool item_is_file(const struct value *v)
{
    return v->type == VALUE_MAP && value_find(v, "blob");
}

static parley_status validate_files(const struct value *body, struct arena *arena, struct wire_error *error)
{
    const struct value *values = value_find(body, "values");
    struct frame_form_file file;
    parley_status st = PARLEY_OK;
    for (uint32_t i = 0; st == PARLEY_OK && i < values->count; i++)
        if (item_is_file(&values->members[i].value))
            st = item_read_file(values->members[i].key, &values->members[i].value, arena, &file, error);
    return st;
}

parley_status item_validate_body(int kind, const struct value *body, struct wire_error *error)
{
    /* only lists take memory, and they are short */
    union body {
#define ITEM_BEGIN(name, number, wire, audience, moves, posters, doc) struct frame_##name##_body name;
#include "protocol/items.def"
    } ignored;
    struct arena scratch;
    arena_init(&scratch, LIMIT_DATA);
    struct decoding d = {.arena = &scratch, .error = error};
    parley_status st = frame_check_body(&d, &path_of_body, body, LIMIT_DEPTH, LIMIT_BODY);
    if (st == PARLEY_OK)
        st = item_read_body(kind, body, &scratch, &ignored, error);
    if (st == PARLEY_OK && kind == ITEM_form_answer)
        st = validate_files(body, &scratch, error);
    arena_done(&scratch);
    return st;
}

void item_canonical(const struct value *body, struct buf *out)
{
    wire_json_put_value(out, body);
}

void item_put_body(struct buf *out, int kind, const void *body)
{
    const struct kind *k = find(kind);
    assert(k && "a kind of items.def");
    frame_encode_map(&(struct encoding_to){.out = out, .encoding = ENCODING_JSON, .canonical = true}, k->shape, body);
}
