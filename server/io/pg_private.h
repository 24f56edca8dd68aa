/* What the files of pg share: nobody else includes this. */
#ifndef SERVER_IO_PG_PRIVATE_H
#define SERVER_IO_PG_PRIVATE_H

#include "protocol/buf.h"
#include "server/base/list.h"
#include "server/io/loop.h"
#include "server/io/pg.h"

#include <libpq-fe.h>

/* ---- pg_value.c ---- */

struct pg_place {
    size_t at;
    int len; /* -1 for null */
};

/* The parameters of all calls of a group, one after the other in one buf. */
struct pg_params {
    struct buf bytes;
    struct pg_place *places;
    int n, cap;
    const enum pg_type *types; /* of the statement whose parameters are being added */
    int next;                  /* which of them is next */
    enum pg_type entry;        /* of the open array */
    int entries_left;
};

void pg_params_init(struct pg_params *p, size_t max);
void pg_params_done(struct pg_params *p);
void pg_params_begin(struct pg_params *p, const enum pg_type *types);

/* ---- pg_group.c ---- */

struct pg_call {
    const struct pg_statement *statement;
    bool prepares; /* the statement, instead of running it */
    int first;     /* place of its first parameter */
    const char *about;
    pg_on_result *on_result;
    void *arg;
    PGresult *result;
};

struct pg_memory {
    struct pg_memory *next;
    _Alignas(max_align_t) char bytes[];
};

struct pg_group {
    struct list node; /* in flight */
    struct pg *pg;
    struct pg_params params;
    struct pg_call *calls;
    int ncalls, cap;
    bool reads;
    bool in_doubt;   /* a notice said that the commit is not what it looks like */
    PGresult *error; /* the first one */
    int error_at;    /* the call it belongs to; ncalls: the commit */
    int at;          /* the call whose result comes next */
    int64_t sent_ms;
    pg_done *done;
    void *arg;
    struct pg_memory *memory;
};

/* Puts the group on the wire whatever the connection's state; a failure shows as a lost connection. */
void pg_group_issue(struct pg_group *group, pg_done *done, void *arg);

/* One answer of the server, owned from here on, for the oldest group in flight. */
void pg_group_answer(struct pg *pg, PGresult *result);

/* Ends everything in flight; `closing`: with CANCELED. */
void pg_group_end_all(struct pg *pg, bool closing);

/* ---- pg.c ---- */

struct lookup;

/* The server of one attempt; empty: libpq's own choice. */
struct pg_host {
    char name[256];
    char port[16];
    char address[64]; /* numeric, of a name */
};

enum pg_state { PG_DOWN, PG_CONNECTING, PG_SETTING_UP, PG_UP };

enum { PG_PREPARED = 256 };

struct pg {
    struct loop *loop;
    struct pg_options options;
    struct pg_events events;
    enum pg_state state;
    PGconn *conn;
    struct loop_watch *watch;
    struct loop_timer retry;    /* when to connect again, or to give up connecting */
    struct loop_timer patience; /* looks for an answer that is too late */
    struct loop_turn drop;
    bool dropping;      /* the connection is of no use any more */
    unsigned failures;  /* attempts since it was last up */
    unsigned host_turn; /* which of the URL's hosts is next */
    struct pg_host host;
    struct lookup *lookup;
    uint64_t generation;
    struct list in_flight;
    uint32_t ngroups;
    size_t nbytes;
    int in_callback;
    char trouble[256];
    struct pg_statement listen;
    char listen_sql[64];
    int nprepared;
    const struct pg_statement *prepared[PG_PREPARED];
};

/* The connection ends at the turn's end, and everything in flight with it. */
void pg_drop(struct pg *pg, const char *why);

/* Sends what libpq holds and watches for what is left. */
void pg_flush(struct pg *pg);

/* Whether it is prepared; marks it so. */
bool pg_prepared(struct pg *pg, const struct pg_statement *statement);
void pg_not_prepared(struct pg *pg, const struct pg_statement *statement);

void pg_set_trouble(struct pg *pg, const char *why);

/* Looks for an answer that is too late, again and again. */
void pg_watch_stall(void *arg);

void pg_on_ready(void *arg, unsigned events);
void pg_on_notice(void *arg, const PGresult *notice);

/* ---- pg_connect.c ---- */

enum { PG_PATIENCE_TICK_MS = 500 };

/* Begins an attempt; every one ends in up or in pg_drop. */
void pg_connect(void *arg);

/* The address of the chosen host is known, or why it is not. */
void pg_host_found(struct pg *pg, const char *why_not);

/* ---- pg_hosts.c ---- */

/* The host whose turn it is. */
void pg_host_choose(struct pg *pg);

/* Its address, by a helper thread when it is a name; pg_host_found comes at once or later. */
void pg_host_look_up(struct pg *pg);

/* A look-up that is under way is nobody's any more. */
void pg_host_forget(struct pg *pg);

#endif
