/* Small allocations that cannot fail: the process ends instead. Sizes that a peer chooses are checked before. */
#ifndef SERVER_BASE_MEM_H
#define SERVER_BASE_MEM_H

#include "protocol/span.h"

#include <stddef.h>

/* Zeroed. */
void *mem_alloc(size_t size);
void *mem_array(size_t count, size_t size);

/* As realloc; what is new is not zeroed. */
void *mem_resize(void *ptr, size_t size);

/* Terminated copies; mem_text(NULL) is NULL. */
char *mem_text(const char *text);
char *mem_span(struct span s);

void mem_free(void *ptr);

#endif
