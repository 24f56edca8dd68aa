/* Intrusive doubly linked list: the node lives in the thing listed, so listing allocates nothing. */
#ifndef SERVER_BASE_LIST_H
#define SERVER_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
    l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_insert(struct list *before, struct list *node)
{
    node->prev = before->prev;
    node->next = before;
    before->prev->next = node;
    before->prev = node;
}

/* At the end. */
static inline void list_push(struct list *l, struct list *node)
{
    list_insert(l, node);
}

/* Harmless on a node that is initialised but not listed. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* Moves everything from `from` to the end of `to`. */
static inline void list_move_all(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#define LIST_ITEM(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

/* The current entry may be removed inside the loop. */
#define LIST_EACH(l, node)                                                                                             \
    for (struct list *node = (l)->next, *node##_next = node->next; node != (l);                                        \
         node = node##_next, node##_next = node->next)

#endif
