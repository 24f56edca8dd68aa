/* What an edit says, as values: what it stands on, what it makes of a process, and where two have changed the same. All
 * of it lives in the arena that is handed in. */
#ifndef SDK_C_SRC_EDIT_VALUE_H
#define SDK_C_SRC_EDIT_VALUE_H

#include "protocol/uuid.h"
#include "protocol/value.h"

struct parley_client;
struct conversation;
struct edit;

parley_status edit_parse(struct arena *arena, struct span json, struct value *out);

/* Empty when there is none. */
struct span edit_text(const struct value *map, const char *key);

/* What stands in a process where the edit changes something. */
parley_status edit_base(struct arena *arena, const struct value *body, const struct value *process, struct value *out);

/* The process that an edit begins; and what one makes of a process. */
parley_status edit_new_process(struct arena *arena, struct uuid conversation, const struct value *body,
                               struct value *out);
parley_status edit_apply(struct arena *arena, const struct value *body, struct value *process);

/* Whether the process has changed where the edit does, and to something else. */
bool edit_conflicts(const struct value *body, const struct value *process);

/* The CONFLICT event. */
parley_status edit_tell_conflict(struct parley_client *c, const struct conversation *conv, struct uuid id,
                                 const struct value *body, const struct value *process, bool merged);

/* Takes over what the app answers. */
parley_status edit_replace(struct arena *arena, const struct edit *edit, struct value *body);

/* Puts the present state of the process in the place of what the edit stood on. */
parley_status edit_rebase(struct arena *arena, struct value *body, const struct value *process);

#endif
