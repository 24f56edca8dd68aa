/* A Postgres cluster of our own: made by initdb on first start, reached by a socket only, supervised by us.
 * For root it runs as the account `postgres`, since Postgres refuses to run as root. A cluster that was left behind by
 * a process that died is found by its pid file and taken over. Data stays until private_pg_forget. Single thread. */
#ifndef SERVER_CLI_PRIVATE_PG_H
#define SERVER_CLI_PRIVATE_PG_H

#include "protocol/buf.h"
#include "protocol/status.h"

struct private_pg;

struct private_pg_options {
    const char *dir;             /* of the cluster: `pg`, `pg.log` and `lock` are made below it */
    const char *const *settings; /* "name=value" for the server, ended by NULL; may be NULL */
    bool keep;                   /* outlives us: nobody holds the lock, private_pg_stop_dir ends it */
};

/* Running and ready when it returns, with a database `parley`. On failure `why` has a sentence for a person:
 * UNAVAILABLE no Postgres on this machine, DENIED the folder cannot be used, TAKEN another process supervises it. */
parley_status private_pg_start(const struct private_pg_options *options, struct private_pg **out, struct buf *why);

/* libpq's URL of its database; valid until stop. */
const char *private_pg_url(const struct private_pg *pg);

/* The first part of its version, 15. */
int private_pg_version(const struct private_pg *pg);

/* Ends sessions, writes everything out and waits; data stays. */
void private_pg_stop(struct private_pg **pg);

/* Lets go of a cluster that was started with `keep`; it goes on running. */
void private_pg_release(struct private_pg **pg);

/* Stops the cluster of a folder, whoever started it. NOT_FOUND when none runs there. */
parley_status private_pg_stop_dir(const char *dir);

/* Removes the cluster of a folder with all its data; stops it first. */
parley_status private_pg_forget(const char *dir, struct buf *why);

#endif
