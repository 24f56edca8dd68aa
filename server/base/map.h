/* Hash map from UUID to pointer, open addressing. Borrows its values. One thread. */
#ifndef SERVER_BASE_MAP_H
#define SERVER_BASE_MAP_H

#include "protocol/uuid.h"

struct map_slot {
    struct uuid key;
    void *value; /* NULL: free */
};

struct map {
    struct map_slot *slots;
    size_t cap; /* 0 or a power of two */
    size_t len;
};

/* Allocates nothing yet; a zeroed map is an empty one. */
void map_init(struct map *m);
void map_done(struct map *m);

/* NULL when there is none. */
void *map_get(const struct map *m, struct uuid key);

/* Replaces; the value must not be NULL. */
void map_put(struct map *m, struct uuid key, void *value);

/* The value that was there, or NULL. */
void *map_remove(struct map *m, struct uuid key);

/* Every entry; the map must not change meanwhile: for (size_t i = 0; (v = map_next(m, &i));) */
void *map_next(const struct map *m, size_t *at);

#endif
