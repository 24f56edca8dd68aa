/* parley bot: bots from outside, programs that serve sessions with a key of their own. */
#include "server/cli/admin.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/list.h"
#include "server/cli/out.h"

static int refuse(struct db *db, parley_status st, const struct admin_bot *bot)
{
    if (st == PARLEY_CONFLICT)
        return cli_fail(CLI_CONFLICT, "there is a bot `%.80s` already; `parley key add` makes another key for it",
                        bot->name);
    if (st == PARLEY_NOT_FOUND)
        return cli_fail(CLI_NOT_FOUND,
                        "no app `%.80s`, or no queue of that name; `parley app list` and `parley queue "
                        "list` show them",
                        bot->app);
    if (st == PARLEY_INVALID)
        return cli_fail(CLI_USAGE, "`%.80s` is no name; use 1 to 64 of a-z 0-9 . _ -, a letter or digit first",
                        bot->name);
    return db_fail(db, st, "cannot add the bot");
}

static int write_bot(struct cli *cli, struct db *db)
{
    static const char *const columns[] = {"bot", "name", "id", "key", NULL};
    struct admin_bot bot = {.app = cli_operand(cli, 0),
                            .name = cli_operand(cli, 1),
                            .title = cli_flag(cli, "title"),
                            .queue = cli_flag(cli, "queue")};
    char id[UUID_TEXT + 1], key[UUID_TEXT + 1], token[CRYPTO_TOKEN + 1];
    parley_status st = db_begin(db);
    if (st == PARLEY_OK)
        st = admin_add_bot(db, &bot, id);
    if (st == PARLEY_OK)
        st = admin_add_key(db, bot.app, bot.name, "bot", key, token);
    if (st == PARLEY_OK && cli_has(cli, "first"))
        st = admin_set_first_bot(db, bot.app, bot.name);
    if (st == PARLEY_OK)
        st = db_commit(db, "bot");
    if (st != PARLEY_OK)
        return refuse(db, st, &bot);
    struct out *out = out_one(cli, columns);
    out_text(out, id);
    out_text(out, bot.name);
    out_text(out, key);
    out_text(out, token);
    out_end(&out);
    crypto_wipe(token, sizeof token);
    cli_say(cli, "\nThe key is shown once. It is what your program says hello with.");
    if (!cli_has(cli, "first"))
        cli_say(cli, "Next: `parley bot first %s %s` lets it serve the app's customers.", bot.app, bot.name);
    return CLI_OK;
}

static int write_first(struct cli *cli, struct db *db)
{
    static const char *const columns[] = {"app", "bot", NULL};
    const char *app = cli_operand(cli, 0), *name = cli_operand(cli, 1);
    parley_status st = db_begin(db);
    if (st == PARLEY_OK)
        st = admin_set_first_bot(db, app, name);
    if (st == PARLEY_NOT_FOUND)
        return cli_fail(CLI_NOT_FOUND, "no app `%.80s`, or it has no bot of that name; `parley bot list` shows them",
                        app);
    if (st == PARLEY_OK)
        st = db_commit(db, "bot");
    if (st != PARLEY_OK)
        return db_fail(db, st, "cannot say which bot serves first");
    struct out *out = out_one(cli, columns);
    out_text(out, app);
    out_text(out, name ? name : "");
    out_end(&out);
    return CLI_OK;
}

static int with_db(struct cli *cli, int (*write)(struct cli *, struct db *))
{
    struct db *db = NULL;
    int code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = write(cli, db);
    db_close(&db);
    return code;
}

static int add(struct cli *cli)
{
    return with_db(cli, write_bot);
}

static int first(struct cli *cli)
{
    return with_db(cli, write_first);
}

static int list(struct cli *cli)
{
    return list_rows(
        cli,
        "select b.name, a.name, a.default_bot is not distinct from b.name, coalesce(b.queue, a.default_queue),"
        " (select count(*) from api_key where bot = b.id and disabled_at is null),"
        " (select count(*) from bot_seat where bot = b.id and lost_at is null),"
        " (select count(*) from session where bot = b.id and holder is not null),"
        " (select count(*) from bot_turn where bot = b.id and waiting)"
        " from bot b join app a on a.id = b.app order by b.name",
        NULL,
        (const char *const[]){"name", "app", "first?", "queue", "keys#", "processes#", "sessions#", "waiting#", NULL});
}

const struct verb bot_verbs[] = {
    {.name = "bot add",
     .operands = "APP NAME",
     .operands_min = 2,
     .operands_max = 2,
     .summary = "add a bot from outside and a key for it; prints the key once",
     .examples = "parley bot add shop concierge --first\nparley bot add shop returns --queue returns --title Rita",
     .notes =
         "A bot is a program of yours that serves sessions over the protocol; protocol/PROTOCOL.md, Bots, tells how.\n"
         "Another key for it: `parley key add APP NAME --role bot`.",
     .uses_conf = true,
     .prints_data = true,
     .flags = {{"title", "TEXT", "what people see; else the name", false},
               {"queue", "NAME", "where its handoffs go that name none; else the app's", false},
               {"first", NULL, "it serves the app's customers from now on, before the app's own flow", false}},
     .run = add},
    {.name = "bot first",
     .operands = "APP [NAME]",
     .operands_min = 1,
     .operands_max = 2,
     .summary = "which bot serves an app's customers first; without a name: none",
     .examples = "parley bot first shop concierge\nparley bot first shop",
     .notes = "It is of sessions that begin from now on. What the customer says may begin a flow by its start, see "
              "`parley app\n"
              "flows`; else the bot serves. Without a bot the app's flow serves, or its queue.",
     .uses_conf = true,
     .prints_data = true,
     .run = first},
    {.name = "bot list",
     .operands = "",
     .summary = "bots from outside: processes that are connected, sessions they have, sessions that wait for one",
     .examples = "parley bot list\nparley bot list --json",
     .uses_conf = true,
     .prints_data = true,
     .run = list},
    {0},
};
