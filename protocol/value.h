/* The JSON data model as a tree: what both encodings are read into and what bodies are made of.
 * The entries of a map are always in the order of jsonb - shorter keys first, then bytewise - and no key is there
 * twice, so that writing a tree is writing its canonical form. A tree borrows its arena, and its text may borrow the
 * bytes it was read from. */
#ifndef PROTOCOL_VALUE_H
#define PROTOCOL_VALUE_H

#include "protocol/arena.h"
#include "protocol/status.h"

#include <stdint.h>

enum value_type { VALUE_NULL, VALUE_BOOL, VALUE_INT, VALUE_REAL, VALUE_TEXT, VALUE_BYTES, VALUE_ARRAY, VALUE_MAP };

struct value {
    enum value_type type;
    uint32_t count; /* of items or members */
    union {
        bool boolean;
        int64_t integer;
        double real;      /* never integral below 2^53: that is a VALUE_INT */
        struct span text; /* TEXT: UTF-8 without U+0000; BYTES: an id of 16 bytes in MessagePack */
        struct value *items;
        struct value_member *members;
    };
};

struct value_member {
    struct span key;
    struct value value;
};

/* For errors: "a map", "a number" ... */
const char *value_type_name(enum value_type type);

/* NULL when the map has no such key. */
const struct value *value_get(const struct value *map, struct span key);

/* As value_get with a literal key; null reads as absent. */
const struct value *value_find(const struct value *map, const char *key);

/* The order of jsonb. */
int value_key_compare(struct span a, struct span b);

/* Puts the members of a map in order; the key that is there twice, or one with a NULL ptr. */
struct span value_sort(struct value *map);

/* Levels of nesting: 0 for a scalar, 1 for a map of scalars. */
int value_depth(const struct value *v);

/* Integral doubles below 2^53 become integers, as in the canonical form. */
struct value value_number(double real);

/* Building a tree in code. A map has room for as many entries as it was made for; text is borrowed. */
static inline struct value value_int(int64_t integer)
{
    return (struct value){.type = VALUE_INT, .integer = integer};
}

static inline struct value value_bool(bool boolean)
{
    return (struct value){.type = VALUE_BOOL, .boolean = boolean};
}

static inline struct value value_text(struct span text)
{
    return (struct value){.type = VALUE_TEXT, .text = text};
}

/* An empty map or array with room for `room` entries; PARLEY_NOMEM when the arena is full. */
parley_status value_map(struct arena *arena, size_t room, struct value *out);
parley_status value_array(struct arena *arena, size_t room, struct value *out);

/* Adds or replaces. The map must have room. */
void value_put(struct value *map, struct span key, struct value value);
void value_push(struct value *array, struct value value);

#endif
