/* How a customer's device is woken. */
#ifndef SERVER_STORE_DEVICE_ROW_H
#define SERVER_STORE_DEVICE_ROW_H

#include "server/store/store.h"

struct device_push {
    struct uuid device, customer;
    struct span platform, token; /* both empty: it is not woken any more */
};

/* A token is one installation's: whoever had it before, has it no longer. BUSY: two came at once, try again. */
parley_status device_set_push(struct store *store, const struct device_push *push, pg_done *done, void *arg);

#endif
