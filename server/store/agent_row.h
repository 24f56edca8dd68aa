/* Agents: who they are, whether they take work, and how much they have. Empty spans, nil and 0 stand for null. */
#ifndef SERVER_STORE_AGENT_ROW_H
#define SERVER_STORE_AGENT_ROW_H

#include "server/store/store.h"

/* As frames.def numbers them. */
enum agent_row_status { AGENT_OFFLINE = 0, AGENT_AWAY = 1, AGENT_BUSY = 2, AGENT_ONLINE = 3 };

struct agent_row {
    struct uuid id;
    struct span email, name, role;
    struct span password; /* Argon2id, PHC form */
    bool one_time;        /* it is to be changed */
    int16_t status;
    int32_t capacity, load, misses;
    int64_t assigned_at_ms; /* INT64_MIN: never */
    struct uuid node;       /* where they are connected */
    int64_t lost_at_ms;     /* since when their connection is gone, by the database's clock */
    int64_t lost_for_ms;    /* how long that was ago, by the same clock */
    int64_t revision;       /* grows when access changes */
    bool disabled;
    int64_t token_expires_at_ms; /* of the token they were found by */
    const struct span *queues;   /* by name */
    int nqueues;
};

/* rows are NULL unless status is PARLEY_OK; borrowed for the call. A look-up that finds none: n is 0. */
typedef void agent_rows(void *arg, parley_status status, const struct agent_row *rows, int n);

parley_status agent_load_all(struct store *store, agent_rows *done, void *arg);
parley_status agent_some(struct store *store, const struct uuid *ids, int n, agent_rows *done, void *arg);
parley_status agent_by_email(struct store *store, struct span email, agent_rows *done, void *arg);

/* Of a token that has not expired, of an agent who is not disabled. */
parley_status agent_by_token(struct store *store, const uint8_t digest[32], int64_t now_ms, agent_rows *done,
                             void *arg);

/* Those whose connection is gone, and those who were disabled; each as long as something of theirs is left: a status,
 * or sessions. */
parley_status agent_lost(struct store *store, agent_rows *done, void *arg);

/* When something is lost now: the clocks of two processes are never compared. Cut to what a time in C holds, since
 * agent_set_offline is told it again. */
#define AGENT_LOST_NOW "date_trunc('milliseconds', now())"

/* ---- access ---- */

parley_status agent_add_token(struct store *store, const uint8_t digest[32], struct uuid agent, int64_t expires_at_ms,
                              pg_done *done, void *arg);

/* Nothing when it is gone already. */
parley_status agent_drop_token(struct store *store, const uint8_t digest[32], pg_done *done, void *arg);

/* Both in their PHC form; the token is the only one that is left. Borrowed for the call. */
struct agent_password {
    struct uuid agent;
    const char *old, *new;
    const uint8_t *digest;
    int64_t expires_at_ms;
};

/* STALE unless the old one still is theirs. Their revision grows: whatever the old one let in is closed. */
parley_status agent_set_password(struct store *store, const struct agent_password *change, pg_done *done, void *arg);

/* ---- presence ---- */

/* Connected to that node, with this status; misses begin again, lost ends. */
parley_status agent_set_status(struct store *store, struct uuid agent, int16_t status, struct uuid node, pg_done *done,
                               void *arg);

/* Connected to that node; who was offline is away until they say otherwise, and what they have said already stays. */
parley_status agent_set_here(struct store *store, struct uuid agent, struct uuid node, pg_done *done, void *arg);

/* The last connection on that node has gone; nothing when they are connected to another one. */
parley_status agent_set_lost(struct store *store, struct uuid agent, struct uuid node, pg_done *done, void *arg);

/* The grace is over: offline, unless they came back. Who has sessions is found by agent_lost until they have none. */
parley_status agent_set_offline(struct store *store, struct uuid agent, int64_t lost_at_ms, pg_done *done, void *arg);

/* ---- in a transition; STALE when the condition does not hold ---- */

/* One more session: where they are online, enabled and below capacity. */
void agent_take(struct pg_group *group, struct uuid agent, int64_t at_ms);

/* The same without asking whether they are free: an agent who takes up a session again. */
void agent_take_anyway(struct pg_group *group, struct uuid agent, int64_t at_ms);

/* One session less. */
void agent_give(struct pg_group *group, struct uuid agent);

/* An offer expired: one miss more; at `limit` in a row they are away, and *out_away is set when the group is done. */
void agent_miss(struct pg_group *group, struct uuid agent, int32_t limit, bool *out_away);

/* ---- revisions, for revocation ---- */

struct principal_revision {
    struct uuid id;
    int64_t revision; /* -1: disabled */
};

/* rows are NULL unless status is PARLEY_OK; those that do not exist are left out. */
typedef void principal_revised(void *arg, parley_status status, const struct principal_revision *rows, int n);

/* Of agents and customers alike, in one statement. */
parley_status principal_revisions(struct store *store, const struct uuid *ids, int n, principal_revised *done,
                                  void *arg);

#endif
