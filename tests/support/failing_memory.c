#include "tests/support/failing_memory.h"

#include <stddef.h>

int memory_is_safe;

static long left = -1;
static bool failed;

void memory_fails_after(long n)
{
    left = n;
    failed = false;
}

void memory_is_back(void)
{
    left = -1;
}

bool memory_failed(void)
{
    return failed;
}

bool memory_runs_out(void)
{
    if (left < 0 || memory_is_safe || left-- > 0)
        return false;
    failed = true;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

void *__wrap_malloc(size_t size)
{
    return memory_runs_out() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return memory_runs_out() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return memory_runs_out() ? NULL : __real_realloc(ptr, size);
}
