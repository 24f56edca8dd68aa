/* Reads a flow into parts and branches. */
#include "server/flow/graph_tree.h"

#include "server/flow/api.h"
#include "server/flow/json.h"
#include "server/flow/parser.h"

enum { NESTED_MAX = 256 };

struct growing {
    struct arena *arena;
    struct graph_branch *branch[NESTED_MAX]; /* where parts are added, innermost last */
    struct graph_part *part[NESTED_MAX];     /* whose branch that is */
    size_t depth;
    bool full;
};

static struct graph_part *add_part(struct growing *g, enum graph_kind kind, int line)
{
    struct graph_branch *b = g->branch[g->depth];
    struct graph_part *part = arena_alloc(g->arena, sizeof *part);
    if (!part) {
        g->full = true;
        return NULL;
    }
    *part = (struct graph_part){.kind = kind, .line = line};
    if (b->last)
        b->last->next = part;
    else
        b->first = part;
    b->last = part;
    return part;
}

static void add_branch(struct growing *g, struct graph_part *part, struct span label)
{
    struct graph_branch *b = arena_alloc(g->arena, sizeof *b);
    if (!b) {
        g->full = true;
        return;
    }
    *b = (struct graph_branch){.label = label};
    if (part->last_branch)
        part->last_branch->next = b;
    else
        part->branches = b;
    part->last_branch = b;
    g->branch[g->depth] = b;
}

static void enter(struct growing *g, enum graph_kind kind, struct span label, int line)
{
    struct graph_part *part = add_part(g, kind, line);
    g->full |= g->depth + 1 == NESTED_MAX;
    if (g->full)
        return;
    part->text = label;
    g->part[++g->depth] = part;
    add_branch(g, part, label);
}

/* A fork without else has a branch in which nothing happens. */
static void leave(struct growing *g)
{
    struct graph_part *part = g->part[g->depth];
    if (part->kind == GRAPH_FORK && part->last_branch->label.len)
        add_branch(g, part, span_of("", 0));
    g->depth--;
}

static void on_shape(void *owner, enum parser_shape shape, struct span text, int line)
{
    struct growing *g = owner;
    if (g->full)
        return;
    switch (shape) {
    case PARSER_IF:
        enter(g, GRAPH_FORK, text, line);
        return;
    case PARSER_ELSEIF:
    case PARSER_ELSE:
        add_branch(g, g->part[g->depth], text);
        return;
    case PARSER_LOOP:
        enter(g, GRAPH_LOOP, text, line);
        return;
    case PARSER_FUNCTION:
        enter(g, GRAPH_FUNCTION, text, line);
        return;
    case PARSER_RETURN:
        add_part(g, GRAPH_END, line);
        return;
    case PARSER_NEVER:
    case PARSER_STATEMENT:
        return;
    default:
        leave(g);
    }
}

static struct span words_of(const struct value *args, size_t count)
{
    static const char *const keys[] = {"text", "title", "reason", "url", "event", "delay", "key", "type", "flow"};
    if (count && args[0].type == VALUE_TEXT)
        return args[0].text;
    for (size_t i = 0; count && args[0].type == VALUE_MAP && i < sizeof keys / sizeof *keys; i++)
        if (json_text(&args[0], keys[i]).len)
            return json_text(&args[0], keys[i]);
    const struct value *card = count && args[0].type == VALUE_MAP ? value_find(&args[0], "card") : NULL;
    return card ? json_text(card, "title") : span_of("", 0);
}

static bool is_shown(const char *name)
{
    static const char *const names[] = {"say",      "ask",       "form",     "wait",        "handoff",
                                        "http.get", "http.post", "http.put", "http.delete", "process.start",
                                        "call",     "jump",      "restart",  "stop"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void on_call(void *owner, struct span table, struct span name, const struct value *args, size_t count, bool open,
                    int line)
{
    struct growing *g = owner;
    for (size_t i = 0; i < FLOW_CALLS && !g->full; i++) {
        const char *known = flow_functions[i].name, *dot = strchr(known, '.');
        struct span first = dot ? span_of(known, (size_t)(dot - known)) : span_of("", 0);
        if (!span_equal(first, table) || !span_is(name, dot ? dot + 1 : known) || !is_shown(known))
            continue;
        struct graph_part *part = add_part(g, GRAPH_CALL, line);
        if (!part)
            return;
        part->name = span_str(known);
        part->text = arena_span(g->arena, words_of(args, count));
        if (strcmp(known, "jump") == 0 || strcmp(known, "restart") == 0 || strcmp(known, "stop") == 0)
            add_part(g, GRAPH_END, line);
        return;
    }
}

static void on_name(void *owner, enum parser_use use, struct span table, struct span name, int line)
{
}

static void on_local(void *owner, struct span name, int line)
{
}

parley_status graph_tree(struct span source, struct arena *arena, struct graph_branch *out)
{
    struct growing g = {.arena = arena};
    const struct parser_events events = {&g, on_name, on_call, on_local, on_shape};
    *out = (struct graph_branch){0};
    g.branch[0] = out;
    parley_status st = parser_read(source, arena, &events);
    return st == PARLEY_OK && g.full ? PARLEY_NOMEM : st;
}
