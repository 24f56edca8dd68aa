/* The small grammar of transcripts. */
#include "server/flow/words.h"

#include "protocol/wire_json.h"
#include "server/flow/json.h"

#include <stdio.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span skip(struct span s, size_t n)
{
    return span_of(s.ptr + n, s.len - n);
}

struct span words_trim(struct span s)
{
    while (s.len && is_space(*s.ptr))
        s = skip(s, 1);
    while (s.len && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct span words_take(struct span *rest)
{
    struct span s = words_trim(*rest), word = s;
    word.len = 0;
    while (word.len < s.len && !is_space(s.ptr[word.len]))
        word.len++;
    *rest = words_trim(skip(s, word.len));
    return word;
}

/* A text in quotes, something in brackets, or up to the next space. */
static struct span take_value(struct span *rest)
{
    struct span s = *rest, value = s;
    size_t n = 0;
    if (s.len && *s.ptr == '"') {
        const char *end = memchr(s.ptr + 1, '"', s.len - 1);
        n = end ? (size_t)(end - s.ptr) + 1 : s.len;
        value = span_of(s.ptr + 1, end ? n - 2 : n - 1);
    } else if (s.len && (*s.ptr == '{' || *s.ptr == '[')) {
        n = wire_json_skip(s);
        n = n ? n : s.len;
        value.len = n;
    } else {
        value = words_take(rest);
        return value;
    }
    *rest = words_trim(skip(s, n));
    return words_trim(value);
}

bool words_label(struct span text, struct span *out)
{
    bool is = text.len > 2 && *text.ptr == '[' && text.ptr[text.len - 1] == ']';
    if (is)
        *out = span_of(text.ptr + 1, text.len - 2);
    return is;
}

bool words_take_pair(struct span *rest, struct words_pair *out)
{
    struct span s = words_trim(*rest);
    size_t n = 0;
    if (s.len == 0)
        return false;
    while (n < s.len && !is_space(s.ptr[n]) && s.ptr[n] != '=' && s.ptr[n] != '~')
        n++;
    *out = (struct words_pair){.key = span_of(s.ptr, n)};
    s = skip(s, n);
    if (s.len && !is_space(*s.ptr)) {
        out->op = *s.ptr;
        s = skip(s, 1);
        out->value = take_value(&s);
    }
    *rest = words_trim(s);
    return true;
}

struct value words_value(struct arena *arena, struct span text)
{
    char list[512];
    struct value read;
    text = words_trim(text);
    bool bracket = text.len && (*text.ptr == '{' || *text.ptr == '[');
    if (bracket && json_read(arena, text, &read) == PARLEY_OK)
        return read;
    if (!bracket && text.len < sizeof list - 3) {
        int n = snprintf(list, sizeof list, "[%.*s]", SPAN_ARG(text));
        if (json_read(arena, span_of(list, (size_t)n), &read) == PARLEY_OK && read.count == 1)
            return read.items[0];
    }
    return value_text(arena_span(arena, text));
}

bool words_fit(struct span pattern, struct span text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, from = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            from = t;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}
