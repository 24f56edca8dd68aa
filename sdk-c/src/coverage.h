/* Which numbers of one conversation are accounted for: sorted stretches, each from an item's `prev` to another's
 * number. A reader has everything when there is no hole between its oldest number and the head. Owned by its
 * conversation. */
#ifndef SDK_C_SRC_COVERAGE_H
#define SDK_C_SRC_COVERAGE_H

#include "protocol/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every number n with low < n <= high. */
struct stretch {
    int64_t low, high;
};

enum { COVERAGE_MAX = 4096 };

struct coverage {
    struct stretch *at; /* ascending, apart from each other */
    size_t len, cap;
};

/* A zeroed one is empty. */
void coverage_done(struct coverage *c);

bool coverage_has(const struct coverage *c, int64_t seq);

/* The stretch that holds the number; false when none does. */
bool coverage_at(const struct coverage *c, int64_t seq, struct stretch *out);

/* PARLEY_NOMEM, or PARLEY_LIMIT when it is in too many pieces; then nothing changed. */
parley_status coverage_add(struct coverage *c, int64_t low, int64_t high);

/* Room for one more stretch, so that the next coverage_add cannot fail; the same failures. */
parley_status coverage_reserve(struct coverage *c);

/* Numbers up to this one are no longer held. */
void coverage_cut(struct coverage *c, int64_t upto);

/* The highest number held, and the one below the lowest held; 0 when empty. */
int64_t coverage_top(const struct coverage *c);
int64_t coverage_floor(const struct coverage *c);

/* The number after it, to ask for what is before that; there is none after the largest, whatever a server claims. */
static inline int64_t coverage_next(int64_t seq)
{
    return seq < INT64_MAX ? seq + 1 : seq;
}

/* The newest hole above the floor and not above head. False when there is none, or nothing is held. */
bool coverage_hole(const struct coverage *c, int64_t head, struct stretch *out);

#endif
