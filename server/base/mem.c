/* malloc for code that has nothing sensible to do without memory. */
#include "server/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static void *must(void *ptr, size_t size)
{
    if (ptr || size == 0)
        return ptr;
    fprintf(stderr, "parley: out of memory (%zu bytes)\n", size);
    abort();
}

void *mem_alloc(size_t size)
{
    return must(calloc(1, size), size);
}

void *mem_array(size_t count, size_t size)
{
    return must(calloc(count, size), count && size ? count : 0);
}

void *mem_resize(void *ptr, size_t size)
{
    return must(realloc(ptr, size), size);
}

char *mem_text(const char *text)
{
    return text ? mem_span(span_str(text)) : NULL;
}

char *mem_span(struct span s)
{
    char *copy = mem_alloc(s.len + 1);
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    return copy;
}

void mem_free(void *ptr)
{
    free(ptr);
}
