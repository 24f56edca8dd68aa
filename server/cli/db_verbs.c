/* parley db: the schema of the configured database. */
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/migrate.h"

static int with_db(struct cli *cli, int (*run)(struct cli *cli, struct db *db))
{
    struct db *db = NULL;
    const struct conf *conf = cli_conf(cli);
    if (!conf)
        return CLI_USAGE;
    int code = db_open(conf, &db);
    if (code == CLI_OK)
        code = run(cli, db);
    db_close(&db);
    return code;
}

static int migrate_or_print(struct cli *cli, struct db *db)
{
    return cli_has(cli, "dry-run") ? migrate_print(db) : migrate_run(db, false);
}

static int status(struct cli *cli)
{
    return with_db(cli, migrate_status);
}

static int migrate(struct cli *cli)
{
    return with_db(cli, migrate_or_print);
}

const struct verb db_verbs[] = {
    {.name = "db status",
     .operands = "",
     .summary = "which steps of the schema are applied",
     .examples = "parley db status\nparley db status --json",
     .notes = "Exit code 7 when some are missing, 6 when the schema is newer than this program.",
     .uses_conf = true,
     .prints_data = true,
     .run = status},
    {.name = "db migrate",
     .operands = "",
     .summary = "bring the schema up to date",
     .examples = "parley db migrate --dry-run\nparley db migrate",
     .notes = "Each step is one transaction, and one program at a time does it. There is no way back but a backup.",
     .uses_conf = true,
     .flags = {{"dry-run", NULL, "print the SQL and change nothing", false}},
     .run = migrate},
    {0},
};
