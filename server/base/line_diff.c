/* The greedy algorithm of Myers over what is left when the common beginning and end are taken away. Texts that have
 * very little in common differ in all of that. */
#include "server/base/line_diff.h"

#include "server/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { EDITS_MAX = 2000, CONTEXT = 3 };

struct lines {
    struct span *at;
    bool *changed; /* gone from here, or new in there */
    int count;
};

static void split(struct span text, struct lines *out)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    int room = 1;
    for (size_t i = 0; i < text.len; i++)
        room += text.ptr[i] == '\n';
    *out = (struct lines){.at = mem_array((size_t)room, sizeof *out->at),
                          .changed = mem_array((size_t)room, sizeof *out->changed)};
    while (at && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
        out->at[out->count++] = span_of(at, (size_t)(stop - at));
        at = newline ? newline + 1 : NULL;
    }
}

static void lines_done(struct lines *l)
{
    mem_free(l->at);
    mem_free(l->changed);
}

/* ---- the shortest edit of a[from_a, end_a) into b[from_b, end_b) ---- */

struct middle {
    struct lines *a, *b;
    int from_a, end_a, from_b, end_b;
    int *rounds[EDITS_MAX + 1]; /* how far each diagonal had come before that many edits; -d..d */
};

static bool comes_down(const int *v, int d, int k)
{
    return k == -d || (k != d && v[d + k - 1] < v[d + k + 1]);
}

/* From the last round back: which lines were passed by going down (new in b) or right (gone from a). */
static void mark_way(struct middle *m, int d)
{
    int x = m->end_a - m->from_a, y = m->end_b - m->from_b;
    for (; d > 0; d--) {
        const int *v = m->rounds[d];
        int k = x - y;
        bool down = comes_down(v, d, k);
        int from = down ? k + 1 : k - 1;
        x = v[d + from];
        y = x - from;
        if (down)
            m->b->changed[m->from_b + y] = true;
        else
            m->a->changed[m->from_a + x] = true;
    }
}

/* One round of d edits: `v` has room for -d-1..d+1. True when the end is reached. */
static bool go_round(const struct middle *m, const int *was, int *v, int d)
{
    int width = m->end_a - m->from_a, height = m->end_b - m->from_b;
    for (int k = -d; k <= d; k += 2) {
        int x = d == 0 ? 0 : comes_down(was, d, k) ? was[d + k + 1] : was[d + k - 1] + 1;
        while (x < width && x - k < height && span_equal(m->a->at[m->from_a + x], m->b->at[m->from_b + x - k]))
            x++;
        v[d + 1 + k] = x;
        if (x >= width && x - k >= height)
            return true;
    }
    return false;
}

static void change_all(struct middle *m)
{
    for (int i = m->from_a; i < m->end_a; i++)
        m->a->changed[i] = true;
    for (int i = m->from_b; i < m->end_b; i++)
        m->b->changed[i] = true;
}

static void find_way(struct middle *m)
{
    int d = 0;
    bool found = false;
    for (; !found && d < EDITS_MAX; d++) {
        m->rounds[d + 1] = mem_array(2 * (size_t)d + 3, sizeof(int));
        for (int i = 0; i < 2 * d + 3; i++)
            m->rounds[d + 1][i] = -1;
        found = go_round(m, m->rounds[d], m->rounds[d + 1], d);
    }
    if (found)
        mark_way(m, d - 1);
    else
        change_all(m);
    for (int i = 0; i <= EDITS_MAX; i++)
        mem_free(m->rounds[i]);
}

static void compare(struct lines *a, struct lines *b)
{
    struct middle *m = mem_alloc(sizeof *m);
    *m = (struct middle){.a = a, .b = b, .end_a = a->count, .end_b = b->count};
    while (m->from_a < m->end_a && m->from_b < m->end_b && span_equal(a->at[m->from_a], b->at[m->from_b]))
        m->from_a++, m->from_b++;
    while (m->from_a < m->end_a && m->from_b < m->end_b && span_equal(a->at[m->end_a - 1], b->at[m->end_b - 1]))
        m->end_a--, m->end_b--;
    find_way(m);
    mem_free(m);
}

/* ---- writing ---- */

static bool changed(const struct lines *l, int i)
{
    return i < l->count && l->changed[i];
}

static void put(struct buf *out, char sign, struct span line)
{
    buf_add_char(out, sign);
    buf_add_span(out, line);
    buf_add_char(out, '\n');
}

/* Where the hunk ends that has its first change at i and j: when so many lines are alike that another would begin. */
static void end_of_hunk(const struct lines *a, const struct lines *b, int *i, int *j)
{
    int alike = 0, at = *i, to = *j;
    while ((at < a->count || to < b->count) && alike <= 2 * CONTEXT) {
        bool gone = changed(a, at), new = changed(b, to);
        at += gone || !new;
        to += new || !gone;
        alike = gone || new ? 0 : alike + 1;
        if (gone || new)
            *i = at, *j = to;
    }
}

static void put_hunk(const struct lines *a, const struct lines *b, int i, int j, int end_i, int end_j, struct buf *out)
{
    int before = i < CONTEXT ? i : CONTEXT, after = a->count - end_i < CONTEXT ? a->count - end_i : CONTEXT;
    buf_printf(out, "@@ -%d,%d +%d,%d @@\n", i - before + 1, end_i - i + before + after, j - before + 1,
               end_j - j + before + after);
    for (int k = i - before; k < i; k++)
        put(out, ' ', a->at[k]);
    while (i < end_i || j < end_j) {
        bool gone = changed(a, i), new = changed(b, j);
        if (gone)
            put(out, '-', a->at[i++]);
        else if (new)
            put(out, '+', b->at[j++]);
        else
            put(out, ' ', a->at[i++]), j++;
    }
    for (int k = end_i; k < end_i + after; k++)
        put(out, ' ', a->at[k]);
}

bool line_diff(struct span from, struct span to, struct buf *out)
{
    struct lines a, b;
    bool any = false;
    split(from, &a);
    split(to, &b);
    compare(&a, &b);
    for (int i = 0, j = 0; i < a.count || j < b.count;) {
        if (!changed(&a, i) && !changed(&b, j)) {
            i++, j++;
            continue;
        }
        int end_i = i, end_j = j;
        end_of_hunk(&a, &b, &end_i, &end_j);
        put_hunk(&a, &b, i, j, end_i, end_j, out);
        i = end_i, j = end_j;
        any = true;
    }
    lines_done(&a);
    lines_done(&b);
    return any;
}
