/* Which connection does what. */
#include "server/store/store.h"

#include "server/base/mem.h"

#include <stdio.h>

enum { SLOW = 2, SLOW_STATEMENT_MS = 10000, SLOW_GROUPS = 4096 /* everybody comes back at once */ };

struct store {
    struct pg *fast;
    struct pg *settle;
    struct pg *slow[SLOW];
    unsigned turn; /* of the slow ones */
};

static struct pg *open_one(struct loop *loop, const struct store_options *o, const char *what, uint32_t statement_ms,
                           const struct pg_events *events)
{
    char name[64];
    snprintf(name, sizeof name, "%s/%s", o->application ? o->application : "parley", what);
    struct pg_options options = {
        .url = o->url,
        .application = name,
        .connect_timeout_ms = o->connect_timeout_ms,
        .lock_timeout_ms = o->lock_timeout_ms,
        .statement_timeout_ms = statement_ms,
        .stall_ms = o->stall_ms,
        .max_groups = statement_ms ? SLOW_GROUPS : 0,
        .allow_unsafe = o->allow_unsafe,
    };
    return pg_open(loop, &options, events);
}

struct store *store_open(struct loop *loop, const struct store_options *options, const struct store_events *events)
{
    struct store *store = mem_alloc(sizeof *store);
    uint32_t statement_ms = options->statement_timeout_ms ? options->statement_timeout_ms : SLOW_STATEMENT_MS;
    struct pg_events fast = {0};
    if (events)
        fast = (struct pg_events){.up = events->up, .down = events->down, .arg = events->arg};
    store->fast = open_one(loop, options, "fast", 0, &fast);
    store->settle = open_one(loop, options, "settle", 0, NULL);
    for (int i = 0; i < SLOW; i++)
        store->slow[i] = open_one(loop, options, "slow", statement_ms, NULL);
    return store;
}

void store_close(struct store **store_ptr)
{
    struct store *store = *store_ptr;
    if (!store)
        return;
    pg_close(&store->fast);
    pg_close(&store->settle);
    for (int i = 0; i < SLOW; i++)
        pg_close(&store->slow[i]);
    mem_free(store);
    *store_ptr = NULL;
}

/* The next one in turn that is up; a turn without any ends on one that says so. */
static struct pg *slow(struct store *store)
{
    for (int i = 0; i < SLOW; i++) {
        struct pg *pg = store->slow[store->turn++ % SLOW];
        if (pg_is_up(pg))
            return pg;
    }
    return store->slow[store->turn % SLOW];
}

struct store_status store_status(const struct store *store)
{
    struct store_status s = {
        .fast_up = pg_is_up(store->fast),
        .settle_up = pg_is_up(store->settle),
        .in_flight = pg_in_flight(store->fast) + pg_in_flight(store->settle),
        .waiting_ms = pg_waiting_ms(store->fast),
        .trouble = pg_trouble(store->fast),
    };
    for (int i = 0; i < SLOW; i++) {
        s.slow_up |= pg_is_up(store->slow[i]);
        s.in_flight += pg_in_flight(store->slow[i]);
    }
    return s;
}

bool store_is_up(const struct store *store)
{
    return pg_is_up(store->fast);
}

uint64_t store_generation(const struct store *store)
{
    return pg_generation(store->fast);
}

struct pg_group *store_transition(struct store *store)
{
    return pg_group_new(store->fast);
}

struct pg_group *store_loading(struct store *store)
{
    struct pg_group *group = pg_group_new(store->fast);
    pg_group_reads(group);
    return group;
}

struct pg_group *store_settling(struct store *store)
{
    return pg_group_new(store->settle);
}

struct pg_group *store_reading(struct store *store)
{
    struct pg_group *group = pg_group_new(slow(store));
    pg_group_reads(group);
    return group;
}

struct pg_group *store_writing(struct store *store)
{
    return pg_group_new(slow(store));
}
