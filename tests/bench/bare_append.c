/* What Postgres alone can do with the product's own rows: the statement of log_append, on its own table, from one
 * pipelined libpq connection and nothing around it. The baseline of the durable figures.
 *
 *   bare_append URL [SECONDS]     URL of a database with the schema; prints one JSON object a line
 *
 * bare_append: batches of 256, one in flight. bare_commit: 5,000 messages a second at random moments, each batch is
 * whatever came while the last one was committed. */
#include "server/base/clock.h"
#include "server/io/pg.h"
#include "server/store/log.h"
#include "tests/bench/cpu.h"

#include <endian.h>
#include <errno.h>
#include <libpq-fe.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 256, CONVERSATIONS = 1000, BODY = 200, COLUMNS = 10, COLUMN_MAX = BATCH * (BODY + 8) + 64, RATE = 5000 };

struct column {
    char bytes[COLUMN_MAX];
    int len;
};

static PGconn *conn;
static struct column columns[COLUMNS];
static struct uuid conversations[CONVERSATIONS];
static int64_t seqs[CONVERSATIONS];
static unsigned turn;
static uint64_t chance = 88172645463325252u;

static void die(const char *what)
{
    fprintf(stderr, "bare_append: %s: %s\n", what, PQerrorMessage(conn));
    exit(1);
}

static uint64_t next_random(void)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return chance;
}

static struct uuid new_id(void)
{
    uint64_t r[2] = {next_random(), next_random()};
    return uuid_v7(clock_ms(), (const uint8_t *)r);
}

/* ---- binary arrays ---- */

static void put(struct column *c, const void *bytes, size_t len)
{
    memcpy(c->bytes + c->len, bytes, len);
    c->len += (int)len;
}

static void put_u32(struct column *c, uint32_t v)
{
    v = htobe32(v);
    put(c, &v, sizeof v);
}

static void put_entry(struct column *c, const void *bytes, size_t len)
{
    put_u32(c, (uint32_t)len);
    put(c, bytes, len);
}

static void put_i64(struct column *c, int64_t v)
{
    uint64_t be = htobe64((uint64_t)v);
    put_entry(c, &be, sizeof be);
}

static void put_i16(struct column *c, int16_t v)
{
    uint16_t be = htobe16((uint16_t)v);
    put_entry(c, &be, sizeof be);
}

static void begin_columns(int n)
{
    static const uint32_t entries[COLUMNS] = {PG_UUID, PG_UUID, PG_UUID, PG_I64, PG_I64,
                                              PG_TIME, PG_I16,  PG_I16,  PG_I16, PG_JSONB};
    for (int i = 0; i < COLUMNS; i++) {
        const uint32_t header[] = {1, 0, entries[i], (uint32_t)n, 1};
        columns[i].len = 0;
        for (int k = 0; k < 5; k++)
            put_u32(&columns[i], header[k]);
    }
}

/* The version byte of jsonb, then {"text":"..."} of BODY bytes. */
static void put_body(struct column *c)
{
    static const char head[] = "\1{\"text\":\"", tail[] = "\"}";
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz    eo";
    char body[BODY + 1];
    size_t at = sizeof head - 1, end = sizeof body - (sizeof tail - 1);
    memcpy(body, head, at);
    for (uint64_t r = 0; at < end; at++, r >>= 5) {
        if (!r)
            r = next_random();
        body[at] = letters[r & 31];
    }
    memcpy(body + end, tail, sizeof tail - 1);
    put_entry(c, body, sizeof body);
}

static void put_row(void)
{
    unsigned which = turn++ % CONVERSATIONS;
    struct uuid id = new_id();
    put_entry(&columns[0], conversations[which].b, 16);
    put_entry(&columns[1], id.b, 16);
    put_entry(&columns[2], conversations[(which + 1) % CONVERSATIONS].b, 16);
    put_i64(&columns[3], ++seqs[which]);
    put_i64(&columns[4], seqs[which] - 1);
    put_i64(&columns[5], (clock_ms() - 946684800000) * 1000);
    put_i16(&columns[6], 1);
    put_i16(&columns[7], 1);
    put_i16(&columns[8], 0);
    put_body(&columns[9]);
}

/* ---- one batch ---- */

static void send_batch(int n)
{
    const char *values[COLUMNS];
    int lengths[COLUMNS], formats[COLUMNS];
    begin_columns(n);
    for (int i = 0; i < n; i++)
        put_row();
    for (int i = 0; i < COLUMNS; i++) {
        values[i] = columns[i].bytes;
        lengths[i] = columns[i].len;
        formats[i] = 1;
    }
    if (!PQsendQueryPrepared(conn, "append", COLUMNS, values, lengths, formats, 1) || !PQpipelineSync(conn))
        die("sending");
}

/* Whether the batch in flight has been committed, as far as what has arrived tells. */
static bool committed(void)
{
    while (!PQisBusy(conn)) {
        PGresult *r = PQgetResult(conn);
        ExecStatusType st = r ? PQresultStatus(r) : PGRES_COMMAND_OK;
        PQclear(r);
        if (st == PGRES_PIPELINE_SYNC)
            return true;
        if (st != PGRES_COMMAND_OK)
            die("appending");
    }
    return false;
}

/* Turns once: writes what is left, waits at most that long, reads what is there. */
static void wait_for_answer(int64_t wait_us)
{
    int left = PQflush(conn);
    if (left < 0)
        die("writing");
    struct pollfd fd = {.fd = PQsocket(conn), .events = (short)(POLLIN | (left ? POLLOUT : 0))};
    struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    if (ppoll(&fd, 1, &wait, NULL) > 0 && fd.revents & (POLLIN | POLLHUP) && !PQconsumeInput(conn))
        die("reading");
}

/* ---- what it costs ---- */

static double number(PGconn *side, const char *sql)
{
    PGresult *r = PQexec(side, sql);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        die(sql);
    double v = strtod(PQgetvalue(r, 0, 0), NULL);
    PQclear(r);
    return v;
}

static void print(const char *name, double value, const char *unit)
{
    printf("{\"name\":\"%s\",\"value\":%.*f,\"unit\":\"%s\"}\n", name, value < 100 ? 3 : 0, value, unit);
    fflush(stdout);
}

static void saturate(PGconn *side, int seconds)
{
    static const char wal[] = "select pg_current_wal_insert_lsn() - '0/0'";
    int64_t rows = 0, begin = clock_mono_us(), end = begin + seconds * 1000000ll;
    double wal_before = number(side, wal), cpu_before = cpu_us_of(PQbackendPID(conn));
    while (clock_mono_us() < end) {
        send_batch(BATCH);
        while (!committed())
            wait_for_answer(1000000);
        rows += BATCH;
    }
    double took = (double)(clock_mono_us() - begin) / 1e6;
    print("bare_append", (double)rows / took, "messages/s");
    print("bare_append_pg_cpu", (cpu_us_of(PQbackendPID(conn)) - cpu_before) / (double)rows, "us/message");
    print("bare_append_wal", (number(side, wal) - wal_before) / (double)rows, "bytes/message");
}

/* ---- latency ---- */

struct arrivals {
    int64_t *waiting; /* since when, of those not sent and those in flight, in order */
    int nwaiting, nflight;
    double next_us;
    float *took_ms;
    int64_t n;
};

static void arrive(struct arrivals *a, int64_t now)
{
    while (a->next_us <= (double)now) {
        a->waiting[a->nflight + a->nwaiting++] = (int64_t)a->next_us;
        double chance01 = (double)(next_random() >> 11) / 9007199254740992.0;
        a->next_us += -log(1 - chance01) * 1e6 / RATE;
    }
}

static void leave(struct arrivals *a)
{
    a->nflight = a->nwaiting < BATCH ? a->nwaiting : BATCH;
    a->nwaiting -= a->nflight;
    send_batch(a->nflight);
}

static void done(struct arrivals *a, int64_t now)
{
    for (int i = 0; i < a->nflight; i++)
        a->took_ms[a->n++] = (float)(now - a->waiting[i]) / 1000;
    memmove(a->waiting, a->waiting + a->nflight, (size_t)a->nwaiting * sizeof *a->waiting);
    a->nflight = 0;
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void measure_commits(int seconds)
{
    int64_t now = clock_mono_us(), end = now + seconds * 1000000ll;
    size_t room = (size_t)seconds * RATE * 2 + 65536;
    struct arrivals a = {
        .waiting = calloc(room, sizeof(int64_t)), .took_ms = calloc(room, sizeof(float)), .next_us = (double)now};
    for (; now < end; now = clock_mono_us()) {
        arrive(&a, now);
        if (!a.nflight && a.nwaiting)
            leave(&a);
        int64_t until = (int64_t)a.next_us - clock_mono_us();
        wait_for_answer(until > 0 ? until : 0);
        if (a.nflight && committed())
            done(&a, clock_mono_us());
    }
    while (a.nflight && !committed())
        wait_for_answer(1000000);
    qsort(a.took_ms, (size_t)a.n, sizeof *a.took_ms, compare);
    print("bare_commit_p50", a.took_ms[a.n / 2], "ms");
    print("bare_commit_p99", a.took_ms[a.n * 99 / 100], "ms");
    free(a.waiting);
    free(a.took_ms);
}

static void open_connection(const char *url)
{
    conn = PQconnectdb(url);
    if (PQstatus(conn) != CONNECTION_OK)
        die("connecting");
    Oid types[COLUMNS];
    for (int i = 0; i < COLUMNS; i++)
        types[i] = log_append_statement.types[i];
    PQclear(PQexec(conn, "set plan_cache_mode = force_generic_plan; set synchronous_commit = on; set jit = off"));
    PGresult *r = PQprepare(conn, "append", log_append_statement.sql, COLUMNS, types);
    if (PQresultStatus(r) != PGRES_COMMAND_OK || PQsetnonblocking(conn, 1) != 0 || !PQenterPipelineMode(conn))
        die("preparing; has the database the schema?");
    PQclear(r);
}

int main(int argc, char **argv)
{
    int seconds = argc > 2 ? atoi(argv[2]) : 5;
    if (argc < 2 || seconds < 1) {
        fprintf(stderr, "usage: bare_append URL [SECONDS]\n");
        return 2;
    }
    chance ^= (uint64_t)clock_mono_us() << 20 ^ (uint64_t)getpid();
    for (int i = 0; i < CONVERSATIONS; i++)
        conversations[i] = new_id();
    open_connection(argv[1]);
    PGconn *side = PQconnectdb(argv[1]);
    saturate(side, seconds);
    measure_commits(seconds);
    PQfinish(side);
    PQfinish(conn);
    return 0;
}
