/* The proof that nothing is missing: a set of numbers kept as few stretches. */
#include "sdk-c/src/coverage.h"

#include <stdlib.h>
#include <string.h>

void coverage_done(struct coverage *c)
{
    free(c->at);
    *c = (struct coverage){0};
}

/* The first stretch that ends at seq or later. */
static size_t find(const struct coverage *c, int64_t seq)
{
    size_t from = 0, to = c->len;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (c->at[middle].high < seq)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

bool coverage_at(const struct coverage *c, int64_t seq, struct stretch *out)
{
    size_t i = find(c, seq);
    if (i == c->len || c->at[i].low >= seq)
        return false;
    *out = c->at[i];
    return true;
}

bool coverage_has(const struct coverage *c, int64_t seq)
{
    struct stretch around;
    return coverage_at(c, seq, &around);
}

parley_status coverage_reserve(struct coverage *c)
{
    if (c->len < c->cap)
        return PARLEY_OK;
    if (c->cap >= COVERAGE_MAX)
        return PARLEY_LIMIT;
    size_t cap = c->cap ? c->cap * 2 : 4;
    struct stretch *at = realloc(c->at, cap * sizeof *at);
    if (!at)
        return PARLEY_NOMEM;
    c->at = at;
    c->cap = cap;
    return PARLEY_OK;
}

parley_status coverage_add(struct coverage *c, int64_t low, int64_t high)
{
    if (low >= high)
        return PARLEY_OK;

    size_t first = find(c, low), after = first;
    struct stretch merged = {.low = low, .high = high};
    while (after < c->len && c->at[after].low <= high) {
        merged.low = c->at[after].low < merged.low ? c->at[after].low : merged.low;
        merged.high = c->at[after].high > merged.high ? c->at[after].high : merged.high;
        after++;
    }
    if (first == after) {
        parley_status st = coverage_reserve(c);
        if (st != PARLEY_OK)
            return st;
    }
    size_t tail = c->len - after;
    memmove(c->at + first + 1, c->at + after, tail * sizeof *c->at);
    c->at[first] = merged;
    c->len = first + 1 + tail;
    return PARLEY_OK;
}

void coverage_cut(struct coverage *c, int64_t upto)
{
    size_t gone = 0;
    while (gone < c->len && c->at[gone].high <= upto)
        gone++;
    if (gone)
        memmove(c->at, c->at + gone, (c->len - gone) * sizeof *c->at);
    c->len -= gone;
    if (c->len && c->at[0].low < upto)
        c->at[0].low = upto;
}

int64_t coverage_top(const struct coverage *c)
{
    return c->len ? c->at[c->len - 1].high : 0;
}

int64_t coverage_floor(const struct coverage *c)
{
    return c->len ? c->at[0].low : 0;
}

bool coverage_hole(const struct coverage *c, int64_t head, struct stretch *out)
{
    size_t i = find(c, head);
    if (i < c->len && c->at[i].low < head)
        head = c->at[i].low;
    if (i == 0)
        return false;
    *out = (struct stretch){.low = c->at[i - 1].high, .high = head};
    return true;
}
