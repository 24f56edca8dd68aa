/* Time through one place, so that a test can leave for 400 days. */
#include "server/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static _Atomic int64_t offset_ms;

static int64_t now_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

int64_t clock_ms(void)
{
    return now_us(CLOCK_REALTIME) / 1000 + offset_ms;
}

int64_t clock_mono_ms(void)
{
    return now_us(CLOCK_MONOTONIC) / 1000 + offset_ms;
}

int64_t clock_mono_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

void clock_reload(void)
{
#ifdef PARLEY_TESTS
    const char *path = getenv("PARLEY_CLOCK");
    FILE *f = path ? fopen(path, "re") : NULL;
    long long seconds;
    if (!f)
        return;
    if (fscanf(f, "%lld", &seconds) == 1)
        offset_ms = seconds * 1000;
    fclose(f);
#endif
}
