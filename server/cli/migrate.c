/* Each applied step leaves its number and the digest of its text, so that a database that went another way is noticed
 * before anything is done to it. */
#include "server/cli/migrate.h"

#include "server/base/mem.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/out.h"
#include "server/io/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "parley" as a number: whoever migrates holds this advisory lock. */
#define LOCK_KEY "123563833845113"

struct applied {
    struct db_rows *rows; /* number, checksum, applied_at; NULL in an empty database */
    size_t count;
};

static size_t step_count(void)
{
    size_t n = 0;
    while (migrate_steps[n].name)
        n++;
    return n;
}

static void digest_of(const struct migrate_step *step, char out[2 * CRYPTO_DIGEST + 1])
{
    uint8_t digest[CRYPTO_DIGEST];
    crypto_sha256(span_str(step->sql), digest);
    crypto_hex(span_of(digest, sizeof digest), out);
}

/* What can never work is said before anything is tried. */
static int check_server(struct db *db)
{
    struct db_rows *rows;
    int code = CLI_OK;
    parley_status st = db_query(
        db,
        "select current_setting('server_version_num')::int >= 140000, current_setting('server_version'), "
        "pg_encoding_to_char(encoding), pg_is_in_recovery() from pg_database where datname = current_database()",
        NULL, &rows);
    if (st != PARLEY_OK)
        return db_fail(db, st, "cannot look at the database");
    if (*db_cell(rows, 0, 0) != 't')
        code = cli_fail(CLI_FAILED, "this is Postgres %s; Parley needs 14 or newer", db_cell(rows, 0, 1));
    else if (strcmp(db_cell(rows, 0, 2), "UTF8") != 0)
        code = cli_fail(CLI_FAILED, "the database has the encoding %s; make one with UTF8", db_cell(rows, 0, 2));
    else if (*db_cell(rows, 0, 3) == 't')
        code = cli_fail(CLI_FAILED, "this is a read-only standby; connect to the primary");
    db_rows_free(&rows);
    return code;
}

static int check_step(const struct applied *applied, size_t i)
{
    char digest[2 * CRYPTO_DIGEST + 1];
    int number = (int)strtol(db_cell(applied->rows, i, 0), NULL, 10);
    if (i >= step_count())
        return cli_fail(CLI_CONFLICT,
                        "the schema is at step %d and this program knows %zu: it is newer; run a newer parley", number,
                        step_count());
    if (number != migrate_steps[i].number)
        return cli_fail(CLI_CONFLICT,
                        "step %d is missing before step %d; this schema was not made by parley db migrate",
                        migrate_steps[i].number, number);
    digest_of(&migrate_steps[i], digest);
    if (strcmp(digest, db_cell(applied->rows, i, 1)) != 0)
        return cli_fail(CLI_CONFLICT,
                        "step %s was applied with another text than this program has; it was built from another tree",
                        migrate_steps[i].name);
    return CLI_OK;
}

/* What is there, and that it is the beginning of what we know. */
static int read_applied(struct db *db, struct applied *out)
{
    struct db_rows *rows;
    *out = (struct applied){0};
    int code = check_server(db);
    if (code != CLI_OK)
        return code;
    parley_status st = db_query(db, "select to_regclass('parley_migration') is not null", NULL, &rows);
    if (st != PARLEY_OK)
        return db_fail(db, st, "cannot look at the database");
    bool there = *db_cell(rows, 0, 0) == 't';
    db_rows_free(&rows);
    if (!there)
        return CLI_OK;
    st = db_query(db,
                  "select number, encode(checksum, 'hex'), to_char(applied_at at time zone 'UTC', "
                  "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from parley_migration order by number",
                  NULL, &out->rows);
    if (st != PARLEY_OK)
        return db_fail(db, st, "cannot read which steps were applied");
    out->count = db_count(out->rows);
    for (size_t i = 0; code == CLI_OK && i < out->count; i++)
        code = check_step(out, i);
    if (code != CLI_OK)
        db_rows_free(&out->rows);
    return code;
}

static int apply(struct db *db, const struct migrate_step *step)
{
    char number[16], digest[2 * CRYPTO_DIGEST + 1], what[96];
    snprintf(number, sizeof number, "%d", step->number);
    snprintf(what, sizeof what, "step %s failed and changed nothing", step->name);
    digest_of(step, digest);
    parley_status st = db_begin(db);
    if (st == PARLEY_OK)
        st = db_script(db,
                       "create table if not exists parley_migration (number integer primary key, name text not null, "
                       "checksum bytea not null, applied_at timestamptz not null default now())");
    if (st == PARLEY_OK)
        st = db_script(db, step->sql);
    if (st == PARLEY_OK)
        st = db_run(db, "insert into parley_migration (number, name, checksum) values ($1::int, $2, decode($3, 'hex'))",
                    DB_ARGS(number, step->name, digest));
    if (st == PARLEY_OK)
        st = db_commit(db, "schema");
    return st == PARLEY_OK ? CLI_OK : db_fail(db, st, what);
}

static int apply_missing(struct db *db, bool quiet)
{
    struct applied applied;
    int code = read_applied(db, &applied);
    if (code != CLI_OK)
        return code;
    for (size_t i = applied.count; code == CLI_OK && i < step_count(); i++) {
        code = apply(db, &migrate_steps[i]);
        if (code == CLI_OK && !quiet)
            printf("applied %s\n", migrate_steps[i].name);
    }
    if (code == CLI_OK && applied.count == step_count() && !quiet)
        printf("nothing to do: the schema is at step %zu of %zu\n", applied.count, step_count());
    db_rows_free(&applied.rows);
    return code;
}

int migrate_run(struct db *db, bool quiet)
{
    parley_status st = db_script(db, "select pg_advisory_lock(" LOCK_KEY ")");
    if (st != PARLEY_OK)
        return db_fail(db, st, "cannot take the lock of the schema");
    int code = apply_missing(db, quiet);
    db_script(db, "select pg_advisory_unlock(" LOCK_KEY ")");
    return code;
}

int migrate_check(struct db *db)
{
    struct applied applied;
    int code = read_applied(db, &applied);
    if (code == CLI_OK && applied.count < step_count())
        code = cli_fail(CLI_FAILED, "the schema is at step %zu of %zu; run `parley db migrate` first", applied.count,
                        step_count());
    db_rows_free(&applied.rows);
    return code;
}

int migrate_status(struct cli *cli, struct db *db)
{
    static const char *const columns[] = {"step", "name", "applied_at", NULL};
    struct applied applied;
    int code = read_applied(db, &applied);
    if (code != CLI_OK)
        return code;
    struct out *out = out_table(cli, columns);
    for (size_t i = 0; i < step_count(); i++) {
        out_int(out, migrate_steps[i].number);
        out_text(out, migrate_steps[i].name);
        out_text(out, i < applied.count ? db_cell(applied.rows, i, 2) : NULL);
    }
    out_end(&out);
    code = applied.count < step_count() ? CLI_PROBLEMS : CLI_OK;
    db_rows_free(&applied.rows);
    return code;
}

int migrate_print(struct db *db)
{
    struct applied applied;
    int code = read_applied(db, &applied);
    if (code != CLI_OK)
        return code;
    for (size_t i = applied.count; i < step_count(); i++)
        printf("-- %s\nbegin;\n%s\ncommit;\n", migrate_steps[i].name, migrate_steps[i].sql);
    if (applied.count == step_count())
        printf("-- nothing to do: the schema is at step %zu of %zu\n", applied.count, step_count());
    db_rows_free(&applied.rows);
    return CLI_OK;
}
