/* The life of a connection that is there: reading and writing, noticing that it is gone, coming back.
 * States: down -> connecting -> setting up -> up -> down. */
#include "server/io/pg.h"

#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/io/pg_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    RETRY_MIN_MS = 100,
    RETRY_MAX_MS = 2000,
    CONNECT_MS = 10000,
    LOCK_TIMEOUT_MS = 2000,
    STALL_MS = 30000,
    GROUPS = 256,
    BYTES = 16 * 1024 * 1024,
    EMPTY_ANSWERS = 8,
};

/* ---- prepared statements ---- */

static size_t prepared_slot(const struct pg *pg, const struct pg_statement *statement)
{
    size_t i = ((uintptr_t)statement >> 4) * 0x9e3779b97f4a7c15u >> 56;
    while (pg->prepared[i] && pg->prepared[i] != statement)
        i = (i + 1) % PG_PREPARED;
    return i;
}

bool pg_prepared(struct pg *pg, const struct pg_statement *statement)
{
    size_t i = prepared_slot(pg, statement);
    if (pg->prepared[i])
        return true;
    pg->nprepared++;
    assert(pg->nprepared < PG_PREPARED);
    pg->prepared[i] = statement;
    return false;
}

/* Rare: the whole table is built again, so that no hole breaks a run of slots. */
void pg_not_prepared(struct pg *pg, const struct pg_statement *statement)
{
    const struct pg_statement *old[PG_PREPARED];
    memcpy(old, pg->prepared, sizeof old);
    memset(pg->prepared, 0, sizeof pg->prepared);
    pg->nprepared = 0;
    for (int i = 0; i < PG_PREPARED; i++)
        if (old[i] && old[i] != statement)
            pg_prepared(pg, old[i]);
}

/* ---- down, and up again ---- */

void pg_set_trouble(struct pg *pg, const char *why)
{
    snprintf(pg->trouble, sizeof pg->trouble, "%s", why ? why : "");
    for (char *c = pg->trouble; *c; c++)
        if (*c == '\n')
            *c = c[1] ? ' ' : '\0';
}

static void disconnect(struct pg *pg)
{
    loop_timer_stop(&pg->retry);
    loop_timer_stop(&pg->patience);
    loop_turn_cancel(&pg->drop);
    loop_watch_close(&pg->watch);
    pg_host_forget(pg);
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg->dropping = false;
    pg->nprepared = 0;
    memset(pg->prepared, 0, sizeof pg->prepared);
}

/* The first attempt after a loss comes soon, later ones up to 2 s apart, each with its own share of chance. */
static int64_t retry_delay(const struct pg *pg)
{
    unsigned doublings = pg->failures < 5 ? pg->failures : 5;
    int64_t most = RETRY_MIN_MS << doublings;
    if (most > RETRY_MAX_MS)
        most = RETRY_MAX_MS;
    return most / 2 + (clock_mono_us() ^ (int64_t)(uintptr_t)pg >> 6) % (most / 2);
}

static void lose(struct pg *pg)
{
    bool was_up = pg->state == PG_UP;
    log_warn(NULL, was_up ? "the database connection is lost" : "the database cannot be reached",
             LOG_STR("connection", pg->options.application), LOG_STR("why", pg->trouble),
             LOG_U64("in_flight", pg->ngroups));
    pg->state = PG_DOWN;
    pg->host_turn += !was_up; /* what has worked is tried again first */
    disconnect(pg);
    pg_group_end_all(pg, false);
    if (was_up && pg->events.down)
        pg->events.down(pg->events.arg);
    loop_timer_start_exact(pg->loop, &pg->retry, retry_delay(pg), pg_connect, pg);
    pg->failures++;
}

static void dropped(void *arg)
{
    lose(arg);
}

void pg_drop(struct pg *pg, const char *why)
{
    if (pg->dropping)
        return;
    pg->dropping = true;
    pg_set_trouble(pg, why);
    loop_watch_close(&pg->watch);
    loop_at_turn_end(pg->loop, &pg->drop, dropped, pg);
}

/* ---- reading and writing ---- */

static void add_notifications(struct pg *pg)
{
    PGnotify *n;
    while (!pg->dropping && (n = PQnotifies(pg->conn))) {
        if (pg->events.notified)
            pg->events.notified(pg->events.arg, span_str(n->extra));
        PQfreemem(n);
    }
}

/* Whether the server may still say something; libpq reports the end of each query by an empty answer. */
static void read_answers(struct pg *pg)
{
    int empty = 0;
    while (!pg->dropping && !PQisBusy(pg->conn) && empty < EMPTY_ANSWERS) {
        PGresult *result = PQgetResult(pg->conn);
        if (!result && list_empty(&pg->in_flight))
            return;
        empty = result ? 0 : empty + 1;
        if (result)
            pg_group_answer(pg, result);
        if (PQstatus(pg->conn) == CONNECTION_BAD)
            pg_drop(pg, PQerrorMessage(pg->conn));
    }
    if (empty == EMPTY_ANSWERS)
        pg_drop(pg, "the server stopped answering in step");
}

void pg_flush(struct pg *pg)
{
    if (!pg->watch)
        return;
    int left = PQflush(pg->conn);
    if (left < 0)
        pg_drop(pg, PQerrorMessage(pg->conn));
    else
        loop_watch_set(pg->watch, LOOP_READ | (left ? LOOP_WRITE : 0));
}

void pg_on_ready(void *arg, unsigned events)
{
    struct pg *pg = arg;
    if (events & LOOP_READ) {
        bool alive = PQconsumeInput(pg->conn);
        read_answers(pg);
        if (!alive)
            pg_drop(pg, PQerrorMessage(pg->conn));
        add_notifications(pg);
    }
    pg_flush(pg);
}

void pg_on_notice(void *arg, const PGresult *notice)
{
    struct pg *pg = arg;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *sqlstate = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
    if (!severity || !sqlstate || strcmp(severity, "WARNING") != 0)
        return;
    log_warn(NULL, "the database warns", LOG_STR("connection", pg->options.application), LOG_STR("sqlstate", sqlstate),
             LOG_STR("message", PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY)));
    bool commit = strcmp(sqlstate, "01000") == 0 || strcmp(sqlstate, "57P01") == 0;
    if (commit && !list_empty(&pg->in_flight))
        LIST_ITEM(pg->in_flight.next, struct pg_group, node)->in_doubt = true;
}

/* Standby missing, the barrier waits: dropping it too often would pile up backends that wait for ever. */
static int64_t patience_ms(const struct pg *pg)
{
    unsigned doublings = pg->state == PG_UP ? 0 : pg->failures < 5 ? pg->failures : 5;
    return (int64_t)pg->options.stall_ms << doublings;
}

void pg_watch_stall(void *arg)
{
    struct pg *pg = arg;
    if (pg_waiting_ms(pg) > patience_ms(pg))
        pg_drop(pg, "no answer for too long");
    loop_timer_start(pg->loop, &pg->patience, PG_PATIENCE_TICK_MS, pg_watch_stall, pg);
}

/* ---- the calls ---- */

static void fill_options(struct pg_options *o, const struct pg_options *from)
{
    *o = *from;
    o->url = mem_text(from->url ? from->url : "");
    o->application = mem_text(from->application ? from->application : "parley");
    o->listen = mem_text(from->listen);
    o->connect_timeout_ms = from->connect_timeout_ms ? from->connect_timeout_ms : CONNECT_MS;
    o->lock_timeout_ms = from->lock_timeout_ms ? from->lock_timeout_ms : LOCK_TIMEOUT_MS;
    o->stall_ms = from->stall_ms ? from->stall_ms : STALL_MS;
    o->max_groups = from->max_groups ? from->max_groups : GROUPS;
    o->max_bytes = from->max_bytes ? from->max_bytes : BYTES;
}

struct pg *pg_open(struct loop *loop, const struct pg_options *options, const struct pg_events *events)
{
    struct pg *pg = mem_alloc(sizeof *pg);
    pg->loop = loop;
    fill_options(&pg->options, options);
    if (events)
        pg->events = *events;
    list_init(&pg->in_flight);
    pg_set_trouble(pg, "not connected yet");
    pg_connect(pg);
    return pg;
}

void pg_close(struct pg **pg_ptr)
{
    struct pg *pg = *pg_ptr;
    if (!pg)
        return;
    assert(!pg->in_callback);
    pg->state = PG_DOWN;
    disconnect(pg);
    pg_group_end_all(pg, true);
    mem_free((char *)pg->options.url);
    mem_free((char *)pg->options.application);
    mem_free((char *)pg->options.listen);
    mem_free(pg);
    *pg_ptr = NULL;
}

bool pg_is_up(const struct pg *pg)
{
    return pg->state == PG_UP && !pg->dropping;
}

uint64_t pg_generation(const struct pg *pg)
{
    return pg->generation;
}

uint32_t pg_in_flight(const struct pg *pg)
{
    return pg->ngroups;
}

int64_t pg_waiting_ms(const struct pg *pg)
{
    if (list_empty(&pg->in_flight))
        return 0;
    return loop_now_ms(pg->loop) - LIST_ITEM(pg->in_flight.next, struct pg_group, node)->sent_ms;
}

const char *pg_trouble(const struct pg *pg)
{
    return pg->trouble;
}
