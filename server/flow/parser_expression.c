/* Expressions. Precedence does not matter here: an expression is a row of simple ones. */
#include "server/flow/api.h"
#include "server/flow/parser_inside.h"

/* ---- tables ---- */

struct table {
    size_t first; /* of its entries on the stack */
    size_t keyed, in_order;
    bool unknown; /* a key that is not written out, too many entries */
};

static bool take_key(struct parser *p, struct table *t, struct span *out)
{
    if (take(p, "[")) {
        struct expression key = parser_expression(p);
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
    struct expression e = parser_expression(p);
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
        return flow_unknown((struct span){0});
    parley_status st = t->in_order ? value_array(p->arena, t->in_order, &v) : value_map(p->arena, t->keyed + 1, &v);
    if (st != PARLEY_OK)
        return flow_unknown((struct span){0});
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

void parser_function_body(struct parser *p, bool method)
{
    size_t outer = p->count;
    if (method)
        parser_declare(p, span_str("self"), p->now.line);
    expect(p, "(");
    while (p->status == PARLEY_OK && !is(p, ")")) {
        if (p->now.type == TOKEN_NAME)
            parser_declare(p, p->now.word, p->now.line);
        advance(p);
        if (!take(p, ","))
            break;
    }
    expect(p, ")");
    parser_block(p);
    expect(p, "end");
    p->count = outer;
}

static void anonymous_function(struct parser *p)
{
    parser_shape(p, PARSER_FUNCTION, NULL);
    parser_function_body(p, false);
    parser_shape(p, PARSER_END_FUNCTION, NULL);
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
            struct expression e = parser_expression(p);
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
    bool library, alone; /* alone: a name so far */
    struct span table, name;
    int line;
};

static void call(struct parser *p, struct chain *c)
{
    struct arguments a = {0};
    arguments(p, &a);
    if (c->library)
        p->events->on_call(p->events->owner, c->table, c->name, a.values, a.count, a.open, c->line);
    else if (c->alone && p->events->on_own_call)
        p->events->on_own_call(p->events->owner, c->name, c->line);
    c->library = c->alone = false;
}

static void field(struct parser *p, struct chain *c)
{
    c->alone = false;
    if (c->library && c->table.len == 0) {
        c->table = c->name;
        c->name = p->now.word;
        parser_report(p, PARSER_READS, c->table, c->name, p->now.line);
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
        parser_expression(p);
        expect(p, "]");
        c->library = c->alone = false;
    } else if (is(p, ":")) {
        advance(p);
        if (p->events->on_method)
            p->events->on_method(p->events->owner, p->now.word, p->now.line);
        advance(p);
        c->library = c->alone = false;
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

struct expression parser_suffixed(struct parser *p)
{
    struct expression e = {.value = flow_unknown((struct span){0}), .line = p->now.line};
    struct chain c = {.line = p->now.line};
    if (p->now.type == TOKEN_NAME) {
        c.name = p->now.word;
        c.library = !parser_is_local(p, c.name);
        c.alone = true;
        advance(p);
        bool goes_on = is(p, ".") || is(p, "[") || is(p, ":") || at_arguments(p);
        if (c.library && goes_on)
            parser_report(p, PARSER_READS, (struct span){0}, c.name, c.line);
        e.is_name = c.library && !goes_on;
        e.name = c.name;
    } else {
        expect(p, "(");
        parser_expression(p);
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
    struct expression e = {.value = flow_unknown((struct span){0}), .line = p->now.line};
    if (p->now.type == TOKEN_TEXT)
        return literal(p, p->now.word.ptr ? value_text(p->now.word) : flow_unknown((struct span){0}));
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
        anonymous_function(p);
    } else {
        e = parser_suffixed(p);
        if (e.is_name)
            parser_report(p, PARSER_READS, (struct span){0}, e.name, e.line);
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
        e.value = flow_unknown((struct span){0});
    return e;
}

/* Only what stands alone is known; anything else is as it is written. */
struct expression parser_expression(struct parser *p)
{
    const char *from = p->now.from;
    struct expression e = {.value = flow_unknown((struct span){0}), .line = p->now.line};
    if (!parser_enter(p))
        return e;
    e = operand(p);
    while (p->status == PARLEY_OK && take_binary(p)) {
        operand(p);
        e.value = flow_unknown((struct span){0});
        e.open = false;
    }
    if (flow_is_unknown(&e.value))
        e.value = flow_unknown(parser_source(p, from));
    p->depth--;
    return e;
}

void parser_expressions(struct parser *p)
{
    do
        parser_expression(p);
    while (take(p, ","));
}
