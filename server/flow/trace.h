/* A dialogue gone through statement by statement, for debuggers: everything is played once more, which costs less than
 * a key press, so that going back is going again. Times when the run would be taken out of memory are left out. One
 * thread. */
#ifndef SERVER_FLOW_TRACE_H
#define SERVER_FLOW_TRACE_H

#include "server/flow/error.h"

#include <stddef.h>

struct trace;

/* Before this statement. */
struct trace_place {
    char file[FLOW_ERROR_FILE_MAX];
    int line;
    int depth;  /* of calls */
    size_t act; /* after which it ran: an index into the acts */
};

/* NULL with the error when the flow does not compile. The source (bundle.h) is copied. */
struct trace *trace_new(const char *path, struct span source, struct flow_error *error);
void trace_free(struct trace **trace);

/* Plays these acts (stage.h) and notes each statement. */
void trace_play(struct trace *trace, char *const *acts, size_t count);

size_t trace_count(const struct trace *trace);
const struct trace_place *trace_at(const struct trace *trace, size_t i);

/* The next of what was said by statements from `from` to before `to`, as transcripts have it; NULL: no more. *cursor is
 * 0 at first. Until the next time that it is played. */
const char *trace_said(const struct trace *trace, size_t from, size_t to, size_t *cursor);

/* The variables there, a line each: name = value. Plays the acts again. */
void trace_variables(struct trace *trace, size_t i, struct buf *out);

/* The next statement after this one that is not inside a function that it calls; where there is none, the same. */
size_t trace_over(const struct trace *trace, size_t i);
/* The statement before, seen in the same way. */
size_t trace_back(const struct trace *trace, size_t i);

#endif
