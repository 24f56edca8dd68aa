/* Recursive descent over Lua's grammar: scopes and statements. */
#include "server/flow/parser_inside.h"

void parser_give_up(struct parser *p, parley_status why)
{
    if (p->status == PARLEY_OK)
        p->status = why;
    p->now = (struct token){.type = TOKEN_END, .line = p->now.line};
    p->ahead = p->now;
    p->lexer.at = p->lexer.end;
}

bool parser_enter(struct parser *p)
{
    if (++p->depth <= DEPTH_MAX)
        return true;
    parser_give_up(p, PARLEY_INVALID);
    return false;
}

/* ---- names ---- */

void parser_declare(struct parser *p, struct span name, int line)
{
    if (p->count == NAMES_MAX) {
        parser_give_up(p, PARLEY_INVALID);
        return;
    }
    p->names[p->count++] = name;
    p->events->on_local(p->events->owner, name, line);
}

bool parser_is_local(const struct parser *p, struct span name)
{
    for (size_t i = p->count; i-- > 0;)
        if (span_equal(p->names[i], name))
            return true;
    return false;
}

void parser_report(struct parser *p, enum parser_use use, struct span table, struct span name, int line)
{
    p->events->on_name(p->events->owner, use, table, name, line);
}

struct span parser_source(const struct parser *p, const char *from)
{
    return from && p->behind && p->behind > from ? span_of(from, (size_t)(p->behind - from)) : span_of("", 0);
}

/* The text goes from there to what was taken last. */
void parser_shape(struct parser *p, enum parser_shape shape, const char *from)
{
    if (p->events->on_shape)
        p->events->on_shape(p->events->owner, shape, parser_source(p, from), p->now.line);
}

/* ---- statements ---- */

static void if_statement(struct parser *p)
{
    enum parser_shape shape = PARSER_IF;
    bool closed = true;
    do {
        const char *from = p->now.from;
        if (shape == PARSER_ELSEIF)
            parser_shape(p, PARSER_STATEMENT, NULL);
        parser_expression(p);
        parser_shape(p, shape, from);
        shape = PARSER_ELSEIF;
        expect(p, "then");
        parser_block(p);
        closed &= p->closed;
    } while (take(p, "elseif"));
    bool otherwise = take(p, "else");
    if (otherwise) {
        parser_shape(p, PARSER_ELSE, NULL);
        parser_block(p);
    }
    p->closed &= closed && otherwise;
    expect(p, "end");
    parser_shape(p, PARSER_END_IF, NULL);
}

static void for_statement(struct parser *p)
{
    struct token names[ARGS_MAX];
    size_t count = 0, outer = p->count;
    const char *from = p->now.from;
    do {
        if (count < ARGS_MAX)
            names[count++] = p->now;
        advance(p);
    } while (take(p, ","));
    if (!take(p, "in"))
        expect(p, "=");
    parser_expressions(p);
    for (size_t i = 0; i < count; i++)
        parser_declare(p, names[i].word, names[i].line);
    parser_shape(p, PARSER_LOOP, from);
    expect(p, "do");
    parser_block(p);
    expect(p, "end");
    parser_shape(p, PARSER_END_LOOP, NULL);
    p->count = outer;
}

/* Names come into scope behind their values. */
static void local_statement(struct parser *p)
{
    struct token names[ARGS_MAX * 4];
    size_t count = 0;
    if (take(p, "function")) {
        const char *from = p->now.from;
        parser_declare(p, p->now.word, p->now.line);
        advance(p);
        parser_shape(p, PARSER_FUNCTION, from);
        parser_function_body(p, false);
        parser_shape(p, PARSER_END_FUNCTION, NULL);
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
        parser_expressions(p);
    for (size_t i = 0; i < count; i++)
        parser_declare(p, names[i].word, names[i].line);
}

static void function_statement(struct parser *p)
{
    struct token name = p->now;
    bool method = false;
    const char *from = p->now.from;
    advance(p);
    bool plain = !is(p, ".") && !is(p, ":");
    if (!parser_is_local(p, name.word))
        parser_report(p, plain ? PARSER_WRITES : PARSER_READS, (struct span){0}, name.word, name.line);
    while (is(p, ".") || is(p, ":")) {
        method = is(p, ":");
        advance(p);
        advance(p);
    }
    parser_shape(p, PARSER_FUNCTION, from);
    parser_function_body(p, method);
    parser_shape(p, PARSER_END_FUNCTION, NULL);
}

static void expression_statement(struct parser *p)
{
    struct expression targets[ARGS_MAX];
    size_t count = 0;
    do {
        struct expression e = parser_suffixed(p);
        if (count < ARGS_MAX)
            targets[count++] = e;
    } while (take(p, ","));
    if (take(p, "="))
        parser_expressions(p);
    for (size_t i = 0; i < count; i++)
        if (targets[i].is_name)
            parser_report(p, PARSER_WRITES, (struct span){0}, targets[i].name, targets[i].line);
}

static void repeat_statement(struct parser *p);

static bool ends_block(const struct parser *p)
{
    return p->now.type == TOKEN_END || is(p, "end") || is(p, "else") || is(p, "elseif") || is(p, "until");
}

static void return_statement(struct parser *p)
{
    if (!ends_block(p) && !is(p, ";"))
        parser_expressions(p);
    parser_shape(p, PARSER_RETURN, NULL);
    take(p, ";");
    p->closed = true;
}

static void while_statement(struct parser *p)
{
    const char *from = p->now.from;
    bool for_ever = is(p, "true") && p->ahead.type == TOKEN_KEYWORD && span_is(p->ahead.word, "do");
    bool outer = p->left;
    p->left = false;
    parser_expression(p);
    parser_shape(p, PARSER_LOOP, from);
    expect(p, "do");
    parser_block(p);
    expect(p, "end");
    parser_shape(p, PARSER_END_LOOP, NULL);
    p->closed = for_ever && !p->left;
    p->left = outer;
}

static void do_statement(struct parser *p)
{
    parser_block(p);
    expect(p, "end");
}

/* May lead anywhere. */
static void goto_statement(struct parser *p)
{
    const char *from = p->behind - strlen("goto");
    p->left = p->closed = true;
    advance(p);
    parser_shape(p, PARSER_LEAVE, from);
}

static void label_statement(struct parser *p)
{
    advance(p);
    expect(p, "::");
}

static void break_statement(struct parser *p)
{
    p->left = p->closed = true;
    parser_shape(p, PARSER_LEAVE, p->behind - strlen("break"));
}

static void nothing(struct parser *p)
{
}

static const struct {
    const char *word;
    void (*read)(struct parser *p);
    bool closes; /* it may be that nothing leads out of it, and it says so */
} statements[] = {{"if", if_statement, true},
                  {"for", for_statement, false},
                  {"local", local_statement, false},
                  {"function", function_statement, false},
                  {"while", while_statement, true},
                  {"repeat", repeat_statement, false},
                  {"return", return_statement, true},
                  {"do", do_statement, true},
                  {"goto", goto_statement, true},
                  {"break", break_statement, true},
                  {";", nothing, false},
                  {"::", label_statement, false}};

enum { STATEMENTS = sizeof statements / sizeof *statements };

static void statement(struct parser *p)
{
    if (!parser_enter(p))
        return;
    size_t i = 0;
    parser_shape(p, PARSER_STATEMENT, NULL);
    while (i < STATEMENTS && !take(p, statements[i].word))
        i++;
    if (i < STATEMENTS)
        statements[i].read(p);
    else
        expression_statement(p);
    p->closed &= i < STATEMENTS && statements[i].closes;
    p->depth--;
}

/* A call that does not come back, as a statement of its own. */
static bool goes_away(const struct parser *p)
{
    static const char *const names[] = {"stop", "restart", "jump", "error"};
    bool call = p->ahead.type == TOKEN_TEXT || (p->ahead.type == TOKEN_SIGN && strchr("({", *p->ahead.word.ptr));
    for (size_t i = 0; p->now.type == TOKEN_NAME && call && i < sizeof names / sizeof *names; i++)
        if (span_is(p->now.word, names[i]) && !parser_is_local(p, p->now.word))
            return true;
    return false;
}

static void inner_block(struct parser *p)
{
    p->closed = false;
    while (p->status == PARLEY_OK && !ends_block(p)) {
        bool away = goes_away(p);
        statement(p);
        p->closed |= away;
        while (take(p, ";"))
            ;
        if (p->closed && !ends_block(p) && !is(p, "::"))
            parser_shape(p, PARSER_NEVER, NULL);
    }
}

void parser_block(struct parser *p)
{
    size_t outer = p->count;
    inner_block(p);
    p->count = outer;
}

/* The condition sees the locals of the block. */
static void repeat_statement(struct parser *p)
{
    size_t outer = p->count;
    parser_shape(p, PARSER_LOOP, NULL);
    inner_block(p);
    expect(p, "until");
    parser_expression(p);
    parser_shape(p, PARSER_END_LOOP, NULL);
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
    parser_block(&p);
    if (p.status == PARLEY_OK && p.now.type != TOKEN_END)
        return PARLEY_INVALID;
    return p.status;
}
