/* Bytes that grow to a stated maximum. The first failure sticks: write on, ask once at the end.
 * Owned by whoever calls buf_init; buf_done frees. Not shared between threads. */
#ifndef PROTOCOL_BUF_H
#define PROTOCOL_BUF_H

#include "protocol/span.h"
#include "protocol/status.h"

#include <stdint.h>

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max;
    parley_status status; /* PARLEY_OK, PARLEY_TOO_BIG or PARLEY_NOMEM */
};

/* Allocates nothing yet. */
void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);

/* Empties and clears a failure; keeps the memory. */
void buf_clear(struct buf *b);

/* n bytes to write at once, counted in already; NULL when they do not fit (then the status says why). */
char *buf_reserve(struct buf *b, size_t n);

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_add_span(struct buf *b, struct span s);
void buf_add_str(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Valid until the next change. */
static inline struct span buf_span(const struct buf *b)
{
    return span_of(b->ptr, b->len);
}

#endif
