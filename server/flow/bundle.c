/* Splitting by lines. */
#include "server/flow/bundle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char mark[] = "--@flow ", said_mark[] = "--@file ";
enum { MARK = sizeof mark - 1 }; /* of both */

static bool is_mark(struct span rest)
{
    return rest.len > MARK && memcmp(rest.ptr, mark, MARK) == 0;
}

static bool is_said(struct span rest)
{
    return rest.len > MARK && memcmp(rest.ptr, said_mark, MARK) == 0;
}

static struct span first_line(struct span s)
{
    const char *end = s.len ? memchr(s.ptr, '\n', s.len) : NULL;
    return span_of(s.ptr, end ? (size_t)(end - s.ptr) : s.len);
}

static struct span behind(struct span s, size_t n)
{
    n = n < s.len ? n : s.len;
    return span_of(s.ptr + n, s.len - n);
}

static void begin_part(struct bundle *b, struct span line, struct span rest)
{
    struct span name = behind(line, MARK);
    while (name.len && (name.ptr[name.len - 1] == '\r' || name.ptr[name.len - 1] == ' '))
        name.len--;
    b->more |= b->count == BUNDLE_MAX;
    if (b->count < BUNDLE_MAX)
        b->parts[b->count++] = (struct bundle_part){name, span_of(rest.ptr, 0)};
}

void bundle_split(struct span source, struct bundle *out)
{
    *out = (struct bundle){.count = 1};
    source.len -= bundle_said_lines(source).len;
    out->parts[0].text = span_of(source.ptr, 0);
    while (source.len) {
        struct span line = first_line(source), rest = behind(source, line.len + 1);
        if (is_mark(line))
            begin_part(out, line, rest);
        else
            out->parts[out->count - 1].text.len += source.len - rest.len;
        source = rest;
    }
}

void bundle_add(struct buf *out, struct span name, struct span text)
{
    buf_printf(out, "\n%s%.*s\n", mark, SPAN_ARG(name));
    buf_add_span(out, text);
}

struct span bundle_file(struct span source, const char *file)
{
    struct bundle b;
    size_t len = strlen(file);
    bundle_split(source, &b);
    for (size_t i = 1; i < b.count; i++) {
        struct span name = b.parts[i].name;
        if (len == name.len + 4 && memcmp(file, name.ptr, name.len) == 0)
            return b.parts[i].text;
    }
    return b.parts[0].text;
}

/* ---- files ---- */

struct span bundle_said_lines(struct span source)
{
    while (source.len && !is_said(source))
        source = behind(source, first_line(source).len + 1);
    return source;
}

void bundle_add_said(struct buf *out, const struct bundle_said *file)
{
    if (out->len && out->ptr[out->len - 1] != '\n')
        buf_add_char(out, '\n');
    buf_printf(out, "%s%.*s %.*s %" PRId64 " %.*s\n", said_mark, SPAN_ARG(file->name), SPAN_ARG(file->type),
               file->bytes, SPAN_ARG(file->sha256));
}

static struct span word_of(struct span *line)
{
    const char *end = line->len ? memchr(line->ptr, ' ', line->len) : NULL;
    struct span word = span_of(line->ptr, end ? (size_t)(end - line->ptr) : line->len);
    *line = behind(*line, word.len + 1);
    return word;
}

bool bundle_next_said(struct span *lines, struct bundle_said *out)
{
    enum { HEX = 64, DIGITS = 20 };
    struct span line = first_line(*lines);
    char digits[DIGITS + 1];
    if (!is_said(line))
        return false;
    *lines = behind(*lines, line.len + 1);
    line = behind(line, MARK);
    out->name = word_of(&line);
    out->type = word_of(&line);
    struct span bytes = word_of(&line);
    snprintf(digits, sizeof digits, "%.*s", SPAN_ARG(bytes));
    out->bytes = strtoll(digits, NULL, 10);
    out->sha256 = word_of(&line);
    return out->bytes > 0 && out->sha256.len == HEX;
}

int bundle_own_mark(struct span text)
{
    for (int line = 1; text.len; line++) {
        if (is_mark(text) || is_said(text))
            return line;
        text = behind(text, first_line(text).len + 1);
    }
    return 0;
}
