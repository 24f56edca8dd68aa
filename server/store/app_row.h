/* What an administrator sets up: apps, their keys, keys of bots and back ends, queues, what
 * roles may do. Small: read whole, and again
 * when a change is announced. */
#ifndef SERVER_STORE_APP_ROW_H
#define SERVER_STORE_APP_ROW_H

#include "server/store/store.h"

struct app_row {
    struct uuid id;
    struct span name, space;
    struct span default_flow, default_queue, default_bot; /* empty: none */
    bool guests;
    bool all_flows; /* that are published; else its own and those named */
    const struct span *origins, *flows;
    int norigins, nflows;
};

struct app_key_row {
    struct span kid;
    struct uuid app;
    struct span algorithm;
    struct span public_jwk; /* JSON; empty for HS256 */
    struct span sealed;     /* HS256: the secret under the master key */
};

struct api_key_row {
    struct uuid id;
    uint8_t digest[32];
    struct span role; /* bot, backend */
    struct span name;
    struct uuid app;
    struct uuid bot; /* nil: a back end's */
};

/* A bot from outside. */
struct bot_row {
    struct uuid id;
    struct span name, title;
    struct uuid app;
    struct span queue; /* empty: the app's */
};

struct queue_row {
    struct span name, title;
    int32_t priority;
};

struct permission_row {
    struct span role, permission;
};

/* What is disabled is left out. */
struct app_all {
    const struct app_row *apps;
    const struct app_key_row *keys;
    const struct api_key_row *api_keys;
    const struct queue_row *queues;
    const struct permission_row *permissions;
    const struct bot_row *bots;
    int napps, nkeys, napi_keys, nqueues, npermissions, nbots;
};

/* all is NULL unless status is PARLEY_OK; borrowed for the call. */
typedef void app_loaded(void *arg, parley_status status, const struct app_all *all);

/* Each table as of its own moment: somebody may change them meanwhile, and announces it then. */
parley_status app_load_all(struct store *store, app_loaded *done, void *arg);

#endif
