/* Growing bytes with a ceiling; doubling keeps the number of copies small. */
#include "protocol/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->status = PARLEY_OK;
}

static parley_status grow(struct buf *b, size_t n)
{
    if (n > b->max - b->len)
        return PARLEY_TOO_BIG;

    size_t need = b->len + n, cap = b->cap ? b->cap : 256;
    while (cap < need)
        cap *= 2;
    if (cap > b->max)
        cap = b->max;

    char *ptr = realloc(b->ptr, cap);
    if (!ptr)
        return PARLEY_NOMEM;
    b->ptr = ptr;
    b->cap = cap;
    return PARLEY_OK;
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (b->status == PARLEY_OK && n > b->cap - b->len)
        b->status = grow(b, n);
    if (b->status != PARLEY_OK)
        return NULL;
    char *at = b->ptr + b->len;
    b->len += n;
    return at;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
    if (n == 0)
        return;
    char *at = buf_reserve(b, n);
    if (at)
        memcpy(at, bytes, n);
}

void buf_add_span(struct buf *b, struct span s)
{
    buf_add(b, s.ptr, s.len);
}

void buf_add_str(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *at = buf_reserve(b, (size_t)n + 1);
    if (at) {
        vsnprintf(at, (size_t)n + 1, format, again);
        b->len--;
    }
    va_end(again);
    va_end(args);
}
