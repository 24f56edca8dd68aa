/* The files that a flow sends: found beside it, judged, and named in its bundle; their bytes go where the server lends
 * them from when the flow is published. */
#ifndef SERVER_CLI_FLOW_SAID_H
#define SERVER_CLI_FLOW_SAID_H

#include "protocol/buf.h"

struct db;
struct flow_said;

/* Appends a line for each file, which stands beside the flow at `path`. What is wrong is said. A cli_exit. */
int flow_said_name(const char *path, const struct flow_said *said, size_t count, struct buf *bundle);

/* In the transaction under way: the bytes of every file that the bundle names. They must still be what was judged: else
 * PARLEY_STALE. */
parley_status flow_said_store(struct db *db, const char *path, struct span bundle);

#endif
