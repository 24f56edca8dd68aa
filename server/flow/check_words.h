/* What the checker reads from words alone: the services that are called, and functions in which nothing may wait. */
#ifndef SERVER_FLOW_CHECK_WORDS_H
#define SERVER_FLOW_CHECK_WORDS_H

#include "protocol/arena.h"
#include "server/flow/check.h"

/* Notes what is used; each name once. */
void check_note_use(struct flow_findings *findings, enum flow_use_kind kind, const char *file, struct span name,
                    int line);

/* Notes every service, and tells of calls that wait where Lua cannot. */
void check_words(struct flow_findings *findings, const char *file, struct span source, struct arena *arena,
                 void (*no_wait)(void *owner, struct span call, int line), void *owner);

#endif
