/* Splitting by lines. */
#include "server/flow/bundle.h"

static const char mark[] = "--@flow ";
enum { MARK = sizeof mark - 1 };

static bool is_mark(struct span rest)
{
    return rest.len > MARK && memcmp(rest.ptr, mark, MARK) == 0;
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
