/* Checks arguments against api.def. */
#include "server/flow/api.h"

#include "protocol/limits.h"
#include "protocol/text.h"
#include "server/base/suggest.h"

#include <stdio.h>

/* A list of rows for each function, without a name each: the arguments in one table, cut by counting. */
#define FUNCTION_BEGIN(id, name, style, returns, example) static const struct flow_arg args_##id[] = {
#define ARG(id, type, name, need, min, max, meaning) {#name, FLOW_ARG_##type, FLOW_NEED_##need, min, max, meaning},
#define FUNCTION_END(id)                                                                                               \
    {                                                                                                                  \
        NULL, FLOW_ARG_DATA, false, 0, 0, NULL                                                                         \
    }                                                                                                                  \
    }                                                                                                                  \
    ;
#define FLOW_NEED_REQ true
#define FLOW_NEED_OPT false
#include "server/flow/api.def"
#undef FUNCTION_BEGIN
#undef ARG
#undef FUNCTION_END

#define ARG(id, type, name, need, min, max, meaning)
#define FUNCTION_END(id)
const struct flow_function flow_functions[FLOW_CALLS] = {
#define FUNCTION_BEGIN(id, name, style, returns, example)                                                              \
    {name, FLOW_STYLE_##style, returns, example, args_##id, sizeof args_##id / sizeof *args_##id - 1},
#include "server/flow/api.def"
#undef FUNCTION_BEGIN
};

const char *const flow_function_names[FLOW_CALLS] = {
#define FUNCTION_BEGIN(id, name, style, returns, example) name,
#include "server/flow/api.def"
#undef FUNCTION_BEGIN
};
#undef ARG
#undef FUNCTION_END

const struct flow_fact flow_facts[] = {
    [FLOW_FACT_CUSTOMER] = {"customer",
                            {"name", "language", "verified", "traits", "outcome"},
                            "name, language, verified, traits and outcome"},
    [FLOW_FACT_STARTED] = {"started", {"text", "kind", "event", "data"}, "text, kind, event and data"},
    {0}};

bool flow_fact_has(const struct flow_fact *fact, struct span field)
{
    for (size_t i = 0; i < FLOW_FACT_FIELDS && fact->fields[i]; i++)
        if (span_is(field, fact->fields[i]))
            return true;
    return false;
}

enum { UNKNOWN = 1 }; /* bytes count nothing */

struct value flow_unknown(struct span source)
{
    return (struct value){.type = VALUE_BYTES, .count = UNKNOWN, .text = source};
}

bool flow_is_unknown(const struct value *v)
{
    return v->type == VALUE_BYTES && v->count == UNKNOWN;
}

parley_status flow_refuse(const struct flow_shape *at, const char *code, const char *format, ...)
{
    char text[FLOW_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    flow_error_set(at->error, code, "%s: %s", at->function->name, text);
    flow_error_help(at->error, "as in  %s", at->function->example);
    return PARLEY_INVALID;
}

bool flow_duration(struct span text, int64_t *out_ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    int64_t total = 0;
    size_t at = 0, unit = 4; /* units only get smaller: "1h30m" */
    while (at < text.len && unit > 0) {
        int64_t n = 0;
        size_t digits = 0;
        for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9' && digits < 9; at++, digits++)
            n = n * 10 + (text.ptr[at] - '0');
        if (digits == 0 || at == text.len)
            return false;
        while (unit > 0 && units[unit - 1].letter != text.ptr[at])
            unit--;
        if (unit == 0)
            return false;
        total += n * units[--unit].ms;
        at++;
    }
    *out_ms = total;
    return text.len > 0 && at == text.len;
}

static parley_status wrong_type(const struct flow_shape *at, const char *expected, const struct value *got)
{
    return flow_refuse(at, "E203", "'%s' must be %s, got %s", at->arg->name, expected, value_type_name(got->type));
}

static parley_status check_text(const struct flow_shape *at, const struct value *v)
{
    if (v->type != VALUE_TEXT)
        return wrong_type(at, "text", v);
    bool fits = (int64_t)v->text.len >= at->arg->min && (int64_t)v->text.len <= at->arg->max;
    if (!fits && at->arg->min == at->arg->max)
        return flow_refuse(at, "E204", "'%s' must have %lld letters, got %zu", at->arg->name, (long long)at->arg->min,
                           v->text.len);
    if (!fits)
        return flow_refuse(at, "E204", "'%s' must have %lld to %lld bytes, got %zu", at->arg->name,
                           (long long)at->arg->min, (long long)at->arg->max, v->text.len);
    return PARLEY_OK;
}

static parley_status check_name(const struct flow_shape *at, const struct value *v)
{
    parley_status st = check_text(at, v);
    if (st == PARLEY_OK && !text_is_name(v->text))
        return flow_refuse(at, "E204", "'%s' must be a name of a-z 0-9 _ . : / - that starts with a letter or digit",
                           at->arg->name);
    return st;
}

static parley_status check_int(const struct flow_shape *at, const struct value *v)
{
    if (v->type != VALUE_INT)
        return wrong_type(at, "a whole number", v);
    if (v->integer < at->arg->min || v->integer > at->arg->max)
        return flow_refuse(at, "E204", "'%s' must be %lld to %lld, got %lld", at->arg->name, (long long)at->arg->min,
                           (long long)at->arg->max, (long long)v->integer);
    return PARLEY_OK;
}

static parley_status check_duration(const struct flow_shape *at, const struct value *v, struct value *out)
{
    int64_t ms;
    if (v->type != VALUE_TEXT)
        return wrong_type(at, "a duration such as \"10m\"", v);
    if (!flow_duration(v->text, &ms))
        return flow_refuse(at, "E206", "'%s' is no duration: \"%.*s\"; write \"90s\", \"10m\", \"2h\" or \"5d\"",
                           at->arg->name, v->text.len > 40 ? 40 : (int)v->text.len, v->text.ptr);
    if (ms > FLOW_LONGEST_S * 1000)
        return flow_refuse(at, "E204", "'%s' may be 1,000 years at most: 365250d", at->arg->name);
    if (ms < at->arg->min * 1000 || ms > at->arg->max * 1000)
        return flow_refuse(at, "E204", "'%s' must be %lld to %lld seconds", at->arg->name, (long long)at->arg->min,
                           (long long)at->arg->max);
    *out = value_int(ms);
    return PARLEY_OK;
}

static parley_status check_map(const struct flow_shape *at, const struct value *v)
{
    if (v->type != VALUE_MAP)
        return wrong_type(at, "a table with text as keys", v);
    if (at->arg->max && value_depth(v) > at->arg->max)
        return flow_refuse(at, "E203", "'%s' may have text, numbers and booleans, and no table inside", at->arg->name);
    return PARLEY_OK;
}

static parley_status check_value(const struct flow_shape *at, const struct value *v, struct value *out)
{
    *out = *v;
    if (flow_is_unknown(v))
        return PARLEY_OK;
    switch (at->arg->type) {
    case FLOW_ARG_TEXT:
        return check_text(at, v);
    case FLOW_ARG_NAME:
        return check_name(at, v);
    case FLOW_ARG_INT:
    case FLOW_ARG_TIME:
        return check_int(at, v);
    case FLOW_ARG_DURATION:
        return check_duration(at, v, out);
    case FLOW_ARG_BOOL:
        return v->type == VALUE_BOOL ? PARLEY_OK : wrong_type(at, "true or false", v);
    case FLOW_ARG_NUMBER:
        return v->type == VALUE_INT || v->type == VALUE_REAL ? PARLEY_OK : wrong_type(at, "a number", v);
    case FLOW_ARG_DATA:
        return PARLEY_OK;
    case FLOW_ARG_FUNCTION:
        *out = value_bool(true);
        return v->type == VALUE_BYTES ? PARLEY_OK : wrong_type(at, "a function", v);
    case FLOW_ARG_MAP:
        return check_map(at, v);
    default:
        return flow_check_shape(at, v, out);
    }
}

static const struct flow_arg *find_arg(const struct flow_function *f, struct span name)
{
    for (size_t i = 0; i < f->arg_count; i++)
        if (span_is(name, f->args[i].name))
            return &f->args[i];
    return NULL;
}

/* Nothing like it is there: all that is. */
static void help_with_fields(const struct flow_shape *at)
{
    char list[FLOW_ERROR_TEXT_MAX] = "";
    for (size_t i = 0, used = 0; i < at->function->arg_count && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", at->function->args[i].name);
    flow_error_help(at->error, "%s has the fields %s", at->function->name, list);
}

static parley_status unknown_field(const struct flow_shape *at, struct span name)
{
    char typed[65];
    snprintf(typed, sizeof typed, "%.*s", name.len > 64 ? 64 : (int)name.len, name.ptr);
    struct suggest s;
    suggest_init(&s, typed);
    for (size_t i = 0; i < at->function->arg_count; i++)
        suggest_offer(&s, at->function->args[i].name);
    if (s.best)
        return flow_refuse(at, "E201", "unknown field '%s', did you mean '%s'?", typed, s.best);
    flow_refuse(at, "E201", "unknown field '%s'", typed);
    help_with_fields(at);
    return PARLEY_INVALID;
}

static parley_status put_argument(struct flow_shape *at, const struct flow_arg *arg, const struct value *v,
                                  struct value *out)
{
    struct value checked;
    if (v->type == VALUE_NULL)
        return PARLEY_OK;
    at->arg = arg;
    parley_status st = check_value(at, v, &checked);
    if (st == PARLEY_OK)
        value_put(out, span_str(arg->name), checked);
    return st;
}

static parley_status take_fields(struct flow_shape *at, const struct value *args, size_t count, struct value *out)
{
    const struct flow_function *f = at->function;
    if (count > 1)
        return flow_refuse(at, "E204", "takes one table, or one text; got %zu arguments", count);
    if (count == 0 || args->type == VALUE_NULL || flow_is_unknown(args))
        return PARLEY_OK;
    if (args->type == VALUE_TEXT)
        return put_argument(at, &f->args[0], args, out);
    if (args->type != VALUE_MAP)
        return flow_refuse(at, "E203", "takes a table with named fields, or '%s' as text; got %s", f->args[0].name,
                           value_type_name(args->type));
    for (uint32_t i = 0; i < args->count; i++) {
        const struct flow_arg *arg = find_arg(f, args->members[i].key);
        if (!arg)
            return unknown_field(at, args->members[i].key);
        parley_status st = put_argument(at, arg, &args->members[i].value, out);
        if (st != PARLEY_OK)
            return st;
    }
    return PARLEY_OK;
}

static parley_status take_in_order(struct flow_shape *at, const struct value *args, size_t count, struct value *out)
{
    if (count > at->function->arg_count)
        return flow_refuse(at, "E204", "takes at most %zu arguments, got %zu", at->function->arg_count, count);
    for (size_t i = 0; i < count; i++) {
        parley_status st = put_argument(at, &at->function->args[i], &args[i], out);
        if (st != PARLEY_OK)
            return st;
    }
    return PARLEY_OK;
}

/* A question is one of choices, a rating, or words of a type; a rating becomes choices. */
static parley_status check_ask(struct flow_shape *at, struct value *map)
{
    static const char *const kinds[] = {"choices", "rating", "match", "type"};
    const struct value *rating = value_find(map, "rating");
    struct value choices;
    for (size_t i = 0; i < 2; i++)
        for (size_t k = i + 1; k < sizeof kinds / sizeof *kinds; k++)
            if (value_find(map, kinds[i]) && value_find(map, kinds[k]))
                return flow_refuse(at, "E201", "'%s' and '%s' exclude each other", kinds[i], kinds[k]);
    if (!rating || flow_is_unknown(rating))
        return PARLEY_OK;
    parley_status st = flow_rating_choices(at, rating->integer, &choices);
    if (st == PARLEY_OK)
        value_put(map, span_str("choices"), choices);
    return st;
}

static parley_status check_handoff(struct flow_shape *at, const struct value *map)
{
    const struct value *mode = value_find(map, "mode");
    if (value_find(map, "max_wait") && mode && mode->type == VALUE_BOOL && mode->boolean)
        return flow_refuse(at, "E202", "'max_wait' is for somebody who waits, not for a message");
    return PARLEY_OK;
}

/* What no single row can say. */
static parley_status check_together(struct flow_shape *at, struct value *map)
{
    switch (at->function - flow_functions) {
    case FLOW_CALL_say:
        return flow_check_say(at, map);
    case FLOW_CALL_process_start:
        return flow_check_process(at, map);
    case FLOW_CALL_ask:
        return check_ask(at, map);
    case FLOW_CALL_handoff:
        return check_handoff(at, map);
    case FLOW_CALL_wait:
        if (value_find(map, "delay") && value_find(map, "till"))
            return flow_refuse(at, "E201", "'delay' and 'till' exclude each other");
        if (value_find(map, "event") && (value_find(map, "delay") || value_find(map, "till")))
            return flow_refuse(at, "E201", "with 'event' give 'timeout' instead of 'delay' and 'till'");
        if (!value_find(map, "event") && (value_find(map, "where") || value_find(map, "remind")))
            return flow_refuse(at, "E202", "'where' and 'remind' are for an 'event'");
        return map->count ? PARLEY_OK : flow_refuse(at, "E202", "give 'delay', 'till', 'timeout' or 'event'");
    case FLOW_CALL_http_post:
        return flow_check_http(at, map);
    default:
        return PARLEY_OK;
    }
}

parley_status flow_check_arguments(const struct flow_function *f, const struct value *args, size_t count,
                                   struct arena *arena, struct pattern_cache *patterns, struct value *out,
                                   struct flow_error *error)
{
    struct flow_shape at = {.function = f, .arena = arena, .error = error, .patterns = patterns};
    if (value_map(arena, f->arg_count, out) != PARLEY_OK)
        return flow_refuse(&at, "E204", "the arguments are too large");
    bool fields = f->style == FLOW_STYLE_FIELDS;
    parley_status st = fields ? take_fields(&at, args, count, out) : take_in_order(&at, args, count, out);
    if (st != PARLEY_OK)
        return st;
    if (fields && count == 1 && flow_is_unknown(args))
        return PARLEY_OK;
    for (size_t i = 0; i < f->arg_count; i++)
        if (f->args[i].required && !value_find(out, f->args[i].name))
            return flow_refuse(&at, "E202", "'%s' is missing: %s", f->args[i].name, f->args[i].meaning);
    return check_together(&at, out);
}
