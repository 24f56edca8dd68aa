/* Waits between attempts to connect. */
#include "sdk-c/src/backoff.h"

int64_t backoff_next(struct backoff *b, uint32_t random, int64_t at_least_ms)
{
    int64_t ceiling = (int64_t)BACKOFF_FIRST_MS << (b->attempt < 6 ? b->attempt : 6);
    if (ceiling > BACKOFF_MAX_MS)
        ceiling = BACKOFF_MAX_MS;
    b->attempt++;
    int64_t wait = (int64_t)((uint64_t)random * (uint64_t)(ceiling + 1) >> 32);
    /* what the server asked for is a floor, and the jitter spreads those who were told the same */
    return at_least_ms > 0 ? at_least_ms + wait / 4 : wait;
}

int64_t backoff_told(int64_t ms)
{
    return ms < BACKOFF_TOLD_MS ? ms : BACKOFF_TOLD_MS;
}

void backoff_reset(struct backoff *b)
{
    b->attempt = 0;
}
