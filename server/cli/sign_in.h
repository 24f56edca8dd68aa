/* Who `parley chat` and `parley desk` are, and where: from their flags to an address and a token. Single thread. */
#ifndef SERVER_CLI_SIGN_IN_H
#define SERVER_CLI_SIGN_IN_H

#include <stdbool.h>
#include <stddef.h>

struct cli;

struct sign_in {
    char *url; /* ws:// or wss:// */
    char *token;
    char *device;        /* that the token is bound to, or NULL */
    char *name;          /* whom to greet */
    const char *ca_file; /* borrowed from the command line, or NULL */
};

/* A customer: --token, --guest, --key with --sub, or a name by the key of `parley dev`. A cli_exit; what is wrong has
 * been said. */
int sign_in_customer(struct cli *cli, struct sign_in *out);

/* A member of staff: --token, or --login with a password from a file, the demo's list or a question. */
int sign_in_agent(struct cli *cli, struct sign_in *out);

/* Another password for the agent of --login, from --new-file or asked for twice. A cli_exit. */
int sign_in_change_password(struct cli *cli);

void sign_in_done(struct sign_in *s);

/* A path of the server as an address for HTTP: http://host:port of ws://host:port/v1/ws. False: it is none. */
bool sign_in_http_url(const char *url, const char *path, char *out, size_t size);

/* The flags they read, for the verb's table. */
/* clang-format off */
#define SIGN_IN_SERVER                                                                                                 \
    {"server", "URL", "ws:// or wss:// address; else that of `parley dev`, or ws://127.0.0.1:8300/v1/ws", false},      \
    {"ca", "FILE", "trust this authority (PEM)", false},                                                               \
    {"keep", "FOLDER", "what is said and heard survives there; a folder for each person", false},                      \
    {"plain", NULL, "allow ws:// to another machine", false},                                                          \
    {"wire-json", NULL, "JSON on the wire instead of MessagePack", false}
#define SIGN_IN_TOKEN {"token", "FILE", "a token, from a file or from standard input (-)", false}
/* clang-format on */

#endif
