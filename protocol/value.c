/* Trees of the JSON data model: order, look-up, comparison, building. */
#include "protocol/value.h"

#include <math.h>

const char *value_type_name(enum value_type type)
{
    static const char *const names[] = {
        [VALUE_NULL] = "null", [VALUE_BOOL] = "a boolean", [VALUE_INT] = "an integer", [VALUE_REAL] = "a fraction",
        [VALUE_TEXT] = "text", [VALUE_BYTES] = "bytes",    [VALUE_ARRAY] = "an array", [VALUE_MAP] = "a map",
    };
    return names[type];
}

int value_key_compare(struct span a, struct span b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

const struct value *value_get(const struct value *map, struct span key)
{
    size_t low = 0, high = map->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = value_key_compare(map->members[middle].key, key);
        if (order == 0)
            return &map->members[middle].value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct value *value_find(const struct value *map, const char *key)
{
    const struct value *v = map->type == VALUE_MAP ? value_get(map, span_str(key)) : NULL;
    return v && v->type != VALUE_NULL ? v : NULL;
}

static void sift_down(struct value_member *m, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && value_key_compare(m[child].key, m[child + 1].key) < 0)
            child++;
        if (value_key_compare(m[root].key, m[child].key) >= 0)
            return;
        struct value_member swap = m[root];
        m[root] = m[child];
        m[child] = swap;
    }
}

/* A peer chooses the keys, so the worst case counts: n log n, in place. */
static void heap_sort(struct value_member *m, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(m, i, n);
    for (size_t i = n; i-- > 1;) {
        struct value_member swap = m[0];
        m[0] = m[i];
        m[i] = swap;
        sift_down(m, 0, i);
    }
}

static void insertion_sort(struct value_member *m, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (value_key_compare(m[i - 1].key, m[i].key) <= 0)
            continue;
        struct value_member moved = m[i];
        size_t at = i;
        do
            m[at] = m[at - 1];
        while (--at > 0 && value_key_compare(m[at - 1].key, moved.key) > 0);
        m[at] = moved;
    }
}

struct span value_sort(struct value *map)
{
    if (map->count <= 16)
        insertion_sort(map->members, map->count);
    else
        heap_sort(map->members, map->count);

    for (size_t i = 1; i < map->count; i++)
        if (span_equal(map->members[i - 1].key, map->members[i].key))
            return map->members[i].key;
    return (struct span){0};
}

int value_depth(const struct value *v)
{
    if (v->type != VALUE_ARRAY && v->type != VALUE_MAP)
        return 0;
    int deepest = 0;
    for (size_t i = 0; i < v->count; i++) {
        int depth = value_depth(v->type == VALUE_MAP ? &v->members[i].value : &v->items[i]);
        if (depth > deepest)
            deepest = depth;
    }
    return deepest + 1;
}

struct value value_number(double real)
{
    if (fabs(real) < 9007199254740992.0 && real == (double)(int64_t)real)
        return value_int((int64_t)real);
    return (struct value){.type = VALUE_REAL, .real = real};
}

parley_status value_map(struct arena *arena, size_t room, struct value *out)
{
    struct value_member *members = arena_array(arena, room, sizeof *members);
    if (!members)
        return PARLEY_NOMEM;
    *out = (struct value){.type = VALUE_MAP, .members = members};
    return PARLEY_OK;
}

parley_status value_array(struct arena *arena, size_t room, struct value *out)
{
    struct value *items = arena_array(arena, room, sizeof *items);
    if (!items)
        return PARLEY_NOMEM;
    *out = (struct value){.type = VALUE_ARRAY, .items = items};
    return PARLEY_OK;
}

void value_put(struct value *map, struct span key, struct value value)
{
    size_t at = map->count;
    while (at > 0 && value_key_compare(map->members[at - 1].key, key) > 0)
        at--;
    if (at > 0 && span_equal(map->members[at - 1].key, key)) {
        map->members[at - 1].value = value;
        return;
    }
    memmove(&map->members[at + 1], &map->members[at], (map->count - at) * sizeof *map->members);
    map->members[at] = (struct value_member){.key = key, .value = value};
    map->count++;
}

void value_push(struct value *array, struct value value)
{
    array->items[array->count++] = value;
}
