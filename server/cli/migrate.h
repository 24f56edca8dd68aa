/* Bringing a database's schema up to date: the numbered files of schema/, which are part of the program, each in one
 * transaction, one program at a time. Only forwards. Single thread. */
#ifndef SERVER_CLI_MIGRATE_H
#define SERVER_CLI_MIGRATE_H

#include <stdbool.h>

struct cli;
struct db;

struct migrate_step {
    int number;
    const char *name;
    const char *sql;
};

/* Ascending, ended by a step without a name. */
extern const struct migrate_step migrate_steps[];

/* All of them return a cli_exit, and have said what is wrong when it is not CLI_OK. */

/* Applies what is missing; `quiet` says nothing of what it does. */
int migrate_run(struct db *db, bool quiet);

/* Whether the schema is exactly this program's. */
int migrate_check(struct db *db);

/* Prints each step and when it was applied. CLI_PROBLEMS when some are missing. */
int migrate_status(struct cli *cli, struct db *db);

/* Prints the SQL that is missing. */
int migrate_print(struct db *db);

#endif
