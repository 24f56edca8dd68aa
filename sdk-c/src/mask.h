/* What never leaves the phone in the context: card numbers, account numbers, addresses, and what is named like a
 * secret. A class knows names of members, whose values are masked whole, and shapes within text, of which the rest
 * stays. Part of the client, under its lock. */
#ifndef SDK_C_SRC_MASK_H
#define SDK_C_SRC_MASK_H

#include "protocol/value.h"

enum { MASK_CLASSES_MAX = 32, MASK_KEYS = 8, MASK_NAME = 24, MASK_PATTERN_MAX = 256 };

/* Length of what is of the class at the beginning of `text`, 0: nothing is. */
typedef size_t mask_finder(struct span text);

struct mask_class {
    char name[MASK_NAME + 1];
    char keys[MASK_PATTERN_MAX + 1];  /* apart by spaces; * stands for anything */
    char shape[MASK_PATTERN_MAX + 1]; /* # a digit, @ a letter, ? either; else itself */
    mask_finder *find;                /* of those that are built in */
};

struct mask {
    struct mask_class classes[MASK_CLASSES_MAX];
    size_t count;
};

/* With the built-in classes: secret, email, iban, card, phone. */
void mask_init(struct mask *mask);

/* Makes a class or makes it anew; with neither keys nor shape it masks nothing. PARLEY_INVALID, PARLEY_TOO_BIG,
 * PARLEY_LIMIT. */
parley_status mask_set(struct mask *mask, struct span name, struct span keys, struct span shape);

/* The value of a member of that name, masked in its arena. */
parley_status mask_value(const struct mask *mask, struct arena *arena, struct span key, struct value *v);

#endif
