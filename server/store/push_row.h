/* Wishes to wake a customer's phone: one per conversation, the newest wins. */
#ifndef SERVER_STORE_PUSH_ROW_H
#define SERVER_STORE_PUSH_ROW_H

#include "server/store/store.h"

enum { PUSH_DEVICES = 16 };

struct push_row {
    struct uuid conversation, customer;
    struct uuid id; /* of the webhook: the same on every attempt */
    int64_t seq;    /* the newest item they have not received */
    int64_t due_ms;
    int32_t attempts;    /* begun so far */
    int64_t since_ms;    /* of the oldest wish that this one stands for */
    struct span devices; /* JSON list of the customer's devices with a token, the last seen ones; empty: none; read, not
                            written */
};

/* A push service is known by the digest of its URL. One that wants no more requests is given none by any process: no
 * wish is written, none is taken. */
enum { PUSH_ENDPOINT = 32 };
parley_status push_end(struct store *store, const uint8_t endpoint[PUSH_ENDPOINT], pg_done *done, void *arg);

/* A wish that is there keeps its due time and attempts, and takes the higher number; once an attempt has begun it takes
 * the new id and time too, so that what is sent under an id never changes. */
parley_status push_put(struct store *store, const uint8_t endpoint[PUSH_ENDPOINT], const struct push_row *rows, int n,
                       pg_done *done, void *arg);

/* rows are NULL unless status is PARLEY_OK; borrowed for the call. */
typedef void push_rows(void *arg, parley_status status, const struct push_row *rows, int n);

struct push_take {
    const uint8_t *endpoint;
    int64_t now_ms, until_ms;
    int part, parts; /* conversations are dealt out to `parts` takers, of which this is number `part` */
    int limit;
};

/* Takes due ones whose customer has not received that number meanwhile: an attempt begins, and nobody else sees them
 * until until_ms, when they are due again unless their taker has said what became of them. Wishes that were fulfilled
 * otherwise are removed. */
parley_status push_take_due(struct store *store, const struct push_take *take, push_rows *done, void *arg);

/* The attempt failed; the next one then. */
parley_status push_retry(struct store *store, const struct push_row *row, int64_t due_ms, pg_done *done, void *arg);

/* Done with, or given up; what came meanwhile is a wish of its own, due then. */
parley_status push_sent(struct store *store, const struct push_row *row, int64_t due_ms, pg_done *done, void *arg);

#endif
