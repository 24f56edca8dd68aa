/* libpq the simple way: one call, one answer. */
#include "server/cli/db.h"

#include "server/base/conf.h"
#include "server/base/mem.h"
#include "server/cli/cli.h"
#include "server/cli/migrate.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGS_MAX = 16, ERROR_MAX = 512 };

const char DB_NULL[] = "";

struct db {
    PGconn *conn;
    size_t touched;
    char error[ERROR_MAX];
};

struct db_rows {
    PGresult *result;
};

static void keep_error(struct db *db, const char *text)
{
    snprintf(db->error, sizeof db->error, "%s", text && *text ? text : "no reason given");
    for (char *p = db->error; *p; p++)
        if (*p == '\n')
            *p = p[1] ? ' ' : '\0';
}

static void quiet(void *arg, const PGresult *result)
{
}

int db_open(const struct conf *conf, struct db **out)
{
    const char *keys[] = {"application_name", "connect_timeout", "dbname", "client_encoding", NULL};
    char seconds[24];
    const char *values[] = {"parley", seconds, conf->database.url, "UTF8", NULL};
    snprintf(seconds, sizeof seconds, "%lld", (long long)(conf->database.connect_timeout_ms + 999) / 1000);
    if (!*conf->database.url)
        return cli_fail(CLI_USAGE, "no database is configured; set database.url, or PARLEY_DATABASE_URL");
    struct db *db = mem_alloc(sizeof *db);
    db->conn = PQconnectdbParams(keys, values, 1);
    if (PQstatus(db->conn) != CONNECTION_OK) {
        keep_error(db, PQerrorMessage(db->conn));
        int code = cli_fail(CLI_UNREACHABLE, "the database cannot be reached: %s", db->error);
        db_close(&db);
        return code;
    }
    PQsetNoticeReceiver(db->conn, quiet, NULL);
    *out = db;
    return CLI_OK;
}

void db_close(struct db **at)
{
    if (!*at)
        return;
    PQfinish((*at)->conn);
    mem_free(*at);
    *at = NULL;
}

int db_open_ready(struct cli *cli, struct db **out)
{
    const struct conf *conf = cli_conf(cli);
    if (!conf)
        return CLI_USAGE;
    int code = db_open(conf, out);
    if (code == CLI_OK)
        code = migrate_check(*out);
    if (code != CLI_OK)
        db_close(out);
    return code;
}

static parley_status status_of(const struct db *db, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (PQstatus(db->conn) != CONNECTION_OK)
        return PARLEY_UNAVAILABLE;
    if (!state)
        return PARLEY_INTERNAL;
    if (strcmp(state, "23505") == 0)
        return PARLEY_CONFLICT;
    if (strcmp(state, "42501") == 0 || strcmp(state, "25006") == 0)
        return PARLEY_DENIED;
    if (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0)
        return PARLEY_INVALID;
    return PARLEY_INTERNAL;
}

/* Takes the result. */
static parley_status finish(struct db *db, PGresult *result, struct db_rows **out)
{
    ExecStatusType type = PQresultStatus(result);
    if (type != PGRES_COMMAND_OK && type != PGRES_TUPLES_OK) {
        parley_status st = status_of(db, result);
        const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        keep_error(db, primary ? primary : PQerrorMessage(db->conn));
        PQclear(result);
        return st;
    }
    db->touched = strtoul(PQcmdTuples(result), NULL, 10);
    if (out) {
        *out = mem_alloc(sizeof **out);
        (*out)->result = result;
    } else {
        PQclear(result);
    }
    return PARLEY_OK;
}

parley_status db_query(struct db *db, const char *sql, const char *const *args, struct db_rows **out)
{
    const char *values[ARGS_MAX];
    int n = 0;
    for (; args && args[n] && n < ARGS_MAX; n++)
        values[n] = args[n] == DB_NULL ? NULL : args[n];
    return finish(db, PQexecParams(db->conn, sql, n, NULL, values, NULL, NULL, 0), out);
}

parley_status db_run(struct db *db, const char *sql, const char *const *args)
{
    return db_query(db, sql, args, NULL);
}

parley_status db_script(struct db *db, const char *sql)
{
    return finish(db, PQexec(db->conn, sql), NULL);
}

size_t db_count(const struct db_rows *rows)
{
    return (size_t)PQntuples(rows->result);
}

const char *db_cell(const struct db_rows *rows, size_t row, int column)
{
    return PQgetisnull(rows->result, (int)row, column) ? NULL : PQgetvalue(rows->result, (int)row, column);
}

void db_rows_free(struct db_rows **at)
{
    if (!*at)
        return;
    PQclear((*at)->result);
    mem_free(*at);
    *at = NULL;
}

size_t db_touched(const struct db *db)
{
    return db->touched;
}

parley_status db_begin(struct db *db)
{
    return db_script(db, "begin");
}

parley_status db_commit(struct db *db, const char *changed)
{
    parley_status st = db_run(db, "select pg_notify('parley_admin', $1)", DB_ARGS(changed));
    return st == PARLEY_OK ? db_script(db, "commit") : st;
}

void db_rollback(struct db *db)
{
    if (PQtransactionStatus(db->conn) != PQTRANS_IDLE)
        PQclear(PQexec(db->conn, "rollback"));
}

int db_fail(struct db *db, parley_status st, const char *what)
{
    enum cli_exit code = st == PARLEY_CONFLICT      ? CLI_CONFLICT
                         : st == PARLEY_DENIED      ? CLI_DENIED
                         : st == PARLEY_NOT_FOUND   ? CLI_NOT_FOUND
                         : st == PARLEY_UNAVAILABLE ? CLI_UNREACHABLE
                                                    : CLI_FAILED;
    cli_fail(code, "%s: %s", what, db->error);
    db_rollback(db);
    return (int)code;
}
