/* How this phone is woken: remembered on disk, and said until the server knows it. Part of the client, under its lock.
 */
#ifndef SDK_C_SRC_PUSH_H
#define SDK_C_SRC_PUSH_H

#include "protocol/span.h"
#include "sdk-c/src/left.h"

#include <stdint.h>

struct parley_client;

enum { PUSH_AGAIN_MS = 2000 };

enum push_step {
    PUSH_NOTHING,
    PUSH_CLAIM,  /* what was left is registered as ours: a token is one installation's, so nobody else has it then */
    PUSH_WISH,   /* what the app wants is said */
    PUSH_RELEASE /* what was claimed is given up, as the app wants nothing */
};

struct push {
    struct waker wish; /* of the app; no token: not to be woken */
    bool known;        /* the app has said something */
    bool told;         /* the server knows it */
    bool said_here;    /* in this run: the same once more is no news */
    struct waker left; /* what somebody who signed out could not take back */
    bool has_left, claimed;
    enum push_step asking;
    uint64_t asked; /* the request under way */
    int64_t again_at;
};

/* Empty texts: not to be woken any more. On disk when it returns. */
parley_status push_register(struct parley_client *c, struct span platform, struct span token);

/* As it was when the app was here last. */
void push_restore(struct parley_client *c, struct span platform, struct span token, bool told);

/* A guest is known now, or whoever was here before is not told of: what was told is said again. */
void push_untold(struct parley_client *c);

/* Somebody else is behind this client now, and has files of their own. */
void push_passed_on(struct parley_client *c);

/* A connection is there: what somebody left behind is taken care of. And: it is gone. */
void push_online(struct parley_client *c);
void push_lost(struct push *push);

/* The user goes; the token is taken back at once, or by whoever comes next: push_left_kept says whether that is sure.
 */
void push_leave(struct parley_client *c);
parley_status push_left_kept(struct parley_client *c);

void push_tick(struct parley_client *c, int64_t now);
int64_t push_due(const struct parley_client *c);

#endif
