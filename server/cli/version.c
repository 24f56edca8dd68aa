/* parley version: what is running, for people who report a fault. */
#include "server/cli/cli.h"

#include <stdio.h>

#ifdef PARLEY_TESTS
static const char build[] = "test";
#else
static const char build[] = "release";
#endif

static int version(struct cli *cli)
{
    if (cli_json(cli))
        printf("{\"version\":\"%s\",\"protocol\":\"parley.v1\",\"build\":\"%s\"}\n", PARLEY_VERSION, build);
    else
        printf("parley %s (protocol parley.v1, %s build)\n", PARLEY_VERSION, build);
    return CLI_OK;
}

const struct verb version_verbs[] = {
    {.name = "version",
     .operands = "",
     .summary = "version of program and protocol",
     .examples = "parley version\nparley version --json",
     .prints_data = true,
     .run = version},
    {0},
};
