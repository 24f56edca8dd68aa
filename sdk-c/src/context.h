/* What the customer is doing in the app: a map by key, sent whole when it changed, at most once a second. */
#ifndef SDK_C_SRC_CONTEXT_H
#define SDK_C_SRC_CONTEXT_H

#include "sdk-c/src/conversation.h"

enum { CONTEXT_DELAY_MS = 200, CONTEXT_EVERY_MS = 1000 };

void context_done(struct context *ctx);

/* json NULL removes. PARLEY_LIMIT, PARLEY_NOMEM. */
parley_status context_set(struct parley_client *c, struct conversation *conv, struct span key, struct span json);

/* The connection is gone: what was not answered is sent again. */
void context_lost(struct context *ctx);

/* Whether the server does not have it yet. */
bool context_waits(const struct context *ctx);

void context_tick(struct parley_client *c, struct conversation *conv, int64_t now);

/* Now rather than soon: what is said next is said in this context. */
void context_flush(struct parley_client *c, struct conversation *conv);

#endif
