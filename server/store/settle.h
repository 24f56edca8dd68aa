/* Where every doubt ends: one SQL function that locks the conversations, looks what is there, and stores what is not.
 */
#ifndef SERVER_STORE_SETTLE_H
#define SERVER_STORE_SETTLE_H

#include "server/store/log.h"

enum settle_outcome {
    SETTLE_STORED = 1,   /* by this call */
    SETTLE_REPEAT = 2,   /* it had been stored before: seq, prev and at are the first ones */
    SETTLE_CONFLICT = 3, /* the id has another body */
    SETTLE_STALE = 4,    /* state has moved since its basis: decide anew */
};

struct settle_answer {
    enum settle_outcome outcome;
    int64_t seq, prev, at_ms; /* for STORED and REPEAT */
};

/* A basis below every number: nothing is stored, the answer is REPEAT, CONFLICT, or STALE for what is not there. */
enum { SETTLE_LOOK_ONLY = -1 };

/* answers[i] belongs to rows[i]; NULL unless status is PARLEY_OK, then borrowed for the call.
 * NOT_FOUND: a conversation does not exist. BUSY: too many writers, again. UNCERTAIN: again, with the same rows. */
typedef void settle_done(void *arg, parley_status status, const struct settle_answer *answers, int n);

/* Rows in the order they should be numbered, each (id, conversation, author) once. Copies them. */
parley_status settle(struct store *store, const struct log_row *rows, int n, settle_done *done, void *arg);

/* ---- a transition whose outcome is not known ---- */

struct settle_id {
    struct uuid id, author;
};

struct settle_found {
    bool stored;
    int64_t seq, prev, at_ms;
};

/* Under the conversation's lock: which of these ids are stored, and the head. A number above the head may still be
 * taken by the group in doubt. found[i] belongs to ids[i]. */
typedef void settle_probed(void *arg, parley_status status, int64_t head, const struct settle_found *found, int n);

parley_status settle_probe(struct store *store, struct uuid conversation, const struct settle_id *ids, int n,
                           settle_probed *done, void *arg);

#endif
