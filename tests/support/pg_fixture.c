/* The cluster is made by the same module as `parley dev` makes its own. */
#include "tests/support/pg_fixture.h"

#include "protocol/buf.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/cli/private_pg.h"
#include "server/io/loop.h"
#include "tests/unit/unit.h"

#include <glob.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum { WAIT_MS = 30000 };

static struct private_pg *cluster;
static char dir[] = "/tmp/parley-unit-XXXXXX";
static char url[512];
static PGconn *side;
static PGresult *answer;
static char *newest_sql; /* kept, since a test that fails leaves by a jump */

static void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    pg_fixture_stop();
    exit(2);
}

/* The account that runs Postgres must be able to enter. */
static void make_dir(void)
{
    if (!mkdtemp(dir) || chmod(dir, 0755) != 0)
        die("a folder for the cluster", dir);
}

void pg_fixture_start(void)
{
    static const char *const settings[] = {"shared_buffers=32MB", "max_connections=60", "autovacuum=off", NULL};
    struct buf why;
    log_setup(LOG_ERROR, LOG_TEXT);
    buf_init(&why, 4096);
    make_dir();
    if (private_pg_start(&(struct private_pg_options){.dir = dir, .settings = settings}, &cluster, &why) != PARLEY_OK)
        die("starting Postgres", why.ptr ? why.ptr : "");
    snprintf(url, sizeof url, "%s", private_pg_url(cluster));
    buf_done(&why);
}

static void hang_up(void)
{
    PQclear(answer);
    answer = NULL;
    PQfinish(side);
    side = NULL;
}

void pg_fixture_stop(void)
{
    struct buf why;
    hang_up();
    free(newest_sql);
    newest_sql = NULL;
    private_pg_stop(&cluster);
    buf_init(&why, 4096);
    private_pg_forget(dir, &why);
    buf_done(&why);
    char path[64];
    snprintf(path, sizeof path, "%s/lock", dir);
    unlink(path);
    rmdir(dir);
}

static void ignore_notice(void *arg, const PGresult *notice)
{
}

static void call(void)
{
    hang_up();
    side = PQconnectdb(url);
    if (PQstatus(side) != CONNECTION_OK)
        die("connecting", PQerrorMessage(side));
    PQsetNoticeReceiver(side, ignore_notice, NULL);
}

static const char *run(const char *sql)
{
    PQclear(answer);
    answer = PQexec(side, sql);
    ExecStatusType st = PQresultStatus(answer);
    if (st != PGRES_TUPLES_OK && st != PGRES_COMMAND_OK)
        fail_msg("%s\n%s", PQresultErrorMessage(answer), sql);
    return PQntuples(answer) ? PQgetvalue(answer, 0, 0) : "";
}

static __attribute__((format(printf, 1, 0))) char *format_sql(const char *format, va_list args)
{
    char *sql;
    int n = vasprintf(&sql, format, args);
    assert_true(n >= 0);
    return sql;
}

const char *pg_fixture_sql(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    free(newest_sql);
    newest_sql = format_sql(format, args);
    va_end(args);
    return run(newest_sql);
}

int64_t pg_fixture_number(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    free(newest_sql);
    newest_sql = format_sql(format, args);
    va_end(args);
    return strtoll(run(newest_sql), NULL, 10);
}

static void run_file(const char *path)
{
    struct buf sql;
    buf_init(&sql, 1 << 20);
    FILE *f = fopen(path, "re");
    if (!f)
        die("reading", path);
    char part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
        buf_add(&sql, part, n);
    fclose(f);
    buf_add_char(&sql, '\0');
    run(sql.ptr);
    buf_done(&sql);
}

static void run_schema(void)
{
    glob_t files;
    if (glob("schema/*.sql", 0, NULL, &files) != 0)
        die("schema/*.sql", "not found; run the test in the root of the tree");
    for (size_t i = 0; i < files.gl_pathc; i++)
        run_file(files.gl_pathv[i]);
    globfree(&files);
}

const char *pg_fixture_database(void)
{
    static int n;
    snprintf(url, sizeof url, "%s", private_pg_url(cluster));
    call();
    pg_fixture_sql("create database t%d", ++n);
    const char *base = private_pg_url(cluster);
    const char *name = strstr(base, "/parley?");
    assert_non_null(name);
    snprintf(url, sizeof url, "%.*s/t%d?%s", (int)(name - base), base, n, name + strlen("/parley?"));
    call();
    run_schema();
    return url;
}

const char *pg_fixture_url(void)
{
    return url;
}

void pg_fixture_turn(struct loop *loop)
{
    uv_run(loop_uv(loop), UV_RUN_ONCE);
}

void pg_fixture_wait(struct loop *loop, const bool *done)
{
    int64_t end = clock_mono_ms() + WAIT_MS;
    while (!*done) {
        uv_run(loop_uv(loop), UV_RUN_ONCE);
        if (clock_mono_ms() > end)
            fail_msg("waited 30 s in vain");
    }
}

void pg_fixture_wait_sql(struct loop *loop, const char *sql)
{
    int64_t end = clock_mono_ms() + WAIT_MS;
    while (strcmp(pg_fixture_sql("%s", sql), "t") != 0) {
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        if (clock_mono_ms() > end)
            fail_msg("waited 30 s in vain for: %s", sql);
    }
}

struct uuid pg_fixture_id(void)
{
    static uint32_t n;
    uint8_t random[10] = {0};
    n++;
    memcpy(random + 4, &n, sizeof n); /* beyond the bits of version and variant */
    return uuid_v7(clock_ms(), random);
}

const char *pg_fixture_text(struct uuid id)
{
    static char text[8][UUID_TEXT + 1];
    static int next;
    next = (next + 1) % 8;
    uuid_format(id, text[next]);
    return text[next];
}
