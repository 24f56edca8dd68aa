/* From nothing to up: connect without waiting, make the settings, prove that the server can keep a promise, and commit
 * a barrier. */
#include "server/base/log.h"
#include "server/io/pg_private.h"

#include <assert.h>
#include <stdio.h>

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
    "       set_config('enable_bitmapscan', 'off', false),"
    "       set_config('enable_sort', 'off', false),"
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
    pg_set_trouble(pg, "");
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
    loop_timer_start(pg->loop, &pg->patience, PG_PATIENCE_TICK_MS, pg_watch_stall, pg);
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
    PQsetNoticeReceiver(pg->conn, pg_on_notice, pg);
    watch(pg, pg_on_ready, LOOP_READ);
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

/* What is empty leaves the URL as it is. */
static PGconn *start_connecting(const struct pg *pg)
{
    const struct pg_host *host = &pg->host;
    const char *names[12] = {"dbname",          "application_name",    "client_encoding",
                             "keepalives_idle", "keepalives_interval", "keepalives_count",
                             "tcp_user_timeout"};
    const char *values[12] = {pg->options.url, pg->options.application, "UTF8", "5", "2", "3", "10000"};
    int n = 7;
    const char *const more[][2] = {{"host", host->name}, {"hostaddr", host->address}, {"port", host->port}};
    for (int i = 0; i < 3; i++)
        if (more[i][1][0]) {
            names[n] = more[i][0];
            values[n++] = more[i][1];
        }
    return PQconnectStartParams(names, values, 1);
}

void pg_host_found(struct pg *pg, const char *why_not)
{
    if (why_not) {
        pg_drop(pg, why_not);
        return;
    }
    pg->conn = start_connecting(pg);
    if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD) {
        pg_drop(pg, pg->conn ? PQerrorMessage(pg->conn) : "out of memory");
        return;
    }
    watch(pg, connect_step, LOOP_WRITE);
}

void pg_connect(void *arg)
{
    struct pg *pg = arg;
    pg->state = PG_CONNECTING;
    loop_timer_start(pg->loop, &pg->retry, pg->options.connect_timeout_ms, gave_up, pg);
    pg_host_choose(pg);
    pg_host_look_up(pg);
}
