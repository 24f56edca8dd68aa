/* One thread with one of everything: loop, sockets, Postgres connections, hub, conversations, router, verbs.
 * main makes all workers before their threads start, starts and joins the threads, and frees the workers. */
#ifndef SERVER_WORKER_WORKER_H
#define SERVER_WORKER_WORKER_H

#include "server/base/conf.h"
#include "server/hub/peers.h"
#include "server/io/ws.h"

struct worker;

struct worker_options {
    const struct conf *conf;
    struct peers *peers; /* shared by all; each worker fills its own place */
    int self;
    struct uuid node;
    struct offload *offload; /* of the process, as is the next */
    struct gate *gate;
};

/* Binds its listeners. Logged when it fails. */
parley_status worker_new(const struct worker_options *options, struct worker **out);

void worker_start(struct worker *worker);
void worker_join(struct worker *worker);
void worker_free(struct worker **worker);

/* ---- from main's thread ---- */

/* Takes nothing new, tells everyone to come back within spread_ms, ends when what is under way is committed, at the
 * latest after drain_ms. */
void worker_drain(struct worker *worker, int64_t spread_ms, int64_t drain_ms);

/* Instead of starting it, when something else cannot start: ends what worker_new began. Before any worker is freed. */
void worker_abandon(struct worker *worker);

/* Administration changed something: read the small tables anew. */
void worker_refresh(struct worker *worker);

/* The configuration was read again: takes over what may change while running, and reads certificate and key from the
 * same files again. next stays until the worker has been joined. */
void worker_reconfigure(struct worker *worker, const struct conf *next);

/* What main shows to operators; written by the worker once a second, read by main. */
struct worker_health {
    _Atomic bool database; /* can send and read */
    _Atomic bool ready;    /* has read what it needs */
    _Atomic unsigned links;
    _Atomic int64_t alive_ms; /* monotonic: when its loop last turned */
    _Atomic bool ended;
};
struct worker_health *worker_health(struct worker *worker);

#endif
