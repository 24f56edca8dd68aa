/* One call of the program: the verb, its operands and flags, and how it answers. Data goes to stdout, words to stderr.
 * Lives as long as the process; everything handed out is borrowed from it. Single thread. */
#ifndef SERVER_CLI_CLI_H
#define SERVER_CLI_CLI_H

#include "server/cli/verb.h"

struct conf;

/* The whole program: finds the verb, checks the line, runs it. The process's exit code. */
int cli_main(int argc, char **argv);

const char *cli_operand(const struct cli *cli, int i); /* NULL beyond the last */
int cli_operand_count(const struct cli *cli);

/* The name must be in the verb's table. */
bool cli_has(const struct cli *cli, const char *flag);
const char *cli_flag(const struct cli *cli, const char *flag); /* NULL when not given */
const char *cli_flag_or(const struct cli *cli, const char *flag, const char *otherwise);

/* The i-th value of a flag that may be repeated; NULL beyond the last. */
const char *cli_flag_at(const struct cli *cli, const char *flag, size_t i);

bool cli_json(const struct cli *cli);

/* Whether stdout is a terminal that wants colours: NO_COLOR, --no-color and TERM=dumb say no. */
bool cli_color(const struct cli *cli);

/* The configuration as file, environment and flags give it; the verb must have uses_conf. NULL when it is wrong: then
 * everything that is wrong has been said. */
const struct conf *cli_conf(struct cli *cli);

/* A value of the program's own, above file and environment and below the user's --set. What cli_conf gave before is
 * freed; both texts are copied. */
void cli_preset(struct cli *cli, const char *key, const char *value);

/* Says what went wrong, on stderr, and returns the code for `return cli_fail(...)`. */
int cli_fail(enum cli_exit code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A remark on stderr; nothing with --json. */
void cli_say(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
