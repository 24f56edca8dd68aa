/* Random trees. splitmix64, so that a seed means the same everywhere. */
#include "tests/unit/protocol/random_value.h"

#include "protocol/wire_scan.h"

#include <math.h>

uint64_t chance_next(struct chance *c)
{
    uint64_t z = c->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t chance_below(struct chance *c, uint64_t n)
{
    return chance_next(c) % n;
}

static struct value random_text(struct chance *c, struct arena *arena)
{
    static const char *const pieces[] = {
        "a",    "Z",  " ", "\"",   "\\", "/",      "\n",     "\t",         "\x01",       "\x1f",
        "\x7f", "{}", ",", "\\u0", "ä",  "\u2028", "\ufffd", "\U0001f600", "\U0010ffff", "plain words here"};
    static const uint64_t sizes[] = {0, 3, 10, 31, 32, 40, 255, 256, 700};
    size_t want = sizes[chance_below(c, 9)], len = 0;
    char *text = arena_alloc(arena, want + 32);
    while (len < want) {
        const char *piece = pieces[chance_below(c, sizeof pieces / sizeof *pieces)];
        memcpy(text + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return value_text(span_of(text, len));
}

static struct value random_int(struct chance *c)
{
    int64_t v = (int64_t)(chance_next(c) >> chance_below(c, 64));
    return value_int(chance_below(c, 2) ? v : -v);
}

static struct value random_real(struct chance *c)
{
    for (;;) {
        uint64_t bits = chance_next(c);
        double v;
        if (chance_below(c, 2))
            v = (double)(int64_t)chance_below(c, 2000000) / 1000.0 - 1000;
        else
            memcpy(&v, &bits, sizeof v);
        if (isfinite(v) && wire_real_fits(v))
            return value_number(v);
    }
}

static struct value random_any(struct chance *c, struct arena *arena, int depth)
{
    switch (chance_below(c, depth > 0 ? 8 : 6)) {
    case 0:
        return (struct value){.type = VALUE_NULL};
    case 1:
        return value_bool(chance_below(c, 2));
    case 2:
        return random_int(c);
    case 3:
        return random_real(c);
    case 4:
    case 5:
        return random_text(c, arena);
    case 6:
        return random_map(c, arena, depth);
    default:
        break;
    }
    struct value array;
    size_t count = chance_below(c, chance_below(c, 8) ? 5 : 40);
    value_array(arena, count, &array);
    while (array.count < count)
        value_push(&array, random_any(c, arena, depth - 1));
    return array;
}

struct value random_map(struct chance *c, struct arena *arena, int depth)
{
    struct value map;
    size_t count = chance_below(c, chance_below(c, 8) ? 6 : 40);
    value_map(arena, count, &map);
    for (size_t i = 0; i < count; i++)
        value_put(&map, random_text(c, arena).text, random_any(c, arena, depth - 1));
    return map;
}
