/* Dialogues as tests: a text with what happens and what the flow must say, played without server or database; and again
 * with a crash before each step, where it must come out the same.
 *
 *   flow order-status          the flow that is meant; without it the one that the first line starts
 *   < words                    the flow says: with * for anything, [Label] for what can be tapped
 *   < card "Title"             the beginning is enough for everything but words
 *   handoff queue=orders summary~"A123456"     asks for a person: = is, ~ contains
 *   expect context.order == "A123456"          also !=, ~; of state, step, journal, error, context, process.TYPE
 *   # a remark
 *
 * and anything else of stage.h that happens.
 *
 * Everything that a flow says must be expected. */
#ifndef SERVER_FLOW_TRANSCRIPT_H
#define SERVER_FLOW_TRANSCRIPT_H

#include "server/flow/host_memory.h"

struct transcript {
    const char *path; /* what reports call it */
    struct span text;
    const char *flow_path;
    struct span flow; /* source */
    enum memory_crash crash;
};

struct transcript_result {
    size_t lines;      /* that happened or were expected */
    int64_t steps;     /* of the run */
    struct buf report; /* what was wrong; empty: nothing */
    struct buf actual; /* the dialogue as it was, as a transcript */
};

/* The name behind `flow`; empty when there is none. */
struct span transcript_flow(struct span text);

/* The line with which it begins: `> words` or `event TYPE {...}`. Empty when there is none. */
struct span transcript_begins(struct span text);

/* True when all was as expected. transcript_done after it. */
bool transcript_play(const struct transcript *transcript, struct transcript_result *out);
void transcript_done(struct transcript_result *result);

/* Lines `< ...` or `handoff ...` of what was added, as transcripts have it. */
void transcript_write(const struct memory_item *item, struct buf *out);

#endif
