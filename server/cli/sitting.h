/* Somebody at the terminal: what they type and what arrives, in turn, until they leave. For `parley chat` and
 * `parley desk`. Single thread. */
#ifndef SERVER_CLI_SITTING_H
#define SERVER_CLI_SITTING_H

#include "sdk-c/include/parley/client.h"

#include <stdbool.h>

struct cli;
struct sign_in;
struct term;

struct sitting {
    struct term *term;
    parley_client *client;
    const bool *quit;        /* they want to leave */
    const bool *been_online; /* input that ends is a goodbye, but what was said is sent first */
    void (*prompt)(void *arg);
    void (*line)(void *arg, char *line); /* as it was typed; it may be changed */
    void (*events)(void *arg);           /* takes all that have arrived; comes at least once a second */
    void *arg;
};

/* Connects and comes back when it is over. True: it was interrupted. */
bool sitting_run(const struct sitting *sitting, const struct sign_in *who);

/* A whole verb: signs in with the one, and goes on with the other; with --json as lines of events and calls instead.
 * The exit code. */
int sitting_verb(struct cli *cli, int (*sign_in)(struct cli *cli, struct sign_in *out),
                 int (*talk)(struct cli *cli, parley_client *client, const struct sign_in *who));

#endif
