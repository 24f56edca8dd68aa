/* Memory that lives as long as one frame, request or step, and is freed all at once.
 * Owned by whoever calls arena_init; grows by blocks up to a stated maximum. Not shared between threads. */
#ifndef PROTOCOL_ARENA_H
#define PROTOCOL_ARENA_H

#include "protocol/span.h"

struct arena_block;

struct arena {
    struct arena_block *first;
    struct arena_block *current;
    char *at; /* free bytes of the current block */
    char *end;
    size_t held; /* bytes of all blocks */
    size_t max;  /* they never exceed this */
};

/* Allocates nothing yet. */
void arena_init(struct arena *a, size_t max);
void arena_done(struct arena *a);

/* Forgets everything handed out. Keeps up to 64 KiB, so that the next use need not ask the system. */
void arena_reset(struct arena *a);

/* Aligned for any type, not zeroed, for sizes above 0; NULL at the maximum or when the system has none. */
void *arena_alloc(struct arena *a, size_t size);

/* Zeroed. */
void *arena_array(struct arena *a, size_t count, size_t size);

/* Copies into the arena; ptr is NULL when there was no room, and never NULL otherwise. */
struct span arena_span(struct arena *a, struct span s);

#endif
