/* Runs as they are stored, read for looking at them. Single thread. */
#ifndef SERVER_CLI_FLOW_STORED_H
#define SERVER_CLI_FLOW_STORED_H

#include "protocol/uuid.h"
#include "server/flow/engine.h"
#include "server/io/crypto.h"

struct db;

struct stored_run {
    const char *id;
    const char *hash; /* hex */
    struct flow_saved saved;
};

/* Borrowed for the call. */
typedef void stored_run_fn(void *arg, const struct stored_run *run);

/* Calls `each` with the runs that `which` names, in order of their id, all as they are at one moment. `which` is a
 * statement for column `run`, of runs after $1 at most $2; `after` becomes the last that it named, out_read how many.
 */
parley_status stored_runs(struct db *db, const char *which, char after[UUID_TEXT + 1], int limit, stored_run_fn *each,
                          void *arg, size_t *out_read);

#endif
