/* The small tables, whole and in memory: apps and their keys, agents, queues, flows, types of processes, what
 * roles may do. Read by each
 * worker when it starts and again when administration says that something changed. Borrowed pointers live until the
 * next reading: for the turn. One worker's thread. */
#ifndef SERVER_TALK_DIRECTORY_H
#define SERVER_TALK_DIRECTORY_H

#include "server/talk/permission.h"

struct store;
struct directory;

struct directory_app {
    struct uuid id;
    char name[LIMIT_NAME + 1];
    char space[LIMIT_NAME + 1];
    char default_flow[LIMIT_NAME + 1];  /* empty: none */
    char default_queue[LIMIT_NAME + 1]; /* empty: none */
    char default_bot[LIMIT_NAME + 1];   /* from outside; serves before the flow; empty: none */
    bool guests;
    char **origins;
    int origins_count;
    bool all_flows; /* its customers reach all that are published; else its own and these */
    char **flows;
    int flows_count;
};

struct directory_key {
    struct uuid id; /* derived from the kid, for who came by it to remember */
    char kid[LIMIT_NAME + 1];
    char algorithm[8];
    struct uuid app;
    char *public_jwk;   /* NULL for HS256 */
    struct span sealed; /* for HS256 */
};

struct directory_agent {
    struct uuid id;
    char name[LIMIT_TITLE + 1];
    char email[LIMIT_TITLE + 1];
    enum role role;
    int status, capacity, load, misses;
    int64_t assigned_at_ms;
    struct uuid node; /* where they are connected */
    int64_t revision;
    bool disabled;
    char **queues;
    int queues_count;
};

struct directory_api_key {
    struct uuid id;
    uint8_t digest[32];
    enum role role; /* bot or backend */
    char name[LIMIT_TITLE + 1];
    struct uuid app;
    struct uuid bot; /* nil: a back end's */
};

/* A bot from outside. */
struct directory_bot {
    struct uuid id;
    char name[LIMIT_NAME + 1];
    char title[LIMIT_TITLE + 1];
    struct uuid app;
    char queue[LIMIT_NAME + 1]; /* where its handoffs go; empty: the app's */
};

struct directory_queue {
    char name[LIMIT_NAME + 1];
    char title[LIMIT_TITLE + 1];
    int priority;
};

struct directory_flow {
    char name[LIMIT_NAME + 1];
    char title[LIMIT_TITLE + 1];
    uint8_t hash[32];
    struct value start; /* a map: how it is reached, see flow/start.h */
};

/* A version of a declared type of process. */
struct directory_process_type {
    struct uuid app;
    char name[LIMIT_NAME + 1];
    int version;
    struct value steps;  /* an array of names, in order */
    struct value fields; /* an array of {name, type, required, step} */
};

struct directory *directory_new(struct store *store);
void directory_free(struct directory **directory);

/* Reads everything anew and keeps the old until the new is whole; done(arg, status) then. done may be NULL. */
typedef void directory_read(void *arg, parley_status status);
void directory_reload(struct directory *directory, directory_read *done, void *arg);

/* False until it was read for the first time. */
bool directory_ready(const struct directory *directory);

/* Whether the role has any of these permissions. */
bool directory_may(const struct directory *d, enum role role, unsigned permissions);
const struct permissions *directory_permissions(const struct directory *d);

/* NULL, or empty, when there is none. */
const struct directory_app *directory_app(const struct directory *d, struct uuid id);
const struct directory_app *directory_app_named(const struct directory *d, struct span name);
const struct directory_key *directory_key(const struct directory *d, struct span kid);
const struct directory_key *directory_key_at(const struct directory *d, int index); /* NULL past the last */
bool directory_has_key(const struct directory *d, struct uuid id);                  /* an app's or a program's */
struct uuid directory_key_id(const char *kid);
const struct directory_api_key *directory_api_key(const struct directory *d, const uint8_t digest[32]);
const struct directory_queue *directory_queue(const struct directory *d, struct span name);
const struct directory_flow *directory_flow(const struct directory *d, struct span name);
const struct directory_flow *directory_flow_at(const struct directory *d, int index); /* by name; NULL past the last */
const struct directory_bot *directory_bot(const struct directory *d, struct uuid id);
const struct directory_bot *directory_bot_named(const struct directory *d, struct span name);

/* Version 0: the newest. */
const struct directory_process_type *directory_process_type(const struct directory *d, struct uuid app,
                                                            struct span name, int version);

/* Where an app's customers go who named no queue: its default, else the first there is. */
struct span directory_default_queue(const struct directory *d, struct uuid app);

/* The same while a bot serves them, whose queue comes first. Nil: none does. */
struct span directory_bot_queue(const struct directory *d, struct uuid bot, struct uuid app);

/* Whether this app's customers may come to a flow by what they say or what happens. */
bool directory_reaches(const struct directory_app *app, struct span flow);

/* Changes to status, load and so on are made in memory too, by whoever commits them. */
struct directory_agent *directory_agent(const struct directory *d, struct uuid id);
struct directory_agent *directory_agent_at(const struct directory *d, int index); /* NULL past the last */
const struct directory_queue *directory_queue_at(const struct directory *d, int index);
struct span directory_agent_name(const struct directory *d, struct uuid id);

/* Whether both apps know the same customers. */
bool directory_one_space(const struct directory *d, struct uuid app, struct uuid other);

/* Whether a queue's sessions are offered to an agent. */
bool directory_member(const struct directory *d, struct uuid agent, struct span queue);

/* Whether an agent may take sessions of a queue: a member, or who may watch all. */
bool directory_serves(const struct directory *d, struct uuid agent, struct span queue);

/* By what staff may read a conversation: whose its session is, whom it is offered to, which queue it is in. */
struct directory_reach {
    struct uuid agent, offered;
    struct span queue;
};

/* Whether this member of staff may: it is theirs or offered to them, they serve the queue, or watch every one. */
bool directory_may_read(const struct directory *d, struct uuid who, enum role role,
                        const struct directory_reach *reach);

/* Whether any app allows this browser origin. */
bool directory_origin(const struct directory *d, struct span origin);

#endif
