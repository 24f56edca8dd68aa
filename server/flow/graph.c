/* Places and lines: each part is centred in its branch, branches stand side by side, what follows a fork is below its
 * longest branch. */
#include "server/flow/graph.h"

#include "server/flow/graph_tree.h"

enum {
    BOX_W = 230,
    LINE_H = 16,
    LETTERS = 32, /* in a line of a box */
    LINES_MAX = 3,
    GAP = 26,
    SIDE = 18,
    LABEL_H = 34,
    FRAME = 14,
    MARGIN = 24,
    ARENA = 8 << 20
};

/* ---- sizes ---- */

static size_t next_letter(struct span s, size_t at)
{
    at++;
    while (at < s.len && ((unsigned char)s.ptr[at] & 0xc0) == 0x80)
        at++;
    return at;
}

/* The first words that fit a line; the rest without them. */
static struct span take_words(struct span *rest)
{
    struct span s = *rest;
    size_t at = 0, space = 0, letters = 0;
    while (at < s.len && letters < LETTERS && s.ptr[at] != '\n') {
        if (s.ptr[at] == ' ')
            space = at;
        at = next_letter(s, at);
        letters++;
    }
    if (at < s.len && space && s.ptr[at] != '\n')
        at = space;
    size_t skip = at < s.len && (s.ptr[at] == ' ' || s.ptr[at] == '\n') ? at + 1 : at;
    *rest = span_of(s.ptr + skip, s.len - skip);
    return span_of(s.ptr, at);
}

static int count_lines(struct span text)
{
    int n = 0;
    for (; text.len && n < LINES_MAX; n++)
        take_words(&text);
    return n;
}

static void measure(struct graph_branch *b);

static void measure_part(struct graph_part *part)
{
    int across = 0, tallest = 0;
    for (struct graph_branch *b = part->branches; b; b = b->next) {
        measure(b);
        across += b->width + (across ? SIDE : 0);
        tallest = b->height > tallest ? b->height : tallest;
    }
    switch (part->kind) {
    case GRAPH_CALL:
        part->width = BOX_W;
        part->height = LINE_H * (1 + count_lines(part->text)) + 14;
        return;
    case GRAPH_END:
        part->width = BOX_W;
        part->height = 12;
        return;
    case GRAPH_FORK:
        part->width = across;
        part->height = GAP / 2 + LABEL_H + tallest + GAP / 2;
        return;
    default:
        part->width = across + 2 * FRAME;
        part->height = LABEL_H + tallest + FRAME;
    }
}

static void measure(struct graph_branch *b)
{
    b->width = BOX_W;
    b->height = 0;
    for (struct graph_part *p = b->first; p; p = p->next) {
        measure_part(p);
        b->width = p->width > b->width ? p->width : b->width;
        b->height += p->height + (p == b->first ? 0 : GAP);
    }
}

/* ---- drawing ---- */

static void put_escaped(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '<')
            buf_add_str(out, "&lt;");
        else if (c == '&')
            buf_add_str(out, "&amp;");
        else
            buf_add_char(out, (unsigned char)c < ' ' ? ' ' : c);
    }
}

static void put_line(struct buf *out, int x1, int y1, int x2, int y2)
{
    buf_printf(out, "<path d=\"M%d %dL%d %d\"/>\n", x1, y1, x2, y2);
}

static void put_text(struct buf *out, int x, int y, const char *class, struct span text, bool cut)
{
    buf_printf(out, "<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, class);
    put_escaped(out, text);
    buf_add_str(out, cut ? "…</text>\n" : "</text>\n");
}

/* What the call is shows in its colour: it says, it asks or waits, a person, the outside. */
static const char *class_of(struct span name)
{
    if (span_is(name, "say"))
        return "say";
    if (span_is(name, "ask") || span_is(name, "form") || span_is(name, "wait"))
        return "ask";
    return span_is(name, "handoff") ? "person" : "work";
}

static void draw_call(const struct graph_part *part, int x, int y, struct buf *out)
{
    struct span rest = part->text;
    int left = x - BOX_W / 2, line = 0;
    buf_printf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\"/>\n",
               class_of(part->name), left, y, BOX_W, part->height);
    put_text(out, left + 10, y + LINE_H + 2, "name", part->name, false);
    buf_printf(out, "<text x=\"%d\" y=\"%d\" class=\"line\">%d</text>\n", left + BOX_W - 10, y + LINE_H + 2,
               part->line);
    while (rest.len && line < LINES_MAX) {
        struct span words = take_words(&rest);
        line++;
        put_text(out, left + 10, y + LINE_H * (line + 1) + 2, "words", words, line == LINES_MAX && rest.len);
    }
}

static bool draw(const struct graph_branch *b, int x, int y, struct buf *out);

static int all_branches(const struct graph_part *part)
{
    int width = 0;
    for (const struct graph_branch *b = part->branches; b; b = b->next)
        width += b->width + (width ? SIDE : 0);
    return width;
}

static void put_label(const struct graph_branch *b, int x, int y, struct buf *out)
{
    struct span rest = b->label.len ? b->label : span_str("else"), label = take_words(&rest);
    put_text(out, x, y, "label", label, rest.len > 0);
}

/* Whether a way leads out of it. */
static bool draw_fork(const struct graph_part *part, int x, int y, struct buf *out)
{
    int at = x - all_branches(part) / 2, top = y + GAP / 2, bottom = y + part->height, first = 0, last = 0,
        out_first = 0, out_last = 0;
    bool goes_on = false;
    put_line(out, x, y, x, top);
    for (const struct graph_branch *b = part->branches; b; b = b->next) {
        int middle = at + b->width / 2, foot = top + LABEL_H + b->height - (b->first ? 0 : 6);
        put_line(out, middle, top, middle, top + (b->first ? LABEL_H : 6));
        put_label(b, middle, top + LABEL_H / 2 + 6, out);
        if (draw(b, middle, top + LABEL_H, out)) {
            put_line(out, middle, foot, middle, bottom);
            out_first = goes_on ? out_first : middle;
            out_last = middle;
            goes_on = true;
        }
        first = b == part->branches ? middle : first;
        last = middle;
        at += b->width + SIDE;
    }
    put_line(out, first, top, last, top);
    if (goes_on)
        put_line(out, out_first < x ? out_first : x, bottom, out_last > x ? out_last : x, bottom);
    return goes_on;
}

static void draw_frame(const struct graph_part *part, int x, int y, struct buf *out)
{
    struct span rest = part->text.len ? part->text : span_str("repeat"), label = take_words(&rest);
    buf_printf(out, "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"10\"/>\n",
               x - part->width / 2, y, part->width, part->height);
    buf_printf(out, "<text x=\"%d\" y=\"%d\" class=\"name\">%s", x - part->width / 2 + 10, y + LINE_H + 3,
               part->kind == GRAPH_LOOP ? "↻ " : "function ");
    put_escaped(out, label);
    buf_add_str(out, rest.len ? "…</text>\n" : "</text>\n");
    draw(part->branches, x, y + LABEL_H, out);
}

static bool draw_part(const struct graph_part *part, int x, int y, struct buf *out)
{
    switch (part->kind) {
    case GRAPH_CALL:
        draw_call(part, x, y, out);
        return true;
    case GRAPH_FORK:
        return draw_fork(part, x, y, out);
    case GRAPH_END:
        buf_printf(out, "<circle cx=\"%d\" cy=\"%d\" r=\"6\"/>\n", x, y + 6);
        return false;
    default:
        draw_frame(part, x, y, out);
        return true;
    }
}

/* Whether a way leads out of it at its foot. */
static bool draw(const struct graph_branch *b, int x, int y, struct buf *out)
{
    bool goes_on = true;
    for (const struct graph_part *p = b->first; p; p = p->next) {
        if (p != b->first) {
            if (goes_on && p->kind != GRAPH_FUNCTION)
                put_line(out, x, y, x, y + GAP);
            y += GAP;
        }
        goes_on = draw_part(p, x, y, out);
        y += p->height;
    }
    return goes_on;
}

static const char style[] =
    "<style>text{font:13px system-ui,sans-serif;fill:#1f2933}.name{font-weight:600}.line{text-anchor:end;fill:#7b8794}"
    ".label{text-anchor:middle;fill:#52606d;paint-order:stroke;stroke:#fff;stroke-width:5px}"
    "rect{stroke:#9aa5b1}.say{fill:#e6f6ff}.ask{fill:#fff8e1}.person{fill:#fde8ef}.work{fill:#eef2f5}"
    ".frame{fill:none;stroke-dasharray:5 4}path{stroke:#7b8794;fill:none}circle{fill:#52606d}</style>\n";

parley_status graph_write(struct span source, struct buf *out)
{
    struct graph_branch all;
    struct arena arena;
    arena_init(&arena, ARENA);
    parley_status st = graph_tree(source, &arena, &all);
    if (st == PARLEY_OK) {
        measure(&all);
        buf_printf(out,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n%s"
                   "<path style=\"fill:#fff;stroke:none\" d=\"M0 0h%dv%dh-%dz\"/>\n",
                   all.width + 2 * MARGIN, all.height + 2 * MARGIN, all.width + 2 * MARGIN, all.height + 2 * MARGIN,
                   style, all.width + 2 * MARGIN, all.height + 2 * MARGIN, all.width + 2 * MARGIN);
        draw(&all, MARGIN + all.width / 2, MARGIN, out);
        buf_add_str(out, "</svg>\n");
        st = out->status;
    }
    arena_done(&arena);
    return st;
}
