/* parley queue: where sessions wait for people. */
#include "server/cli/admin.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/list.h"
#include "server/cli/out.h"

#include "server/base/conf_value.h"

#include <stdio.h>

static int write_queue(struct cli *cli, struct db *db)
{
    static const char *const columns[] = {"name", "title", NULL};
    const char *name = cli_operand(cli, 0), *title = cli_flag_or(cli, "title", name);
    int64_t priority = 0;
    if (conf_parse_int(cli_flag_or(cli, "priority", "0"), &priority) != PARLEY_OK || priority > 1000 ||
        priority < -1000)
        return cli_fail(CLI_USAGE, "--priority needs a whole number from -1000 to 1000");
    parley_status st = db_begin(db);
    if (st == PARLEY_OK)
        st = admin_add_queue(db, name, title, priority);
    if (st == PARLEY_CONFLICT)
        return cli_fail(CLI_CONFLICT, "there is a queue `%s` already", name);
    if (st == PARLEY_INVALID)
        return cli_fail(CLI_USAGE, "`%.80s` is no name; use 1 to 64 of a-z 0-9 . _ -, a letter or digit first", name);
    if (st == PARLEY_OK)
        st = db_commit(db, "queue");
    if (st != PARLEY_OK)
        return db_fail(db, st, "cannot add the queue");
    struct out *out = out_one(cli, columns);
    out_text(out, name);
    out_text(out, title);
    out_end(&out);
    return CLI_OK;
}

static int add(struct cli *cli)
{
    struct db *db = NULL;
    int code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = write_queue(cli, db);
    db_close(&db);
    return code;
}

static int list(struct cli *cli)
{
    return list_rows(cli,
                     "select name, title, priority, (select count(*) from membership where queue = name), "
                     "(select count(*) from session s where s.queue = q.name and state in (2, 3)) "
                     "from queue q order by name",
                     NULL, (const char *const[]){"name", "title", "priority#", "agents#", "waiting#", NULL});
}

const struct verb queue_verbs[] = {
    {.name = "queue add",
     .operands = "NAME",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "add a queue",
     .examples = "parley queue add support --title \"Customer support\"\nparley queue add vip --priority 10",
     .uses_conf = true,
     .prints_data = true,
     .flags = {{"title", "TEXT", "what people see; else the name", false},
               {"priority", "N", "higher is served first; 0 when not given", false}},
     .run = add},
    {.name = "queue list",
     .operands = "",
     .summary = "queues with their agents and who waits",
     .examples = "parley queue list\nparley queue list --json",
     .uses_conf = true,
     .prints_data = true,
     .run = list},
    {0},
};
