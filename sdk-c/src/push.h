/* How this phone is woken: remembered on disk, and said until the server knows it. Part of the client, under its lock.
 */
#ifndef SDK_C_SRC_PUSH_H
#define SDK_C_SRC_PUSH_H

#include "protocol/limits.h"
#include "protocol/span.h"
#include "protocol/status.h"

#include <stdbool.h>
#include <stdint.h>

struct parley_client;

enum { PUSH_AGAIN_MS = 2000 };

struct push {
    char platform[LIMIT_NAME + 1], token[LIMIT_PUSH_TOKEN + 1]; /* empty: not to be woken */
    bool known;                                                 /* the app has said something */
    bool told;                                                  /* the server knows it */
    bool asking;
    bool said_here; /* in this run: the same once more is no news */
    uint64_t asked; /* the request under way */
    int64_t again_at;
};

/* Empty texts: not to be woken any more. On disk when it returns. */
parley_status push_register(struct parley_client *c, struct span platform, struct span token);

/* As it was when the app was here last. */
void push_restore(struct parley_client *c, struct span platform, struct span token, bool told);

/* Somebody else is behind this client now, or a guest is known: what was told is not told of them. */
void push_untold(struct parley_client *c);

/* The connection is gone. And: the user goes; said at once, as nothing will be repeated. */
void push_lost(struct push *push);
void push_leave(struct parley_client *c);

void push_tick(struct parley_client *c, int64_t now);
int64_t push_due(const struct parley_client *c);

#endif
