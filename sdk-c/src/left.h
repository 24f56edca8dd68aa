/* What somebody who signed out could not take back: the token by which this phone is woken. It is the phone's and says
 * nothing of its user, so it waits in a file of the folder's for whoever comes next. Part of the client, under its
 * lock.
 */
#ifndef SDK_C_SRC_LEFT_H
#define SDK_C_SRC_LEFT_H

#include "protocol/limits.h"
#include "protocol/status.h"

#include <stdbool.h>

/* A token by which a phone is woken, and whose it is; empty: none. */
struct waker {
    char platform[LIMIT_NAME + 1], token[LIMIT_PUSH_TOKEN + 1];
};

bool waker_equal(const struct waker *a, const struct waker *b);

/* On disk when it returns, in place of what was there. A NULL path keeps nothing, here and below. PARLEY_LIMIT: the
 * disk is full. PARLEY_DENIED. */
parley_status left_save(const char *path, const struct waker *left);

/* False when there is none, or it cannot be read. */
bool left_read(const char *path, struct waker *out);

/* Removes it, if it is still this one: two clients may share a folder. */
void left_remove(const char *path, const struct waker *left);

#endif
