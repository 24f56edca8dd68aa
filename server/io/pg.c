/* The life of a connection: connect without waiting, prove that the server can keep a promise, read answers, come back
 * after a loss. States: down -> connecting -> setting up -> up -> down. */
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
    PATIENCE_TICK_MS = 500,
    LOCK_TIMEOUT_MS = 2000,
    STALL_MS = 30000,
    GROUPS = 256,
    BYTES = 16 * 1024 * 1024,
    EMPTY_ANSWERS = 8,
};

/* A stronger synchronous_commit of the operator's stands. Warnings must reach us: one of them says that a commit is not
 * what it looks like. Everything here is a look-up by key: a plan made while a table was small must not become a scan
 * of a big one. */
static const struct pg_statement settings = {
    "pg_settings",
    "select set_config('synchronous_commit', case current_setting('synchronous_commit')"
    "         when 'remote_apply' then 'remote_apply' else 'on' end, false),"
    "       set_config('default_transaction_isolation', 'read committed', false),"
    "       set_config('default_transaction_read_only', 'off', false),"
    "       set_config('client_min_messages', 'notice', false),"
    "       set_config('plan_cache_mode', 'force_generic_plan', false),"
    "       set_config('jit', 'off', false),"
    "       set_config('enable_seqscan', 'off', false),"
    "       set_config('enable_hashjoin', 'off', false),"
    "       set_config('enable_mergejoin', 'off', false),"
    "       set_config('lock_timeout', $1, false),"
    "       set_config('statement_timeout', $2, false),"
    "       set_config('idle_in_transaction_session_timeout', '10s', false)",
    2,
    {PG_TEXT, PG_TEXT},
};

static const struct pg_statement checks = {
    "pg_checks",
    "select current_setting('fsync') = 'on', current_setting('full_page_writes') = 'on', pg_is_in_recovery(),"
    "       current_setting('server_encoding') = 'UTF8', current_setting('server_version_num')::int >= 150000",
    0,
    {0},
};

/* Its commit waits for the standby as any other, so all that can be read after it is replicated. */
static const struct pg_statement barrier = {
    "pg_barrier", "select pg_logical_emit_message(true, 'parley', 'barrier') is not null", 0, {0}};

static void connect_now(void *arg);

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

static void set_trouble(struct pg *pg, const char *why)
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
    disconnect(pg);
    pg_group_end_all(pg, false);
    if (was_up && pg->events.down)
        pg->events.down(pg->events.arg);
    loop_timer_start_exact(pg->loop, &pg->retry, retry_delay(pg), connect_now, pg);
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
    set_trouble(pg, why);
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

static void on_ready(void *arg, unsigned events)
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

static void on_notice(void *arg, const PGresult *notice)
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

/* ---- setting up ---- */

/* Standby missing, the barrier waits: dropping it too often would pile up backends that wait for ever. */
static int64_t patience_ms(const struct pg *pg)
{
    unsigned doublings = pg->state == PG_UP ? 0 : pg->failures < 5 ? pg->failures : 5;
    return (int64_t)pg->options.stall_ms << doublings;
}

static void look_for_stall(void *arg)
{
    struct pg *pg = arg;
    if (pg_waiting_ms(pg) > patience_ms(pg))
        pg_drop(pg, "no answer for too long");
    loop_timer_start(pg->loop, &pg->patience, PATIENCE_TICK_MS, look_for_stall, pg);
}

static void on_checks(void *arg, const struct pg_result *r)
{
    struct pg *pg = arg;
    if (!pg->options.allow_unsafe && !pg_get_bool(r, 0, 0))
        pg_drop(pg, "fsync is off on the server: a crash would lose what was acknowledged");
    else if (!pg->options.allow_unsafe && !pg_get_bool(r, 0, 1))
        pg_drop(pg, "full_page_writes is off on the server: a crash would lose what was acknowledged");
    else if (pg_get_bool(r, 0, 2))
        pg_drop(pg, "the server is a standby: writes go to the primary");
    else if (!pg_get_bool(r, 0, 3))
        pg_drop(pg, "the database's encoding is not UTF8");
    else if (!pg_get_bool(r, 0, 4))
        pg_drop(pg, "the server is older than PostgreSQL 15");
}

static void on_set_up(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct pg *pg = arg;
    if (status == PARLEY_OK)
        loop_timer_stop(&pg->retry);
    else if (pg->conn)
        pg_drop(pg, "the server refused the settings that this program needs");
}

static void on_barrier(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct pg *pg = arg;
    if (status != PARLEY_OK && pg->conn)
        pg_drop(pg, "the first commit did not come back clean");
    if (status != PARLEY_OK || pg->dropping)
        return;
    pg->state = PG_UP;
    pg->failures = 0;
    pg->generation++;
    set_trouble(pg, "");
    log_info(NULL, "database connected", LOG_STR("connection", pg->options.application));
    if (pg->events.up)
        pg->events.up(pg->events.arg, pg->generation);
}

/* A statement cannot take the channel as a parameter; it is a word of ours, never a peer's. */
static void add_listen(struct pg *pg, struct pg_group *group)
{
    const char *channel = pg->options.listen;
    if (!channel)
        return;
    assert(strspn(channel, "abcdefghijklmnopqrstuvwxyz_") == strlen(channel));
    snprintf(pg->listen_sql, sizeof pg->listen_sql, "listen %s", channel);
    pg->listen = (struct pg_statement){.name = "pg_listen", .sql = pg->listen_sql};
    pg_group_add(group, &pg->listen, NULL, NULL);
}

static void add_number(struct pg_params *p, uint32_t n)
{
    char text[16];
    snprintf(text, sizeof text, "%u", n);
    pg_text(p, span_str(text));
}

static void set_up(struct pg *pg)
{
    pg->state = PG_SETTING_UP;
    struct pg_group *group = pg_group_new(pg);
    struct pg_params *p = pg_group_add(group, &settings, NULL, NULL);
    add_number(p, pg->options.lock_timeout_ms);
    add_number(p, pg->options.statement_timeout_ms);
    pg_group_add(group, &checks, on_checks, pg);
    add_listen(pg, group);
    pg_group_reads(group);
    pg_group_issue(group, on_set_up, pg);
    group = pg_group_new(pg);
    pg_group_add(group, &barrier, NULL, NULL);
    pg_group_issue(group, on_barrier, pg);
    loop_timer_start(pg->loop, &pg->patience, PATIENCE_TICK_MS, look_for_stall, pg);
}

/* ---- connecting ---- */

static void watch(struct pg *pg, loop_watch_fn *fn, unsigned events)
{
    pg->watch = loop_watch_new(pg->loop, PQsocket(pg->conn), fn, pg);
    if (pg->watch)
        loop_watch_set(pg->watch, events);
    else
        pg_drop(pg, "its socket cannot be watched");
}

static void connected(struct pg *pg)
{
    if (PQsetnonblocking(pg->conn, 1) != 0 || !PQenterPipelineMode(pg->conn)) {
        pg_drop(pg, PQerrorMessage(pg->conn));
        return;
    }
    PQsetNoticeReceiver(pg->conn, on_notice, pg);
    watch(pg, on_ready, LOOP_READ);
    set_up(pg);
    pg_flush(pg);
}

/* libpq may close one socket and open another with the same number: the watch never outlives a step. */
static void connect_step(void *arg, unsigned events)
{
    struct pg *pg = arg;
    loop_watch_close(&pg->watch);
    switch (PQconnectPoll(pg->conn)) {
    case PGRES_POLLING_READING:
        watch(pg, connect_step, LOOP_READ);
        return;
    case PGRES_POLLING_WRITING:
        watch(pg, connect_step, LOOP_WRITE);
        return;
    case PGRES_POLLING_OK:
        connected(pg);
        return;
    default:
        pg_drop(pg, PQerrorMessage(pg->conn));
    }
}

static void gave_up(void *arg)
{
    pg_drop(arg, "connecting took too long");
}

static void connect_now(void *arg)
{
    struct pg *pg = arg;
    const char *const names[] = {"dbname",
                                 "application_name",
                                 "client_encoding",
                                 "keepalives_idle",
                                 "keepalives_interval",
                                 "keepalives_count",
                                 "tcp_user_timeout",
                                 NULL};
    const char *const values[] = {pg->options.url, pg->options.application, "UTF8", "5", "2", "3", "10000", NULL};
    pg->state = PG_CONNECTING;
    pg->conn = PQconnectStartParams(names, values, 1);
    loop_timer_start(pg->loop, &pg->retry, CONNECT_MS, gave_up, pg);
    if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD) {
        pg_drop(pg, pg->conn ? PQerrorMessage(pg->conn) : "out of memory");
        return;
    }
    watch(pg, connect_step, LOOP_WRITE);
}

/* ---- the calls ---- */

static void fill_options(struct pg_options *o, const struct pg_options *from)
{
    *o = *from;
    o->url = mem_text(from->url ? from->url : "");
    o->application = mem_text(from->application ? from->application : "parley");
    o->listen = mem_text(from->listen);
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
    set_trouble(pg, "not connected yet");
    connect_now(pg);
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
