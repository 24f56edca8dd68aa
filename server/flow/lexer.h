/* Words of Lua 5.4, for looking at a flow without running it. The text has been compiled before: what is read here is
 * known to be Lua. Nothing is copied but texts with escapes. */
#ifndef SERVER_FLOW_LEXER_H
#define SERVER_FLOW_LEXER_H

#include "protocol/arena.h"

#include <stdint.h>

enum token_type {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_KEYWORD,
    TOKEN_TEXT,
    TOKEN_INT,
    TOKEN_REAL,
    TOKEN_SIGN /* operators and brackets: "==", "...", "{" */
};

struct token {
    enum token_type type;
    int line;
    const char *from, *behind; /* where it stands in the source */
    struct span word;          /* as written; of TEXT what it means */
    int64_t integer;
    double real;
};

struct lexer {
    const char *at, *end;
    int line;
    struct arena *arena;
};

void lexer_init(struct lexer *lexer, struct span source, struct arena *arena);

/* TOKEN_END for ever after the last one. */
struct token lexer_next(struct lexer *lexer);

#endif
