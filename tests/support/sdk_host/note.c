/* Lines and points. */
#include "tests/support/sdk_host/note.h"

#include "protocol/buf.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 8 << 20 };

#define POINT(name) #name,
const char *const point_names[POINT_COUNT] = {POINTS(POINT)};
#undef POINT

static int out = -1, life;
static char who[64];
static enum point fatal;
static int left = -1;
static uint32_t *counts;

void note_open(int fd, const char *name, int number)
{
    out = fd;
    life = number;
    snprintf(who, sizeof who, "%s", name);
}

void note(const char *what, const char *more_format, ...)
{
    char *more = NULL;
    struct timespec t;
    struct buf line;
    va_list args;
    va_start(args, more_format);
    int n = vasprintf(&more, more_format, args);
    va_end(args);
    clock_gettime(CLOCK_MONOTONIC, &t);
    buf_init(&line, LINE_MAX_BYTES);
    buf_printf(&line, "{\"t\":%lld,\"who\":\"%s\",\"life\":%d,\"k\":\"%s\"", t.tv_sec * 1000000000ll + t.tv_nsec, who,
               life, what);
    if (n > 0)
        buf_add(&line, more, (size_t)n);
    buf_add_str(&line, "}\n");
    free(more);
    if (write(out, line.ptr, line.len) != (ssize_t)line.len)
        _exit(9);
    buf_done(&line);
}

void point_plan(enum point at, int n, uint32_t *fatal_counts)
{
    fatal = at;
    left = n;
    counts = fatal_counts;
}

void point(enum point at)
{
    if (left < 0 || at != fatal || left-- > 0)
        return;
    counts[at]++;
    kill(getpid(), SIGKILL);
}
