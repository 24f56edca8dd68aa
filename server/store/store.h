/* A worker's connections to Postgres and who uses which:
 *   fast    appends, transitions and loads: what a send waits for
 *   settle  what became of a group in doubt, and conversations that were bitten
 *   slow    two, in turn: history, lists, everything else; also writes that nobody waits for
 * One worker's thread only. */
#ifndef SERVER_STORE_STORE_H
#define SERVER_STORE_STORE_H

#include "server/io/pg.h"

struct loop;
struct store;

struct store_options {
    const char *url;
    const char *application;       /* the connections' names are this with /fast, /settle, /slow */
    uint32_t connect_timeout_ms;   /* 0: 10,000 */
    uint32_t lock_timeout_ms;      /* 0: 2,000 */
    uint32_t statement_timeout_ms; /* 0: 10,000; of the slow connections only */
    uint32_t stall_ms;             /* 0: 30,000 */
    bool allow_unsafe;
};

struct store_events {
    /* The fast connection is there. Everything read on an earlier generation is void. */
    void (*up)(void *arg, uint64_t generation);
    /* It is gone; everything in flight on it has been answered. Drop what was loaded. */
    void (*down)(void *arg);
    void *arg;
};

/* Starts to connect; nothing fails here. */
struct store *store_open(struct loop *loop, const struct store_options *options, const struct store_events *events);

/* Everything in flight ends with PARLEY_CANCELED. Not inside a callback of the store. */
void store_close(struct store **store);

/* ---- for /readyz and admission ---- */

struct store_status {
    bool fast_up, settle_up, slow_up; /* slow: at least one */
    uint32_t in_flight;               /* groups, all connections */
    int64_t waiting_ms;               /* of the oldest group on the fast connection */
    const char *trouble;              /* why fast is not up, or "" */
};

struct store_status store_status(const struct store *store);
bool store_is_up(const struct store *store);
uint64_t store_generation(const struct store *store);

/* ---- groups on the right connection ---- */

/* Changes that stand or fall with items: on the fast connection. */
struct pg_group *store_transition(struct store *store);

/* Reads of what a decision stands on: in order with the transitions, of the same connection generation. */
struct pg_group *store_loading(struct store *store);

/* Changes after a doubt, on the settle connection. */
struct pg_group *store_settling(struct store *store);

/* Reads, and changes that no item goes with: on a slow connection. */
struct pg_group *store_reading(struct store *store);
struct pg_group *store_writing(struct store *store);

#endif
