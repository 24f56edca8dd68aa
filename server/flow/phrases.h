/* What customers say in any language to be understood everywhere: that they want a person, or to leave a topic.
 * Owned by an engine. */
#ifndef SERVER_FLOW_PHRASES_H
#define SERVER_FLOW_PHRASES_H

#include "protocol/span.h"

#include <stdbool.h>

enum phrase {
    PHRASE_PERSON, /* "talk to a person" */
    PHRASE_CANCEL, /* "never mind" */
    PHRASE_MEANT   /* "no, I meant ..." */
};

struct phrases;

struct phrases *phrases_new(void);
void phrases_free(struct phrases **phrases);

/* What is meant, when the text puts something right: "the 5th" of "no, I meant the 5th". */
bool phrases_meant(const struct phrases *phrases, struct span text, struct span *out);

/* Whether the whole of the text says so, and nothing else. */
bool phrases_say(const struct phrases *phrases, enum phrase phrase, struct span text);

#endif
