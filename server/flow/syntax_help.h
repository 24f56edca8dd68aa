/* What a beginner may have meant where Lua stopped understanding: habits from other languages. */
#ifndef SERVER_FLOW_SYNTAX_HELP_H
#define SERVER_FLOW_SYNTAX_HELP_H

#include "protocol/span.h"
#include "server/flow/error.h"

/* Puts a better help into an error of Lua's compiler (E101), where there is one. */
void flow_syntax_help(struct flow_error *error, struct span source);

#endif
