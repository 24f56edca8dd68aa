/* What the calls of the API have in common: the lock, and checking what the app passed in. */
#ifndef SDK_C_SRC_API_H
#define SDK_C_SRC_API_H

#include "sdk-c/src/client.h"

/* Every call: enter, work, return api_leave(c, st). */
void api_enter(struct parley_client *c);
parley_status api_leave(struct parley_client *c, parley_status st);

/* NULL is the main conversation: PARLEY_WRONG_STATE while its id is not known. */
parley_status api_conversation(struct parley_client *c, const char *text, struct uuid *out);

/* The same where it need not be known yet: then a nil id. */
parley_status api_conversation_or_nil(struct parley_client *c, const char *text, struct uuid *out);

parley_status api_id(const char *text, struct uuid *out);

/* Text for a frame: UTF-8, and not NULL. */
parley_status api_text(const char *text, struct span *out);
parley_status api_optional(const char *text, struct span *out, bool *out_has);

/* A map of JSON, read into the client's arena; or any value, in its canonical form. */
parley_status api_map(struct parley_client *c, struct span json, struct value *out);
parley_status api_value(struct parley_client *c, struct span json, struct buf *out);

/* The same of what is said of the app under that name: masked. */
parley_status api_masked(struct parley_client *c, struct span key, struct span json, struct buf *out);

/* What is kept here, as an event in hand; NULL without memory. */
struct parley_event *api_outbox(struct parley_client *c);
struct parley_event *api_recap(struct parley_client *c, struct uuid conversation);

/* Puts an item into the outbox, under an id that was given (the same said again is said once), or a new one. The body
 * is checked as far as its kind is known here. */
parley_status api_post_as(struct parley_client *c, struct uuid conversation, struct span kind, const struct value *body,
                          struct uuid id);
parley_status api_post(struct parley_client *c, struct uuid conversation, struct span kind, const struct value *body,
                       struct uuid *out_id);

#endif
