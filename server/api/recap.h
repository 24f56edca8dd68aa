/* Where a customer was, for the thread of a welcome that asks for it. */
#ifndef SERVER_API_RECAP_H
#define SERVER_API_RECAP_H

#include "server/api/api.h"

/* Borrowed for the call; the texts of `recap` live in the arena that was handed in. */
typedef void recap_done(void *arg, parley_status status);

/* Comes once, later or at once. What has no place in `bytes` is left out, and said so. */
void recap_load(struct api *api, struct link *link, struct uuid conversation, size_t bytes, struct arena *arena,
                struct frame_recap *out, recap_done *done, void *arg);

#endif
