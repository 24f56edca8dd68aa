/* The verbs of `parley flow` that need no server and no database; the entries that name them are in flow.c. */
#ifndef SERVER_CLI_FLOW_TOOLS_H
#define SERVER_CLI_FLOW_TOOLS_H

#include "protocol/buf.h"

struct cli;
struct flow_known;

int flow_check(struct cli *cli);
int flow_help(struct cli *cli);
int flow_test(struct cli *cli);
int flow_play(struct cli *cli);
int flow_new(struct cli *cli);
int flow_graph(struct cli *cli);

/* Where the flow of that name is, seen from a file that speaks of it: beside it, in flows/ beside its folder, one
 * folder up, in flows/. False when it is nowhere. */
bool flow_find(struct span name, const char *seen_from, char *path, size_t size);

/* A flow with the flows that it calls, as bundle.h has it. */
struct flow_source {
    struct buf text;
    char title[257];
};

/* Reads and checks all of them; says what is wrong. A cli_exit. buf_done(&out->text) in any case. */
int flow_source_read(const char *path, struct flow_source *out);

/* The same, and that everything they use is among what there is. */
int flow_source_check(const char *path, const struct flow_known *known, struct flow_source *out);

/* The page on an error, on stdout. False when there is no such code. */
bool flow_help_page(const char *code);

#endif
