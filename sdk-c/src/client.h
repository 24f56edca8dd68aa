/* The client as its own modules see it: one lock around a machine that only ever reacts - to the app's calls, to
 * reports of the transport, and to time. What it wants done outside (open, send, close) is queued for the driver, which
 * does it without the lock. */
#ifndef SDK_C_SRC_CLIENT_H
#define SDK_C_SRC_CLIENT_H

#include "protocol/frame.h"
#include "sdk-c/include/parley/client.h"
#include "sdk-c/src/cache.h"
#include "sdk-c/src/context.h"
#include "sdk-c/src/driver.h"
#include "sdk-c/src/edit.h"
#include "sdk-c/src/event.h"
#include "sdk-c/src/inbox.h"
#include "sdk-c/src/keep.h"
#include "sdk-c/src/link.h"
#include "sdk-c/src/mask.h"
#include "sdk-c/src/outbox.h"
#include "sdk-c/src/push.h"
#include "sdk-c/src/receipt.h"
#include "sdk-c/src/request.h"
#include "sdk-c/src/settings.h"
#include "sdk-c/src/sync.h"
#include "sdk-c/src/view.h"

#include <pthread.h>

/* Time and chance, so that tests own both. */
struct hooks {
    int64_t (*now_ms)(void *arg);  /* only goes forward */
    int64_t (*unix_ms)(void *arg); /* for ids */
    void (*random)(void *arg, uint8_t *out, size_t size);
    void *arg;
};

struct parley_client {
    pthread_mutex_t lock;
    struct hooks hooks;
    struct settings settings;
    enum encoding encoding;
    struct uuid device;
    bool device_given; /* by the app; else it is kept with the rest */
    int64_t attempt;   /* of the device, as in the last hello: only grows, over restarts too; 0: there was none */
    struct uuid me;    /* nil until the first welcome of all */
    int role;
    bool owner_dirty; /* the cache does not say yet whose it is */
    struct store *keep, *cache;
    int64_t cache_items; /* of a conversation; the oldest give way */
    struct events events;
    struct driver driver;
    struct link link;
    struct requests requests;
    struct inbox inbox;
    struct outbox outbox;
    struct views views;
    struct push push;
    struct mask mask;
    struct sync sync;
    struct arena arena; /* of the message that is being read, or of the call that is being made */
};

/* As parley_client_new, with the test's time and chance; NULL for the real ones. */
parley_status client_new(const parley_config *config, const struct hooks *hooks, parley_client **out_client);

/* Every call of the API is between these two. Unlocking wakes the driver if something is to be done. */
void client_lock(struct parley_client *c);
void client_unlock(struct parley_client *c);

int64_t client_now(const struct parley_client *c);
int64_t client_unix(const struct parley_client *c); /* ms since 1970 by the device's clock, which may be put back */
uint32_t client_chance(const struct parley_client *c);
struct uuid client_id(const struct parley_client *c); /* a new version 7 */

/* Whether this is the company's side: posts need an epoch, and there is no main conversation. */
bool client_is_staff(const struct parley_client *c);

/* Who the server says this is; somebody else than before finds nothing of them. The second: a guest who is now known.
 */
void client_is(struct parley_client *c, struct uuid me, int role);
void client_now_is(struct parley_client *c, struct uuid me, int role);

/* Nothing of this user stays, here or on disk. PARLEY_DENIED: a file could not be removed. */
parley_status client_forget(struct parley_client *c);

/* What has become of the files. */
void client_tell_cache(struct parley_client *c, const char *state, parley_status reason, const char *text);

/* Does all that is due at this time; the earliest time something will be, INT64_MAX for never. */
void client_tick(struct parley_client *c, int64_t now);
int64_t client_due(struct parley_client *c);

/* One whole message of the server. Anything but PARLEY_OK ends the connection. */
parley_status client_receive(struct parley_client *c, struct span bytes);

#endif
