/* parley queue: where sessions wait for people. */
#include "server/cli/admin.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/list.h"
#include "server/cli/out.h"

#include "server/base/conf_value.h"
#include "server/base/hours.h"

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

/* ---- hours ---- */

static int show_hours(struct cli *cli)
{
    return list_rows(cli,
                     "select name, coalesce(hours, 'always'), coalesce(zone, 'UTC') from queue where $1 in ('', name)"
                     " order by name",
                     (const char *const[]){cli_operand(cli, 0) ? cli_operand(cli, 0) : "", NULL},
                     (const char *const[]){"name", "hours", "zone", NULL});
}

static int store_hours(struct cli *cli, struct db *db, const char *hours, const char *zone)
{
    const char *name = cli_operand(cli, 0);
    parley_status st = db_begin(db);
    if (st == PARLEY_OK)
        st = db_run(db, "update queue set hours = $2, zone = $3 where name = $1", DB_ARGS(name, hours, zone));
    if (st == PARLEY_OK && db_touched(db) == 0) {
        db_rollback(db);
        return cli_fail(CLI_NOT_FOUND, "there is no queue `%.80s`", name);
    }
    if (st == PARLEY_OK)
        st = db_commit(db, "queue");
    return st == PARLEY_OK ? CLI_OK : db_fail(db, st, "cannot set the hours");
}

static int hours(struct cli *cli)
{
    const char *text = cli_operand(cli, 1), *zone = cli_flag_or(cli, "zone", "UTC");
    bool always = cli_has(cli, "always");
    char why[HOURS_WHY_MAX];
    struct hours read;
    struct db *db = NULL;
    if (always ? text != NULL : !text && cli_flag(cli, "zone"))
        return cli_fail(CLI_USAGE, "give the hours, or --always");
    if (!always && !text)
        return show_hours(cli);
    if (text && !hours_read(span_str(text), span_str(zone), &read, why))
        return cli_fail(CLI_USAGE, "%s", why);
    int code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = store_hours(cli, db, always ? DB_NULL : text, always ? DB_NULL : zone);
    db_close(&db);
    return code == CLI_OK ? show_hours(cli) : code;
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
    {.name = "queue hours",
     .operands = "[NAME [HOURS]]",
     .operands_max = 2,
     .summary = "when a queue has people: shows it, or sets it",
     .examples =
         "parley queue hours\n"
         "parley queue hours support \"mon-fri 9:00-17:00, sat 10:00-14:00, 12-25 closed\" --zone Europe/Berlin\n"
         "parley queue hours support --always",
     .notes =
         "Parts are separated by commas. Each names days - mon, mon-fri, daily, a date (2026-12-24), or a date of\n"
         "every year (12-25) -, then up to four spans (9:00-12:30 13:30-17:00, also over midnight), or `closed`.\n"
         "Dates count before days of the week. Flows ask with hours.open and hours.next_open; what a flow does when\n"
         "nobody is there is its own. A queue without hours is always open.",
     .uses_conf = true,
     .prints_data = true,
     .flags = {{"zone", "ZONE", "whose clock that is, as Europe/Berlin; UTC when not given", false},
               {"always", NULL, "no hours: always open", false}},
     .run = hours},
    {.name = "queue list",
     .operands = "",
     .summary = "queues with their agents and who waits",
     .examples = "parley queue list\nparley queue list --json",
     .uses_conf = true,
     .prints_data = true,
     .run = list},
    {0},
};
