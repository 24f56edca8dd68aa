/* Reads a flow that is known to be Lua, follows its scopes, and reports what it uses: names that are no local, fields
 * of the library, calls of the library with the arguments that are written out. */
#ifndef SERVER_FLOW_PARSER_H
#define SERVER_FLOW_PARSER_H

#include "protocol/arena.h"
#include "protocol/value.h"

enum parser_use {
    PARSER_READS, /* a global name */
    PARSER_WRITES /* an assignment to one, or a global function */
};

/* How statements stand in each other. `text` is the condition, or the name of a function, as it is written. */
enum parser_shape {
    PARSER_STATEMENT, /* one begins in this line */
    PARSER_IF,
    PARSER_ELSEIF,
    PARSER_ELSE,
    PARSER_END_IF,
    PARSER_LOOP,
    PARSER_END_LOOP,
    PARSER_FUNCTION, /* without a name: where it stands in an expression */
    PARSER_END_FUNCTION,
    PARSER_RETURN, /* behind what it gives */
    PARSER_LEAVE,  /* break and goto */
    PARSER_NEVER   /* a statement that is never reached: nothing leads out of the one before it */
};

struct parser_events {
    void *owner;
    /* table is empty for a global, and its name for a field of one: string.rep. */
    void (*on_name)(void *owner, enum parser_use use, struct span table, struct span name, int line);
    /* args[i] is flow_unknown(how it is written) where it is not written out; `open` when there may be more of them. */
    void (*on_call)(void *owner, struct span table, struct span name, const struct value *args, size_t count, bool open,
                    int line);
    /* Every local, as it is declared. */
    void (*on_local)(void *owner, struct span name, int line);
    /* May be NULL, these. on_own_call: of a function that has a name of the script's. */
    void (*on_shape)(void *owner, enum parser_shape shape, struct span text, int line);
    void (*on_own_call)(void *owner, struct span name, int line);
    void (*on_method)(void *owner, struct span name, int line); /* x:name(...) */
};

/* PARLEY_INVALID for what this reader does not understand; PARLEY_NOMEM. */
parley_status parser_read(struct span source, struct arena *arena, const struct parser_events *events);

#endif
