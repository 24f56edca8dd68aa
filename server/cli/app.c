/* parley app: the company's apps, and the keys by which their servers sign tokens. */
#include "server/cli/admin.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/files.h"
#include "server/cli/list.h"
#include "server/cli/out.h"
#include "server/cli/touch.h"

#include "server/base/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ORIGINS_MAX = 64, FLOWS_MAX = 64, JWK_MAX = 16384 };

static int no_app(const char *app)
{
    return cli_fail(CLI_NOT_FOUND, "no app `%.80s`; `parley app list` shows them", app);
}

/* It may be published later; till then it is as if there were none. */
static void warn_of_flow(struct cli *cli, struct db *db, const struct admin_app *app)
{
    struct db_rows *rows = NULL;
    if (app->flow && db_query(db, "select 1 from flow where name = $1", DB_ARGS(app->flow), &rows) == PARLEY_OK &&
        db_count(rows) == 0)
        cli_say(cli, "\nNo flow `%.80s` is published yet; until `parley flow publish` brings it, %s.", app->flow,
                app->queue ? "customers wait in the queue" : "nobody serves");
    db_rows_free(&rows);
}

static int write_app(struct cli *cli, struct db *db, const struct admin_app *app)
{
    static const char *const columns[] = {"id", "name", NULL};
    char id[UUID_TEXT + 1];
    parley_status st = db_begin(db);
    if (st == PARLEY_OK)
        st = admin_add_app(db, app, id);
    if (st == PARLEY_OK)
        st = db_commit(db, "app");
    if (st == PARLEY_CONFLICT)
        return cli_fail(CLI_CONFLICT, "there is an app `%s` already", app->name);
    if (st == PARLEY_NOT_FOUND)
        return cli_fail(CLI_NOT_FOUND, "no queue `%.80s`; `parley queue add` makes one", app->queue);
    if (st == PARLEY_INVALID)
        return cli_fail(CLI_USAGE, "`%.80s` is no name; use 1 to 64 of a-z 0-9 . _ -, a letter or digit first",
                        app->name);
    if (st != PARLEY_OK)
        return db_fail(db, st, "cannot add the app");
    struct out *out = out_one(cli, columns);
    out_text(out, id);
    out_text(out, app->name);
    out_end(&out);
    warn_of_flow(cli, db, app);
    cli_say(cli, "\nNext: `parley app keys add %s` makes a key by which your server signs tokens.", app->name);
    return CLI_OK;
}

static int add(struct cli *cli)
{
    const char *origins[ORIGINS_MAX + 1] = {0};
    struct db *db = NULL;
    for (size_t i = 0; i < ORIGINS_MAX; i++)
        origins[i] = cli_flag_at(cli, "origin", i);
    struct admin_app app = {.name = cli_operand(cli, 0),
                            .space = cli_flag(cli, "space"),
                            .queue = cli_flag(cli, "queue"),
                            .flow = cli_flag(cli, "flow"),
                            .origins = origins,
                            .guests = !cli_has(cli, "no-guests")};
    int code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = write_app(cli, db, &app);
    db_close(&db);
    return code;
}

static int list(struct cli *cli)
{
    return list_rows(cli,
                     "select name, id, default_queue, default_flow, guests, array_to_string(origins, ','), "
                     "(select count(*) from app_key where app = a.id and disabled_at is null) from app a order by name",
                     NULL, (const char *const[]){"name", "id", "queue", "flow", "guests?", "origins", "keys#", NULL});
}

/* ---- the flows that its customers reach ---- */

/* A name may come before its flow; one that is a slip of the pen reaches nothing. */
static void tell_unpublished(struct cli *cli, struct db *db)
{
    struct db_rows *rows = NULL;
    parley_status st = db_query(db,
                                "select n from app a, unnest(a.flows) n where a.name = $1"
                                " and not exists (select from flow f where f.name = n) order by n",
                                DB_ARGS(cli_operand(cli, 0)), &rows);
    for (size_t row = 0; st == PARLEY_OK && row < db_count(rows); row++)
        cli_say(cli, "no flow %s is published: nobody reaches it until one is", db_cell(rows, row, 0));
    db_rows_free(&rows);
}

/* What belongs to an app may be an empty list; of one that is not there there is none. */
static int find_app(struct cli *cli, const char *app)
{
    struct db *db = NULL;
    struct db_rows *rows = NULL;
    int code = db_open_ready(cli, &db);
    if (code != CLI_OK)
        return code;
    parley_status st = db_query(db, "select 1 from app where name = $1", DB_ARGS(app), &rows);
    if (st != PARLEY_OK)
        code = db_fail(db, st, "cannot read the apps");
    else if (db_count(rows) == 0)
        code = no_app(app);
    else
        tell_unpublished(cli, db);
    db_rows_free(&rows);
    db_close(&db);
    return code;
}

static int show_flows(struct cli *cli)
{
    return list_rows(cli,
                     "select f.name, v.title, (select string_agg(b.value, ', ' order by b.key)"
                     "  from jsonb_each_text(v.start->'button') b),"
                     " (select string_agg(m, ', ') from jsonb_array_elements_text(v.start->'match') m),"
                     " (select string_agg(e, ', ') from jsonb_array_elements_text(v.start->'event') e),"
                     " v.start ? 'fallback', f.name is not distinct from a.default_flow"
                     " from app a, flow f join flow_version v using (hash) where a.name = $1"
                     " and (a.flows is null or f.name = any (a.flows) or f.name = a.default_flow) order by f.name",
                     DB_ARGS(cli_operand(cli, 0)),
                     (const char *const[]){"name", "title", "button", "match", "event", "fallback?", "own?", NULL});
}

static int store_flows(struct cli *cli, const char *const *names)
{
    const char *app = cli_operand(cli, 0);
    struct db *db = NULL;
    int code = db_open_ready(cli, &db);
    parley_status st = code == CLI_OK ? db_begin(db) : PARLEY_OK;
    if (code == CLI_OK && st == PARLEY_OK)
        st = admin_set_app_flows(db, app, names);
    if (code == CLI_OK && st == PARLEY_OK)
        st = db_commit(db, "app");
    if (st == PARLEY_NOT_FOUND)
        code = no_app(app);
    else if (st != PARLEY_OK)
        code = db_fail(db, st, "cannot change the app");
    else if (code == CLI_OK)
        tell_unpublished(cli, db);
    db_close(&db);
    return code;
}

static int flows(struct cli *cli)
{
    const char *names[FLOWS_MAX + 1] = {0};
    int count = cli_operand_count(cli) - 1;
    bool all = cli_has(cli, "all"), none = cli_has(cli, "none");
    if (all + none + (count > 0) > 1)
        return cli_fail(CLI_USAGE, "give names of flows, or --all, or --none");
    for (int i = 0; i < count; i++)
        names[i] = cli_operand(cli, i + 1);
    int code = all || none || count ? store_flows(cli, all ? NULL : names) : find_app(cli, cli_operand(cli, 0));
    return code == CLI_OK ? show_flows(cli) : code;
}

/* A new key, or one that was made elsewhere. */
static int get_key(struct cli *cli, struct jws_key **out)
{
    const char *path = cli_flag(cli, "import"), *name = cli_flag_or(cli, "algorithm", "ES256");
    enum jws_algorithm alg;
    if (path && cli_has(cli, "algorithm"))
        return cli_fail(CLI_USAGE, "--algorithm is for new keys; %s has an algorithm of its own", path);
    if (path)
        return files_read_key(path, out);
    if (jws_algorithm_of(span_str(name), &alg) != PARLEY_OK)
        return cli_fail(CLI_USAGE, "no algorithm `%.64s`; there are ES256, RS256 and HS256", name);
    return jws_key_generate(alg, out) == PARLEY_OK ? CLI_OK : cli_fail(CLI_FAILED, "cannot make a key");
}

static int refuse_key(struct db *db, parley_status st, const char *app, const char *kid)
{
    if (st == PARLEY_NOT_FOUND)
        return no_app(app);
    if (st == PARLEY_CONFLICT)
        return cli_fail(CLI_CONFLICT, "there is a key `%s` already", kid);
    if (st == PARLEY_UNAVAILABLE)
        return cli_fail(CLI_FAILED, "a shared secret is stored sealed; set auth.master_key_file first");
    return db_fail(db, st, "cannot add the key");
}

/* The private half goes to its owner and nowhere else. */
static int hand_over(struct cli *cli, const struct jws_key *key)
{
    struct buf jwk;
    buf_init(&jwk, JWK_MAX);
    jws_key_json(key, true, &jwk);
    int code = CLI_OK;
    if (cli_has(cli, "out"))
        code = files_write_secret(cli_flag(cli, "out"), buf_span(&jwk));
    else if (cli_json(cli))
        printf("{\"kid\":\"%s\",\"alg\":\"%s\",\"jwk\":%.*s}\n", jws_key_id(key),
               jws_algorithm_name(jws_key_algorithm(key)), SPAN_ARG(buf_span(&jwk)));
    else
        printf("%.*s\n", SPAN_ARG(buf_span(&jwk)));
    crypto_wipe(jwk.ptr, jwk.len);
    buf_done(&jwk);
    if (code == CLI_OK && cli_has(cli, "out"))
        cli_say(cli, "%s has the private key `%s`; keep it where your app's server signs tokens.", cli_flag(cli, "out"),
                jws_key_id(key));
    else if (code == CLI_OK)
        cli_say(cli, "This is the private key, shown once; keep it where your app's server signs tokens.");
    return code;
}

static int write_key(struct cli *cli, struct db *db, struct jws_key *key)
{
    const char *app = cli_operand(cli, 0);
    parley_status st = db_begin(db);
    if (st == PARLEY_OK)
        st = admin_add_app_key(db, cli_conf(cli), app, key);
    if (st != PARLEY_OK)
        return refuse_key(db, st, app, jws_key_id(key));
    int code = CLI_OK;
    if (cli_has(cli, "import"))
        printf(cli_json(cli) ? "{\"kid\":\"%s\"}\n" : "kid: %s\n", jws_key_id(key));
    else
        code = hand_over(cli, key);
    if (code != CLI_OK)
        return code;
    st = db_commit(db, "app");
    return st == PARLEY_OK ? CLI_OK : db_fail(db, st, "cannot add the key");
}

static int keys_add(struct cli *cli)
{
    struct db *db = NULL;
    struct jws_key *key = NULL;
    int code = get_key(cli, &key);
    if (code == CLI_OK && cli_has(cli, "kid") && jws_key_set_id(key, span_str(cli_flag(cli, "kid"))) != PARLEY_OK)
        code = cli_fail(CLI_USAGE, "--kid has 1 to 64 of A-Z a-z 0-9 . _ -");
    if (code == CLI_OK)
        code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = write_key(cli, db, key);
    db_close(&db);
    jws_key_free(&key);
    return code;
}

static int keys_list(struct cli *cli)
{
    const char *app = cli_operand(cli, 0);
    int code = app ? find_app(cli, app) : CLI_OK;
    if (code != CLI_OK)
        return code;
    return list_rows(
        cli,
        "select kid, name, algorithm, to_char(k.created_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
        "disabled_at is not null from app_key k join app a on a.id = k.app "
        "where $1::text is null or name = $1 order by name, k.created_at",
        DB_ARGS(app ? app : DB_NULL), (const char *const[]){"kid", "app", "alg", "created_at", "disabled?", NULL});
}

static int keys_revoke(struct cli *cli)
{
    return touch_row(cli, &(struct touch){.column = "kid",
                                          .noun = "key",
                                          .list = "app keys list",
                                          .changed = "app",
                                          .disabled = true,
                                          .write = admin_revoke_app_key});
}

const struct verb app_verbs[] = {
    {.name = "app add",
     .operands = "NAME",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "add an app",
     .examples = "parley app add shop --queue support --flow welcome\n"
                 "parley app add web --origin https://www.example.com --no-guests",
     .uses_conf = true,
     .prints_data = true,
     .flags = {{"queue", "NAME", "where handoffs go by default", false},
               {"flow", "NAME", "the bot that serves first", false},
               {"space", "NAME", "apps of one space share their customers; `main` when not given", false},
               {"origin", "URL", "a web page that may connect; may be repeated", true},
               {"no-guests", NULL, "only people with a token", false}},
     .run = add},
    {.name = "app list",
     .operands = "",
     .summary = "apps",
     .examples = "parley app list\nparley app list --json",
     .uses_conf = true,
     .prints_data = true,
     .run = list},
    {.name = "app flows",
     .operands = "APP [FLOW ...]",
     .operands_min = 1,
     .operands_max = FLOWS_MAX + 1,
     .summary = "the flows that its customers reach by what they say: shows them, or names them",
     .examples = "parley app flows shop\nparley app flows shop order-status refund people\n"
                 "parley app flows shop --all\nparley app flows staff --none",
     .notes =
         "Where nobody serves, what the customer says begins a flow: the one whose start.button it is, else one whose\n"
         "start.match fits; by name where several do. Else the app's own bot or flow serves, else the flow with\n"
         "start.fallback; else they wait in the app's queue. The app's own flow is always reached.",
     .uses_conf = true,
     .prints_data = true,
     .flags = {{"all", NULL, "all that are published, also later: what it is when nobody says otherwise", false},
               {"none", NULL, "its own alone", false}},
     .run = flows},
    {.name = "app keys add",
     .operands = "APP",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "make a key that signs customers' tokens; prints it once",
     .examples = "parley app keys add shop --out shop.jwk\nparley app keys add shop --import public.jwk",
     .notes = "The database keeps the public half only; a shared secret (HS256) is kept sealed by auth.master_key.",
     .uses_conf = true,
     .prints_data = true,
     .flags = {{"algorithm", "NAME", "ES256 (usual), RS256 or HS256", false},
               {"kid", "NAME", "what tokens call it; else a name is made", false},
               {"out", "FILE", "write it there, for nobody else to read", false},
               {"import", "FILE", "a JWK made elsewhere; the public half is enough", false}},
     .run = keys_add},
    {.name = "app keys list",
     .operands = "[APP]",
     .operands_max = 1,
     .summary = "keys of one app or of all",
     .examples = "parley app keys list shop",
     .uses_conf = true,
     .prints_data = true,
     .run = keys_list},
    {.name = "app keys revoke",
     .operands = "KID",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "withdraw a key: its tokens are refused, and who came by one is signed out",
     .examples = "parley app keys revoke shop-1f2e3d4c",
     .notes = "For a change without a gap: `app keys add`, sign with the new key, wait for the longest life of a "
              "token, revoke\n"
              "the old one. A key that is withdrawn stays so.",
     .uses_conf = true,
     .prints_data = true,
     .run = keys_revoke},
    {0},
};
