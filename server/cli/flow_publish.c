/* parley flow publish, rollback, versions, and replay of the live runs: which version new runs get, and what becomes of
 * those under way. */
#include "server/base/fault.h"
#include "server/cli/admin.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/flow_said.h"
#include "server/cli/flow_tools.h"
#include "server/cli/flow_trial.h"
#include "server/cli/list.h"
#include "server/flow/json.h"
#include "server/flow/start.h"
#include "server/flow/starts.h"

#include <stdio.h>
#include <string.h>

enum { START_MAX = 16 << 20 };

/* A flow that was read, from a file or from what was published, and is right. */
struct script {
    const char *path; /* NULL: it was published before, and its files with it */
    char name[FLOW_NAME];
    struct flow_source source; /* ends in a null */
};

static int script_read(const char *path, struct script *script)
{
    *script = (struct script){.path = path};
    if (!flow_name_of(path, script->name))
        return cli_fail(CLI_USAGE, "%s: name the file after the flow, in a-z 0-9 . _ -, like order-status.lua", path);
    int code = flow_source_read(path, &script->source);
    if (code == CLI_OK && !script->source.title[0])
        snprintf(script->source.title, sizeof script->source.title, "%s", script->name);
    buf_add(&script->source.text, "", 1);
    return code;
}

static struct span text_of(const struct script *script)
{
    return span_of(script->source.text.ptr, script->source.text.len - 1);
}

/* ---- publishing ---- */

static parley_status store(struct db *db, const struct script *script)
{
    char hash[2 * CRYPTO_DIGEST + 1];
    parley_status st = db_begin(db);
    if (st == PARLEY_OK && script->path)
        st = flow_said_store(db, script->path, text_of(script));
    if (st == PARLEY_OK)
        st = admin_publish_flow(db, script->name, script->source.title, script->source.text.ptr, hash);
    FAULT_POINT(publish_before_commit);
    if (st == PARLEY_OK)
        st = db_commit(db, "flow");
    FAULT_POINT(publish_after_commit);
    return st;
}

/* Beside those that are published. */
static void compare_start(struct cli *cli, struct db *db, const struct script *script)
{
    struct arena arena;
    struct db_rows *rows = NULL;
    struct starts *others = starts_new();
    arena_init(&arena, START_MAX);
    struct value start = start_read(&arena, text_of(script)), other;
    if (db_query(db,
                 "select f.name, v.start from flow f join flow_version v using (hash) where f.name <> $1"
                 " order by f.name",
                 DB_ARGS(script->name), &rows) == PARLEY_OK)
        for (size_t i = 0; i < db_count(rows); i++)
            if (json_read(&arena, span_str(db_cell(rows, i, 1)), &other) == PARLEY_OK)
                starts_add(others, span_str(db_cell(rows, i, 0)), &other);
    flow_start_remark(cli, others, script->name, &start);
    db_rows_free(&rows);
    starts_free(&others);
    arena_done(&arena);
}

/* Tries every live run first; then publishes, and moves those that go on. */
static int publish_script(struct cli *cli, struct db *db, const struct script *script, bool only_try)
{
    struct trial trial;
    const char *others = only_try ? "stay" : cli_flag_or(cli, "others", "stay");
    if (strcmp(others, "stay") != 0 && strcmp(others, "person") != 0)
        return cli_fail(CLI_USAGE, "--others is stay or person");
    int code = trial_open(&trial, cli_conf(cli), db, script->name, text_of(script));
    if (code == CLI_OK) {
        parley_status st = trial_judge(&trial);
        if (st == PARLEY_OK && !only_try)
            st = store(db, script);
        if (st == PARLEY_OK && !only_try)
            st = trial_move(&trial, *others == 'p');
        if (st == PARLEY_OK)
            trial_print(&trial, cli, script->source.title, !only_try);
        if (st == PARLEY_OK && !only_try)
            compare_start(cli, db, script);
        if (st != PARLEY_OK)
            code = db_fail(db, st, "cannot publish the flow");
        else if (only_try && trial.part)
            code = CLI_PROBLEMS;
    }
    trial_close(&trial);
    return code;
}

static int with_file(struct cli *cli, bool only_try)
{
    struct script script;
    struct db *db = NULL;
    char room[FLOW_PATH];
    int code = script_read(flow_file(cli_operand(cli, 0), room, sizeof room), &script);
    if (code == CLI_OK)
        code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = publish_script(cli, db, &script, only_try);
    db_close(&db);
    buf_done(&script.source.text);
    return code;
}

int flow_publish(struct cli *cli)
{
    return with_file(cli, false);
}

int flow_try(struct cli *cli)
{
    return with_file(cli, true);
}

/* ---- going back ---- */

static int stored_script(struct db *db, const char *name, const char *version, struct script *out)
{
    struct db_rows *rows = NULL;
    *out = (struct script){0};
    int code = flow_version_of(db, name, version, &rows);
    if (code != CLI_OK)
        return code;
    snprintf(out->name, sizeof out->name, "%s", name);
    snprintf(out->source.title, sizeof out->source.title, "%s", db_cell(rows, 0, 1));
    buf_init(&out->source.text, (size_t)-1);
    buf_add(&out->source.text, db_cell(rows, 0, 2), strlen(db_cell(rows, 0, 2)) + 1);
    db_rows_free(&rows);
    return CLI_OK;
}

int flow_rollback(struct cli *cli)
{
    struct script script = {0};
    struct db *db = NULL;
    int code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = stored_script(db, cli_operand(cli, 0), cli_operand(cli, 1), &script);
    if (code == CLI_OK)
        code = publish_script(cli, db, &script, false);
    db_close(&db);
    buf_done(&script.source.text);
    return code;
}

int flow_versions(struct cli *cli)
{
    return list_rows(cli,
                     "select left(encode(p.hash, 'hex'), 12), v.title,"
                     " to_char(p.at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
                     " p.number = (select max(number) from flow_publication where flow = p.flow),"
                     " (select count(*) from flow_run r where r.hash = p.hash and r.state < 4)"
                     " from flow_publication p join flow_version v using (hash) where p.flow = $1"
                     " order by p.number desc limit 100",
                     (const char *const[]){cli_operand(cli, 0), NULL},
                     (const char *const[]){"version", "title", "published", "current?", "runs#", NULL});
}
