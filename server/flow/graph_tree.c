/* Reads a flow into parts and branches. */
#include "server/flow/graph_tree.h"

#include "server/flow/api.h"
#include "server/flow/graph_words.h"
#include "server/flow/parser.h"

enum { NESTED_MAX = 256 };

struct growing {
    struct arena *arena;
    struct graph_tree *tree;
    struct graph_branch *branch[NESTED_MAX]; /* where parts are added, innermost last */
    struct graph_part *part[NESTED_MAX];     /* whose branch that is */
    size_t depth;
    struct span language; /* the flow's */
    struct value texts;   /* in that language, or in any */
    bool full;
};

static void append(struct graph_branch *b, struct graph_part *part)
{
    if (b->last)
        b->last->next = part;
    else
        b->first = part;
    b->last = part;
}

/* Nothing comes behind an end. */
static bool has_ended(const struct graph_branch *b)
{
    return b->last && (b->last->kind == GRAPH_END || b->last->kind == GRAPH_LEAVE);
}

static struct graph_part *new_part(struct growing *g, enum graph_kind kind, int line)
{
    struct graph_part *part = arena_alloc(g->arena, sizeof *part);
    if (part)
        *part = (struct graph_part){.kind = kind, .line = line};
    g->full |= !part;
    return part;
}

static struct graph_part *add_part(struct growing *g, enum graph_kind kind, int line)
{
    struct graph_part *part = new_part(g, kind, line);
    if (part)
        append(g->branch[g->depth], part);
    return part;
}

static void add_end(struct growing *g, enum graph_kind kind, struct span text, int line)
{
    struct graph_part *part = has_ended(g->branch[g->depth]) ? NULL : add_part(g, kind, line);
    if (part)
        part->text = text;
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

/* A function with a name stands beside the flow, which goes on without it. */
static void enter(struct growing *g, enum graph_kind kind, struct span label, int line)
{
    bool beside = kind == GRAPH_FUNCTION && label.len;
    struct graph_part *part = beside ? new_part(g, kind, line) : add_part(g, kind, line);
    g->full |= g->depth + 1 == NESTED_MAX;
    if (g->full)
        return;
    if (beside)
        append(&g->tree->functions, part);
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
        add_end(g, GRAPH_END, (struct span){0}, line);
        return;
    case PARSER_LEAVE:
        add_end(g, GRAPH_LEAVE, text, line);
        return;
    case PARSER_NEVER:
    case PARSER_STATEMENT:
        return;
    default:
        leave(g);
    }
}

/* ---- calls ---- */

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool is_shown(const char *name)
{
    static const char *const names[] = {"flow",    "say",      "ask",       "form",          "wait",
                                        "handoff", "http.get", "http.post", "http.put",      "http.delete",
                                        "call",    "jump",     "restart",   "process.start", "stop"};
    return is_one_of(name, names, sizeof names / sizeof *names);
}

static bool goes_away(const char *name)
{
    static const char *const names[] = {"jump", "restart", "stop"};
    return is_one_of(name, names, sizeof names / sizeof *names);
}

/* on.event("x", function() ... end): the function that was just read is one of its own, by that name. */
static void stand_beside(struct growing *g, const char *name, struct span words)
{
    struct graph_branch *b = g->branch[g->depth];
    struct graph_part *part = b->last, *before = NULL;
    if (!part || part->kind != GRAPH_FUNCTION)
        return;
    for (struct graph_part *p = b->first; p != part; p = p->next)
        before = p;
    b->last = before;
    *(before ? &before->next : &b->first) = NULL;
    append(&g->tree->functions, part);
    size_t len = strlen(name);
    char *label = arena_alloc(g->arena, len + 1 + words.len);
    if (!label)
        return;
    memcpy(label, name, len);
    label[len] = ' ';
    memcpy(label + len + 1, words.ptr ? words.ptr : "", words.len);
    part->text = span_of(label, words.len ? len + 1 + words.len : len);
}

static void note_texts(struct growing *g, const struct value *args, size_t count)
{
    const struct value *own = count && args[0].type == VALUE_MAP ? value_get(&args[0], g->language) : NULL;
    if (count && args[0].type == VALUE_MAP && args[0].count)
        g->texts = own ? *own : args[0].members[0].value;
}

static void note_language(struct growing *g, const struct value *args, size_t count)
{
    const struct value *language = count && args[0].type == VALUE_MAP ? value_find(&args[0], "language") : NULL;
    if (language && language->type == VALUE_TEXT)
        g->language = language->text;
}

static void add_call(struct growing *g, const char *name, const struct value *args, size_t count, int line)
{
    struct graph_part *part = add_part(g, GRAPH_CALL, line);
    if (!part)
        return;
    struct span words = graph_words(g->arena, args, count, &g->texts);
    part->name = span_str(name);
    part->text = arena_span(g->arena, words);
    part->more = strcmp(name, "flow") == 0 ? (struct span){0} : graph_more(g->arena, args, count, &g->texts);
    if (strcmp(name, "flow") == 0)
        note_language(g, args, count);
    if (goes_away(name))
        add_end(g, GRAPH_END, (struct span){0}, line);
}

static void on_own_call(void *owner, struct span name, int line)
{
    struct growing *g = owner;
    struct graph_part *part = g->full ? NULL : add_part(g, GRAPH_CALL, line);
    if (!part)
        return;
    part->own = true;
    part->name = name;
}

static const char *known_call(struct span table, struct span name)
{
    for (size_t i = 0; i < FLOW_CALLS; i++) {
        const char *known = flow_functions[i].name, *dot = strchr(known, '.');
        struct span first = dot ? span_of(known, (size_t)(dot - known)) : span_of("", 0);
        if (span_equal(first, table) && span_is(name, dot ? dot + 1 : known))
            return known;
    }
    return NULL;
}

static void on_call(void *owner, struct span table, struct span name, const struct value *args, size_t count, bool open,
                    int line)
{
    struct growing *g = owner;
    const char *known = known_call(table, name);
    if (g->full)
        return;
    if (!known && table.len == 0)
        on_own_call(owner, name, line); /* of a function that is no local */
    else if (span_is(table, "on") && known)
        stand_beside(g, known, count > 1 ? graph_words(g->arena, args, 1, &g->texts) : (struct span){0});
    else if (known && strcmp(known, "texts") == 0)
        note_texts(g, args, count);
    else if (known && is_shown(known))
        add_call(g, known, args, count, line);
}

static void on_name(void *owner, enum parser_use use, struct span table, struct span name, int line)
{
}

static void on_local(void *owner, struct span name, int line)
{
}

parley_status graph_tree(struct span source, struct arena *arena, struct graph_tree *out)
{
    struct growing g = {.arena = arena, .tree = out};
    const struct parser_events events = {&g, on_name, on_call, on_local, on_shape, on_own_call, NULL};
    *out = (struct graph_tree){0};
    g.branch[0] = &out->flow;
    parley_status st = parser_read(source, arena, &events);
    if (st == PARLEY_OK && !g.full)
        add_end(&g, GRAPH_END, (struct span){0}, 0);
    return st == PARLEY_OK && g.full ? PARLEY_NOMEM : st;
}
