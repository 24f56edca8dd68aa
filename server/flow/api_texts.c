/* Catalogues: every language has every text, and every text of several forms has the one for all other numbers. */
#include "server/flow/api.h"
#include "server/flow/json.h"

static int shown(struct span s)
{
    return s.len > 40 ? 40 : (int)s.len;
}

static bool is_form(struct span key)
{
    static const char *const forms[] = {"zero", "one", "two", "few", "many", "other"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (span_is(key, forms[i]))
            return true;
    return false;
}

static parley_status check_entry(const struct flow_shape *at, struct span language, const struct value_member *m)
{
    const struct value *v = &m->value;
    if (v->type == VALUE_TEXT || flow_is_unknown(v))
        return PARLEY_OK;
    if (v->type != VALUE_MAP || !value_find(v, "other"))
        return flow_refuse(at, "E203", "'%.*s' of %.*s must be text, or { one = \"...\", other = \"...\" }",
                           shown(m->key), m->key.ptr, shown(language), language.ptr);
    for (uint32_t i = 0; i < v->count; i++)
        if (!is_form(v->members[i].key) ||
            (v->members[i].value.type != VALUE_TEXT && !flow_is_unknown(&v->members[i].value)))
            return flow_refuse(at, "E201", "'%.*s' of %.*s has the forms zero, one, two, few, many and other, as text",
                               shown(m->key), m->key.ptr, shown(language), language.ptr);
    return PARLEY_OK;
}

/* Whether all that is in `a` is also in `b`. */
static parley_status check_same(const struct flow_shape *at, const struct value_member *a, const struct value_member *b)
{
    for (uint32_t i = 0; i < a->value.count; i++) {
        struct span key = a->value.members[i].key;
        if (!value_get(&b->value, key))
            return flow_refuse(at, "E110", "%.*s has no '%.*s', which %.*s has", shown(b->key), b->key.ptr, shown(key),
                               key.ptr, shown(a->key), a->key.ptr);
    }
    return PARLEY_OK;
}

static parley_status check_language(const struct flow_shape *at, const struct value_member *m)
{
    parley_status st = PARLEY_OK;
    if (flow_is_unknown(&m->value))
        return st;
    if (m->key.len < 2 || m->key.len > 35 || m->value.type != VALUE_MAP)
        return flow_refuse(at, "E203", "'%.*s' must be a language with its texts, as en = { hello = \"Hello\" }",
                           shown(m->key), m->key.ptr);
    for (uint32_t i = 0; st == PARLEY_OK && i < m->value.count; i++)
        st = check_entry(at, m->key, &m->value.members[i]);
    return st;
}

parley_status flow_check_texts(const struct flow_shape *at, const struct value *v)
{
    parley_status st = PARLEY_OK;
    if (v->type != VALUE_MAP || v->count == 0)
        return flow_refuse(at, "E203", "takes a table of languages, as { en = { hello = \"Hello\" } }");
    for (uint32_t i = 0; st == PARLEY_OK && i < v->count; i++)
        st = check_language(at, &v->members[i]);
    for (uint32_t i = 1; st == PARLEY_OK && i < v->count; i++) {
        const struct value_member *first = &v->members[0], *other = &v->members[i];
        if (flow_is_unknown(&first->value) || flow_is_unknown(&other->value))
            continue;
        st = check_same(at, first, other);
        if (st == PARLEY_OK)
            st = check_same(at, other, first);
    }
    return st;
}

static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

struct span flow_placeholder(struct span text)
{
    const char *end = *text.ptr == '{' ? memchr(text.ptr, '}', text.len) : NULL;
    struct span name = end ? span_of(text.ptr + 1, (size_t)(end - text.ptr) - 1) : span_of("", 0);
    return is_name(name) ? name : span_of("", 0);
}
