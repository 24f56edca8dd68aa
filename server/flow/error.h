/* What is wrong with a flow, where, and what to do: one form for the checker, for failed runs and for scripts.
 * Plain data, copied freely. */
#ifndef SERVER_FLOW_ERROR_H
#define SERVER_FLOW_ERROR_H

#include "protocol/buf.h"
#include "protocol/span.h"

#include <stdarg.h>

enum { FLOW_ERROR_TEXT_MAX = 512, FLOW_ERROR_HELP_MAX = 256, FLOW_ERROR_FILE_MAX = 64 };

struct flow_error {
    char code[5]; /* E203; empty: no error */
    char file[FLOW_ERROR_FILE_MAX];
    int line;
    char text[FLOW_ERROR_TEXT_MAX];
    char help[FLOW_ERROR_HELP_MAX];
    int64_t was_step; /* E301: where the journal has it otherwise; 0: not of that kind */
    int was_line;
};

/* Fills code, text and the code's own help; file and line stay. */
void flow_error_set(struct flow_error *error, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void flow_error_vset(struct flow_error *error, const char *code, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* Replaces the help sentence. */
void flow_error_help(struct flow_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For a person at a terminal: file:line: text [code], the lines around it when the source is at hand, the help. */
void flow_error_print(const struct flow_error *error, struct span source, struct buf *out);

#endif
