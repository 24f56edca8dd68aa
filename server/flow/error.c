/* The table of errors, and how one of them is shown. */
#include "server/flow/error.h"

#include <stdio.h>

struct advice {
    const char *code, *help;
};

#define FLOW_ERROR(code, meaning, help) {#code, help},
static const struct advice advices[] = {
#include "server/flow/errors.def"
};
#undef FLOW_ERROR

static const char *help_of(const char *code)
{
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (strcmp(advices[i].code, code) == 0)
            return advices[i].help;
    return "";
}

void flow_error_vset(struct flow_error *error, const char *code, const char *format, va_list args)
{
    snprintf(error->code, sizeof error->code, "%s", code);
    vsnprintf(error->text, sizeof error->text, format, args);
    snprintf(error->help, sizeof error->help, "%s", help_of(code));
}

void flow_error_set(struct flow_error *error, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    flow_error_vset(error, code, format, args);
    va_end(args);
}

void flow_error_help(struct flow_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->help, sizeof error->help, format, args);
    va_end(args);
}

/* The line of that number without its end; ptr NULL when there are not so many. */
static struct span source_line(struct span source, int number)
{
    const char *at = source.ptr, *end = source.ptr + source.len;
    for (int line = 1; at && at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        if (line == number)
            return span_of(at, (size_t)(stop - at));
        at = newline ? newline + 1 : NULL;
    }
    return (struct span){0};
}

void flow_error_print(const struct flow_error *error, struct span source, struct buf *out)
{
    buf_printf(out, "%s:%d: error: %s  [%s]\n", error->file, error->line, error->text, error->code);
    int last = error->line; /* what is missing at the end is missing behind the last line */
    while (last > 1 && !source_line(source, last).ptr)
        last--;
    for (int line = last - 2; line <= last; line++) {
        struct span text = line > 0 ? source_line(source, line) : (struct span){0};
        if (text.ptr)
            buf_printf(out, " %s%4d | %.*s\n", line == last ? ">" : " ", line, SPAN_ARG(text));
    }
    if (error->help[0])
        buf_printf(out, "  help: %s\n", error->help);
}
