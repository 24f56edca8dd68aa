/* What a field of a form takes, and what must have been answered before it is shown. */
#include "protocol/buf.h"
#include "protocol/limits.h"
#include "server/base/suggest.h"
#include "server/flow/api.h"
#include "server/flow/input.h"
#include "server/flow/json.h"

#include <stdio.h>

static parley_status no_room(const struct flow_shape *at)
{
    return flow_refuse(at, "E204", "the arguments are too large");
}

/* ---- accept ---- */

static bool is_media_type(struct span s)
{
    size_t slashes = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool star = c == '*' && i == s.len - 1 && i && s.ptr[i - 1] == '/';
        slashes += c == '/';
        if (!star && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !(c && strchr("+-./", c)))
            return false;
    }
    return slashes == 1 && *s.ptr != '/' && s.ptr[s.len - 1] != '/';
}

static bool join_types(const struct value *list, uint32_t count, struct buf *out)
{
    for (uint32_t i = 0; i < count; i++) {
        if (list[i].type != VALUE_TEXT || !is_media_type(list[i].text))
            return false;
        buf_add_str(out, i ? "," : "");
        buf_add_span(out, list[i].text);
    }
    return count && out->status == PARLEY_OK;
}

parley_status flow_check_accept(const struct flow_shape *at, const struct value *question, struct value *out)
{
    const struct value *v = value_find(question, "accept");
    const struct value *type = value_find(question, "type");
    if (!v || (type && flow_is_unknown(type)))
        return PARLEY_OK;
    if (json_int(out, "type") != INPUT_FILE)
        return flow_refuse(at, "E202", "form field: 'accept' is for type \"file\"");
    const struct value *list = v->type == VALUE_ARRAY ? v->items : v;
    uint32_t count = v->type == VALUE_ARRAY ? v->count : 1;
    for (uint32_t i = 0; i < count; i++)
        if (flow_is_unknown(&list[i]))
            return PARLEY_OK;
    struct buf types;
    buf_init(&types, LIMIT_TITLE);
    bool good = join_types(list, count, &types);
    struct span text = good ? arena_span(at->arena, buf_span(&types)) : span_of("", 0);
    buf_done(&types);
    if (!good)
        return flow_refuse(
            at, "E204",
            "form field: 'accept' must be a media type, as \"image/*\" or \"application/pdf\", or a few of them");
    if (!text.ptr)
        return no_room(at);
    value_put(out, span_str("accept"), value_text(text));
    return PARLEY_OK;
}

/* ---- show_if ---- */

static const struct value *find_field(const struct value *fields, struct span id)
{
    for (uint32_t i = 0; i < fields->count; i++)
        if (!flow_is_unknown(&fields->items[i]) && span_equal(json_text(&fields->items[i], "id"), id))
            return &fields->items[i];
    return NULL;
}

/* Whether the checker sees all the ids. */
static bool all_known(const struct value *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct value *id = flow_is_unknown(&fields->items[i]) ? NULL : value_find(&fields->items[i], "id");
        if (!id || flow_is_unknown(id))
            return false;
    }
    return true;
}

static parley_status no_such_field(const struct flow_shape *at, const struct value *all, const struct value *above,
                                   struct span id)
{
    struct suggest s;
    char typed[LIMIT_NAME + 1];
    if (!all_known(all))
        return PARLEY_OK;
    if (find_field(all, id))
        return flow_refuse(at, "E204", "form field: 'show_if' goes by '%.*s', which does not stand above it",
                           SPAN_ARG(id));
    snprintf(typed, sizeof typed, "%.*s", id.len > LIMIT_NAME ? LIMIT_NAME : (int)id.len, id.ptr);
    suggest_init(&s, typed);
    for (uint32_t i = 0; i < above->count; i++)
        suggest_offer_copy(&s, json_text(&above->items[i], "id"));
    if (s.best)
        return flow_refuse(at, "E201",
                           "form field: 'show_if' goes by '%s', but there is no such field, did you mean '%s'?", typed,
                           s.best);
    return flow_refuse(at, "E201", "form field: 'show_if' goes by '%s', but there is no such field", typed);
}

/* The name on the wire of an answer to that field; empty: it is none, and has been refused or cannot be known. */
static parley_status answer_of(const struct flow_shape *at, const struct value *field, const struct value *is,
                               struct span *out)
{
    struct span id = json_text(field, "id");
    enum input input = (enum input)json_int(field, "type");
    const struct value *options = value_find(field, "options");
    if (input == INPUT_BOOLEAN && is->type == VALUE_BOOL) {
        *out = span_str(is->boolean ? "true" : "false");
        return PARLEY_OK;
    }
    if (input == INPUT_BOOLEAN)
        return flow_refuse(at, "E203", "form field: 'show_if' must say true or false of '%.*s'", SPAN_ARG(id));
    if (input != INPUT_CHOICE)
        return flow_refuse(at, "E202", "form field: 'show_if' goes by fields of type choice or boolean, '%.*s' is %s",
                           SPAN_ARG(id), input_name(input));
    for (uint32_t i = 0; i < options->count && is->type == VALUE_TEXT; i++)
        if (span_equal(json_text(&options->items[i], "value"), is->text)) {
            *out = json_text(&options->items[i], "wire");
            return PARLEY_OK;
        }
    if (is->type != VALUE_TEXT)
        return flow_refuse(at, "E203", "form field: 'show_if' must have text for '%.*s', or a list of texts",
                           SPAN_ARG(id));
    return flow_refuse(at, "E204", "form field: '%.*s' in 'show_if' is none of the options of '%.*s'",
                       SPAN_ARG(is->text), SPAN_ARG(id));
}

static parley_status add_condition(const struct flow_shape *at, const struct value *field, const struct value *is,
                                   struct value *list)
{
    struct value condition;
    struct span answer = {0};
    parley_status st = answer_of(at, field, is, &answer);
    if (st != PARLEY_OK)
        return st;
    if (list->count == LIMIT_CHOICES)
        return flow_refuse(at, "E204", "form field: 'show_if' has more than %d answers", LIMIT_CHOICES);
    if (value_map(at->arena, 2, &condition) != PARLEY_OK)
        return no_room(at);
    value_put(&condition, span_str("field"), *value_find(field, "id"));
    value_put(&condition, span_str("is"), value_text(answer));
    value_push(list, condition);
    return PARLEY_OK;
}

/* Options of which the checker knows only some could have any answer. */
static bool knows_options(const struct value *all, struct span id)
{
    const struct value *field = find_field(all, id), *options = field ? value_find(field, "options") : NULL;
    const struct value *type = field ? value_find(field, "type") : NULL;
    if ((type && flow_is_unknown(type)) || (options && flow_is_unknown(options)))
        return false;
    for (uint32_t i = 0; options && options->type == VALUE_ARRAY && i < options->count; i++) {
        const struct value *entry = &options->items[i];
        if (flow_is_unknown(entry) || (entry->type == VALUE_ARRAY && flow_is_unknown(&entry->items[0])))
            return false;
    }
    return true;
}

static parley_status add_conditions(const struct flow_shape *at, const struct value *field, const struct value *is,
                                    struct value *list)
{
    const struct value *answers = is->type == VALUE_ARRAY ? is->items : is;
    uint32_t count = is->type == VALUE_ARRAY ? is->count : 1;
    parley_status st = PARLEY_OK;
    for (uint32_t i = 0; st == PARLEY_OK && i < count; i++)
        if (!flow_is_unknown(&answers[i]))
            st = add_condition(at, field, &answers[i], list);
    return st;
}

parley_status flow_check_show_if(const struct flow_shape *at, const struct value *all, uint32_t place,
                                 const struct value *above, struct value *out)
{
    const struct value *wish = value_find(&all->items[place], "show_if");
    struct value list;
    parley_status st = PARLEY_OK;
    if (!wish || flow_is_unknown(wish))
        return PARLEY_OK;
    if (value_array(at->arena, LIMIT_CHOICES, &list) != PARLEY_OK)
        return no_room(at);
    for (uint32_t i = 0; st == PARLEY_OK && i < wish->count; i++) {
        const struct value_member *m = &wish->members[i];
        const struct value *field = find_field(above, m->key);
        if (!field)
            st = no_such_field(at, all, above, m->key);
        else if (knows_options(all, m->key))
            st = add_conditions(at, field, &m->value, &list);
    }
    if (st == PARLEY_OK)
        value_put(out, span_str("show_if"), list);
    return st;
}
