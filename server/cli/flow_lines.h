/* What flows wrote with log.*, read for looking at it. Single thread. */
#ifndef SERVER_CLI_FLOW_LINES_H
#define SERVER_CLI_FLOW_LINES_H

#include "protocol/buf.h"
#include "server/cli/flow_stored.h"

struct cli;
struct db_rows;

/* Everything that is empty is no condition. */
struct flow_lines {
    const char *flow, *run, *conversation;
    int level;
    const char *limit;
};

extern const struct flow_lines flow_lines_all;

/* The newest of them, oldest first. `tx_from` and `tx_before` are transaction numbers; NULL: all. */
parley_status flow_lines_read(struct db *db, const struct flow_lines *wish, const char *tx_from, const char *tx_before,
                              struct db_rows **out);

/* One line, for a person and for a program. */
void flow_line_say(const struct cli *cli, const struct db_rows *rows, size_t row);
void flow_line_put(struct buf *out, const struct db_rows *rows, size_t row);

#endif
