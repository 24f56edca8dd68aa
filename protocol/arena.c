/* Blocks in a chain: bump within the current one, go on to the next, ask for a bigger one at the end. */
#include "protocol/arena.h"

#include <stdint.h>
#include <stdlib.h>

enum { ALIGN = 16, BLOCK = 4096, KEEP = 65536 };

struct arena_block {
    struct arena_block *next;
    size_t size; /* of bytes */
    _Alignas(ALIGN) char bytes[];
};

void arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){.max = max};
}

static void free_from(struct arena *a, struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        a->held -= block->size;
        free(block);
        block = next;
    }
}

void arena_done(struct arena *a)
{
    free_from(a, a->first);
    arena_init(a, a->max);
}

static void enter(struct arena *a, struct arena_block *block)
{
    a->current = block;
    a->at = block ? block->bytes : NULL;
    a->end = block ? block->bytes + block->size : NULL;
}

void arena_reset(struct arena *a)
{
    if (a->held > KEEP) {
        size_t kept = 0;
        struct arena_block **link = &a->first;
        while (*link && kept + (*link)->size <= KEEP) {
            kept += (*link)->size;
            link = &(*link)->next;
        }
        struct arena_block *rest = *link;
        *link = NULL;
        free_from(a, rest);
    }
    enter(a, a->first);
}

/* As much as is held already, so that a large use takes few blocks; less near the maximum. */
static size_t block_size(const struct arena *a, size_t need)
{
    size_t left = a->max - a->held, size = a->held > BLOCK ? a->held : BLOCK;
    if (size < need)
        size = need;
    if (size > left)
        size = left / ALIGN * ALIGN;
    return size < need ? 0 : size;
}

static struct arena_block *add_block(struct arena *a, size_t need)
{
    size_t size = block_size(a, need);
    struct arena_block *block = size ? malloc(sizeof *block + size) : NULL;
    if (!block)
        return NULL;

    block->size = size;
    struct arena_block **link = a->current ? &a->current->next : &a->first;
    block->next = *link;
    *link = block;
    a->held += size;
    return block;
}

static void *alloc_in_next(struct arena *a, size_t size)
{
    struct arena_block *next = a->current ? a->current->next : a->first;
    if (!next || next->size < size)
        next = add_block(a, size);
    if (!next)
        return NULL;
    enter(a, next);
    a->at += size;
    return next->bytes;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > a->max)
        return NULL;
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (size > (size_t)(a->end - a->at))
        return alloc_in_next(a, size);

    void *ptr = a->at;
    a->at += size;
    return ptr;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    if (size && count > a->max / size)
        return NULL;
    size_t bytes = count * size;
    void *ptr = arena_alloc(a, bytes ? bytes : 1);
    if (ptr)
        memset(ptr, 0, bytes);
    return ptr;
}

struct span arena_span(struct arena *a, struct span s)
{
    char *ptr = arena_alloc(a, s.len ? s.len : 1);
    if (!ptr)
        return (struct span){0};
    if (s.len)
        memcpy(ptr, s.ptr, s.len);
    return span_of(ptr, s.len);
}
