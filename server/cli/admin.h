/* What an administrator writes: apps and their keys, queues, agents, keys of programs. Each call is a part of the
 * caller's transaction. Single thread; hashing a password takes 70 ms. */
#ifndef SERVER_CLI_ADMIN_H
#define SERVER_CLI_ADMIN_H

#include "protocol/uuid.h"
#include "server/io/crypto.h"
#include "server/io/jws_key.h"

struct conf;
struct db;

enum { ADMIN_PASSWORD = 17 };

struct admin_app {
    const char *name;
    const char *space; /* of identities; NULL: "main" */
    const char *queue; /* NULL: none */
    const char *flow;
    const char *const *origins; /* ended by NULL */
    bool guests;
};

struct admin_agent {
    const char *email;
    const char *name;     /* NULL: the part of the address before the @ */
    const char *role;     /* NULL: "agent" */
    const char *password; /* NULL: a one-time password is made */
    int64_t capacity;
    const char *const *queues; /* ended by NULL; must exist */
};

/* All: CONFLICT when the name is taken, INVALID when it has a form that is not allowed; db_fail says more. */
parley_status admin_add_queue(struct db *db, const char *name, const char *title, int64_t priority);
parley_status admin_add_app(struct db *db, const struct admin_app *app, char out_id[UUID_TEXT + 1]);

/* The flows that its customers reach beside its own; NULL: all that are published. NOT_FOUND when there is no such app.
 */
parley_status admin_set_app_flows(struct db *db, const char *app, const char *const *flows);

/* Stores the public half, or seals the secret of an HS256 key with the master key: UNAVAILABLE when none is configured.
 * A key without kid gets one. NOT_FOUND when there is no such app. */
parley_status admin_add_app_key(struct db *db, const struct conf *conf, const char *app, struct jws_key *key);

/* out_password is "" when one was given. NOT_FOUND when a queue does not exist, INVALID for a bad address. */
parley_status admin_add_agent(struct db *db, const struct admin_agent *agent, char out_id[UUID_TEXT + 1],
                              char out_password[ADMIN_PASSWORD + 1]);

/* Whether somebody may sign in at all. Who may not is signed out everywhere, and their sessions are queued again.
 * NOT_FOUND when there is no such agent. */
parley_status admin_disable_agent(struct db *db, const char *email);
parley_status admin_enable_agent(struct db *db, const char *email);

/* Another password; they are signed out everywhere. password NULL: a one-time password is made, else out_password is
 * "". INVALID when it is too short, NOT_FOUND when there is no such agent. */
parley_status admin_set_password(struct db *db, const char *email, const char *password,
                                 char out_password[ADMIN_PASSWORD + 1]);

/* What a role may do; granting it once more changes nothing. NOT_FOUND when it may not do that. */
parley_status admin_grant(struct db *db, const char *role, const char *permission);
parley_status admin_revoke(struct db *db, const char *role, const char *permission);

/* A key that is withdrawn stays so. NOT_FOUND when there is none of that kid, or id. */
parley_status admin_revoke_app_key(struct db *db, const char *kid);
parley_status admin_revoke_key(struct db *db, const char *id);

struct admin_bot {
    const char *app, *name;
    const char *title; /* NULL: the name */
    const char *queue; /* where its handoffs go; NULL: the app's */
};

/* A bot from outside. NOT_FOUND when there is no such app or queue. */
parley_status admin_add_bot(struct db *db, const struct admin_bot *bot, char out_id[UUID_TEXT + 1]);

/* Which of its bots serves an app's customers first; name NULL: none. NOT_FOUND when there is no such app or bot. */
parley_status admin_set_first_bot(struct db *db, const char *app, const char *name);

/* For a bot or a back end; the token is known to nobody but the caller. A key for a bot is one more of the app's bot of
 * that name, which is made when there is none: CONFLICT when it is another app's, INVALID when it is no name. NOT_FOUND
 * when there is no such app. */
parley_status admin_add_key(struct db *db, const char *app, const char *name, const char *role,
                            char out_id[UUID_TEXT + 1], char out_token[CRYPTO_TOKEN + 1]);

/* Makes a script that compiles the version that new sessions get. out_hash is hex. */
parley_status admin_publish_flow(struct db *db, const char *name, const char *title, const char *source,
                                 char out_hash[2 * CRYPTO_DIGEST + 1]);

struct admin_process_type {
    const char *app, *name;
    const char *steps, *fields; /* JSON, as schema/ shows it */
};

/* Its next version, or the newest one when that is the same. NOT_FOUND when there is no such app. */
parley_status admin_add_process_type(struct db *db, const struct admin_process_type *type, int64_t *out_version);

#endif
