/* Every live run of a flow, tried on another version of it, and then moved there or not. In batches: however many there
 * are, a few are in memory. The database keeps what came of each until the connection is closed. Single thread. */
#ifndef SERVER_CLI_FLOW_TRIAL_H
#define SERVER_CLI_FLOW_TRIAL_H

#include "protocol/uuid.h"
#include "server/flow/engine.h"
#include "server/io/crypto.h"

struct cli;
struct db;
struct rehearsal;

enum { TRIAL_PARTS = 100 };

/* Runs that part in one way. */
struct trial_part {
    struct flow_error error;
    char from[13]; /* the version that they are on */
    char example[UUID_TEXT + 1];
    int64_t count;
};

struct trial {
    struct db *db;
    const char *flow;
    char hash[2 * CRYPTO_DIGEST + 1]; /* of the version tried */
    struct rehearsal *rehearsal;
    struct trial_part parts[TRIAL_PARTS]; /* of more ways the last one holds the rest */
    size_t part_count;
    int64_t live, go_on, part, with_person; /* with_person: part, and a person has them just now */
    int64_t moved, leave;                   /* done, not only found */
};

/* Compiles the version. The database and the texts outlive the trial; nobody else publishes this flow until the
 * connection is closed. A cli_exit; what failed has been said. trial_close in any case. */
int trial_open(struct trial *trial, const struct conf *conf, struct db *db, const char *flow, struct span source);
void trial_close(struct trial *trial);

/* Tries all, and counts. PARLEY_OK but for the database. */
parley_status trial_judge(struct trial *trial);

/* Moves those that go on, and has the others leave when asked to; those that took a step meanwhile are tried again. The
 * version is published. */
parley_status trial_move(struct trial *trial, bool others_leave);

/* For a person or as JSON, on stdout. `title` of the flow; `done`: it was published and not only tried. */
void trial_print(const struct trial *trial, const struct cli *cli, const char *title, bool done);

#endif
