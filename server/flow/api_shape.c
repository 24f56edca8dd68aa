/* Arguments with a shape of their own: choices, patterns, cards, processes. */
#include "protocol/limits.h"
#include "protocol/text.h"
#include "protocol/uuid.h"
#include "server/base/suggest.h"
#include "server/base/zone.h"
#include "server/flow/api.h"
#include "server/flow/input.h"
#include "server/flow/pattern_cache.h"

#include <stdio.h>

enum { START_EVENTS = 16 };

static parley_status no_room(const struct flow_shape *at)
{
    return flow_refuse(at, "E204", "the arguments are too large");
}

/* ---- choices ---- */

/* The script's value when it can stand on the wire, else its place: "1", "2" ... */
static struct span wire_value(const struct flow_shape *at, struct span value, uint32_t place)
{
    if (text_is_name(value) && value.len <= LIMIT_NAME)
        return value;
    char text[16];
    snprintf(text, sizeof text, "%u", place + 1);
    return arena_span(at->arena, span_str(text));
}

/* "Yes" or {"yes", "Yes"}. */
static bool read_choice(const struct value *entry, struct span *value, struct span *label)
{
    if (entry->type == VALUE_TEXT) {
        *value = *label = entry->text;
        return true;
    }
    if (entry->type != VALUE_ARRAY || entry->count != 2 || entry->items[0].type != VALUE_TEXT ||
        entry->items[1].type != VALUE_TEXT)
        return false;
    *value = entry->items[0].text;
    *label = entry->items[1].text;
    return true;
}

static bool has_unknown(const struct value *entry)
{
    if (flow_is_unknown(entry))
        return true;
    for (uint32_t i = 0; entry->type == VALUE_ARRAY && i < entry->count; i++)
        if (flow_is_unknown(&entry->items[i]))
            return true;
    return false;
}

static parley_status add_choice(const struct flow_shape *at, const struct value *entry, uint32_t place,
                                struct value *out)
{
    struct span value, label;
    struct value choice;
    if (!read_choice(entry, &value, &label))
        return flow_refuse(at, "E203", "entry %u of '%s' must be text or { \"value\", \"Label\" }", place + 1,
                           at->arg->name);
    if (label.len == 0 || label.len > LIMIT_TITLE || value.len == 0 || value.len > LIMIT_TITLE)
        return flow_refuse(at, "E204", "entry %u of '%s' must have 1 to %d bytes", place + 1, at->arg->name,
                           LIMIT_TITLE);
    for (uint32_t i = 0; i < out->count; i++)
        if (span_equal(value_find(&out->items[i], "value")->text, value))
            return flow_refuse(at, "E204", "entry %u of '%s' is there twice", place + 1, at->arg->name);
    struct span wire = wire_value(at, value, place);
    if (!wire.ptr || value_map(at->arena, 3, &choice) != PARLEY_OK)
        return no_room(at);
    value_put(&choice, span_str("label"), value_text(label));
    value_put(&choice, span_str("value"), value_text(value));
    value_put(&choice, span_str("wire"), value_text(wire));
    value_push(out, choice);
    return PARLEY_OK;
}

parley_status flow_check_choices(const struct flow_shape *at, const struct value *v, struct value *out)
{
    if (v->type == VALUE_MAP && v->count > 0)
        return flow_refuse(at, "E203", "'%s' must be a list, because a table with keys has no order", at->arg->name);
    uint32_t count = v->type == VALUE_ARRAY ? v->count : 0;
    if (v->type != VALUE_ARRAY && v->type != VALUE_MAP)
        return flow_refuse(at, "E203", "'%s' must be a list, got %s", at->arg->name, value_type_name(v->type));
    if (count < at->arg->min || count > at->arg->max) {
        flow_refuse(at, "E204", "'%s' needs %lld to %lld entries, got %u", at->arg->name, (long long)at->arg->min,
                    (long long)at->arg->max, count);
        if (at->arg->min == 2 && count < 2)
            flow_error_help(at->error, "for free text leave '%s' out:  ask \"Why?\"", at->arg->name);
        return PARLEY_INVALID;
    }
    if (value_array(at->arena, count, out) != PARLEY_OK)
        return no_room(at);
    for (uint32_t i = 0; i < count; i++) {
        parley_status st = has_unknown(&v->items[i]) ? PARLEY_OK : add_choice(at, &v->items[i], i, out);
        if (st != PARLEY_OK)
            return st;
    }
    return PARLEY_OK;
}

/* ---- patterns ---- */

static parley_status check_pattern(const struct flow_shape *at, const struct value *v)
{
    char why[PATTERN_WHY_MAX];
    const struct pattern *pattern;
    if (flow_is_unknown(v))
        return PARLEY_OK;
    if (v->type != VALUE_TEXT)
        return flow_refuse(at, "E203", "'%s' must be a pattern as text, or a list of them", at->arg->name);
    if (pattern_get(at->patterns, v->text, &pattern, why) != PARLEY_OK)
        return flow_refuse(at, "E205", "'%s': %s", at->arg->name, why);
    return PARLEY_OK;
}

parley_status flow_check_patterns(const struct flow_shape *at, const struct value *v, struct value *out)
{
    struct value one = *v;
    const struct value *list = v->type == VALUE_ARRAY ? v->items : &one;
    uint32_t count = v->type == VALUE_ARRAY ? v->count : 1;
    if (count > at->arg->max)
        return flow_refuse(at, "E204", "'%s' has more than %lld patterns", at->arg->name, (long long)at->arg->max);
    if (value_array(at->arena, count, out) != PARLEY_OK)
        return no_room(at);
    for (uint32_t i = 0; i < count; i++) {
        parley_status st = check_pattern(at, &list[i]);
        if (st != PARLEY_OK)
            return st;
        value_push(out, list[i]);
    }
    return PARLEY_OK;
}

/* ---- tables of named fields ---- */

static const struct flow_field *find_field(const struct flow_field *fields, struct span name)
{
    for (; fields->name; fields++)
        if (span_is(name, fields->name))
            return fields;
    return NULL;
}

static bool fits(const struct flow_field *f, const struct value *v)
{
    switch (f->type) {
    case FIELD_TEXT:
        return v->type == VALUE_TEXT && v->text.len > 0 && v->text.len <= f->max;
    case FIELD_NAME:
        return v->type == VALUE_TEXT && text_is_name(v->text) && v->text.len <= LIMIT_NAME;
    case FIELD_MAP:
        return v->type == VALUE_MAP;
    case FIELD_LIST:
        return v->type == VALUE_ARRAY && v->count <= LIMIT_CHOICES;
    case FIELD_BOOL:
        return v->type == VALUE_BOOL;
    case FIELD_NUMBER:
        return v->type == VALUE_INT || v->type == VALUE_REAL;
    case FIELD_ANY:
        return true;
    }
    return false;
}

static const char *expected(const struct flow_field *f)
{
    static const char *const names[] = {
        [FIELD_TEXT] = "text",
        [FIELD_NAME] = "a name of a-z 0-9 _ . : / -",
        [FIELD_MAP] = "a table with keys",
        [FIELD_LIST] = "a short list",
        [FIELD_BOOL] = "true or false",
        [FIELD_NUMBER] = "a number",
        [FIELD_ANY] = "anything",
    };
    return names[f->type];
}

static parley_status unknown_field(const struct flow_shape *at, const char *what, const struct flow_field *fields,
                                   struct span name)
{
    char typed[41], list[200] = "";
    struct suggest s;
    snprintf(typed, sizeof typed, "%.*s", name.len > 40 ? 40 : (int)name.len, name.ptr);
    suggest_init(&s, typed);
    for (size_t i = 0, used = 0; fields[i].name && used < sizeof list; i++) {
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", fields[i].name);
        suggest_offer(&s, fields[i].name);
    }
    if (s.best)
        return flow_refuse(at, "E201", "%s: unknown field '%s', did you mean '%s'?", what, typed, s.best);
    flow_refuse(at, "E201", "%s: unknown field '%s'", what, typed);
    flow_error_help(at->error, "it has the fields %s", list);
    return PARLEY_INVALID;
}

parley_status flow_check_fields(const struct flow_shape *at, const char *what, const struct flow_field *fields,
                                const struct value *v)
{
    if (v->type != VALUE_MAP)
        return flow_refuse(at, "E203", "%s must be a table with named fields, got %s", what, value_type_name(v->type));
    for (uint32_t i = 0; i < v->count; i++) {
        const struct value_member *m = &v->members[i];
        const struct flow_field *f = find_field(fields, m->key);
        if (!f)
            return unknown_field(at, what, fields, m->key);
        if (!flow_is_unknown(&m->value) && !fits(f, &m->value))
            return flow_refuse(at, f->type == FIELD_TEXT ? "E204" : "E203", "%s: '%s' must be %s", what, f->name,
                               expected(f));
    }
    for (const struct flow_field *f = fields; f->name; f++)
        if (f->required && !value_find(v, f->name))
            return flow_refuse(at, "E202", "%s: '%s' is missing", what, f->name);
    return PARLEY_OK;
}

static const struct flow_field card_fields[] = {{"title", FIELD_TEXT, true, LIMIT_TITLE},
                                                {"text", FIELD_TEXT, false, LIMIT_TEXT},
                                                {"image", FIELD_ANY, false, 0},
                                                {"buttons", FIELD_LIST, false, 0},
                                                {0}};
static const struct flow_field button_fields[] = {
    {"label", FIELD_TEXT, true, LIMIT_TITLE}, {"link", FIELD_TEXT, false, 2048}, {"value", FIELD_NAME, false, 0}, {0}};
static const struct flow_field custom_fields[] = {
    {"type", FIELD_NAME, true, 0}, {"fallback", FIELD_TEXT, true, LIMIT_TEXT}, {"data", FIELD_MAP, false, 0}, {0}};
static const struct flow_field start_fields[] = {{"button", FIELD_TEXT, false, LIMIT_TITLE},
                                                 {"match", FIELD_ANY, false, 0},
                                                 {"fallback", FIELD_BOOL, false, 0},
                                                 {"event", FIELD_ANY, false, 0},
                                                 {"where", FIELD_MAP, false, 0},
                                                 {0}};
static const struct flow_field escape_fields[] = {{"queue", FIELD_NAME, true, 0}, {"match", FIELD_ANY, false, 0}, {0}};

static parley_status check_card(const struct flow_shape *at, const struct value *v)
{
    parley_status st = flow_check_fields(at, "card", card_fields, v);
    const struct value *image = st == PARLEY_OK ? value_find(v, "image") : NULL;
    if (image && !flow_is_unknown(image))
        st = flow_check_file(at, "image", true, image);
    const struct value *buttons = st == PARLEY_OK ? value_find(v, "buttons") : NULL;
    if (!buttons || flow_is_unknown(buttons))
        return st;
    for (uint32_t i = 0; i < buttons->count && st == PARLEY_OK; i++) {
        const struct value *b = &buttons->items[i];
        if (flow_is_unknown(b))
            continue;
        st = flow_check_fields(at, "card button", button_fields, b);
        if (st == PARLEY_OK && !value_find(b, "link") == !value_find(b, "value"))
            st = flow_refuse(at, "E202", "card button: give either 'link' or 'value'");
    }
    return st;
}

static parley_status check_cards(const struct flow_shape *at, const struct value *v)
{
    if (v->type != VALUE_ARRAY || v->count > at->arg->max)
        return flow_refuse(at, "E203", "'%s' must be a list of 1 to %lld cards", at->arg->name,
                           (long long)at->arg->max);
    for (uint32_t i = 0; i < v->count; i++) {
        parley_status st = flow_is_unknown(&v->items[i]) ? PARLEY_OK : check_card(at, &v->items[i]);
        if (st != PARLEY_OK)
            return st;
    }
    return PARLEY_OK;
}

static parley_status check_input(const struct flow_shape *at, const struct value *v, struct value *out)
{
    enum input input = v->type == VALUE_TEXT ? input_of(v->text) : INPUTS;
    if (input > INPUT_PHONE)
        return flow_refuse(at, "E204", "'type' must be \"text\", \"number\", \"date\", \"email\" or \"phone\"");
    *out = value_int(input);
    return PARLEY_OK;
}

/* Fields, and among them perhaps patterns. */
static parley_status check_with_match(const struct flow_shape *at, const char *what, const struct flow_field *fields,
                                      const struct value *v)
{
    struct value ignored;
    parley_status st = flow_check_fields(at, what, fields, v);
    const struct value *match = st == PARLEY_OK ? value_find(v, "match") : NULL;
    struct flow_arg row = {.name = "match", .max = 10};
    struct flow_shape inside = {at->function, &row, at->arena, at->error, at->patterns};
    return match ? flow_check_patterns(&inside, match, &ignored) : st;
}

/* Only the id counts: what else the table holds may be old. */
static parley_status check_process(const struct flow_shape *at, const struct value *v, struct value *out)
{
    struct uuid id;
    const struct value *process = v->type == VALUE_MAP ? value_find(v, "process") : NULL;
    if (!process || process->type != VALUE_TEXT || uuid_parse(process->text, &id) != PARLEY_OK)
        return flow_refuse(at, "E203", "call it on what process.start or process.get returned, with a colon");
    *out = *process;
    return PARLEY_OK;
}

static parley_status check_priority(const struct flow_shape *at, const struct value *v, struct value *out)
{
    if (v->type != VALUE_TEXT || (!span_is(v->text, "normal") && !span_is(v->text, "high")))
        return flow_refuse(at, "E204", "'priority' must be \"normal\" or \"high\"");
    *out = value_int(span_is(v->text, "high"));
    return PARLEY_OK;
}

static parley_status check_mode(const struct flow_shape *at, const struct value *v, struct value *out)
{
    if (v->type != VALUE_TEXT || (!span_is(v->text, "wait") && !span_is(v->text, "message")))
        return flow_refuse(at, "E204", "'mode' must be \"wait\" or \"message\"");
    *out = value_bool(span_is(v->text, "message"));
    return PARLEY_OK;
}

static parley_status check_names(const struct flow_shape *at, const struct value *v)
{
    bool list = v->type == VALUE_ARRAY && v->count <= at->arg->max;
    for (uint32_t i = 0; list && i < v->count; i++)
        list = flow_is_unknown(&v->items[i]) || (v->items[i].type == VALUE_TEXT && text_is_name(v->items[i].text));
    if (list)
        return PARLEY_OK;
    return flow_refuse(at, "E203", "'%s' must be a list of 1 to %lld names", at->arg->name, (long long)at->arg->max);
}

static parley_status check_start(const struct flow_shape *at, const struct value *v)
{
    parley_status st = check_with_match(at, "start", start_fields, v);
    const struct value *event = st == PARLEY_OK ? value_find(v, "event") : NULL;
    const struct value *where = st == PARLEY_OK ? value_find(v, "where") : NULL;
    struct value one = {.type = VALUE_ARRAY, .count = 1, .items = (struct value *)event};
    struct flow_arg row = {.name = "event", .max = START_EVENTS};
    struct flow_shape inside = {at->function, &row, at->arena, at->error, at->patterns};
    if (where && !event)
        return flow_refuse(at, "E202", "start: 'where' is for an 'event'");
    if (where && value_depth(where) > 1)
        return flow_refuse(at, "E203", "start: 'where' may have text, numbers and booleans, and no table inside");
    return event ? check_names(&inside, event->type == VALUE_ARRAY ? event : &one) : st;
}

static parley_status check_zone(const struct flow_shape *at, const struct value *v)
{
    struct zone zone;
    if (v->type == VALUE_TEXT && zone_find(v->text, &zone))
        return PARLEY_OK;
    return flow_refuse(at, "E204", "'%s' must be a time zone, as \"Europe/Berlin\"", at->arg->name);
}

parley_status flow_check_shape(const struct flow_shape *at, const struct value *v, struct value *out)
{
    switch (at->arg->type) {
    case FLOW_ARG_CHOICES:
        return flow_check_choices(at, v, out);
    case FLOW_ARG_PATTERNS:
        return flow_check_patterns(at, v, out);
    case FLOW_ARG_CARD:
        return check_card(at, v);
    case FLOW_ARG_CUSTOM:
        return flow_check_fields(at, "custom", custom_fields, v);
    case FLOW_ARG_START:
        return check_start(at, v);
    case FLOW_ARG_ESCAPE:
        return check_with_match(at, "escape", escape_fields, v);
    case FLOW_ARG_PROCESS:
        return check_process(at, v, out);
    case FLOW_ARG_PRIORITY:
        return check_priority(at, v, out);
    case FLOW_ARG_MODE:
        return check_mode(at, v, out);
    case FLOW_ARG_NAMES:
        return check_names(at, v);
    case FLOW_ARG_ZONE:
        return check_zone(at, v);
    case FLOW_ARG_CARDS:
        return check_cards(at, v);
    case FLOW_ARG_SECRET:
        return flow_check_secret(at, v, out);
    case FLOW_ARG_TEXTS:
        return flow_check_texts(at, v);
    case FLOW_ARG_STEPS:
        return flow_check_steps(at, v, out);
    case FLOW_ARG_FILE:
        return flow_check_file(at, at->arg->name, at->arg->min, v);
    case FLOW_ARG_URL:
        return flow_check_url(at, v);
    case FLOW_ARG_INPUT:
        return check_input(at, v, out);
    case FLOW_ARG_FORM:
        return flow_check_form(at, v, out);
    case FLOW_ARG_REMIND:
        return flow_check_remind(at, v, out);
    default:
        return PARLEY_OK;
    }
}
