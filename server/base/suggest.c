/* Optimal string alignment over three rows: mistyped keys and verbs are short, so this is plenty fast. */
#include "server/base/suggest.h"

#include <stdio.h>
#include <string.h>

enum { WORD_MAX = SUGGEST_WORD_MAX };

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

unsigned suggest_distance(const char *a, const char *b)
{
    size_t a_len = strnlen(a, WORD_MAX), b_len = strnlen(b, WORD_MAX);
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b_len; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        unsigned *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[b_len];
}

void suggest_init(struct suggest *s, const char *typed)
{
    size_t len = strlen(typed);
    *s = (struct suggest){.typed = typed, .distance = len < 4 ? 2 : len < 8 ? 3 : 4};
}

void suggest_offer(struct suggest *s, const char *word)
{
    unsigned distance = suggest_distance(s->typed, word);
    if (distance >= s->distance)
        return;
    s->distance = distance;
    s->best = word;
}

void suggest_offer_copy(struct suggest *s, struct span word)
{
    char text[sizeof s->copy];
    snprintf(text, sizeof text, "%.*s", word.len < sizeof text ? (int)word.len : (int)sizeof text - 1, word.ptr);
    suggest_offer(s, text);
    if (s->best != text)
        return;
    memcpy(s->copy, text, sizeof text);
    s->best = s->copy;
}
