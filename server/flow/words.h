/* Reading lines of transcripts: words, and key=value. All borrow the line. */
#ifndef SERVER_FLOW_WORDS_H
#define SERVER_FLOW_WORDS_H

#include "protocol/arena.h"
#include "protocol/value.h"

struct span words_trim(struct span text);

/* The first word, cut off the rest. Empty at the end. */
struct span words_take(struct span *rest);

/* [Label]: what stands in the brackets. */
bool words_label(struct span text, struct span *out);

/* key=value, key~value, or a word alone (op 0). A value is a word, "a text", or {JSON}. False at the end. */
struct words_pair {
    struct span key, value;
    char op; /* '=' or '~'; 0: the key stands alone */
};
bool words_take_pair(struct span *rest, struct words_pair *out);

/* As JSON when it is that - 5, true, null, {..}, [..] -, else as text. */
struct value words_value(struct arena *arena, struct span text);

/* Whether the text fits a pattern in which * stands for anything. */
bool words_fit(struct span pattern, struct span text);

#endif
