/* One pipelined, asynchronous connection to Postgres on a worker's loop. It connects, comes back after a loss, and
 * never blocks or ends the process. Owned by the store; one worker's thread only.
 *
 * Work is sent as a group: some statements under one sync, which is one transaction. Nothing of it counts before that
 * sync: results are handed on only then, and only when the commit was clean.
 *
 *   struct pg_group *group = pg_group_new(pg);
 *   struct pg_params *p = pg_group_add(group, &MARK_SET, NULL, NULL);
 *   pg_uuid(p, conversation);
 *   pg_i64(p, seq);
 *   return pg_group_send(&group, on_marked, call); */
#ifndef SERVER_IO_PG_H
#define SERVER_IO_PG_H

#include "protocol/status.h"
#include "server/io/pg_value.h"

#include <stdint.h>

struct loop;
struct pg;
struct pg_group;

/* ---- statements: constants, prepared on each connection when first used ---- */

enum { PG_PARAMS_MAX = 24 };

struct pg_statement {
    const char *name; /* unique in the program */
    const char *sql;
    int nparams;
    enum pg_type types[PG_PARAMS_MAX];
};

/* ---- the connection ---- */

struct pg_options {
    const char *url;               /* libpq's: URI or key=value words, several hosts allowed */
    const char *application;       /* as pg_stat_activity shows it */
    const char *listen;            /* a channel to listen on, lower-case letters and _; or NULL */
    uint32_t connect_timeout_ms;   /* 0: 10,000 */
    uint32_t lock_timeout_ms;      /* 0: 2,000 */
    uint32_t statement_timeout_ms; /* 0: none */
    uint32_t stall_ms;             /* 0: 30,000; an answer this late means that the connection is dead */
    uint32_t max_groups;           /* 0: 256 in flight */
    size_t max_bytes;              /* 0: 16 MiB in flight */
    bool allow_unsafe;             /* take a server with fsync or full_page_writes off */
};

struct pg_events {
    /* A barrier has committed: all that can be read from now on is as durable as the server promises. */
    void (*up)(void *arg, uint64_t generation);
    /* Comes after up, and after done of everything that was in flight. */
    void (*down)(void *arg);
    void (*notified)(void *arg, struct span payload);
    void *arg;
};

/* Starts to connect at once and keeps trying. Copies the options. */
struct pg *pg_open(struct loop *loop, const struct pg_options *options, const struct pg_events *events);

/* Ends what is in flight with PARLEY_CANCELED; it may be committed all the same. Not inside a callback of this pg. */
void pg_close(struct pg **pg);

bool pg_is_up(const struct pg *pg);

/* Grows with every connection that came up; 0 before the first. What was read on one generation is void on the next. */
uint64_t pg_generation(const struct pg *pg);

/* Groups sent and not answered, and how long the oldest of them has waited. */
uint32_t pg_in_flight(const struct pg *pg);
int64_t pg_waiting_ms(const struct pg *pg);

/* Why it is not up, for an operator; "" when it is. */
const char *pg_trouble(const struct pg *pg);

/* ---- groups ---- */

/* What Postgres said of a group that failed. Borrowed for the callback. */
struct pg_fault {
    char sqlstate[6];
    const char *statement;  /* name of the one that failed, or "" */
    const char *constraint; /* or "" */
    const char *about;      /* what pg_group_about said of that statement, or NULL */
};

/* At the sync, in the order of the statements, before done; only when done will be PARLEY_OK.
 * Spans into the result live until done returns. */
typedef void pg_on_result(void *arg, const struct pg_result *result);

/* Exactly once, later, on the same thread. fault is NULL when Postgres said nothing.
 *   OK           committed, or read
 *   CONFLICT     a unique key: nothing is stored
 *   STALE        parley_one: a condition did not hold; nothing is stored
 *   INVALID      data or a constraint refused; nothing is stored
 *   TIMEOUT      a lock or the statement took too long; nothing is stored
 *   BUSY         deadlock or serialization: run it again; nothing is stored
 *   UNAVAILABLE  Postgres cannot now; nothing is stored
 *   INTERNAL     our mistake; nothing is stored
 *   UNCERTAIN    it may be committed, now or later: settle it
 *   CANCELED     pg_close; it may be committed */
typedef void pg_done(void *arg, parley_status status, const struct pg_fault *fault);

/* Freed by pg_group_send or pg_group_free, with everything allocated for it. */
struct pg_group *pg_group_new(struct pg *pg);
struct pg_group *pg_group_beside(const struct pg_group *group); /* on the same connection */
void pg_group_free(struct pg_group **group);

/* Zeroed; lives until done has returned. */
void *pg_group_alloc(struct pg_group *group, size_t size);

/* This group changes nothing: a lost connection makes it UNAVAILABLE, not UNCERTAIN. */
void pg_group_reads(struct pg_group *group);

/* The parameters are to be added before the next call on the group, in order, of the declared types. */
struct pg_params *pg_group_add(struct pg_group *group, const struct pg_statement *statement, pg_on_result *on_result,
                               void *arg);

/* What the statement that was added last is about: told with its fault. Borrowed until done has returned. */
void pg_group_about(struct pg_group *group, const char *about);

/* Takes the group in any case. PARLEY_OK: done comes. UNAVAILABLE, BUSY (at the limits of what may be in flight) or
 * TOO_BIG: done never comes and nothing was sent. */
parley_status pg_group_send(struct pg_group **group, pg_done *done, void *arg);

#endif
