/* "Did you mean": the nearest of several words to one that was mistyped. */
#ifndef SERVER_BASE_SUGGEST_H
#define SERVER_BASE_SUGGEST_H

#include "protocol/span.h"

/* Edits (insert, delete, replace, swap of neighbours) from a to b; counts no further than 64 bytes of each. */
unsigned suggest_distance(const char *a, const char *b);

enum { SUGGEST_WORD_MAX = 64 };

/* Collects the best of the words offered to it. */
struct suggest {
    const char *typed;
    const char *best; /* NULL: nothing near enough */
    unsigned distance;
    char copy[SUGGEST_WORD_MAX + 1];
};

void suggest_init(struct suggest *s, const char *typed);
void suggest_offer(struct suggest *s, const char *word);

/* A word that does not last: then `best` is as old as the collection. */
void suggest_offer_copy(struct suggest *s, struct span word);

#endif
