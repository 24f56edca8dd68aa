/* What a customer was doing in the app: snapshots by content, and which of them was in force when. */
#ifndef SERVER_STORE_CONTEXT_ROW_H
#define SERVER_STORE_CONTEXT_ROW_H

#include "server/store/store.h"

enum { CONTEXT_TRAIL = 20 };

/* In a transition, after its item (kind context, body.snapshot the hash in hex). Stored once by content. */
void context_put(struct pg_group *group, struct uuid conversation, const uint8_t hash[32], struct span body,
                 int64_t at_ms);

struct context_row {
    int64_t seq; /* of the item that put it in force */
    int64_t at_ms;
    struct span snapshot; /* hex of the hash */
    struct span screen;   /* of the item, empty for none */
    struct span body;     /* JSON; empty in a trail */
};

/* rows are NULL unless status is PARLEY_OK; borrowed for the call. */
typedef void context_rows(void *arg, parley_status status, const struct context_row *rows, int n);

/* The one in force at that number, INT64_MAX for now. At most one row. */
parley_status context_at(struct store *store, struct uuid conversation, int64_t seq, context_rows *done, void *arg);

/* The last CONTEXT_TRAIL before that number, newest first, without bodies. */
parley_status context_trail(struct store *store, struct uuid conversation, int64_t before, context_rows *done,
                            void *arg);

#endif
