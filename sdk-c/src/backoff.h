/* When to try again: full jitter, so that many clients do not come at once. */
#ifndef SDK_C_SRC_BACKOFF_H
#define SDK_C_SRC_BACKOFF_H

#include <stdint.h>

enum {
    BACKOFF_FIRST_MS = 500,
    BACKOFF_MAX_MS = 30000,
    BACKOFF_RESET_MS = 60000,
    BACKOFF_AGAIN_MS = 2000,
    BACKOFF_TOLD_MS = 3600000, /* the longest that a server's word counts: nobody means for ever */
};

struct backoff {
    int attempt;
};

/* The next wait: a share of 0.5 s doubled each time, up to 30 s, that `random` picks; never less than at_least_ms. */
int64_t backoff_next(struct backoff *b, uint32_t random, int64_t at_least_ms);

/* What a server asked for, as far as it counts. */
int64_t backoff_told(int64_t ms);

/* After a connection that lasted. */
void backoff_reset(struct backoff *b);

#endif
