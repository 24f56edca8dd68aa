/* What a call is known by, as it is stored. A text that stands in the flow's source is nobody's words; in one that the
 * flow puts together there may be somebody's, and of it only the beginning is stored that the source has as well. */
#include "server/base/mem.h"
#include "server/flow/run.h"

static bool has(struct span source, struct span text)
{
    return memmem(source.ptr, source.len, text.ptr, text.len);
}

/* How much of it stands in the source. */
static size_t known(struct span source, struct span label)
{
    size_t is = 0, is_not = label.len + 1;
    while (is + 1 < is_not) {
        size_t middle = (is + is_not) / 2;
        if (has(source, span_of(label.ptr, middle)))
            is = middle;
        else
            is_not = middle;
    }
    while (is > 0 && is < label.len && ((unsigned char)label.ptr[is] & 0xc0) == 0x80)
        is--; /* not within a character */
    return is;
}

struct span label_shown(const struct flow_version *version, struct arena *arena, struct span label)
{
    static const char more[] = "\xe2\x80\xa6";
    size_t n = label.len ? known(version->source, label) : 0;
    if (n == label.len)
        return (struct span){0};
    char *text = arena_alloc(arena, n + sizeof more);
    if (!text)
        return span_str(more);
    memcpy(text, label.ptr, n);
    memcpy(text + n, more, sizeof more);
    return span_of(text, n + sizeof more - 1);
}
