/* The verbs of `parley flow`; the entries that name them are in flow.c. */
#ifndef SERVER_CLI_FLOW_TOOLS_H
#define SERVER_CLI_FLOW_TOOLS_H

#include "protocol/buf.h"

struct cli;
struct flow_known;
struct db;
struct db_rows;

int flow_check(struct cli *cli);
int flow_help(struct cli *cli);
int flow_test(struct cli *cli);
int flow_play(struct cli *cli);
int flow_new(struct cli *cli);
int flow_graph(struct cli *cli);
int flow_publish(struct cli *cli);
int flow_try(struct cli *cli);
int flow_rollback(struct cli *cli);
int flow_versions(struct cli *cli);
int flow_diff(struct cli *cli);
int flow_replay(struct cli *cli);
int flow_runs(struct cli *cli);
int flow_logs(struct cli *cli);

/* --limit. A cli_exit. */
int flow_limit(struct cli *cli, const char **out);

/* All about one run, its lines from that level on. A cli_exit. */
int flow_run_show(struct cli *cli, const char *id, int level);

/* Where the flow of that name is, seen from a file that speaks of it: beside it, in flows/ beside its folder, one
 * folder up, in flows/. False when it is nowhere. */
bool flow_find(struct span name, const char *seen_from, char *path, size_t size);

/* The flow that a dialogue starts which begins with this line (`> words`, `event TYPE {...}`), of those in the first of
 * these places that has one; in a folder alone when it is one (flow_starts.c). */
bool flow_find_start(struct span line, const char *seen_from, char *path, size_t size);
bool flow_start_in(struct span line, const char *folder, char *path, size_t size);

/* The folder of one of these places, with a slash unless it is here; false past the last. */
bool flow_place(size_t index, const char *seen_from, char *folder, size_t size);

/* The file that an operand means: itself, or by the name of a flow the one that flow_find finds. */
enum { FLOW_PATH = 1024 };
const char *flow_file(const char *operand, char *room, size_t size);

/* Every file in the folder whose name ends so and for which `one` is to be called, by name. False: no such folder. */
bool flow_each_file(const char *folder, const char *ending, void (*one)(void *arg, const char *path), void *arg);

enum { FLOW_NAME = 65 };

/* The flow that a file is: its name without folder and ending. False for a name that no flow may have. */
bool flow_name_of(const char *path, char out[FLOW_NAME]);

/* The published version whose hash begins so, or FLOW_PUBLISHED: what new runs get, or NULL: the one before that. A row
 * of its hash, title and source. A cli_exit; what is wrong has been said. */
extern const char FLOW_PUBLISHED[];
int flow_version_of(struct db *db, const char *name, const char *version, struct db_rows **out);

/* A flow with the flows that it calls, as bundle.h has it. */
struct flow_source {
    struct buf text;
    char title[257];
};

/* Reads and checks all of them; says what is wrong. A cli_exit. buf_done(&out->text) in any case. */
int flow_source_read(const char *path, struct flow_source *out);

/* The same, and that everything they use is among what there is. */
int flow_source_check(const char *path, const struct flow_known *known, struct flow_source *out);

/* Says where a flow starts as others do, which are in order of their names: `name` is its own. The customer gets the
 * first of them. */
struct starts;
struct value;
void flow_start_remark(const struct cli *cli, const struct starts *others, const char *name, const struct value *start);

/* What is wrong with this text, on stderr, and where there is more on it. */
struct flow_findings;
void flow_findings_print(const struct flow_findings *found, struct span source);

/* The page on an error, on stdout. False when there is no such code. */
bool flow_help_page(const char *code);

#endif
