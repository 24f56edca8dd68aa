/* parley role: what the people and programs of a role may do. */
#include "server/cli/admin.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/list.h"
#include "server/cli/out.h"

#include "protocol/frame.h"
#include "server/base/suggest.h"
#include "server/talk/permission.h"

#include <string.h>

/* Roles of whoever asks for something; Parley itself may do everything. */
#define ROLE_NAMES "customer,guest,agent,supervisor,admin,bot,backend,associate"
#define MAY                                                                                                            \
    "select r, (select string_agg(permission, ',' order by permission) from role where name = r) "                     \
    "from unnest(string_to_array($1, ',')) r"

static const char *role_at(size_t i)
{
    return role_name((int)i + 1);
}

/* One of the names, or what is wrong with it is said. */
static int check_name(const char *noun, const char *typed, const char *(*name_at)(size_t i))
{
    struct suggest s;
    struct buf all;
    const char *name;
    suggest_init(&s, typed);
    buf_init(&all, 1024);
    for (size_t i = 0; (name = name_at(i)) && strcmp(name, typed) != 0; i++) {
        suggest_offer(&s, name);
        buf_printf(&all, "%s%s", i ? ", " : "", name);
    }
    int code = CLI_OK;
    if (!name && s.best)
        code = cli_fail(CLI_USAGE, "no %s `%.64s`; did you mean %s?", noun, typed, s.best);
    else if (!name)
        code = cli_fail(CLI_USAGE, "no %s `%.64s`; there are %.*s", noun, typed, SPAN_ARG(buf_span(&all)));
    buf_done(&all);
    return code;
}

static int print_role(struct cli *cli, struct db *db)
{
    static const char *const columns[] = {"role", "permissions", NULL};
    struct db_rows *rows = NULL;
    parley_status st = db_query(db, MAY, DB_ARGS(cli_operand(cli, 0)), &rows);
    if (st != PARLEY_OK)
        return db_fail(db, st, "the role is changed, and cannot be read");
    struct out *out = out_one(cli, columns);
    out_text(out, db_cell(rows, 0, 0));
    out_text(out, db_cell(rows, 0, 1));
    out_end(&out);
    db_rows_free(&rows);
    return CLI_OK;
}

typedef parley_status role_change(struct db *db, const char *role, const char *permission);

static int write_role(struct cli *cli, struct db *db, role_change *change)
{
    const char *role = cli_operand(cli, 0), *permission = cli_operand(cli, 1);
    parley_status st = db_begin(db);
    if (st == PARLEY_OK)
        st = change(db, role, permission);
    if (st == PARLEY_NOT_FOUND)
        return cli_fail(CLI_NOT_FOUND, "the role %s may not `%s` as it is; `parley role list` shows what it may", role,
                        permission);
    if (st == PARLEY_OK)
        st = db_commit(db, "role");
    return st == PARLEY_OK ? print_role(cli, db) : db_fail(db, st, "cannot change the role");
}

static int change_role(struct cli *cli, role_change *change)
{
    struct db *db = NULL;
    int code = check_name("role", cli_operand(cli, 0), role_at);
    if (code == CLI_OK)
        code = check_name("permission", cli_operand(cli, 1), permission_name);
    if (code == CLI_OK)
        code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = write_role(cli, db, change);
    db_close(&db);
    return code;
}

static int grant(struct cli *cli)
{
    return change_role(cli, admin_grant);
}

static int revoke(struct cli *cli)
{
    return change_role(cli, admin_revoke);
}

static int list(struct cli *cli)
{
    return list_rows(cli, MAY, DB_ARGS(ROLE_NAMES), (const char *const[]){"role", "permissions", NULL});
}

static const char permissions_help[] =
    "Permissions: own (talk, in conversations of their own), serve (take sessions and serve them), watch (read and\n"
    "take up what others serve, of every queue), speak (bots, while in control), post (back ends); administer and "
    "view\n"
    "are for what comes. It counts at once, in every process; connections of who may less than before are closed, and\n"
    "come back.";

const struct verb role_verbs[] = {
    {.name = "role list",
     .operands = "",
     .summary = "what each role may do",
     .examples = "parley role list\nparley role list --json",
     .notes = permissions_help,
     .uses_conf = true,
     .prints_data = true,
     .run = list},
    {.name = "role grant",
     .operands = "ROLE PERMISSION",
     .operands_min = 2,
     .operands_max = 2,
     .summary = "let everybody of a role do something",
     .examples = "parley role grant agent watch",
     .notes = permissions_help,
     .uses_conf = true,
     .prints_data = true,
     .run = grant},
    {.name = "role revoke",
     .operands = "ROLE PERMISSION",
     .operands_min = 2,
     .operands_max = 2,
     .summary = "do not let them any more",
     .examples = "parley role revoke supervisor watch",
     .notes = permissions_help,
     .uses_conf = true,
     .prints_data = true,
     .run = revoke},
    {0},
};
