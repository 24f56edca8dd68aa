/* parley key: keys of programs, bots and back ends. */
#include "server/cli/admin.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/list.h"
#include "server/cli/out.h"
#include "server/cli/touch.h"

#include "server/base/conf_value.h"

static int write_key(struct cli *cli, struct db *db, const char *role)
{
    static const char *const columns[] = {"id", "name", "role", "key", NULL};
    const char *app = cli_operand(cli, 0), *name = cli_operand(cli, 1);
    char id[UUID_TEXT + 1], token[CRYPTO_TOKEN + 1];
    parley_status st = db_begin(db);
    if (st == PARLEY_OK)
        st = admin_add_key(db, app, name, role, id, token);
    if (st == PARLEY_OK)
        st = db_commit(db, "key");
    if (st == PARLEY_NOT_FOUND)
        return cli_fail(CLI_NOT_FOUND, "no app `%.80s`; `parley app list` shows them", app);
    if (st == PARLEY_CONFLICT)
        return cli_fail(CLI_CONFLICT, "the bot `%.80s` is another app's", name);
    if (st == PARLEY_INVALID)
        return cli_fail(CLI_USAGE, "`%.80s` is no name of a bot; use 1 to 64 of a-z 0-9 . _ -, a letter or digit first",
                        name);
    if (st != PARLEY_OK)
        return db_fail(db, st, "cannot add the key");
    struct out *out = out_one(cli, columns);
    out_text(out, id);
    out_text(out, name);
    out_text(out, role);
    out_text(out, token);
    out_end(&out);
    crypto_wipe(token, sizeof token);
    cli_say(cli, "\nThis key is shown once.");
    return CLI_OK;
}

static int add(struct cli *cli)
{
    const char *role = cli_flag_or(cli, "role", "backend");
    struct db *db = NULL;
    int known;
    if (conf_parse_choice(role, "bot|backend", &known) != PARLEY_OK)
        return cli_fail(CLI_USAGE, "no role `%.64s`; there are bot and backend", role);
    int code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = write_key(cli, db, role);
    db_close(&db);
    return code;
}

static int list(struct cli *cli)
{
    return list_rows(cli,
                     "select k.id, k.name, role, a.name, to_char(k.created_at at time zone 'UTC', "
                     "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), disabled_at is not null "
                     "from api_key k join app a on a.id = k.app order by k.created_at",
                     NULL, (const char *const[]){"id", "name", "role", "app", "created_at", "disabled?", NULL});
}

static int revoke(struct cli *cli)
{
    return touch_row(cli, &(struct touch){.column = "id",
                                          .noun = "key with id",
                                          .list = "key list",
                                          .changed = "key",
                                          .disabled = true,
                                          .write = admin_revoke_key});
}

const struct verb key_verbs[] = {
    {.name = "key add",
     .operands = "APP NAME",
     .operands_min = 2,
     .operands_max = 2,
     .summary = "make a key for a bot or a back end; prints it once",
     .examples = "parley key add shop orders\nparley key add shop concierge --role bot",
     .uses_conf = true,
     .prints_data = true,
     .notes =
         "NAME is for you, of a back end. Of a bot it is the bot's: `parley bot add` makes it with its first key,\n"
         "and this another one.",
     .flags = {{"role", "ROLE", "backend (usual) or bot", false}},
     .run = add},
    {.name = "key list",
     .operands = "",
     .summary = "keys of bots and back ends",
     .examples = "parley key list --json",
     .uses_conf = true,
     .prints_data = true,
     .run = list},
    {.name = "key revoke",
     .operands = "ID",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "withdraw a key: it is refused, and what its program has open is closed",
     .examples = "parley key revoke 01936e1c-7c1b-7d5e-9a43-0c4be1f0a2d7",
     .uses_conf = true,
     .prints_data = true,
     .run = revoke},
    {0},
};
