/* Where a customer was in a conversation: what is unread, which question is open, whether something is half done. */
#ifndef SERVER_STORE_RECAP_ROW_H
#define SERVER_STORE_RECAP_ROW_H

#include "server/store/store.h"

struct recap_row {
    int64_t read;     /* their own mark */
    int64_t unread;   /* what others said above it, at most LIMIT_UNREAD */
    int64_t question; /* the newest one without an answer since the last session was closed; 0: none */
    bool processes;   /* some are open */
};

/* row is NULL unless status is PARLEY_OK; borrowed for the call. */
typedef void recap_read(void *arg, parley_status status, const struct recap_row *row);

parley_status recap_get(struct store *store, struct uuid conversation, struct uuid customer, recap_read *done,
                        void *arg);

#endif
