/* Byte classes of text. Words of eight bytes are tested at once: plain ASCII is what most text is. */
#include "protocol/text.h"

#include <stdint.h>

#define ONES 0x0101010101010101u
#define HIGH 0x8080808080808080u

static uint64_t load(const char *p)
{
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

/* Not zero when a byte of the word is below n, for n <= 128. */
static uint64_t has_below(uint64_t word, uint64_t n)
{
    return (word - ONES * n) & ~word & HIGH;
}

static bool is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* Length of the character of two to four bytes at p, 0 when it is none. */
static size_t wide_length(const unsigned char *p, size_t left)
{
    unsigned char c = p[0];
    if (left >= 2 && c >= 0xc2 && c <= 0xdf)
        return is_tail(p[1]) ? 2 : 0;
    if (left >= 3 && c >= 0xe0 && c <= 0xef) {
        bool overlong = c == 0xe0 && p[1] < 0xa0, surrogate = c == 0xed && p[1] > 0x9f;
        return is_tail(p[1]) && is_tail(p[2]) && !overlong && !surrogate ? 3 : 0;
    }
    if (left >= 4 && c >= 0xf0 && c <= 0xf4) {
        bool overlong = c == 0xf0 && p[1] < 0x90, beyond = c == 0xf4 && p[1] > 0x8f;
        return is_tail(p[1]) && is_tail(p[2]) && is_tail(p[3]) && !overlong && !beyond ? 4 : 0;
    }
    return 0;
}

size_t text_valid(struct span s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t at = 0;
    while (at < s.len) {
        if (at + 8 <= s.len) {
            uint64_t word = load(s.ptr + at);
            if (!(word & HIGH) && !has_below(word, 1)) {
                at += 8;
                continue;
            }
        }
        size_t n = p[at] >= 0x80 ? wide_length(p + at, s.len - at) : p[at] != 0;
        if (n == 0)
            return at;
        at += n;
    }
    return at;
}

size_t text_plain(struct span s)
{
    size_t at = 0;
    for (; at + 8 <= s.len; at += 8) {
        uint64_t word = load(s.ptr + at);
        if (has_below(word, 0x20) | has_below(word ^ (ONES * '"'), 1) | has_below(word ^ (ONES * '\\'), 1))
            break;
    }
    while (at < s.len && (unsigned char)s.ptr[at] >= 0x20 && s.ptr[at] != '"' && s.ptr[at] != '\\')
        at++;
    return at;
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool text_is_name(struct span s)
{
    if (s.len == 0 || !is_name_start(s.ptr[0]))
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (!is_name_start(s.ptr[i]) && !memchr("_.:/-", s.ptr[i], 5))
            return false;
    return true;
}
