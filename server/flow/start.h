/* How a flow says that it is reached, start = { button, match, fallback, event, where }, as it is kept beside its
 * source: so nobody runs a script to know who begins. Any thread. */
#ifndef SERVER_FLOW_START_H
#define SERVER_FLOW_START_H

#include "protocol/arena.h"
#include "protocol/value.h"

/* Of the flow itself, not of those that it calls. A map with what was given of
 *   button    a map by language; by "" where it is no key of the flow's own texts
 *   language  the flow's own, where there is a button
 *   match     a list of patterns
 *   fallback  true
 *   event     a list of types; where: what the event's data must have
 * Empty where nothing is written out. Borrows arena and source. */
struct value start_read(struct arena *arena, struct span source);

/* The same as canonical JSON. */
struct span start_text(struct arena *arena, struct span source);

/* The button in this language, else in the flow's, else in any; empty: there is none. */
struct span start_button(const struct value *start, struct span language);

#endif
