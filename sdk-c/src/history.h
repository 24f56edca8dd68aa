/* What was before: the newest page from the cache at the start, and older pages when the app asks, from the cache as
 * far as it goes and from the server beyond. Part of the client, under its lock. */
#ifndef SDK_C_SRC_HISTORY_H
#define SDK_C_SRC_HISTORY_H

#include "protocol/status.h"

#include <stdint.h>

struct parley_client;
struct conversation;

/* Everything that is known before the first byte of the server: conversations, who serves, marks, and the newest items
 * of the main conversation. */
parley_status history_paint(struct parley_client *c);

/* Items older than the oldest one told; answered by a REPLY. */
parley_status history_older(struct parley_client *c, struct conversation *conv, uint32_t count, uint64_t *out_call);

#endif
