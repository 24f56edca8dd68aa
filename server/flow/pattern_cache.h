/* The patterns that were used last, compiled: compiling one costs as much as thirty searches. One thread at a time. */
#ifndef SERVER_FLOW_PATTERN_CACHE_H
#define SERVER_FLOW_PATTERN_CACHE_H

#include "server/flow/pattern.h"

enum { PATTERNS_KEPT = 16 };

struct kept_pattern {
    char *text;
    size_t len;
    struct pattern *pattern;
};

/* Zeroed it is empty. */
struct pattern_cache {
    struct kept_pattern rows[PATTERNS_KEPT];
    size_t next;
};

void pattern_cache_done(struct pattern_cache *cache);

/* Borrowed until the next pattern_compile. NULL: it is to be compiled. */
const struct pattern *pattern_cached(const struct pattern_cache *cache, struct span text);

/* Compiles and keeps it; the oldest makes room. As pattern_new. */
parley_status pattern_compile(struct pattern_cache *cache, struct span text, const struct pattern **out,
                              char why[PATTERN_WHY_MAX]);

/* From the cache, or compiled. */
parley_status pattern_get(struct pattern_cache *cache, struct span text, const struct pattern **out,
                          char why[PATTERN_WHY_MAX]);

#endif
