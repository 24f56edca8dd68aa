/* Recursive descent over Lua's grammar. Precedence does not matter here: an expression is a row of simple ones. */
#include "server/flow/parser.h"

#include "server/flow/api.h"
#include "server/flow/lexer.h"

enum { NAMES_MAX = 2048, DEPTH_MAX = 250, ARGS_MAX = 16, ENTRIES_MAX = 4096 };

struct parser {
    struct lexer lexer;
    struct token now, ahead;
    struct arena *arena;
    const struct parser_events *events;
    struct span *names; /* locals in scope, innermost last */
    size_t count;
    struct value_member *entries; /* of the tables that are being read, innermost last; without a key: in order */
    size_t entry_count;
    int depth;
    parley_status status;
};

/* What an expression is, as far as it is written out. */
struct expression {
    struct value value;
    bool open;    /* a call or ...: may be several values */
    bool is_name; /* a bare global name, and nothing else */
    struct span name;
    int line;
};

static void block(struct parser *p);
static struct expression expression(struct parser *p);

/* ---- tokens ---- */

static void advance(struct parser *p)
{
    p->now = p->ahead;
    p->ahead = lexer_next(&p->lexer);
}

static bool is(const struct parser *p, const char *word)
{
    return (p->now.type == TOKEN_SIGN || p->now.type == TOKEN_KEYWORD) && span_is(p->now.word, word);
}

static bool take(struct parser *p, const char *word)
{
    if (!is(p, word))
        return false;
    advance(p);
    return true;
}

static void give_up(struct parser *p, parley_status why)
{
    if (p->status == PARLEY_OK)
        p->status = why;
    p->now = (struct token){.type = TOKEN_END, .line = p->now.line};
    p->ahead = p->now;
    p->lexer.at = p->lexer.end;
}

static void expect(struct parser *p, const char *word)
{
    if (!take(p, word))
        give_up(p, PARLEY_INVALID);
}

static bool enter(struct parser *p)
{
    if (++p->depth <= DEPTH_MAX)
        return true;
    give_up(p, PARLEY_INVALID);
    return false;
}

/* ---- names ---- */

static void declare(struct parser *p, struct span name, int line)
{
    if (p->count == NAMES_MAX) {
        give_up(p, PARLEY_INVALID);
        return;
    }
    p->names[p->count++] = name;
    p->events->on_local(p->events->owner, name, line);
}

static bool is_local(const struct parser *p, struct span name)
{
    for (size_t i = p->count; i-- > 0;)
        if (span_equal(p->names[i], name))
            return true;
    return false;
}

static void report_name(struct parser *p, enum parser_use use, struct span table, struct span name, int line)
{
    p->events->on_name(p->events->owner, use, table, name, line);
}

/* ---- tables ---- */

struct table {
    size_t first; /* of its entries on the stack */
    size_t keyed, in_order;
    bool unknown; /* a key that is not written out, too many entries */
};

static bool take_key(struct parser *p, struct table *t, struct span *out)
{
    if (take(p, "[")) {
        struct expression key = expression(p);
        expect(p, "]");
        expect(p, "=");
        t->unknown |= key.value.type != VALUE_TEXT;
        *out = key.value.text;
        return true;
    }
    if (p->now.type != TOKEN_NAME || p->ahead.type != TOKEN_SIGN || !span_is(p->ahead.word, "="))
        return false;
    *out = p->now.word;
    advance(p);
    advance(p);
    return true;
}

static void table_field(struct parser *p, struct table *t)
{
    struct value_member m = {0};
    bool keyed = take_key(p, t, &m.key);
    struct expression e = expression(p);
    m.value = e.value;
    t->unknown |= (!keyed && e.open) || p->entry_count == ENTRIES_MAX;
    if (t->unknown)
        return;
    p->entries[p->entry_count++] = m;
    t->keyed += keyed;
    t->in_order += !keyed;
}

static struct value table_value(struct parser *p, const struct table *t)
{
    struct value v;
    const struct value_member *m = p->entries + t->first;
    if (t->unknown || (t->keyed && t->in_order))
        return flow_unknown();
    parley_status st = t->in_order ? value_array(p->arena, t->in_order, &v) : value_map(p->arena, t->keyed + 1, &v);
    if (st != PARLEY_OK)
        return flow_unknown();
    for (size_t i = 0; i < t->in_order; i++)
        value_push(&v, m[i].value);
    for (size_t i = 0; i < t->keyed; i++)
        value_put(&v, m[i].key, m[i].value);
    return v;
}

static struct value table(struct parser *p)
{
    struct table t = {.first = p->entry_count};
    expect(p, "{");
    while (p->status == PARLEY_OK && !is(p, "}")) {
        table_field(p, &t);
        if (!take(p, ",") && !take(p, ";"))
            break;
    }
    expect(p, "}");
    struct value v = table_value(p, &t);
    p->entry_count = t.first;
    return v;
}

/* ---- expressions ---- */

static void function_body(struct parser *p, bool method)
{
    size_t outer = p->count;
    if (method)
        declare(p, span_str("self"), p->now.line);
    expect(p, "(");
    while (p->status == PARLEY_OK && !is(p, ")")) {
        if (p->now.type == TOKEN_NAME)
            declare(p, p->now.word, p->now.line);
        advance(p);
        if (!take(p, ","))
            break;
    }
    expect(p, ")");
    block(p);
    expect(p, "end");
    p->count = outer;
}

struct arguments {
    struct value values[ARGS_MAX];
    size_t count;
    bool open;
};

static void add_argument(struct arguments *a, struct value v, bool open)
{
    if (a->count == ARGS_MAX)
        open = true;
    else
        a->values[a->count++] = v;
    a->open |= open;
}

static void arguments(struct parser *p, struct arguments *a)
{
    if (p->now.type == TOKEN_TEXT) {
        add_argument(a, value_text(p->now.word), false);
        advance(p);
    } else if (is(p, "{")) {
        add_argument(a, table(p), false);
    } else {
        expect(p, "(");
        while (p->status == PARLEY_OK && !is(p, ")")) {
            struct expression e = expression(p);
            a->open = false; /* only the last one may be several */
            add_argument(a, e.value, e.open);
            if (!take(p, ","))
                break;
        }
        expect(p, ")");
    }
}

static bool at_arguments(const struct parser *p)
{
    return p->now.type == TOKEN_TEXT || is(p, "{") || is(p, "(");
}

/* Where a chain of names, fields and calls stands: in the library, as long as it is nothing but names. */
struct chain {
    bool library;
    struct span table, name;
    int line;
};

static void call(struct parser *p, struct chain *c)
{
    struct arguments a = {0};
    arguments(p, &a);
    if (c->library)
        p->events->on_call(p->events->owner, c->table, c->name, a.values, a.count, a.open, c->line);
    c->library = false;
}

static void field(struct parser *p, struct chain *c)
{
    if (c->library && c->table.len == 0) {
        c->table = c->name;
        c->name = p->now.word;
        report_name(p, PARSER_READS, c->table, c->name, p->now.line);
    } else {
        c->library = false;
    }
    advance(p);
}

/* One link of the chain; false at its end. */
static bool link_of(struct parser *p, struct chain *c, bool *is_call)
{
    *is_call = false;
    if (take(p, ".")) {
        field(p, c);
    } else if (take(p, "[")) {
        expression(p);
        expect(p, "]");
        c->library = false;
    } else if (is(p, ":")) {
        advance(p);
        advance(p);
        c->library = false;
        call(p, c);
        *is_call = true;
    } else if (at_arguments(p)) {
        call(p, c);
        *is_call = true;
    } else {
        return false;
    }
    return true;
}

/* A name alone is reported by who knows whether it is read or written. */
static struct expression suffixed(struct parser *p)
{
    struct expression e = {.value = flow_unknown(), .line = p->now.line};
    struct chain c = {.line = p->now.line};
    if (p->now.type == TOKEN_NAME) {
        c.name = p->now.word;
        c.library = !is_local(p, c.name);
        advance(p);
        bool goes_on = is(p, ".") || is(p, "[") || is(p, ":") || at_arguments(p);
        if (c.library && goes_on)
            report_name(p, PARSER_READS, (struct span){0}, c.name, c.line);
        e.is_name = c.library && !goes_on;
        e.name = c.name;
    } else {
        expect(p, "(");
        expression(p);
        expect(p, ")");
    }
    while (p->status == PARLEY_OK && link_of(p, &c, &e.open))
        ;
    return e;
}

static struct expression literal(struct parser *p, struct value v)
{
    advance(p);
    return (struct expression){.value = v, .line = p->now.line};
}

static struct expression simple(struct parser *p)
{
    struct expression e = {.value = flow_unknown(), .line = p->now.line};
    if (p->now.type == TOKEN_TEXT)
        return literal(p, p->now.word.ptr ? value_text(p->now.word) : flow_unknown());
    if (p->now.type == TOKEN_INT)
        return literal(p, value_int(p->now.integer));
    if (p->now.type == TOKEN_REAL)
        return literal(p, value_number(p->now.real));
    if (is(p, "true") || is(p, "false"))
        return literal(p, value_bool(is(p, "true")));
    if (is(p, "nil"))
        return literal(p, (struct value){.type = VALUE_NULL});
    if (is(p, "...")) {
        advance(p);
        e.open = true;
    } else if (is(p, "{")) {
        e.value = table(p);
    } else if (take(p, "function")) {
        function_body(p, false);
    } else {
        e = suffixed(p);
        if (e.is_name)
            report_name(p, PARSER_READS, (struct span){0}, e.name, e.line);
    }
    return e;
}

static bool take_unary(struct parser *p)
{
    return take(p, "not") || take(p, "-") || take(p, "#") || take(p, "~");
}

static bool take_binary(struct parser *p)
{
    static const char *const operators[] = {"+",  "-",  "*", "/",  "//", "^",  "%",  "&",  "~",   "|", "..",
                                            "<<", ">>", "<", "<=", ">",  ">=", "==", "~=", "and", "or"};
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (take(p, operators[i]))
            return true;
    return false;
}

static struct expression operand(struct parser *p)
{
    bool minus = is(p, "-");
    int operators = 0;
    while (take_unary(p))
        operators++;
    struct expression e = simple(p);
    if (operators == 0)
        return e;
    e.open = false;
    if (operators == 1 && minus && e.value.type == VALUE_INT)
        e.value.integer = -e.value.integer;
    else
        e.value = flow_unknown();
    return e;
}

/* Only what stands alone is known. */
static struct expression expression(struct parser *p)
{
    struct expression e = {.value = flow_unknown(), .line = p->now.line};
    if (!enter(p))
        return e;
    e = operand(p);
    while (p->status == PARLEY_OK && take_binary(p)) {
        operand(p);
        e.value = flow_unknown();
        e.open = false;
    }
    p->depth--;
    return e;
}

static void expressions(struct parser *p)
{
    do
        expression(p);
    while (take(p, ","));
}

/* ---- statements ---- */

static void if_statement(struct parser *p)
{
    do {
        expression(p);
        expect(p, "then");
        block(p);
    } while (take(p, "elseif"));
    if (take(p, "else"))
        block(p);
    expect(p, "end");
}

static void for_statement(struct parser *p)
{
    struct token names[ARGS_MAX];
    size_t count = 0, outer = p->count;
    do {
        if (count < ARGS_MAX)
            names[count++] = p->now;
        advance(p);
    } while (take(p, ","));
    if (!take(p, "in"))
        expect(p, "=");
    expressions(p);
    for (size_t i = 0; i < count; i++)
        declare(p, names[i].word, names[i].line);
    expect(p, "do");
    block(p);
    expect(p, "end");
    p->count = outer;
}

/* Names come into scope behind their values. */
static void local_statement(struct parser *p)
{
    struct token names[ARGS_MAX * 4];
    size_t count = 0;
    if (take(p, "function")) {
        declare(p, p->now.word, p->now.line);
        advance(p);
        function_body(p, false);
        return;
    }
    do {
        if (count < sizeof names / sizeof *names)
            names[count++] = p->now;
        advance(p);
        if (take(p, "<")) {
            advance(p);
            expect(p, ">");
        }
    } while (take(p, ","));
    if (take(p, "="))
        expressions(p);
    for (size_t i = 0; i < count; i++)
        declare(p, names[i].word, names[i].line);
}

static void function_statement(struct parser *p)
{
    struct token name = p->now;
    bool method = false;
    advance(p);
    bool plain = !is(p, ".") && !is(p, ":");
    if (!is_local(p, name.word))
        report_name(p, plain ? PARSER_WRITES : PARSER_READS, (struct span){0}, name.word, name.line);
    while (is(p, ".") || is(p, ":")) {
        method = is(p, ":");
        advance(p);
        advance(p);
    }
    function_body(p, method);
}

static void expression_statement(struct parser *p)
{
    struct expression targets[ARGS_MAX];
    size_t count = 0;
    do {
        struct expression e = suffixed(p);
        if (count < ARGS_MAX)
            targets[count++] = e;
    } while (take(p, ","));
    if (take(p, "="))
        expressions(p);
    for (size_t i = 0; i < count; i++)
        if (targets[i].is_name)
            report_name(p, PARSER_WRITES, (struct span){0}, targets[i].name, targets[i].line);
}

static void repeat_statement(struct parser *p);

static bool ends_block(const struct parser *p)
{
    return p->now.type == TOKEN_END || is(p, "end") || is(p, "else") || is(p, "elseif") || is(p, "until");
}

static void return_statement(struct parser *p)
{
    if (!ends_block(p) && !is(p, ";"))
        expressions(p);
    take(p, ";");
}

static void while_statement(struct parser *p)
{
    expression(p);
    expect(p, "do");
    block(p);
    expect(p, "end");
}

static void do_statement(struct parser *p)
{
    block(p);
    expect(p, "end");
}

static void goto_statement(struct parser *p)
{
    advance(p);
}

static void label_statement(struct parser *p)
{
    advance(p);
    expect(p, "::");
}

static void nothing(struct parser *p)
{
}

static const struct {
    const char *word;
    void (*read)(struct parser *p);
} statements[] = {{"if", if_statement},
                  {"for", for_statement},
                  {"local", local_statement},
                  {"function", function_statement},
                  {"while", while_statement},
                  {"repeat", repeat_statement},
                  {"return", return_statement},
                  {"do", do_statement},
                  {"goto", goto_statement},
                  {"break", nothing},
                  {";", nothing},
                  {"::", label_statement}};

static void statement(struct parser *p)
{
    if (!enter(p))
        return;
    size_t i = 0;
    while (i < sizeof statements / sizeof *statements && !take(p, statements[i].word))
        i++;
    if (i < sizeof statements / sizeof *statements)
        statements[i].read(p);
    else
        expression_statement(p);
    p->depth--;
}

static void inner_block(struct parser *p)
{
    while (p->status == PARLEY_OK && !ends_block(p))
        statement(p);
}

static void block(struct parser *p)
{
    size_t outer = p->count;
    inner_block(p);
    p->count = outer;
}

/* The condition sees the locals of the block. */
static void repeat_statement(struct parser *p)
{
    size_t outer = p->count;
    inner_block(p);
    expect(p, "until");
    expression(p);
    p->count = outer;
}

parley_status parser_read(struct span source, struct arena *arena, const struct parser_events *events)
{
    struct parser p = {.arena = arena, .events = events};
    p.names = arena_array(arena, NAMES_MAX, sizeof *p.names);
    p.entries = arena_array(arena, ENTRIES_MAX, sizeof *p.entries);
    if (!p.names || !p.entries)
        return PARLEY_NOMEM;
    lexer_init(&p.lexer, source, arena);
    advance(&p);
    advance(&p);
    block(&p);
    if (p.status == PARLEY_OK && p.now.type != TOKEN_END)
        return PARLEY_INVALID;
    return p.status;
}
