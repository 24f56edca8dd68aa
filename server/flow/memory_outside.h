/* The outside, for host_memory: answers that were said before. Owned by it. */
#ifndef SERVER_FLOW_MEMORY_OUTSIDE_H
#define SERVER_FLOW_MEMORY_OUTSIDE_H

#include "server/flow/engine.h"
#include "server/flow/host_memory.h"

/* What came of a key: the same whenever it is asked again. */
struct memory_answer {
    struct uuid key;
    struct memory_stub *stub; /* NULL: there was none */
};

struct memory_outside {
    struct memory_stub **stubs;
    size_t stub_count;
    struct memory_answer *answers;
    size_t answer_count;
    char unknown[256];
    bool asked; /* and not answered yet */
    struct uuid key;
    char call[2200]; /* "GET {shop}/x?a=b" */
    int tries;
};

void memory_outside_stub(struct memory_outside *o, const struct memory_stub *stub);
void memory_outside_ask(struct memory_outside *o, const struct flow_fetch *fetch);

/* The answer to what was asked; false when nothing is, or when there never is one. */
bool memory_outside_answer(struct memory_outside *o, struct flow_event *out);
void memory_outside_done(struct memory_outside *o);

#endif
