/* A ring of compiled patterns. */
#include "server/flow/pattern_cache.h"

#include "server/base/mem.h"

static void forget(struct kept_pattern *kept)
{
    pattern_free(&kept->pattern);
    mem_free(kept->text);
    *kept = (struct kept_pattern){0};
}

void pattern_cache_done(struct pattern_cache *cache)
{
    for (size_t i = 0; i < PATTERNS_KEPT; i++)
        forget(&cache->rows[i]);
}

const struct pattern *pattern_cached(const struct pattern_cache *cache, struct span text)
{
    for (size_t i = 0; i < PATTERNS_KEPT; i++) {
        const struct kept_pattern *kept = &cache->rows[i];
        if (kept->pattern && span_equal(span_of(kept->text, kept->len), text))
            return kept->pattern;
    }
    return NULL;
}

parley_status pattern_compile(struct pattern_cache *cache, struct span text, const struct pattern **out,
                              char why[PATTERN_WHY_MAX])
{
    struct pattern *made;
    parley_status st = pattern_new(text, &made, why);
    if (st != PARLEY_OK)
        return st;
    struct kept_pattern *kept = &cache->rows[cache->next++ % PATTERNS_KEPT];
    forget(kept);
    *kept = (struct kept_pattern){.text = mem_span(text), .len = text.len, .pattern = made};
    *out = made;
    return PARLEY_OK;
}

parley_status pattern_get(struct pattern_cache *cache, struct span text, const struct pattern **out,
                          char why[PATTERN_WHY_MAX])
{
    const struct pattern *known = pattern_cached(cache, text);
    if (!known)
        return pattern_compile(cache, text, out, why);
    *out = known;
    return PARLEY_OK;
}
