/* parley flow: the scripts that serve first. */
#include "server/cli/admin.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/flow_tools.h"
#include "server/cli/list.h"
#include "server/cli/out.h"

#include <stdio.h>
#include <string.h>

/* A flow that was read and is right. */
struct script {
    const char *path;
    char name[65];
    struct flow_source source;
    char hash[2 * CRYPTO_DIGEST + 1];
};

/* The file's name without folder and ending. */
static bool name_of(const char *path, char out[65])
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    int len = dot ? (int)(dot - base) : (int)strlen(base);
    snprintf(out, 65, "%.*s", len, base);
    return len > 0 && len < 65 && strspn(out, "abcdefghijklmnopqrstuvwxyz0123456789._-") == (size_t)len;
}

static int script_read(const char *path, struct script *script)
{
    *script = (struct script){.path = path};
    if (!name_of(path, script->name))
        return cli_fail(CLI_USAGE, "%s: name the file after the flow, in a-z 0-9 . _ -, like order-status.lua", path);
    int code = flow_source_read(path, &script->source);
    if (code == CLI_OK && !script->source.title[0])
        snprintf(script->source.title, sizeof script->source.title, "%s", script->name);
    return code;
}

/* ---- publish ---- */

static int store(struct cli *cli, struct db *db, struct script *script)
{
    static const char *const columns[] = {"name", "title", "version", NULL};
    buf_add(&script->source.text, "", 1);
    parley_status st = db_begin(db);
    if (st == PARLEY_OK)
        st = admin_publish_flow(db, script->name, script->source.title, script->source.text.ptr, script->hash);
    if (st == PARLEY_OK)
        st = db_commit(db, "flow");
    if (st != PARLEY_OK)
        return db_fail(db, st, "cannot publish the flow");
    script->hash[12] = '\0';
    struct out *out = out_one(cli, columns);
    out_text(out, script->name);
    out_text(out, script->source.title);
    out_text(out, script->hash);
    out_end(&out);
    return CLI_OK;
}

static int publish(struct cli *cli)
{
    struct script script;
    struct db *db = NULL;
    int code = script_read(cli_operand(cli, 0), &script);
    if (code == CLI_OK)
        code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = store(cli, db, &script);
    db_close(&db);
    buf_done(&script.source.text);
    return code;
}

static int list(struct cli *cli)
{
    return list_rows(cli,
                     "select f.name, v.title, left(encode(f.hash, 'hex'), 12), "
                     "(select count(*) from flow_run r where r.hash = f.hash and r.state < 4) "
                     "from flow f join flow_version v using (hash) order by f.name",
                     NULL, (const char *const[]){"name", "title", "version", "runs#", NULL});
}

const struct verb flow_verbs[] = {
    {.name = "flow new",
     .operands = "NAME",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "begin a flow: flows/NAME.lua, tests/NAME.chat, and what an editor needs to know of the calls",
     .examples = "parley flow new refund",
     .run = flow_new},
    {.name = "flow play",
     .operands = "FLOW",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "talk to a flow in the terminal, without server or database",
     .examples = "parley flow play flows/refund.lua\nparley flow play --step refund",
     .flags = {{"step", NULL, "go through it statement by statement, forward and back", false}},
     .run = flow_play},
    {.name = "flow graph",
     .operands = "FILE",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "draw a flow's questions and branches as SVG, on stdout",
     .examples = "parley flow graph flows/refund.lua >refund.svg",
     .run = flow_graph},
    {.name = "flow test",
     .operands = "[FILE.chat|FOLDER]...",
     .operands_min = 0,
     .operands_max = 1000,
     .summary = "play dialogues, each again with crashes, without server or database; tests/ unless told",
     .examples = "parley flow test\nparley flow test tests/refund.chat",
     .flags = {{"no-crash", NULL, "only as it is, without crashes", false}},
     .run = flow_test},
    {.name = "flow check",
     .operands = "FILE...",
     .operands_min = 1,
     .operands_max = 1000,
     .summary = "find mistakes in flows, without server or database",
     .examples =
         "parley flow check flows/*.lua\nparley flow check --config /etc/parley/parley.conf --online flows/*.lua",
     .notes =
         "With --config or --set, that the services and secrets which the flows name are configured; with --online,\n"
         "that the queues are in the database - of a running `parley dev`, when PARLEY_DATABASE_URL has its address.",
     .uses_conf = true,
     .flags = {{"online", NULL, "also look up what is in the configured database", false}},
     .run = flow_check},
    {.name = "flow help",
     .operands = "CODE",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "what an error of a flow means, with an example",
     .examples = "parley flow help E204",
     .run = flow_help},
    {.name = "flow publish",
     .operands = "FILE",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "make a flow the one that new sessions get; runs under way stay on theirs",
     .examples = "parley flow publish flows/order-status.lua",
     .uses_conf = true,
     .prints_data = true,
     .run = publish},
    {.name = "flow list",
     .operands = "",
     .summary = "published flows, and how many runs are on each",
     .examples = "parley flow list\nparley flow list --json",
     .uses_conf = true,
     .prints_data = true,
     .run = list},
    {0},
};
