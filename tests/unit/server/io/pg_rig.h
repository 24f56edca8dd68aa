/* A connection to a private Postgres with a table t (k, v), what it told, and what the last group was answered. */
#ifndef TESTS_UNIT_SERVER_IO_PG_RIG_H
#define TESTS_UNIT_SERVER_IO_PG_RIG_H

#include "server/io/pg.h"

#include <stdbool.h>

struct loop;

struct pg_rig {
    struct loop *loop;
    struct pg *pg;
    bool up, down;
    int ups;
    bool done, notified;
    int dones;
    parley_status status;
    struct pg_fault fault;
    char constraint[64], statement[64];
    int64_t number;
    int results;
};

/* *state is the rig, connected as "test" to a database of its own, listening on "news". */
int pg_rig_setup(void **state);
int pg_rig_teardown(void **state);

/* Another connection whose events the rig gets. */
struct pg *pg_rig_connect(struct pg_rig *f, const struct pg_options *options);

/* The rig's own once more, with other options; waits until it is up. */
void pg_rig_reopen(struct pg_rig *f, const struct pg_options *options);

/* ---- statements ---- */

void pg_rig_insert(struct pg_group *group, int64_t k, const char *v);
void pg_rig_change(struct pg_group *group, int64_t k, const char *v); /* exactly one row, or it raises */
void pg_rig_count(struct pg_group *group, struct pg_rig *f);          /* of rows, into f->number */
void pg_rig_sleep(struct pg_group *group, int64_t ms);

/* ---- groups ---- */

/* A pg_done whose arg is the rig. */
void pg_rig_done(void *arg, parley_status status, const struct pg_fault *fault);

void pg_rig_send(struct pg_rig *f, struct pg_group *group);

/* Sends, waits, and gives the answer. */
parley_status pg_rig_run(struct pg_rig *f, struct pg_group *group);

/* ---- seen from another connection ---- */

int64_t pg_rig_stored(void); /* rows in t */
int pg_rig_backend(void);    /* process id of the rig's connection */

#endif
