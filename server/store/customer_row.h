/* Customers, what identifies them, their devices and their conversations. Empty spans stand for null. */
#ifndef SERVER_STORE_CUSTOMER_ROW_H
#define SERVER_STORE_CUSTOMER_ROW_H

#include "server/store/store.h"

struct customer_row {
    struct uuid id;
    struct span name, language;
    bool verified;       /* signed in with a token of the company */
    struct span traits;  /* JSON */
    struct span outcome; /* of the last session that is closed; read by customer_get alone */
    int64_t revision;    /* grows when access changes */
};

/* ---- coming in ---- */

struct customer_entry {
    struct span space, kind, value; /* the identity: kind external, email, phone, device or guest */
    struct span name, language;     /* empty: as it is */
    struct span traits;             /* JSON; empty: as it is */
    bool verified;                  /* once true, stays so */
    struct uuid app;
    struct uuid device;                 /* nil: none is named */
    struct uuid customer, conversation; /* their ids if they are new */
};

enum { CUSTOMER_CONVERSATIONS = 16 };

/* Who it is, and their conversations. */
struct customer_home {
    struct customer_row customer;
    struct uuid conversation;
    struct uuid conversations[CUSTOMER_CONVERSATIONS]; /* `main` first, then by age; not by customer_get */
    int nconversations;
    struct uuid app;    /* by guest token: of the device */
    struct uuid device; /* by guest token: the one it was made for */
};

/* home is NULL unless status is PARLEY_OK; borrowed for the call. */
typedef void customer_entered(void *arg, parley_status status, const struct customer_home *home);

/* Finds the identity's customer or makes them, with device and main conversation; brings name, language, traits and
 * verified up to date. One round trip that writes nothing when nothing is new, else two. Two at once get the same
 * customer. */
parley_status customer_enter(struct store *store, const struct customer_entry *entry, customer_entered *done,
                             void *arg);

/* A guest: a new customer whose device is known by the digest of its token. */
parley_status customer_add_guest(struct store *store, const struct customer_entry *entry, const uint8_t digest[32],
                                 customer_entered *done, void *arg);

/* NOT_FOUND for a digest that is not, or no longer, a guest's. */
parley_status customer_by_guest(struct store *store, const uint8_t digest[32], customer_entered *done, void *arg);

/* NOT_FOUND when there is none. */
parley_status customer_get(struct store *store, struct uuid id, customer_entered *done, void *arg);

/* ---- conversations ---- */

struct conversation_row {
    struct uuid id, customer, app;
    struct span topic;
    int64_t created_at_ms;
};

/* rows are NULL unless status is PARLEY_OK; borrowed for the call. */
typedef void conversation_rows(void *arg, parley_status status, const struct conversation_row *rows, int n);

/* `main` first, then by age; at most 64. */
parley_status customer_conversations(struct store *store, struct uuid customer, conversation_rows *done, void *arg);

/* Those beside `main` that have no item of this id yet; at most 64. */
parley_status customer_without_item(struct store *store, struct uuid customer, struct uuid item,
                                    conversation_rows *done, void *arg);

/* The customer's conversation of that topic, made with this id if there is none. One row; none for a guest who has
 * become somebody else. */
parley_status conversation_open(struct store *store, const struct conversation_row *row, conversation_rows *done,
                                void *arg);

/* Whose a conversation is, at a glance. */
struct conversation_face {
    struct span name;
    bool verified;
    int64_t head; /* of all items */
};

/* rows are NULL unless status is PARLEY_OK; borrowed for the call. */
typedef void conversation_faces_read(void *arg, parley_status status, const struct conversation_face *rows, int n);

/* One for each conversation, in the order asked; empty for one that there is not. */
parley_status conversation_faces(struct store *store, const struct uuid *ids, int n, conversation_faces_read *done,
                                 void *arg);

/* ---- in a transition ---- */

/* The guest turns out to be a known customer: identities, devices and conversations become theirs, the guest's main
 * conversation takes the topic guest/<its id>, guest tokens end, the guest's revision grows. STALE when either is
 * unknown; and, of customer_all_named, when a conversation beside `main` has no item of that id. */
void customer_link(struct pg_group *group, struct uuid guest, struct uuid customer, struct uuid item);

#endif
