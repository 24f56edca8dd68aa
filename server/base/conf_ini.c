/* inih splits lines into section, name and value; it reports its first error only and no lines with values, so that the
 * lines are handed to it by a reader of ours, which knows where it is and looks for what inih would pass over. */
#include "server/base/conf_ini.h"

#include <stdio.h>
#include <string.h>

#include <ini.h>

struct reader {
    const struct conf_ini *handler;
    struct span rest;
    int line;
};

static void check_section(struct reader *r, const char *text)
{
    char name[64];
    const char *end = strchr(text, ']');
    if (!end) {
        r->handler->on_problem(r->handler->arg, r->line, "this section has no closing bracket");
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)(end - text - 1), text + 1);
    r->handler->on_section(r->handler->arg, name, r->line);
}

/* What a line that inih will make nothing of is. */
static void check_line(struct reader *r, struct span line)
{
    char text[CONF_INI_LINE + 1];
    snprintf(text, sizeof text, "%.*s", SPAN_ARG(line));
    const char *start = text + strspn(text, " \t\r\f\v");
    if (*start == '[')
        check_section(r, start);
    else if (*start && *start != ';' && *start != '#' && !start[strcspn(start, "=:")])
        r->handler->on_problem(r->handler->arg, r->line, "not `key = value`, [section] or a comment");
}

/* fgets over the span. A line that cannot be text is left out and said to be wrong. */
static char *read_line(char *out, int size, void *stream)
{
    struct reader *r = stream;
    while (r->rest.len > 0) {
        const char *newline = memchr(r->rest.ptr, '\n', r->rest.len);
        struct span line = {r->rest.ptr, newline ? (size_t)(newline - r->rest.ptr) : r->rest.len};
        size_t used = line.len + (newline != NULL);
        r->rest = span_of(r->rest.ptr + used, r->rest.len - used);
        r->line++;
        if (memchr(line.ptr, '\0', line.len)) {
            r->handler->on_problem(r->handler->arg, r->line, "not text: it has a zero byte");
        } else if (line.len > CONF_INI_LINE || (int)line.len > size - 2) {
            r->handler->on_problem(r->handler->arg, r->line, "longer than 4000 bytes");
        } else {
            check_line(r, line);
            snprintf(out, (size_t)size, "%.*s\n", SPAN_ARG(line));
            return out;
        }
    }
    return NULL;
}

static int on_entry(void *user, const char *section, const char *name, const char *value)
{
    struct reader *r = user;
    r->handler->on_entry(r->handler->arg, section, name, value, r->line);
    return 1;
}

void conf_ini_read(struct span text, const struct conf_ini *handler)
{
    static const struct span bom = {"\xef\xbb\xbf", 3};
    struct reader r = {.handler = handler, .rest = text};
    if (text.len >= bom.len && span_equal(span_of(text.ptr, bom.len), bom))
        r.rest = span_of(text.ptr + bom.len, text.len - bom.len);
    ini_use_stack = false;
    ini_max_line = CONF_INI_LINE + 8;
    ini_initial_alloc = CONF_INI_LINE + 8;
    ini_allow_multiline = false;
    ini_parse_stream(read_line, &r, on_entry, &r);
}
