/* A plain, waiting connection to Postgres for administrative verbs; the daemon has io/pg instead. Single thread. */
#ifndef SERVER_CLI_DB_H
#define SERVER_CLI_DB_H

#include "protocol/status.h"

#include <stddef.h>

struct cli;
struct conf;
struct db;
struct db_rows;

/* The configured database. A cli_exit; what failed has been said. */
int db_open(const struct conf *conf, struct db **out);
void db_close(struct db **db);

/* The same of the verb's configuration, with the schema checked: it must be the one this program was built with. */
int db_open_ready(struct cli *cli, struct db **out);

/* One statement; parameters are texts, ended by NULL, and never part of the SQL. DB_NULL stands for a null. */
extern const char DB_NULL[];
#define DB_ARGS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
parley_status db_query(struct db *db, const char *sql, const char *const *args, struct db_rows **out);
parley_status db_run(struct db *db, const char *sql, const char *const *args);

/* Several statements at once, without parameters. */
parley_status db_script(struct db *db, const char *sql);

size_t db_count(const struct db_rows *rows);
const char *db_cell(const struct db_rows *rows, size_t row, int column); /* NULL for null */
void db_rows_free(struct db_rows **rows);

/* What one statement touched, of the last db_run. */
size_t db_touched(const struct db *db);

/* One transaction. Commit tells every process of the daemon what kind of thing changed: 'agent', 'app', 'queue'... */
parley_status db_begin(struct db *db);
parley_status db_commit(struct db *db, const char *changed);
void db_rollback(struct db *db);

/* Rolls back, says it and gives the cli_exit for it. `what` begins the sentence: "cannot add the agent". */
int db_fail(struct db *db, parley_status st, const char *what);

#endif
