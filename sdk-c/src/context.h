/* What the customer is doing in the app: a map by key, kept on disk, sent whole when it changed, at most once a second.
 * The screens before the present one stand under `trail`. Values were masked before they come here. */
#ifndef SDK_C_SRC_CONTEXT_H
#define SDK_C_SRC_CONTEXT_H

#include "sdk-c/src/conversation.h"

enum { CONTEXT_DELAY_MS = 200, CONTEXT_EVERY_MS = 1000, CONTEXT_TRAIL_MAX = 20 };

void context_done(struct context *ctx);

/* json NULL removes. PARLEY_LIMIT: too many keys; PARLEY_TOO_BIG: all together; PARLEY_NOMEM. */
parley_status context_set(struct parley_client *c, struct conversation *conv, struct span key, struct span json);

/* As it was when the app was here last, key by key; `sent`: the server had it. */
parley_status context_restore(struct parley_client *c, struct conversation *conv, struct span key, struct span json);
void context_restored(struct parley_client *c, struct conversation *conv, bool sent);

/* The connection is gone: what was not answered is sent again. */
void context_lost(struct context *ctx);

/* Whether the server does not have it yet. */
bool context_waits(const struct context *ctx);

void context_tick(struct parley_client *c, struct conversation *conv, int64_t now);

/* Now rather than soon: what is said next is said in this context. */
void context_flush(struct parley_client *c, struct conversation *conv);

#endif
