/* Server processes on this database. */
#ifndef SERVER_STORE_NODE_ROW_H
#define SERVER_STORE_NODE_ROW_H

#include "server/store/store.h"

/* rows are NULL unless status is PARLEY_OK; borrowed for the call. */
typedef void node_rows(void *arg, parley_status status, const struct uuid *nodes, int n);

/* This one is alive; tells all that were seen within `ttl_ms`, by the database's clock, in order of id. */
parley_status node_beat(struct store *store, struct uuid id, struct span version, int64_t ttl_ms, node_rows *done,
                        void *arg);

/* Before anything in this transaction names it: a node that dies before its first beat is found by its row, too. */
void node_known(struct pg_group *group, struct uuid node);

/* It ends of its own will, and nobody has to find out: its row goes, and who was connected there is lost. On
 * a connection of main's, for the workers' are closed by then. */
parley_status node_leave(struct pg *pg, struct uuid id, pg_done *done, void *arg);

/* The same for nodes that were not seen for that long; they are named, each to one caller. */
parley_status node_bury(struct store *store, int64_t ttl_ms, node_rows *done, void *arg);

#endif
