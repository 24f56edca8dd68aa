/* What flows are told while they run, told before. */
#include "server/flow/check_calls.h"

#include "server/base/suggest.h"

#include <stdio.h>

/* ---- customer and started ---- */

bool check_fact(struct span table, struct span name, struct flow_error *out)
{
    char typed[65];
    const struct flow_fact *f = flow_facts;
    while (f->table && !span_is(table, f->table))
        f++;
    if (!f->table || flow_fact_has(f, name))
        return false;
    struct suggest s;
    snprintf(typed, sizeof typed, "%.*s", name.len > 64 ? 64 : (int)name.len, name.ptr);
    suggest_init(&s, typed);
    for (size_t i = 0; i < FLOW_FACT_FIELDS && f->fields[i]; i++)
        suggest_offer(&s, f->fields[i]);
    flow_error_set(out, "E102", "%s has no '%s'%s%s%s", f->table, typed, s.best ? ", did you mean '" : "",
                   s.best ? s.best : "", s.best ? "'?" : "");
    flow_error_help(out, "it has %s", f->list);
    return true;
}

void check_list_members(struct span table, struct flow_error *out)
{
    char list[FLOW_ERROR_TEXT_MAX] = "";
    size_t used = 0;
    for (size_t i = 0; i < FLOW_CALLS && used < sizeof list; i++) {
        const char *name = flow_functions[i].name, *dot = strchr(name, '.');
        bool member = dot && flow_functions[i].style != FLOW_STYLE_HIDDEN &&
                      span_equal(table, span_of(name, (size_t)(dot - name)));
        if (member)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", dot + 1);
    }
    if (used)
        flow_error_help(out, "%.*s has %s", SPAN_ARG(table), list);
}

bool check_has_field(struct span source, const char *name)
{
    char written[128];
    for (int i = 0; i < 2; i++) {
        snprintf(written, sizeof written, i ? "%s=function" : "%s = function", name);
        if (memmem(source.ptr, source.len, written, strlen(written)))
            return true;
    }
    return false;
}

/* ---- texts, and {name} in them ---- */

bool check_text(const struct value *texts, const struct value *args, size_t count, struct flow_error *out)
{
    struct suggest s;
    char typed[65];
    if (count == 0 || args[0].type != VALUE_TEXT || texts->type != VALUE_MAP || value_get(texts, args[0].text))
        return false;
    snprintf(typed, sizeof typed, "%.*s", args[0].text.len > 64 ? 64 : (int)args[0].text.len, args[0].text.ptr);
    suggest_init(&s, typed);
    for (uint32_t i = 0; i < texts->count; i++)
        suggest_offer_copy(&s, texts->members[i].key);
    flow_error_set(out, "E110", "t: there is no text '%s'%s%s%s", typed, s.best ? ", did you mean '" : "",
                   s.best ? s.best : "", s.best ? "'?" : "");
    return true;
}

/* The next {word}; false when there is none. */
static bool next_word(struct span *text, struct span *out)
{
    while (text->len) {
        *out = flow_placeholder(*text);
        *text = span_of(text->ptr + 1, text->len - 1);
        if (out->len)
            return true;
    }
    return false;
}

static bool misses(struct span text, const struct value *values, struct span *out)
{
    while (next_word(&text, out))
        if (!values || !value_get(values, *out))
            return true;
    return false;
}

/* A text, or its forms. */
static bool text_misses(const struct value *text, const struct value *values, struct span *out)
{
    if (text && text->type == VALUE_TEXT)
        return misses(text->text, values, out);
    for (uint32_t i = 0; text && text->type == VALUE_MAP && i < text->count; i++)
        if (text->members[i].value.type == VALUE_TEXT && misses(text->members[i].value.text, values, out))
            return true;
    return false;
}

bool check_placeholders(const struct value *languages, const struct value *args, size_t count, struct flow_error *out)
{
    const struct value *values = count > 1 ? &args[1] : NULL;
    bool known = count && args[0].type == VALUE_TEXT && languages->type == VALUE_MAP;
    if (!known || (values && values->type != VALUE_MAP))
        return false;
    for (uint32_t i = 0; i < languages->count; i++) {
        const struct value_member *language = &languages->members[i];
        struct span word;
        bool texts = language->value.type == VALUE_MAP;
        if (!texts || !text_misses(value_get(&language->value, args[0].text), values, &word))
            continue;
        flow_error_set(out, "E202", "t: '%.*s' needs a value for {%.*s} (%.*s)", SPAN_ARG(args[0].text), SPAN_ARG(word),
                       SPAN_ARG(language->key));
        return true;
    }
    return false;
}

/* ---- patterns ---- */

/* A class of Lua's patterns, where it can hardly mean a percent sign: no class of PCRE2 beside it. */
static char lua_class(struct span pattern)
{
    char found = '\0';
    for (size_t i = 0; i + 1 < pattern.len; i++) {
        if (pattern.ptr[i] == '\\')
            return '\0';
        char after = i + 2 < pattern.len ? pattern.ptr[i + 2] : '$';
        if (pattern.ptr[i] == '%' && strchr("adlswuxADLSWUX", pattern.ptr[i + 1]) && strchr("+*-?$)]%", after))
            found = pattern.ptr[i + 1];
    }
    return found;
}

static bool is_lua(const struct value *v, char *out)
{
    if (v->type == VALUE_TEXT)
        *out = lua_class(v->text);
    for (uint32_t i = 0; v->type == VALUE_ARRAY && i < v->count && !*out; i++)
        is_lua(&v->items[i], out);
    return *out != '\0';
}

bool check_lua_pattern(const struct flow_function *f, const struct value *args, size_t count, struct flow_error *out)
{
    for (size_t i = 0; i < f->arg_count; i++) {
        const struct value *v = NULL;
        char class = '\0';
        if (f->style == FLOW_STYLE_ORDER)
            v = i < count ? &args[i] : NULL;
        else if (count && args[0].type == VALUE_MAP)
            v = value_find(&args[0], f->args[i].name);
        if (f->args[i].type != FLOW_ARG_PATTERNS || !v || !is_lua(v, &class))
            continue;
        flow_error_set(out, "E205", "%s: '%s': %%%c is of Lua's patterns; here they are PCRE2", f->name,
                       f->args[i].name, class);
        flow_error_help(out,
                        "write  \"\\\\d\" for a digit, [a-z] for letters; a percent sign before a letter is  [%%]");
        return true;
    }
    return false;
}
