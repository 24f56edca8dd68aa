/* Mistakes in what is written out that no argument's type shows. Each puts its finding into `out`; false: none. */
#ifndef SERVER_FLOW_CHECK_CALLS_H
#define SERVER_FLOW_CHECK_CALLS_H

#include "protocol/value.h"
#include "server/flow/api.h"

/* customer.nam, started.txt: of the two there are few fields. */
bool check_fact(struct span table, struct span name, struct flow_error *out);

/* Into the help: what there is in this table of the library. */
void check_list_members(struct span table, struct flow_error *out);

/* match = function(...): a table of the script's has one of that name. */
bool check_has_field(struct span source, const char *name);

/* t "key": no such text among those of a language. */
bool check_text(const struct value *texts, const struct value *args, size_t count, struct flow_error *out);

/* t("key", values): a {word} of the text, in any language, that the values do not have. */
bool check_placeholders(const struct value *languages, const struct value *args, size_t count, struct flow_error *out);

/* %d in a pattern, as Lua's own have it. */
bool check_lua_pattern(const struct flow_function *function, const struct value *args, size_t count,
                       struct flow_error *out);

#endif
