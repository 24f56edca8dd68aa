/* Wishes to wake a customer's phone: one per conversation, the newest wins. */
#ifndef SERVER_STORE_PUSH_ROW_H
#define SERVER_STORE_PUSH_ROW_H

#include "server/store/store.h"

struct push_row {
    struct uuid conversation, customer;
    struct uuid id; /* of the webhook: the same on every attempt */
    int64_t seq;    /* the newest item they have not received */
    int64_t due_ms;
    int32_t attempts;
    int64_t since_ms; /* of the oldest wish that this one stands for */
};

/* A wish that is there keeps its due time, id and attempts, and takes the higher number. */
parley_status push_put(struct store *store, const struct push_row *rows, int n, pg_done *done, void *arg);

/* rows are NULL unless status is PARLEY_OK; borrowed for the call. */
typedef void push_rows(void *arg, parley_status status, const struct push_row *rows, int n);

/* Due ones whose customer has not received that number meanwhile, oldest first; dealt out as timers are. Wishes that
 * were fulfilled otherwise are removed. */
parley_status push_due(struct store *store, int64_t now_ms, int part, int parts, int limit, push_rows *done, void *arg);

/* One attempt more; the next one then. */
parley_status push_retry(struct store *store, struct uuid conversation, struct uuid id, int64_t due_ms, pg_done *done,
                         void *arg);

/* Done with, unless a newer item came meanwhile: then it is a new wish with the id `next`, due then. */
parley_status push_sent(struct store *store, const struct push_row *row, struct uuid next, int64_t due_ms,
                        pg_done *done, void *arg);

#endif
