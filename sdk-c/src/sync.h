/* A silent push woke the app: connect, take what is there, send what waits, leave, all within a bound. Part of the
 * client, under its lock. */
#ifndef SDK_C_SRC_SYNC_H
#define SDK_C_SRC_SYNC_H

#include "protocol/status.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct parley_client;
struct parley_event;

struct sync {
    bool active;
    bool was_wanted; /* to be connected, before it began */
    uint64_t call;   /* answers this one; 0: somebody waits */
    int64_t until;
    int64_t items, sent; /* since it began */
    parley_status status;
    pthread_cond_t ended;
};

parley_status sync_init(struct sync *sync);
void sync_done(struct sync *sync);

/* PARLEY_WRONG_STATE while one is under way. A call number: it is answered by a REPLY. */
parley_status sync_begin(struct parley_client *c, int32_t limit_ms, uint64_t call);

/* Ends it as it stands. */
void sync_end(struct parley_client *c, parley_status st);

/* What came of it; NULL without memory. */
struct parley_event *sync_result(struct parley_client *c);

/* Whether it is through, or cannot go on. */
void sync_tick(struct parley_client *c, int64_t now);

#endif
