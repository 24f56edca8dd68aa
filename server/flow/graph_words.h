/* The words on a picture of a flow: what a call's box says, and how much room that takes. */
#ifndef SERVER_FLOW_GRAPH_WORDS_H
#define SERVER_FLOW_GRAPH_WORDS_H

#include "protocol/arena.h"
#include "protocol/value.h"

/* What is said, asked or called by these arguments of a call, for a person: texts as they are, `"A " .. b` as "A {b}",
 * t "key" as the text of that key. `texts` is a language of texts{}; NULL: none. */
struct span graph_words(struct arena *arena, const struct value *args, size_t count, const struct value *texts);

/* What can be chosen, filled in or tapped, as "[Yes] [No]"; of a handoff the queue. */
struct span graph_more(struct arena *arena, const struct value *args, size_t count, const struct value *texts);

/* The width of a line in pixels, on the safe side of what fonts do. */
int graph_text_width(struct span text);

/* The first words that fit the room, cut off the rest; at least a letter. */
struct span graph_take_line(struct span *rest, int room);

/* Whether it is written from right to left: by its first letter that has a direction. */
bool graph_is_rtl(struct span text);

#endif
