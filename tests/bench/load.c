/* Time and what was used of it; and how a frame is looked into without decoding it. */
#include "tests/bench/load.h"

#include "protocol/wire_msgpack.h"
#include "tests/bench/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cost cost_now(void)
{
    return (struct cost){
        .server = cpu_us_of(opt.server),
        .postgres = cpu_us_of_children(opt.postgres),
        .own = cpu_us_of(getpid()),
    };
}

void print_cost(struct cost before, struct cost after, double n)
{
    printf("\"server_us\":%.2f,\"postgres_us\":%.2f,\"own_us\":%.2f", (after.server - before.server) / n,
           (after.postgres - before.postgres) / n, (after.own - before.own) / n);
}

void times_add(struct times *t, int64_t us)
{
    if (t->n == t->cap)
        t->ms = realloc(t->ms, (size_t)(t->cap = t->cap ? t->cap * 2 : 4096) * sizeof *t->ms);
    t->ms[t->n++] = (float)us / 1000;
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void print_times(struct times *t)
{
    qsort(t->ms, (size_t)t->n, sizeof *t->ms, compare);
    printf(",\"p50\":%.3f,\"p99\":%.3f", t->n ? t->ms[t->n / 2] : 0, t->n ? t->ms[(int64_t)t->n * 99 / 100] : 0);
}

struct span at_key(struct span map, const char *key)
{
    size_t len = strlen(key), step;
    if (!map.len || (map.ptr[0] & 0xf0) != 0x80)
        return (struct span){0};
    int left = map.ptr[0] & 15;
    for (struct span s = span_of(map.ptr + 1, map.len - 1); left; left--) {
        bool found = s.len > len && (unsigned char)s.ptr[0] == (0xa0 | len) && memcmp(s.ptr + 1, key, len) == 0;
        step = wire_msgpack_skip(s);
        s = span_of(s.ptr + step, s.len - step);
        if (found)
            return s;
        step = wire_msgpack_skip(s);
        s = span_of(s.ptr + step, s.len - step);
    }
    return (struct span){0};
}
