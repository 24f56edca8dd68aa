/* How far each participant has received and read. Marks only grow and are capped at the head. */
#ifndef SERVER_STORE_MARK_ROW_H
#define SERVER_STORE_MARK_ROW_H

#include "server/store/store.h"

struct mark_row {
    struct uuid conversation, participant;
    int16_t role;
    int64_t read, delivered;
};

/* A batch in one statement, each (conversation, participant) once; written at most 2 s late by whoever gathers it. */
parley_status mark_put(struct store *store, const struct mark_row *rows, int n, pg_done *done, void *arg);

#endif
