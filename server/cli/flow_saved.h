/* One run with all that it was told, from the database or from what `parley flow logs RUN --json` printed. Single
 * thread. */
#ifndef SERVER_CLI_FLOW_SAVED_H
#define SERVER_CLI_FLOW_SAVED_H

#include "server/flow/rehearse.h"

struct cli;
struct db;

enum { SAVED_RUN_MAX = 16 << 20 };

struct saved_run {
    struct arena arena; /* of all that is here */
    const char *id, *conversation, *flow, *hash;
    struct flow_saved saved;
    struct span source; /* empty: not at hand */
    struct flow_limits limits;
};

/* A cli_exit; what is wrong has been said. saved_run_free in any case. */
int saved_run_read(struct cli *cli, struct db *db, const char *id, struct saved_run **out);
int saved_run_load(struct cli *cli, const char *path, struct saved_run **out);
void saved_run_free(struct saved_run **run);

const char *saved_run_state(const struct saved_run *run);

/* For showing it: stars in place of what was said to questions that are secret. False: there is nothing of the kind. */
bool saved_run_mask(struct saved_run *run);

/* Why it failed. False when it has not, or not in a way that was written down. */
bool saved_run_error(const struct saved_run *run, struct flow_error *out);

/* The source of one of its files, as errors name them. */
struct span saved_run_source(const struct saved_run *run, const char *file);

/* As rehearsal_look, on its own version. */
parley_status saved_run_look(const struct saved_run *run, sandbox_seen *seen, void *arg, struct flow_error *error);

#endif
