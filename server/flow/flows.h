/* Flows in the server: runs live on the home worker of their conversation, are told what is stored there, and what they
 * do is stored like everything else. One a worker; its thread only.
 *
 * What a run is to be told follows from what is stored - its own row, the session, the items after the last one it has
 * consumed - and from nothing else. So whoever loads it, on whatever node, after whatever crash, tells it the same. */
#ifndef SERVER_FLOW_FLOWS_H
#define SERVER_FLOW_FLOWS_H

#include "server/base/conf.h"

struct directory;
struct flows;
struct loop;
struct peers;
struct store;
struct talk;

struct flows *flows_new(const struct conf *conf, struct loop *loop, struct store *store, struct talk *talk,
                        struct directory *directory, const struct peers *peers, int self);

/* Takes every run out of memory. Before the store is closed. */
void flows_close(struct flows *flows);
void flows_free(struct flows **flows);

/* The database is there (again): runs that were left behind by a crash go on. */
void flows_up(struct flows *flows);

/* The directory of this worker was read anew: other flows may be published, and runs may have been asked to leave. */
void flows_refresh(struct flows *flows);

#endif
