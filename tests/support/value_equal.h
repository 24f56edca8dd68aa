/* Whether two trees say the same. */
#ifndef TESTS_SUPPORT_VALUE_EQUAL_H
#define TESTS_SUPPORT_VALUE_EQUAL_H

#include "protocol/value.h"

static inline bool value_equal(const struct value *a, const struct value *b);

static inline bool items_equal(const struct value *a, const struct value *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (!value_equal(&a->items[i], &b->items[i]))
            return false;
    return true;
}

static inline bool members_equal(const struct value *a, const struct value *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (!span_equal(a->members[i].key, b->members[i].key) ||
            !value_equal(&a->members[i].value, &b->members[i].value))
            return false;
    return true;
}

static inline bool value_equal(const struct value *a, const struct value *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_INT:
        return a->integer == b->integer;
    case VALUE_REAL:
        return a->real == b->real;
    case VALUE_TEXT:
    case VALUE_BYTES:
        return span_equal(a->text, b->text);
    case VALUE_ARRAY:
        return a->count == b->count && items_equal(a, b);
    case VALUE_MAP:
        return a->count == b->count && members_equal(a, b);
    }
    return false;
}

#endif
