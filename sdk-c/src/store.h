/* One SQLite file, or a database in memory. Changes gather in a transaction that store_commit ends; the first failure
 * sticks until then, so that a caller writes on and asks once. Used under the client's lock, by its owner alone. */
#ifndef SDK_C_SRC_STORE_H
#define SDK_C_SRC_STORE_H

#include "protocol/span.h"
#include "protocol/status.h"
#include "protocol/uuid.h"

struct store;
struct sqlite3_stmt;

/* A statement being filled in and stepped through; lives on its caller's stack, and ends with the last row, with
 * query_run, or with query_end. */
struct query {
    struct store *store;
    struct sqlite3_stmt *stmt; /* NULL: it could not be made, and all that follows does nothing */
    int bound;
};

/* Opens or makes the file; path NULL: in memory. `schema` makes the tables, and `version` says which ones they are.
 * PARLEY_MALFORMED: it is damaged, or of another version, and nothing was changed. PARLEY_TAKEN: somebody else has it
 * open. PARLEY_DENIED, PARLEY_LIMIT (no space), PARLEY_NOMEM, PARLEY_INTERNAL (the disk fails). */
parley_status store_open(const char *path, const char *schema, int version, struct store **out);

/* What was not committed is undone. NULL is fine, here and in all that follows: a store that has and keeps nothing. */
void store_close(struct store **store);

/* Removes the file and what belongs to it; the store must be closed. PARLEY_DENIED: it is still there. */
parley_status store_remove(const char *path);

/* What has failed since the last commit. */
parley_status store_status(const struct store *store);

/* Ends the transaction, if there is one. After a failure nothing of it is there, and the store is usable again as far
 * as the failure allows. */
parley_status store_commit(struct store *store);

/* What is changed from here to the commit survives even the loss of power; other changes survive the process alone. */
void store_harden(struct store *store);

/* `sql` must be a literal: it is prepared once. A statement that changes something begins a transaction. */
struct query store_read(struct store *store, const char *sql);
struct query store_write(struct store *store, const char *sql);

/* In the order of the statement's ?; text and blobs are borrowed until the statement ends. */
void query_put_int(struct query *q, int64_t v);
void query_put_text(struct query *q, struct span text); /* a NULL ptr is NULL */
void query_put_blob(struct query *q, struct span bytes);
void query_put_id(struct query *q, struct uuid id);

/* For changes: carries it out. */
void query_run(struct query *q);

/* For reading: whether there is another row. */
bool query_next(struct query *q);
void query_end(struct query *q);

/* Of the present row, by column; text and blobs are borrowed until the next step. */
int64_t query_int(const struct query *q, int column);
struct span query_text(const struct query *q, int column); /* NULL ptr for NULL */
struct span query_blob(const struct query *q, int column);
struct uuid query_id(const struct query *q, int column);

#endif
