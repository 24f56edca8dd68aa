/* What chat and desk have in common: the client, and `--json`: every event one line on standard output, every line on
 * standard input one call, as parley_call_json takes it. For scripts and tests. Single thread. */
#ifndef SERVER_CLI_PIPE_H
#define SERVER_CLI_PIPE_H

#include "sdk-c/include/parley/client.h"

#include <stdbool.h>

struct cli;
struct sign_in;

/* A client as the flags of chat and desk say it. A cli_exit; what is wrong has been said. */
int pipe_client(struct cli *cli, const struct sign_in *who, parley_client **out);

/* Until {"type":"quit"}, or until input has ended and everything said is stored or refused; 10 s for that at most.
 * Connects first. `hold`: no line is taken before the server has answered, as it may need what the server tells. A
 * cli_exit. */
int pipe_run(parley_client *client, bool hold);

/* The exit code that a state in which the client does not go on stands for; CLI_OK for others. */
int pipe_exit_code(int32_t state, parley_status reason);

#endif
