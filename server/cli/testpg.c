/* parley testpg: a private Postgres for tests in any language. Hidden; not a way to run a service. */
#include "server/cli/cli.h"
#include "server/cli/private_pg.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { SETTINGS_MAX = 24, WHY_MAX = 4096 };

static int start(struct cli *cli)
{
    const char *settings[SETTINGS_MAX + 1] = {0};
    for (size_t i = 0; i < SETTINGS_MAX; i++)
        settings[i] = cli_flag_at(cli, "pg", i);
    struct private_pg *pg;
    struct buf why;
    buf_init(&why, WHY_MAX);
    parley_status st = private_pg_start(
        &(struct private_pg_options){.dir = cli_operand(cli, 0), .settings = settings, .keep = true}, &pg, &why);
    if (st == PARLEY_OK)
        printf("%s\n", private_pg_url(pg));
    else
        cli_fail(CLI_FAILED, "%.*s", SPAN_ARG(buf_span(&why)));
    if (st == PARLEY_OK)
        private_pg_release(&pg);
    buf_done(&why);
    return st == PARLEY_OK ? CLI_OK : CLI_FAILED;
}

static int stop(struct cli *cli)
{
    if (private_pg_stop_dir(cli_operand(cli, 0)) == PARLEY_OK)
        return CLI_OK;
    return cli_fail(CLI_NOT_FOUND, "no Postgres runs on %s", cli_operand(cli, 0));
}

const struct verb testpg_verbs[] = {
    {.name = "testpg start",
     .operands = "DIR",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "start a private Postgres for a test and print its URL",
     .examples = "parley testpg start /tmp/pg-1\nparley testpg start /tmp/pg-1 --pg max_wal_size=8GB --pg jit=off",
     .notes = "It outlives this command; `parley testpg stop DIR` ends it. Data stays in DIR.",
     .hidden = true,
     .flags = {{"pg", "NAME=VALUE", "a setting of the server", true}},
     .run = start},
    {.name = "testpg stop",
     .operands = "DIR",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "stop the private Postgres of a test",
     .examples = "parley testpg stop /tmp/pg-1",
     .hidden = true,
     .run = stop},
    {0},
};
