/* Which of the published flows begins: with what a customer says where nobody serves, with an event, or where nothing
 * else would. By name where several could: the first. One thread. */
#ifndef SERVER_FLOW_STARTS_H
#define SERVER_FLOW_STARTS_H

#include "protocol/value.h"

struct starts;

struct starts *starts_new(void);
void starts_free(struct starts **starts);

/* One more, in order of their names; `start` as start_read has it. Copies. What cannot be compiled is left out: it was
 * checked when the flow was published. */
void starts_add(struct starts *starts, struct span name, const struct value *start);

/* Whether this one may begin; `arg` is the asker's. NULL: all may. */
typedef bool starts_may(const void *arg, struct span name);

/* The names of these live as long as the list; NULL: none.
 *
 * The flow whose button this is, without regard to case and to blanks around it; by words else one that has a pattern
 * which fits. All patterns of a flow have the limits of one call of match() together: what they cannot find within that
 * is not there, and the log says so. */
const char *starts_by_button(const struct starts *starts, struct span words, starts_may *may, const void *arg);
const char *starts_by_words(const struct starts *starts, struct span words, starts_may *may, const void *arg);
const char *starts_by_event(const struct starts *starts, struct span type, const struct value *data, starts_may *may,
                            const void *arg);
const char *starts_otherwise(const struct starts *starts, starts_may *may, const void *arg);

#endif
