/* A stretch of a conversation as its customer may see it, for answers. */
#ifndef SERVER_MOCK_PAGE_H
#define SERVER_MOCK_PAGE_H

#include "server/mock/people.h"

struct page {
    int64_t above, below; /* numbers between these two; below 0: up to the head */
    int64_t limit;
    bool oldest; /* the oldest of them, else the newest */
};

/* As an item of a frame; borrows the entry. */
struct frame_item page_item(const struct entry *e);

/* The conversation with those items; everything is in the arena or borrowed. `opening`: with service and people. */
struct frame_thread page_thread(const struct talk *t, const struct page *page, bool opening, struct arena *arena);

/* Whether a session is open; then it is in *out. */
bool page_service(const struct talk *t, struct frame_service *out);

#endif
