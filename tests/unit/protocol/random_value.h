/* Trees of the JSON data model by chance, the same for the same seed: every length class of text and containers, every
 * kind of number, keys and text that need escapes. */
#ifndef TESTS_UNIT_PROTOCOL_RANDOM_VALUE_H
#define TESTS_UNIT_PROTOCOL_RANDOM_VALUE_H

#include "protocol/value.h"

struct chance {
    uint64_t state;
};

uint64_t chance_next(struct chance *c);
uint64_t chance_below(struct chance *c, uint64_t n);

/* A map of at most depth levels. The arena must have room. */
struct value random_map(struct chance *c, struct arena *arena, int depth);

#endif
