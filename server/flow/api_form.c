/* Forms, ratings, reminders: arguments that are made of other arguments. */
#include "protocol/limits.h"
#include "server/flow/api.h"
#include "server/flow/input.h"
#include "server/flow/json.h"

#include <stdio.h>

static parley_status no_room(const struct flow_shape *at)
{
    return flow_refuse(at, "E204", "the arguments are too large");
}

parley_status flow_rating_choices(const struct flow_shape *at, int64_t n, struct value *out)
{
    struct value list;
    struct flow_arg row = {.name = "rating", .min = 2, .max = LIMIT_CHOICES};
    struct flow_shape inside = {at->function, &row, at->arena, at->error, at->patterns};
    if (value_array(at->arena, (size_t)n, &list) != PARLEY_OK)
        return no_room(at);
    for (int64_t i = 1; i <= n; i++) {
        char text[8];
        snprintf(text, sizeof text, "%d", (int)i);
        value_push(&list, value_text(arena_span(at->arena, span_str(text))));
    }
    return flow_check_choices(&inside, &list, out);
}

/* ---- forms ---- */

static const struct flow_field form_fields[] = {{"id", FIELD_NAME, true, 0},
                                                {"label", FIELD_TEXT, true, LIMIT_TITLE},
                                                {"type", FIELD_TEXT, false, 16},
                                                {"required", FIELD_BOOL, false, 0},
                                                {"options", FIELD_ANY, false, 0},
                                                {"match", FIELD_ANY, false, 0},
                                                {"min", FIELD_NUMBER, false, 0},
                                                {"max", FIELD_NUMBER, false, 0},
                                                {"accept", FIELD_ANY, false, 0},
                                                {"show_if", FIELD_MAP, false, 0},
                                                {0}};

/* Parts of a question that are arguments of their own. */
static parley_status check_part(const struct flow_shape *at, const struct value *question, const char *name,
                                struct value *out)
{
    const struct value *v = value_find(question, name);
    bool options = strcmp(name, "options") == 0;
    struct flow_arg row = {.name = name, .min = options ? 2 : 1, .max = LIMIT_CHOICES};
    struct flow_shape inside = {at->function, &row, at->arena, at->error, at->patterns};
    struct value checked;
    if (!v || flow_is_unknown(v))
        return PARLEY_OK;
    parley_status st = options ? flow_check_choices(&inside, v, &checked) : flow_check_patterns(&inside, v, &checked);
    if (st == PARLEY_OK)
        value_put(out, span_str(name), checked);
    return st;
}

static parley_status check_type(const struct flow_shape *at, const struct value *question, struct value *out)
{
    const struct value *type = value_find(question, "type");
    bool options = value_find(question, "options");
    enum input input = options ? INPUT_CHOICE : INPUT_TEXT;
    if (type && !flow_is_unknown(type))
        input = input_of(type->text);
    if (input == INPUTS)
        return flow_refuse(at, "E204",
                           "form field: 'type' must be text, number, date, email, phone, boolean, choice or file");
    if (options != (input == INPUT_CHOICE))
        return flow_refuse(at, "E202", "form field: type \"choice\" and 'options' belong together");
    value_put(out, span_str("type"), value_int(input));
    return PARLEY_OK;
}

static parley_status add_question(const struct flow_shape *at, const struct value *all, uint32_t place,
                                  struct value *list)
{
    const struct value *v = &all->items[place];
    struct value question;
    parley_status st = flow_check_fields(at, "form field", form_fields, v);
    if (st != PARLEY_OK)
        return st;
    for (uint32_t i = 0; i < list->count; i++)
        if (json_text(v, "id").len && span_equal(json_text(&list->items[i], "id"), json_text(v, "id")))
            return flow_refuse(at, "E204", "form field: the id '%.*s' is there twice", SPAN_ARG(json_text(v, "id")));
    if (value_map(at->arena, sizeof form_fields / sizeof *form_fields, &question) != PARLEY_OK)
        return no_room(at);
    for (uint32_t i = 0; i < v->count; i++)
        value_put(&question, v->members[i].key, v->members[i].value);
    st = check_type(at, v, &question);
    if (st == PARLEY_OK)
        st = check_part(at, v, "options", &question);
    if (st == PARLEY_OK)
        st = check_part(at, v, "match", &question);
    if (st == PARLEY_OK)
        st = flow_check_accept(at, v, &question);
    if (st == PARLEY_OK)
        st = flow_check_show_if(at, all, place, list, &question);
    if (st == PARLEY_OK)
        value_push(list, question);
    return st;
}

parley_status flow_check_form(const struct flow_shape *at, const struct value *v, struct value *out)
{
    if (v->type != VALUE_ARRAY)
        return flow_refuse(at, "E203", "'fields' must be a list of questions, got %s", value_type_name(v->type));
    if (v->count > at->arg->max)
        return flow_refuse(at, "E204", "'fields' has more than %lld questions", (long long)at->arg->max);
    if (value_array(at->arena, v->count, out) != PARLEY_OK)
        return no_room(at);
    for (uint32_t i = 0; i < v->count; i++) {
        parley_status st = flow_is_unknown(&v->items[i]) ? PARLEY_OK : add_question(at, v, i, out);
        if (st != PARLEY_OK)
            return st;
    }
    return PARLEY_OK;
}

/* ---- reminders ---- */

parley_status flow_check_remind(const struct flow_shape *at, const struct value *v, struct value *out)
{
    static const struct flow_field fields[] = {
        {"after", FIELD_TEXT, true, 32}, {"say", FIELD_TEXT, true, LIMIT_TEXT}, {0}};
    int64_t ms = 0;
    parley_status st = flow_check_fields(at, "remind", fields, v);
    if (st != PARLEY_OK)
        return st;
    const struct value *after = value_find(v, "after");
    if (!flow_is_unknown(after) && (!flow_duration(after->text, &ms) || ms < 1000))
        return flow_refuse(at, "E206", "remind: 'after' is no duration; write \"90s\", \"10m\", \"2h\" or \"5d\"");
    if (ms > FLOW_LONGEST_S * 1000)
        return flow_refuse(at, "E204", "remind: 'after' may be 1,000 years at most: 365250d");
    if (value_map(at->arena, 2, out) != PARLEY_OK)
        return no_room(at);
    value_put(out, span_str("after"), value_int(ms));
    value_put(out, span_str("say"), *value_find(v, "say"));
    return PARLEY_OK;
}
