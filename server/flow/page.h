/* A page on each error: what it means, what to do, an example that has it and one that has not. Any thread. */
#ifndef SERVER_FLOW_PAGE_H
#define SERVER_FLOW_PAGE_H

#include "protocol/buf.h"

#include <stddef.h>

struct flow_page {
    const char *code, *meaning, *help;
    const char *wrong, *right; /* see pages.def */
};

size_t flow_page_count(void);

/* In the order of errors.def. wrong and right are NULL of an error that has no page yet. */
struct flow_page flow_page_at(size_t i);

/* For a terminal. False when there is no such code. */
bool flow_page_print(const char *code, struct buf *out);

/* All of them, as Markdown: server/flow/ERRORS.md. */
void flow_pages_markdown(struct buf *out);

#endif
