/* Conditions of fields, and media types. */
#include "protocol/form.h"

#include "protocol/limits.h"

#include <string.h>
#include <strings.h>

_Static_assert(LIMIT_FORM_FIELDS <= 64, "a bit for each field");

static struct span text_at(const struct value *map, const char *key)
{
    const struct value *v = value_find(map, key);
    return v && v->type == VALUE_TEXT ? v->text : span_of("", 0);
}

static bool answered_so(const struct value *said, struct span is)
{
    if (said && said->type == VALUE_BOOL)
        return span_is(is, said->boolean ? "true" : "false");
    return said && said->type == VALUE_TEXT && span_equal(said->text, is);
}

static bool is_shown(const struct value *fields, uint64_t shown, struct span id)
{
    for (uint32_t i = 0; i < fields->count; i++)
        if (span_equal(text_at(&fields->items[i], "id"), id))
            return shown >> i & 1;
    return false;
}

/* Whether one of the conditions on that field holds. */
static bool agrees(const struct value *conditions, struct span field, const struct value *values)
{
    const struct value *said = values ? value_get(values, field) : NULL;
    for (uint32_t i = 0; i < conditions->count; i++)
        if (span_equal(text_at(&conditions->items[i], "field"), field) &&
            answered_so(said, text_at(&conditions->items[i], "is")))
            return true;
    return false;
}

uint64_t form_shown(const struct value *fields, const struct value *values)
{
    uint64_t shown = 0;
    for (uint32_t i = 0; i < fields->count && i < LIMIT_FORM_FIELDS; i++) {
        const struct value *conditions = value_find(&fields->items[i], "show_if");
        bool all = true;
        for (uint32_t c = 0; conditions && conditions->type == VALUE_ARRAY && all && c < conditions->count; c++) {
            struct span field = text_at(&conditions->items[c], "field");
            all = is_shown(fields, shown, field) && agrees(conditions, field, values);
        }
        shown |= (uint64_t)all << i;
    }
    return shown;
}

/* ---- media types ---- */

static struct span before(struct span s, char end)
{
    const char *at = s.len ? memchr(s.ptr, end, s.len) : NULL;
    return at ? span_of(s.ptr, (size_t)(at - s.ptr)) : s;
}

static struct span trimmed(struct span s)
{
    while (s.len && *s.ptr == ' ')
        s = span_of(s.ptr + 1, s.len - 1);
    while (s.len && s.ptr[s.len - 1] == ' ')
        s.len--;
    return s;
}

static bool begins(struct span s, struct span with)
{
    return with.len <= s.len && strncasecmp(s.ptr, with.ptr, with.len) == 0;
}

static bool is_of(struct span range, struct span type)
{
    bool any = range.len > 1 && range.ptr[range.len - 1] == '*' && range.ptr[range.len - 2] == '/';
    if (span_is(range, "*/*"))
        return true;
    if (any)
        return begins(type, span_of(range.ptr, range.len - 1));
    return range.len == type.len && begins(type, range);
}

bool form_accepts(struct span accept, struct span type)
{
    type = trimmed(before(type, ';')); /* without its parameters */
    for (struct span rest = accept; rest.len;) {
        struct span one = before(rest, ',');
        if (is_of(trimmed(one), type))
            return true;
        rest = one.len == rest.len ? span_of("", 0) : span_of(rest.ptr + one.len + 1, rest.len - one.len - 1);
    }
    return accept.len == 0;
}
