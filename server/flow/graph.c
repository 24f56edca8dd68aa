/* Places and lines: each part is centred in its branch, branches stand side by side, what follows a fork is below its
 * longest branch. */
#include "server/flow/graph.h"

#include "server/flow/graph_tree.h"
#include "server/flow/graph_words.h"

#include <stdio.h>

enum {
    BOX_W = 240,
    PAD = 10, /* between a box and its words */
    LINE_H = 16,
    LINES_MAX = 3,
    GAP = 26,
    SIDE = 18,
    STUB = 8, /* of a line, above a label and below it */
    FRAME = 14,
    HEAD = 34,        /* the name of a frame */
    FRAME_MORE = 100, /* beside its words */
    NARROW = 60,
    MARGIN = 24,
    ARENA = 8 << 20
};

/* ---- sizes ---- */

static int count_lines(struct span text, int room, int most)
{
    int n = 0;
    for (; text.len && n < most; n++)
        graph_take_line(&text, room);
    return n;
}

static struct span label_of(const struct graph_branch *b)
{
    return b->label.len ? b->label : span_str("else");
}

/* The labels of a fork stand in two lines at most. */
static int labels_height(const struct graph_part *part)
{
    int lines = 1;
    for (const struct graph_branch *b = part->branches; b; b = b->next)
        if (count_lines(label_of(b), b->width, 2) == 2)
            lines = 2;
    return 2 * STUB + lines * LINE_H;
}

static void measure(struct graph_branch *b);

static int measure_branches(const struct graph_part *part, int *tallest)
{
    int across = 0;
    *tallest = 0;
    for (struct graph_branch *b = part->branches; b; b = b->next) {
        measure(b);
        across += b->width + (across ? SIDE : 0);
        *tallest = b->height > *tallest ? b->height : *tallest;
    }
    return across;
}

static struct span frame_label(const struct graph_part *part)
{
    if (part->kind == GRAPH_FUNCTION)
        return part->text;
    return span_is(part->text, "true") || part->text.len == 0 ? span_str("again and again") : part->text;
}

/* What the name of a frame needs, within reason. */
static int frame_room(const struct graph_part *part)
{
    int width = graph_text_width(frame_label(part)) + FRAME_MORE;
    return width > 2 * BOX_W ? 2 * BOX_W : width;
}

static void measure_part(struct graph_part *part)
{
    int tallest, across = measure_branches(part, &tallest), room = BOX_W - 2 * PAD;
    switch (part->kind) {
    case GRAPH_CALL:
        part->width = BOX_W;
        part->height =
            LINE_H * (1 + count_lines(part->text, room, LINES_MAX) + count_lines(part->more, room, LINES_MAX)) + 14;
        return;
    case GRAPH_END:
        part->width = NARROW;
        part->height = 12;
        return;
    case GRAPH_LEAVE:
        part->width = graph_text_width(part->text) + 2 * PAD;
        part->height = LINE_H + 4;
        return;
    case GRAPH_FORK:
        part->width = across;
        part->height = GAP / 2 + labels_height(part) + tallest + GAP / 2;
        return;
    default:
        part->width = across + 2 * FRAME > frame_room(part) ? across + 2 * FRAME : frame_room(part);
        part->height = HEAD + tallest + FRAME;
    }
}

/* A branch in which little happens is as wide as its label. */
static void measure(struct graph_branch *b)
{
    int label = graph_text_width(label_of(b)) + 2 * PAD;
    b->width = label < NARROW ? NARROW : label < BOX_W ? label : BOX_W;
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

/* A line in its class; where words are cut, pointing at it shows them all. */
static void put_text(struct buf *out, int x, int y, const char *class, struct span text, struct span cut)
{
    buf_printf(out, "<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, class);
    if (cut.len) {
        buf_add_str(out, "<title>");
        put_escaped(out, cut);
        buf_add_str(out, "</title>");
    }
    put_escaped(out, text);
    buf_add_str(out, cut.len ? "…</text>\n" : "</text>\n");
}

/* Lines from the left, or from the right for what is written so; the y of the next one. */
static int put_lines(struct buf *out, int left, int y, const char *class, struct span text)
{
    char classes[16];
    bool rtl = graph_is_rtl(text);
    struct span rest = text;
    snprintf(classes, sizeof classes, "%s%s", class, rtl ? " rtl" : "");
    for (int line = 1; rest.len && line <= LINES_MAX; line++, y += LINE_H) {
        struct span words = graph_take_line(&rest, BOX_W - 2 * PAD);
        bool cut = line == LINES_MAX && rest.len;
        if (cut)
            words = graph_take_line(&words, BOX_W - 3 * PAD);
        put_text(out, rtl ? left + BOX_W - PAD : left + PAD, y, classes, words, cut ? text : (struct span){0});
    }
    return y;
}

/* What the call is shows in its colour: it says, it asks or waits, a person, the outside. */
static const char *class_of(const struct graph_part *part)
{
    static const char *const classes[][2] = {{"say", "say"},  {"ask", "ask"},        {"form", "ask"},
                                             {"wait", "ask"}, {"handoff", "person"}, {"flow", "begin"}};
    for (size_t i = 0; !part->own && i < sizeof classes / sizeof *classes; i++)
        if (span_is(part->name, classes[i][0]))
            return classes[i][1];
    return "work";
}

static void draw_call(const struct graph_part *part, int x, int y, struct buf *out)
{
    struct span name = part->name;
    int left = x - BOX_W / 2;
    buf_printf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\"/>\n", class_of(part),
               left, y, BOX_W, part->height);
    name = graph_take_line(&name, BOX_W - 6 * PAD);
    buf_printf(out, "<text x=\"%d\" y=\"%d\" class=\"name\">", left + PAD, y + LINE_H + 2);
    put_escaped(out, name);
    buf_add_str(out, part->own ? "()</text>\n" : "</text>\n");
    buf_printf(out, "<text x=\"%d\" y=\"%d\" class=\"line\">%d</text>\n", left + BOX_W - PAD, y + LINE_H + 2,
               part->line);
    int at = put_lines(out, left, y + 2 * LINE_H + 2, "words", part->text);
    put_lines(out, left, at, "more", part->more);
}

static bool draw(const struct graph_branch *b, int x, int y, struct buf *out);

static int all_branches(const struct graph_part *part)
{
    int width = 0;
    for (const struct graph_branch *b = part->branches; b; b = b->next)
        width += b->width + (width ? SIDE : 0);
    return width;
}

static void put_label(const struct graph_branch *b, int x, int y, int height, struct buf *out)
{
    struct span label = label_of(b), rest = label, first = graph_take_line(&rest, b->width), more = rest;
    struct span second = graph_take_line(&more, b->width - (more.len ? PAD : 0));
    bool two = second.len > 0;
    int at = y + height / 2 + 5 - (two ? LINE_H / 2 : 0);
    put_text(out, x, at, "label", first, (struct span){0});
    if (two)
        put_text(out, x, at + LINE_H, "label", second, more.len ? label : (struct span){0});
}

/* Above and below its label, which stands in between. */
static void put_way(const struct graph_branch *b, int x, int y, int labels, struct buf *out)
{
    int lines = count_lines(label_of(b), b->width, 2), gap = (labels - lines * LINE_H) / 2;
    put_line(out, x, y, x, y + gap);
    put_line(out, x, y + labels - gap + 2, x, y + labels);
}

/* Whether a way leads out of it. */
static bool draw_fork(const struct graph_part *part, int x, int y, struct buf *out)
{
    int at = x - all_branches(part) / 2, top = y + GAP / 2, bottom = y + part->height, labels = labels_height(part);
    int first = x, last = x, out_first = x, out_last = x;
    bool goes_on = false;
    put_line(out, x, y, x, top);
    for (const struct graph_branch *b = part->branches; b; b = b->next) {
        int middle = at + b->width / 2;
        put_way(b, middle, top, labels, out);
        put_label(b, middle, top, labels, out);
        if (draw(b, middle, top + labels, out)) {
            put_line(out, middle, top + labels + b->height, middle, bottom);
            out_first = middle < out_first ? middle : out_first;
            out_last = middle > out_last ? middle : out_last;
            goes_on = true;
        }
        first = middle < first ? middle : first;
        last = middle > last ? middle : last;
        at += b->width + SIDE;
    }
    put_line(out, first, top, last, top);
    if (goes_on)
        put_line(out, out_first, bottom, out_last, bottom);
    return goes_on;
}

static void draw_frame(const struct graph_part *part, int x, int y, struct buf *out)
{
    struct span label = frame_label(part), rest = label;
    bool handler = label.len > 3 && memcmp(label.ptr, "on.", 3) == 0;
    buf_printf(out, "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"10\"/>\n",
               x - part->width / 2, y, part->width, part->height);
    buf_printf(out, "<text x=\"%d\" y=\"%d\" class=\"name\">%s", x - part->width / 2 + PAD, y + LINE_H + 3,
               part->kind == GRAPH_LOOP ? "↻ "
               : handler                ? ""
                                        : "function ");
    put_escaped(out, graph_take_line(&rest, part->width - FRAME_MORE));
    buf_add_str(out, rest.len ? "…</text>\n" : "</text>\n");
    draw(part->branches, x, y + HEAD, out);
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
    case GRAPH_LEAVE:
        put_text(out, x, y + LINE_H - 2, "label leave", part->text, (struct span){0});
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
            if (goes_on)
                put_line(out, x, y, x, y + GAP);
            y += GAP;
        }
        goes_on = draw_part(p, x, y, out);
        y += p->height;
    }
    return goes_on;
}

/* Functions stand below the flow, which does not lead to them. */
static void draw_functions(const struct graph_branch *functions, int x, int y, struct buf *out)
{
    for (const struct graph_part *p = functions->first; p; p = p->next) {
        y += GAP;
        draw_part(p, x, y, out);
        y += p->height;
    }
}

static const char style[] =
    "<style>text{font:13px system-ui,sans-serif;fill:#1f2933}.name{font-weight:600}.line{text-anchor:end;fill:#7b8794}"
    ".more{fill:#52606d}.rtl{direction:rtl}.label{text-anchor:middle;fill:#52606d}.leave{font-style:italic}"
    "rect{stroke:#9aa5b1}.begin{fill:#e8f8ee}.say{fill:#e6f6ff}.ask{fill:#fff8e1}.person{fill:#fde8ef}"
    ".work{fill:#eef2f5}.frame{fill:none;stroke-dasharray:5 4}path{stroke:#7b8794;fill:none}circle{fill:#52606d}"
    "</style>\n";

static void draw_all(struct graph_tree *tree, struct buf *out)
{
    measure(&tree->flow);
    measure(&tree->functions);
    int wide = tree->flow.width > tree->functions.width ? tree->flow.width : tree->functions.width;
    int width = wide + 2 * MARGIN, x = width / 2, below = MARGIN + tree->flow.height;
    int height = below + (tree->functions.first ? GAP + tree->functions.height : 0) + MARGIN;
    buf_printf(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n%s"
               "<path style=\"fill:#fff;stroke:none\" d=\"M0 0h%dv%dh-%dz\"/>\n",
               width, height, width, height, style, width, height, width);
    draw(&tree->flow, x, MARGIN, out);
    draw_functions(&tree->functions, x, below, out);
    buf_add_str(out, "</svg>\n");
}

parley_status graph_write(struct span source, struct buf *out)
{
    struct graph_tree tree;
    struct arena arena;
    arena_init(&arena, ARENA);
    parley_status st = graph_tree(source, &arena, &tree);
    if (st == PARLEY_OK) {
        graph_prune(&tree);
        draw_all(&tree, out);
        st = out->status;
    }
    arena_done(&arena);
    return st;
}
