/* By top-level key of `data`, and by `step` and `state`. */
#include "sdk-c/src/edit_value.h"

#include "protocol/wire_json.h"
#include "sdk-c/src/client.h"
#include "sdk-c/src/edit.h"

static const char *const words[] = {"step", "state"};

parley_status edit_parse(struct arena *arena, struct span json, struct value *out)
{
    static const struct wire_limits limits = {.depth = LIMIT_DEPTH_DATA + 3, .nodes = 3 * LIMIT_NODES};
    struct wire_error error;
    struct span kept = json.len ? arena_span(arena, json) : (struct span){0};
    if (!kept.ptr)
        return json.len ? PARLEY_NOMEM : PARLEY_NOT_FOUND;
    parley_status st = wire_json_read(arena, kept, &limits, out, &error);
    return st == PARLEY_OK && out->type != VALUE_MAP ? PARLEY_MALFORMED : st;
}

struct span edit_text(const struct value *map, const char *key)
{
    const struct value *v = value_find(map, key);
    return v && v->type == VALUE_TEXT ? v->text : (struct span){0};
}

static const struct value *map_in(const struct value *v, const char *key)
{
    const struct value *found = value_find(v, key);
    return found && found->type == VALUE_MAP ? found : NULL;
}

static const struct value *at(const struct value *map, struct span key)
{
    static const struct value none = {.type = VALUE_NULL};
    const struct value *found = map ? value_get(map, key) : NULL;
    return found ? found : &none;
}

static bool same(const struct value *a, const struct value *b)
{
    struct buf one, other;
    buf_init(&one, LIMIT_MESSAGE);
    buf_init(&other, LIMIT_MESSAGE);
    wire_json_put_value(&one, a);
    wire_json_put_value(&other, b);
    bool equal = one.status == PARLEY_OK && other.status == PARLEY_OK && span_equal(buf_span(&one), buf_span(&other));
    buf_done(&one);
    buf_done(&other);
    return equal;
}

/* ---- what it stands on ---- */

parley_status edit_base(struct arena *arena, const struct value *body, const struct value *process, struct value *out)
{
    const struct value *changed = map_in(body, "data"), *now = map_in(process, "data");
    struct value data;
    parley_status st = value_map(arena, 3, out);
    for (size_t i = 0; st == PARLEY_OK && i < sizeof words / sizeof *words; i++)
        if (value_find(body, words[i]))
            value_put(out, span_str(words[i]), *at(process, span_str(words[i])));
    if (st != PARLEY_OK || !changed)
        return st;
    st = value_map(arena, changed->count, &data);
    for (uint32_t i = 0; st == PARLEY_OK && i < changed->count; i++)
        value_put(&data, changed->members[i].key, *at(now, changed->members[i].key));
    if (st == PARLEY_OK)
        value_put(out, span_str("data"), data);
    return st;
}

/* A map with room for what is put into it. */
static parley_status copy(struct arena *arena, const struct value *map, size_t more, struct value *out)
{
    parley_status st = value_map(arena, (map ? map->count : 0) + more, out);
    for (uint32_t i = 0; st == PARLEY_OK && map && i < map->count; i++)
        value_put(out, map->members[i].key, map->members[i].value);
    return st;
}

parley_status edit_rebase(struct arena *arena, struct value *body, const struct value *process)
{
    struct value made, base;
    parley_status st = edit_base(arena, body, process, &base);
    if (st == PARLEY_OK)
        st = copy(arena, body, 1, &made);
    if (st != PARLEY_OK)
        return st;
    value_put(&made, span_str("base"), base);
    *body = made;
    return PARLEY_OK;
}

parley_status edit_replace(struct arena *arena, const struct edit *edit, struct value *body)
{
    struct value made;
    parley_status st = copy(arena, body, 3, &made);
    if (st != PARLEY_OK)
        return st;
    if (edit->step.len)
        value_put(&made, span_str("step"), value_text(edit->step));
    if (edit->state.len)
        value_put(&made, span_str("state"), value_text(edit->state));
    if (edit->data)
        value_put(&made, span_str("data"), *edit->data);
    *body = made;
    return PARLEY_OK;
}

/* ---- what it makes of a process ---- */

parley_status edit_new_process(struct arena *arena, struct uuid conversation, const struct value *body,
                               struct value *out)
{
    char text[UUID_TEXT + 1];
    struct value empty;
    uuid_format(conversation, text);
    struct span id = arena_span(arena, span_of(text, UUID_TEXT));
    parley_status st = id.ptr ? copy(arena, body, 4, out) : PARLEY_NOMEM;
    if (st == PARLEY_OK)
        st = value_map(arena, 0, &empty);
    if (st != PARLEY_OK)
        return st;
    if (!uuid_is_nil(conversation))
        value_put(out, span_str("conversation"), value_text(id));
    value_put(out, span_str("state"), value_text(span_str("open")));
    value_put(out, span_str("revision"), value_int(0));
    if (!value_find(out, "data"))
        value_put(out, span_str("data"), empty);
    return PARLEY_OK;
}

static parley_status merge_data(struct arena *arena, const struct value *changed, struct value *process)
{
    const struct value *old = map_in(process, "data");
    struct value data;
    parley_status st = value_map(arena, (old ? old->count : 0) + changed->count, &data);
    for (uint32_t i = 0; st == PARLEY_OK && old && i < old->count; i++)
        if (!value_get(changed, old->members[i].key))
            value_put(&data, old->members[i].key, old->members[i].value);
    for (uint32_t i = 0; st == PARLEY_OK && i < changed->count; i++)
        if (changed->members[i].value.type != VALUE_NULL)
            value_put(&data, changed->members[i].key, changed->members[i].value);
    if (st == PARLEY_OK)
        value_put(process, span_str("data"), data);
    return st;
}

static bool is_filled(const struct value *changed, const struct value *lack)
{
    const struct value *v = lack->type == VALUE_MAP ? at(changed, edit_text(lack, "field")) : NULL;
    return v && v->type != VALUE_NULL && !(v->type == VALUE_TEXT && !v->text.len);
}

/* What the edit fills in is not missing any more; what else is, only the server knows. */
static parley_status fill_missing(struct arena *arena, const struct value *changed, struct value *process)
{
    const struct value *missing = value_find(process, "missing");
    struct value left;
    if (!missing || missing->type != VALUE_ARRAY)
        return PARLEY_OK;
    parley_status st = value_array(arena, missing->count, &left);
    for (uint32_t i = 0; st == PARLEY_OK && i < missing->count; i++)
        if (!is_filled(changed, &missing->items[i]))
            value_push(&left, missing->items[i]);
    if (st == PARLEY_OK)
        value_put(process, span_str("missing"), left);
    return st;
}

parley_status edit_apply(struct arena *arena, const struct value *body, struct value *process)
{
    const struct value *changed = map_in(body, "data");
    struct value made;
    parley_status st = copy(arena, process, 4, &made);
    for (size_t i = 0; st == PARLEY_OK && i < sizeof words / sizeof *words; i++)
        if (value_find(body, words[i]))
            value_put(&made, span_str(words[i]), *value_find(body, words[i]));
    if (st == PARLEY_OK && changed)
        st = merge_data(arena, changed, &made);
    if (st == PARLEY_OK && changed)
        st = fill_missing(arena, changed, &made);
    if (st == PARLEY_OK)
        *process = made;
    return st;
}

/* ---- where two have changed the same ---- */

static bool differs(const struct value *mine, const struct value *base, const struct value *theirs)
{
    return !same(base, theirs) && !same(mine, theirs);
}

/* Writes the fields into `out`, unless it is NULL; how many there are. */
static size_t fields(const struct value *body, const struct value *process, struct buf *out)
{
    const struct value *base = map_in(body, "base"), *changed = map_in(body, "data");
    const struct value *stood = base ? map_in(base, "data") : NULL, *now = map_in(process, "data");
    size_t n = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const struct value *mine = value_find(body, words[i]);
        if (mine && differs(mine, at(base, span_str(words[i])), at(process, span_str(words[i]))) && ++n && out)
            buf_printf(out, "%s\"%s\"", n > 1 ? "," : "[", words[i]);
    }
    for (uint32_t i = 0; changed && i < changed->count; i++) {
        struct span key = changed->members[i].key;
        if (!differs(&changed->members[i].value, at(stood, key), at(now, key)))
            continue;
        n++;
        if (out) {
            buf_add_str(out, n > 1 ? "," : "[");
            wire_json_put_text(out, key);
        }
    }
    return n;
}

bool edit_conflicts(const struct value *body, const struct value *process)
{
    return fields(body, process, NULL) > 0;
}

static void put_part(struct parley_event *e, const char *name, const struct value *v)
{
    struct buf json;
    buf_init(&json, EVENT_LIST_MAX);
    wire_json_put_value(&json, v);
    event_put_list(e, name, &json);
}

static parley_status mine_of(struct arena *arena, const struct value *body, struct value *out)
{
    static const char *const said[] = {"step", "state", "data"};
    parley_status st = value_map(arena, 3, out);
    for (size_t i = 0; st == PARLEY_OK && i < 3; i++)
        if (value_find(body, said[i]))
            value_put(out, span_str(said[i]), *value_find(body, said[i]));
    return st;
}

parley_status edit_tell_conflict(struct parley_client *c, const struct conversation *conv, struct uuid id,
                                 const struct value *body, const struct value *process, bool merged)
{
    struct arena arena;
    struct value mine;
    struct buf list;
    arena_init(&arena, EDIT_ARENA_MAX);
    buf_init(&list, EVENT_LIST_MAX);
    parley_status st = mine_of(&arena, body, &mine);
    struct parley_event *e = st == PARLEY_OK ? event_new(PARLEY_EVENT_CONFLICT, conv->id) : NULL;
    fields(body, process, &list);
    buf_add_char(&list, ']');
    event_put_id(e, "id", id);
    event_put_bool(e, "merged", merged);
    event_put_list(e, "fields", &list);
    if (st == PARLEY_OK)
        put_part(e, "mine", &mine);
    put_part(e, "base", at(body, span_str("base")));
    put_part(e, "process", process);
    arena_done(&arena);
    return events_push(&c->events, e);
}
