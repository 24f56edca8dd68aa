/* Tokens: when one ends, how the next one is offered, and who it says the user is. Part of the link, under the client's
 * lock; link.h has what others call. */
#ifndef SDK_C_SRC_TOKEN_H
#define SDK_C_SRC_TOKEN_H

#include "protocol/span.h"

#include <stdbool.h>

struct parley_client;
struct frame_welcome;

/* The WELCOME event; w NULL: somebody else on the open connection. */
void token_welcome(struct parley_client *c, const struct frame_welcome *w);

/* Offers the token that waits, once no post is on its way. */
void token_renew(struct parley_client *c);

/* The token of a guest is over; nothing to do when no other one waits. */
void token_use_next(struct parley_client *c);

/* Whether this is the one that was refused, and would be again. */
bool token_is_refused(const struct parley_client *c, struct span token);

#endif
