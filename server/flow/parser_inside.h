/* What reading expressions (parser_expression.c) and statements (parser.c) share: the tokens under the eye, the locals
 * in scope, and where it ends. */
#ifndef SERVER_FLOW_PARSER_INSIDE_H
#define SERVER_FLOW_PARSER_INSIDE_H

#include "server/flow/lexer.h"
#include "server/flow/parser.h"

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
    const char *behind; /* the last token that was taken */
    int depth;
    bool left;   /* the loop that is being read has a break, or a goto may lead out of it */
    bool closed; /* nothing leads from the last statement to what stands behind it */
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

/* ---- tokens ---- */

static inline void advance(struct parser *p)
{
    p->behind = p->now.behind;
    p->now = p->ahead;
    p->ahead = lexer_next(&p->lexer);
}

static inline bool is(const struct parser *p, const char *word)
{
    return (p->now.type == TOKEN_SIGN || p->now.type == TOKEN_KEYWORD) && span_is(p->now.word, word);
}

static inline bool take(struct parser *p, const char *word)
{
    if (!is(p, word))
        return false;
    advance(p);
    return true;
}

/* Nothing more is read; the first reason stays. */
void parser_give_up(struct parser *p, parley_status why);

static inline void expect(struct parser *p, const char *word)
{
    if (!take(p, word))
        parser_give_up(p, PARLEY_INVALID);
}

/* One level deeper; false, and given up, when that is too deep. p->depth-- leaves it. */
bool parser_enter(struct parser *p);

/* ---- names ---- */

void parser_declare(struct parser *p, struct span name, int line);
bool parser_is_local(const struct parser *p, struct span name);
void parser_report(struct parser *p, enum parser_use use, struct span table, struct span name, int line);

void parser_shape(struct parser *p, enum parser_shape shape, const char *from);

/* From there to the last token that was taken. */
struct span parser_source(const struct parser *p, const char *from);

/* ---- expressions ---- */

struct expression parser_expression(struct parser *p);
void parser_expressions(struct parser *p);

/* A name, or what is in brackets, and what follows it. A name alone is reported by who knows whether it is read or
 * written. */
struct expression parser_suffixed(struct parser *p);

/* From its parameters to its end. */
void parser_function_body(struct parser *p, bool method);

/* ---- statements ---- */

void parser_block(struct parser *p);

#endif
