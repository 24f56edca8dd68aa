/* What the C SDK costs an app: sdkbench MODE PORT TOKENS FOLDER [N], one object of figures on a line.
 *
 *   fetch   connects and is told of everything up to number N; and the same bytes from one socket to another
 *   resume  connects with nothing missed: bytes and turns of the wire until it is known that nothing is
 *   paint   shows N rows of what is on disk; and the same rows by a bare SQLite
 *   post    says N things offline; and the same rows put in by a bare SQLite
 *   many    N clients that are connected: memory of each
 *   idle    wake-ups of the client's threads in N seconds in the foreground, and as many in the background
 *
 * TOKENS has a token a line; the first one is ours. FOLDER is where the client keeps its files. */
#include "sdk-c/include/parley/client.h"
#include "tests/bench/relay.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 250, FIRST = 50, ROUNDS = 5, TOKEN_MAX = 4096, WAIT_MS = 120000, BACKGROUND_MS = 100 };

struct bench {
    const char *tokens, *folder;
    int port;
    int64_t n;
};

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "sdkbench: %s: %s\n", what, why);
    exit(1);
}

/* --- a client --- */

static void read_token(const struct bench *b, int64_t line, char *out)
{
    FILE *file = fopen(b->tokens, "r");
    if (!file)
        die(b->tokens, "cannot be read");
    for (int64_t i = 0; i <= line; i++)
        if (!fgets(out, TOKEN_MAX, file))
            die(b->tokens, "has too few lines");
    out[strcspn(out, "\n")] = '\0';
    fclose(file);
}

static parley_client *client_of(const struct bench *b, int port, int64_t who)
{
    char url[64], token[TOKEN_MAX], user[32];
    parley_config config;
    parley_config_init(&config, sizeof config);
    snprintf(url, sizeof url, "ws://127.0.0.1:%d/v1/ws", port);
    snprintf(user, sizeof user, "user-%lld", (long long)who);
    read_token(b, who, token);
    config.url = url;
    config.token = token;
    config.folder = b->folder;
    config.user = user;
    config.background_ms = BACKGROUND_MS;
    parley_client *c;
    parley_status st = parley_client_new(&config, &c);
    if (st != PARLEY_OK)
        die("client", parley_status_text(st));
    return c;
}

/* Pulls until an event of the type and, if it is not negative, the state or number. */
static void await(parley_client *c, int32_t type, int64_t wanted)
{
    for (;;) {
        parley_event *e = parley_next_event(c, WAIT_MS);
        if (!e)
            die("waited", "nothing came");
        int64_t got = type == PARLEY_EVENT_SYNCED ? parley_event_seq(e) : parley_event_state(e);
        int found = parley_event_type(e) == type && (type == PARLEY_EVENT_SYNCED ? got >= wanted : got == wanted);
        parley_event_free(e);
        if (found)
            return;
    }
}

static int64_t drain(parley_client *c, int64_t *out_rows)
{
    parley_event *e;
    int64_t start = 0;
    while ((e = parley_next_event(c, 0))) {
        if (parley_event_type(e) == PARLEY_EVENT_VIEW) {
            *out_rows += parley_event_state(e) == PARLEY_VIEW_INSERT;
            if (parley_event_state(e) == PARLEY_VIEW_OLDER)
                start = parley_event_int(e, "start", 0);
        }
        parley_event_free(e);
    }
    return start;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double quantile(double *values, int64_t n, double q)
{
    qsort(values, (size_t)n, sizeof *values, by_size);
    return values[(int64_t)((double)(n - 1) * q)];
}

/* --- the wire --- */

static void fetch(const struct bench *b)
{
    struct relay *wire = relay_start(b->port);
    parley_client *c = client_of(b, relay_port(wire), 0);
    double began = now_us();
    parley_connect(c);
    await(c, PARLEY_EVENT_SYNCED, b->n);
    double took = now_us() - began;
    struct relay_count count = relay_count(wire);
    parley_client_free(c);
    relay_stop(wire);
    double raw[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        raw[i] = raw_transfer_ms(count.up + count.down);
    printf("{\"ms\":%.3f,\"raw_ms\":%.3f,\"up\":%lld,\"down\":%lld,\"turns\":%d}\n", took / 1e3,
           quantile(raw, ROUNDS, 0.5), (long long)count.up, (long long)count.down, count.turns);
}

/* Two turns are the upgrade to a WebSocket. */
static void resume(const struct bench *b)
{
    struct relay *wire = relay_start(b->port);
    parley_client *c = client_of(b, relay_port(wire), 0);
    parley_connect(c);
    await(c, PARLEY_EVENT_SYNCED, b->n);
    struct relay_count count = relay_count(wire);
    char token[TOKEN_MAX];
    read_token(b, 0, token);
    printf("{\"bytes\":%lld,\"up\":%lld,\"down\":%lld,\"round_trips\":%d,\"token\":%zu}\n",
           (long long)(count.up + count.down), (long long)count.up, (long long)count.down, count.turns / 2 - 1,
           strlen(token));
    parley_client_free(c);
    relay_stop(wire);
}

/* --- the disk --- */

static void find_file(const struct bench *b, const char *ending, char *out, size_t size)
{
    DIR *dir = opendir(b->folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        size_t n = strlen(e->d_name), m = strlen(ending);
        if (n > m && strcmp(e->d_name + n - m, ending) == 0)
            snprintf(out, size, "%s/%s", b->folder, e->d_name);
    }
    if (!dir || !*out)
        die(b->folder, "has no such file");
    closedir(dir);
}

static void sql(sqlite3 *db, const char *text)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        die(text, sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *text)
{
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) != SQLITE_OK)
        die(text, sqlite3_errmsg(db));
    return stmt;
}

/* Opens the file, reads the newest n rows and copies each, as whoever shows them must. */
static double bare_select(const char *path, int64_t n, int64_t *out_rows)
{
    double began = now_us();
    sqlite3 *db;
    if (sqlite3_open(path, &db) != SQLITE_OK)
        die(path, "cannot be opened");
    sqlite3_stmt *q =
        prepare(db, "select seq, prev, author, json from item where conv = (select min(n) from conversation)"
                    " order by seq desc limit ?");
    sqlite3_bind_int64(q, 1, n);
    for (*out_rows = 0; sqlite3_step(q) == SQLITE_ROW; ++*out_rows) {
        char *copy = strdup((const char *)sqlite3_column_text(q, 3));
        if (!copy || sqlite3_column_int64(q, 0) <= 0)
            die(path, "is not what was written");
        free(copy);
    }
    sqlite3_finalize(q);
    sqlite3_close(db);
    return now_us() - began;
}

/* What is on disk, from nothing to n rows in the app's hands. */
static double show(const struct bench *b, int64_t n, int64_t *out_rows)
{
    double began = now_us();
    parley_client *c = client_of(b, b->port, 0);
    uint64_t view;
    int64_t start = 0;
    *out_rows = 0;
    if (parley_view_thread(c, NULL, n < PAGE ? (uint32_t)n : PAGE, &view) != PARLEY_OK)
        die("view", "refused");
    start = drain(c, out_rows);
    while (*out_rows < n && !start) {
        parley_view_more(c, view, PAGE);
        start = drain(c, out_rows);
    }
    double took = now_us() - began;
    parley_client_free(c);
    return took;
}

static void paint(const struct bench *b)
{
    char path[512] = "";
    double all[ROUNDS], first[ROUNDS], bare[ROUNDS], bare_first[ROUNDS];
    int64_t rows = 0, bare_rows = 0, few;
    find_file(b, ".cache", path, sizeof path);
    for (int i = 0; i < ROUNDS; i++) {
        all[i] = show(b, b->n, &rows);
        bare[i] = bare_select(path, b->n, &bare_rows);
        first[i] = show(b, FIRST, &few);
        bare_first[i] = bare_select(path, FIRST, &few);
    }
    printf("{\"ms\":%.3f,\"bare_ms\":%.3f,\"first_ms\":%.3f,\"bare_first_ms\":%.3f,\"rows\":%lld,\"bare_rows\":%lld}\n",
           quantile(all, ROUNDS, 0.5) / 1e3, quantile(bare, ROUNDS, 0.5) / 1e3, quantile(first, ROUNDS, 0.5) / 1e3,
           quantile(bare_first, ROUNDS, 0.5) / 1e3, (long long)rows, (long long)bare_rows);
}

static void bare_insert(const struct bench *b, double *out, const char *text)
{
    char path[512];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/bare", b->folder);
    if (sqlite3_open(path, &db) != SQLITE_OK)
        die(path, "cannot be opened");
    sql(db, "pragma locking_mode=exclusive");
    sql(db, "pragma journal_mode=wal");
    sql(db, "pragma synchronous=full");
    sql(db, "create table outbox(n integer primary key autoincrement, id blob unique not null, conversation blob, kind "
            "text,"
            " body text)");
    sqlite3_stmt *q = prepare(
        db, "insert into outbox(id, conversation, kind, body) values (randomblob(16), zeroblob(16), 'text', ?)");
    for (int64_t i = 0; i < b->n; i++) {
        double began = now_us();
        sqlite3_bind_text(q, 1, text, -1, SQLITE_STATIC);
        if (sqlite3_step(q) != SQLITE_DONE)
            die(path, sqlite3_errmsg(db));
        sqlite3_reset(q);
        out[i] = now_us() - began;
    }
    sqlite3_finalize(q);
    sqlite3_close(db);
    unlink(path);
}

/* With a view of what is on disk open, as an app has it. */
static void post(const struct bench *b)
{
    char text[201];
    memset(text, 'x', 200);
    text[200] = '\0';
    double *took = calloc((size_t)b->n * 2, sizeof *took), *bare = took + b->n;
    parley_client *c = client_of(b, b->port, 0);
    uint64_t view;
    int64_t rows = 0, start;
    parley_view_thread(c, NULL, PAGE, &view);
    start = drain(c, &rows);
    while (!start && rows) {
        parley_view_more(c, view, PAGE);
        start = drain(c, &rows);
    }
    for (int64_t i = 0, none; i < b->n; i++) {
        double began = now_us();
        if (parley_send_text(c, NULL, text, NULL) != PARLEY_OK)
            die("post", "refused");
        took[i] = now_us() - began;
        drain(c, &none);
    }
    parley_sign_out(c);
    parley_client_free(c);
    bare_insert(b, bare, text);
    printf("{\"p50_us\":%.1f,\"bare_p50_us\":%.1f,\"p99_us\":%.1f,\"bare_p99_us\":%.1f,\"rows\":%lld}\n",
           quantile(took, b->n, 0.5), quantile(bare, b->n, 0.5), quantile(took, b->n, 0.99), quantile(bare, b->n, 0.99),
           (long long)rows);
    free(took);
}

/* --- memory, and sleep --- */

static int64_t field_of(const char *path, const char *name)
{
    char line[256];
    int64_t value = 0;
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtoll(line + strlen(name), NULL, 10);
    if (file)
        fclose(file);
    return value;
}

static void many(const struct bench *b)
{
    parley_client **all = calloc((size_t)b->n, sizeof *all);
    parley_client_free(client_of(b, b->port, 0)); /* what is there once for all */
    int64_t before = field_of("/proc/self/status", "RssAnon:");
    for (int64_t i = 0; i < b->n; i++) {
        all[i] = client_of(b, b->port, i);
        parley_connect(all[i]);
        await(all[i], PARLEY_EVENT_SYNCED, 0);
    }
    int64_t after = field_of("/proc/self/status", "RssAnon:");
    printf("{\"kib\":%.1f}\n", (double)(after - before) / (double)b->n);
    for (int64_t i = 0; i < b->n; i++)
        parley_client_free(all[i]);
    free(all);
}

/* Each time a thread of the client's went to sleep it was woken, or will be. */
static int64_t wakes(void)
{
    char path[300];
    int64_t sum = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *e; tasks && (e = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/self/task/%s/status", e->d_name);
        if (e->d_name[0] != '.' && atoi(e->d_name) != getpid())
            sum += field_of(path, "voluntary_ctxt_switches:");
    }
    if (tasks)
        closedir(tasks);
    return sum;
}

static double in_an_hour(unsigned settle_s, int64_t seconds)
{
    sleep(settle_s);
    int64_t before = wakes();
    sleep((unsigned)seconds);
    return (double)(wakes() - before) * 3600 / (double)seconds;
}

static void idle(const struct bench *b)
{
    parley_client *c = client_of(b, b->port, 0);
    parley_connect(c);
    await(c, PARLEY_EVENT_SYNCED, 0);
    double foreground = in_an_hour(30, b->n); /* from the first beat on */
    parley_set_foreground(c, 0);
    await(c, PARLEY_EVENT_STATE, PARLEY_STATE_SUSPENDED);
    double background = in_an_hour(10, b->n); /* from when the socket is closed */
    printf("{\"foreground\":%.0f,\"background\":%.0f}\n", foreground, background);
    parley_client_free(c);
}

static const struct mode {
    const char *name;
    void (*run)(const struct bench *b);
} modes[] = {{"fetch", fetch}, {"resume", resume}, {"paint", paint}, {"post", post}, {"many", many}, {"idle", idle}};

int main(int argc, char **argv)
{
    if (argc < 5)
        die("usage", "sdkbench MODE PORT TOKENS FOLDER [N]");
    struct bench b = {.port = atoi(argv[2]), .tokens = argv[3], .folder = argv[4], .n = argc > 5 ? atoll(argv[5]) : 0};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            return modes[i].run(&b), 0;
    die(argv[1], "no such mode");
}
