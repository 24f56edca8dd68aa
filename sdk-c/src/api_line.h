/* A call that came as a line of JSON, being carried out. Lives on the stack of the call that brought it. */
#ifndef SDK_C_SRC_API_LINE_H
#define SDK_C_SRC_API_LINE_H

#include "protocol/wire.h"
#include "sdk-c/src/api.h"

/* The tree lives in an arena of its own, as the calls that are made of it lock for themselves. */
struct line {
    struct parley_client *c;
    struct arena arena;
    struct value root;
    const struct value *data;
    const char *conversation; /* terminated, or NULL */
    char *out_id;             /* gets the id of what was said; NULL: a REPLY does */
    parley_status failed;     /* a member was there and could not be read */
    struct wire_error error;  /* what was wrong, and where; the text is empty where only the status is known */
};

/* Remembers what was wrong with that member of the data, for parley_call_json_error, unless something was wrong before;
 * returns the status. */
parley_status line_wrong(struct line *l, parley_status st, const char *member, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A member of its data; terminated, and alive as long as the line. NULL: it is not there. */
const char *line_text(struct line *l, const char *key);
const char *line_json(struct line *l, const char *key);
int64_t line_int(struct line *l, const char *key, int64_t otherwise);

/* The ends of a call, with its number in *out_call: what was found, which is freed; and what was said, if st is good.
 */
parley_status line_answer(struct line *l, const char *type, struct parley_event *found, uint64_t *out_call);
parley_status line_said(struct line *l, const char *type, parley_status st, const char *id, uint64_t *out_call);

/* `members` names what its data may have, apart from the conversation: # an integer, ? a truth value, % any JSON, else
 * a text; with ! it has to be there. */
struct command {
    const char *name;
    parley_status (*run)(struct line *l, uint64_t *out_call);
    const char *members;
    bool says; /* something that gets an id */
};

/* Whether its members are there, and of their type. */
parley_status command_check(const struct command *command, struct line *l);

/* NULL: it is none of the API's own, and perhaps a request of the protocol. */
const struct command *command_find(struct span type);

#endif
