/* Transactions under way: what step they stand at and what is known. A change states the revision it was made on. */
#ifndef SERVER_STORE_PROCESS_ROW_H
#define SERVER_STORE_PROCESS_ROW_H

#include "server/store/store.h"

/* As frames.def numbers them. */
enum process_row_state { PROCESS_OPEN = 1, PROCESS_DONE = 2, PROCESS_FAILED = 3 };

struct process_row {
    struct uuid id, conversation;
    struct uuid app; /* of the conversation; read, not written */
    struct span type;
    int32_t version; /* of the declared type; 0: undeclared */
    struct span title;
    int16_t state;
    struct span step;
    int64_t revision;
    struct span data; /* JSON */
    int64_t created_at_ms, updated_at_ms;
};

/* ---- in a transition ---- */

void process_insert(struct pg_group *group, const struct process_row *row);

/* State, step, title, revision and data become as given, where the revision is still that one; else STALE. */
void process_update(struct pg_group *group, const struct process_row *row, int64_t revision);

/* ---- reads; rows are NULL unless status is PARLEY_OK, borrowed for the call ---- */

typedef void process_rows(void *arg, parley_status status, const struct process_row *rows, int n);

/* Of that conversation only: what belongs to another is not found, n 0. */
parley_status process_get(struct store *store, struct uuid conversation, struct uuid id, process_rows *done, void *arg);

/* Newest first, at most `limit`. */
parley_status process_open(struct store *store, struct uuid conversation, int limit, process_rows *done, void *arg);

/* ---- declared types ---- */

struct process_type_row {
    struct uuid app;
    struct span name;
    int32_t version;
    struct span steps;  /* JSON: ["cart","address","pay"] */
    struct span fields; /* JSON: [{"name":"street","type":"text","required":true,"step":"address"}] */
};

typedef void process_type_rows(void *arg, parley_status status, const struct process_type_row *rows, int n);

/* Every version of every type. */
parley_status process_types(struct store *store, process_type_rows *done, void *arg);

#endif
