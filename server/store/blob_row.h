/* Files, as rows of at most BLOB_PART bytes, and the one-time addresses by which they come and go. */
#ifndef SERVER_STORE_BLOB_ROW_H
#define SERVER_STORE_BLOB_ROW_H

#include "server/store/store.h"

enum { BLOB_PART = 262144 };
enum blob_row_state { BLOB_ANNOUNCED = 1, BLOB_STORED = 2 };

struct blob_row {
    struct uuid id, conversation;
    struct span name, type;
    int64_t bytes;
    uint8_t sha256[32];
    int16_t state;
};

/* ---- coming ---- */

parley_status blob_announce(struct store *store, const struct blob_row *row, pg_done *done, void *arg);

/* Parts count from 0. A part that is there already is replaced, as long as the blob is not stored. */
parley_status blob_put_part(struct store *store, struct uuid id, int32_t part, struct span data, pg_done *done,
                            void *arg);

/* Stored, when the parts add up to its length; else STALE. The caller has checked the digest. */
parley_status blob_finish(struct store *store, struct uuid id, pg_done *done, void *arg);

/* Removes what was announced before that moment and never stored, and addresses that ended before it. */
parley_status blob_sweep(struct store *store, int64_t before_ms, pg_done *done, void *arg);

/* ---- in a transition ---- */

/* Where an item says what, as in "data.body.blob": what a fault is about. */
struct blob_paths {
    const char *id, *type, *bytes, *sha256;
    const char *field; /* the answer to a form */
};

/* A stored file of this conversation, with `whole` also what it is said to be, and with `form` what that form's field
 * asks for: else the group is STALE, by the statement blob_claim, blob_claim_type, blob_claim_bytes, blob_claim_sha256
 * or blob_claim_form. */
struct blob_claim {
    struct uuid id, conversation;
    bool whole;
    struct span type, sha256; /* hex */
    int64_t bytes;
    int64_t form; /* number of the item; 0: none */
    struct span field;
    struct blob_paths paths; /* borrowed until the group is done */
};

void blob_claim(struct pg_group *group, const struct blob_claim *claim);

/* ---- files of flows: stored once, in no conversation, under an id that follows from their bytes ---- */

struct uuid blob_of_flow(const uint8_t sha256[32]);

/* In a transition: the file is lent to row's conversation, under row's id. Its bytes stay where they are; a file that
 * was never published makes the group STALE, by the statement blob_lend. */
void blob_lend(struct pg_group *group, const struct blob_row *row);

/* ---- one-time addresses ---- */

/* verb: PUT or GET. */
parley_status blob_add_url(struct store *store, const uint8_t digest[32], struct uuid blob, const char *verb,
                           int64_t expires_at_ms, pg_done *done, void *arg);

/* Addresses to GET stored files of one conversation from; for those that are over there is an end at the same time.
 * STALE when one is not its file. */
struct blob_address {
    struct uuid blob;
    uint8_t digest[32];
};
parley_status blob_add_addresses(struct store *store, struct uuid conversation, const struct blob_address *addresses,
                                 size_t n, int64_t now_ms, int64_t expires_at_ms, pg_done *done, void *arg);

/* n is 1 or 0; rows are NULL unless status is PARLEY_OK, borrowed for the call. */
typedef void blob_rows(void *arg, parley_status status, const struct blob_row *rows, int n);

/* Uses the address up: the second one who comes finds nothing. */
parley_status blob_take_url(struct store *store, const uint8_t digest[32], const char *verb, int64_t now_ms,
                            blob_rows *done, void *arg);

/* ---- going ---- */

parley_status blob_get(struct store *store, struct uuid id, blob_rows *done, void *arg);

/* data is empty when there is no such part; borrowed for the call. The digest says where the bytes of a file are that
 * was lent. */
typedef void blob_part_read(void *arg, parley_status status, struct span data);
parley_status blob_read_part(struct store *store, struct uuid id, const uint8_t sha256[32], int32_t part,
                             blob_part_read *done, void *arg);

#endif
