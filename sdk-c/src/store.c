/* The only user of SQLite. */
#include "sdk-c/src/store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEPT_MAX = 48, PATH_LENGTH_MAX = 1024 };

/* Statements are found again by the address of their text. */
struct kept {
    const char *sql;
    sqlite3_stmt *stmt;
};

struct store {
    sqlite3 *db;
    struct kept kept[KEPT_MAX];
    size_t kept_count;
    bool begun;
    bool hard; /* how the connection is set: each commit waits for the disk */
    parley_status status;
};

static parley_status status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return PARLEY_OK;
    case SQLITE_NOMEM:
        return PARLEY_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR: /* a table or column that is not there */
        return PARLEY_MALFORMED;
    case SQLITE_FULL:
        return PARLEY_LIMIT;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return PARLEY_DENIED;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return PARLEY_TAKEN;
    default:
        return PARLEY_INTERNAL;
    }
}

static void fail(struct store *s, int code)
{
    if (s->status == PARLEY_OK)
        s->status = status_of(code);
}

static void run_sql(struct store *s, const char *sql)
{
    if (s->status == PARLEY_OK)
        fail(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

/* --- opening --- */

static int read_version(struct store *s)
{
    sqlite3_stmt *stmt = NULL;
    int version = 0, code = sqlite3_prepare_v2(s->db, "pragma user_version", -1, &stmt, NULL);
    if (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW)
        version = sqlite3_column_int(stmt, 0);
    fail(s, code);
    sqlite3_finalize(stmt);
    return version;
}

/* One file belongs to one client; nobody else's lock has to be waited for, and no shared memory is needed. */
static void set_up(struct store *s, const char *schema, int version)
{
    char set[64];
    run_sql(s, "pragma locking_mode=exclusive");
    run_sql(s, "pragma journal_mode=wal");
    run_sql(s, "pragma synchronous=normal");
    run_sql(s, "pragma cache_size=-512");
    run_sql(s, "pragma journal_size_limit=262144");
    run_sql(s, "begin immediate");
    int found = s->status == PARLEY_OK ? read_version(s) : 0;
    if (s->status == PARLEY_OK && found == 0) {
        snprintf(set, sizeof set, "pragma user_version=%d", version);
        run_sql(s, schema);
        run_sql(s, set);
    } else if (s->status == PARLEY_OK && found != version) {
        s->status = PARLEY_MALFORMED;
    }
    run_sql(s, "commit");
}

/* Made here, so that nobody else may read it; SQLite gives its other files the same mode. An existing file must not be
 * opened and closed here: that would release the locks of another client of this process. */
static void make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

parley_status store_open(const char *path, const char *schema, int version, struct store **out)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return PARLEY_NOMEM;
    if (path)
        make_file(path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    fail(s, sqlite3_open_v2(path ? path : ":memory:", &s->db, path ? flags : flags | SQLITE_OPEN_CREATE, NULL));
    if (s->status == PARLEY_OK && sqlite3_db_readonly(s->db, "main") == 1)
        s->status = PARLEY_DENIED; /* else it would be told as a failing disk: its lock cannot be had */
    set_up(s, schema, version);
    parley_status st = s->status;
    if (st != PARLEY_OK)
        store_close(&s);
    else
        *out = s;
    return st;
}

void store_close(struct store **store)
{
    struct store *s = *store;
    if (!s)
        return;
    for (size_t i = 0; i < s->kept_count; i++)
        sqlite3_finalize(s->kept[i].stmt);
    sqlite3_close(s->db);
    free(s);
    *store = NULL;
}

parley_status store_remove(const char *path)
{
    static const char *const endings[] = {"-wal", "-shm", "-journal", ""};
    char name[PATH_LENGTH_MAX];
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
    return access(path, F_OK) == 0 ? PARLEY_DENIED : PARLEY_OK;
}

/* --- transactions --- */

parley_status store_status(const struct store *s)
{
    return s ? s->status : PARLEY_OK;
}

static void undo(struct store *s)
{
    s->status = PARLEY_OK;
    if (s->begun)
        sqlite3_exec(s->db, "rollback", NULL, NULL, NULL); /* it may have undone itself already */
    s->begun = false;
}

parley_status store_commit(struct store *s)
{
    if (!s)
        return PARLEY_OK;
    if (s->begun)
        run_sql(s, "commit");
    parley_status st = s->status;
    if (st != PARLEY_OK)
        undo(s);
    s->begun = false;
    return st;
}

/* The setting cannot change within a transaction, so a softer one under way ends first. */
static void begin(struct store *s, bool hard)
{
    if (s->begun && hard && !s->hard) {
        run_sql(s, "commit");
        s->begun = s->status != PARLEY_OK;
    }
    if (s->begun || s->status != PARLEY_OK)
        return;
    if (hard != s->hard)
        run_sql(s, hard ? "pragma synchronous=full" : "pragma synchronous=normal");
    s->hard = hard;
    run_sql(s, "begin immediate");
    s->begun = s->status == PARLEY_OK;
}

void store_harden(struct store *s)
{
    if (s)
        begin(s, true);
}

/* --- statements --- */

static sqlite3_stmt *prepare(struct store *s, const char *sql)
{
    for (size_t i = 0; i < s->kept_count; i++)
        if (s->kept[i].sql == sql)
            return s->kept[i].stmt;
    sqlite3_stmt *stmt = NULL;
    if (s->kept_count == KEPT_MAX) {
        fail(s, SQLITE_ERROR);
        return NULL;
    }
    fail(s, sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL));
    if (stmt)
        s->kept[s->kept_count++] = (struct kept){.sql = sql, .stmt = stmt};
    return stmt;
}

struct query store_read(struct store *s, const char *sql)
{
    return (struct query){.store = s, .stmt = s && s->status == PARLEY_OK ? prepare(s, sql) : NULL};
}

struct query store_write(struct store *s, const char *sql)
{
    if (s)
        begin(s, false);
    return store_read(s, sql);
}

void query_put_int(struct query *q, int64_t v)
{
    if (q->stmt)
        fail(q->store, sqlite3_bind_int64(q->stmt, ++q->bound, v));
}

void query_put_text(struct query *q, struct span text)
{
    if (!q->stmt)
        return;
    int at = ++q->bound;
    fail(q->store, text.ptr ? sqlite3_bind_text(q->stmt, at, text.ptr, (int)text.len, SQLITE_STATIC)
                            : sqlite3_bind_null(q->stmt, at));
}

void query_put_blob(struct query *q, struct span bytes)
{
    if (q->stmt)
        fail(q->store,
             sqlite3_bind_blob(q->stmt, ++q->bound, bytes.ptr ? bytes.ptr : "", (int)bytes.len, SQLITE_STATIC));
}

void query_put_id(struct query *q, struct uuid id)
{
    if (q->stmt) /* copied, as the caller's may be gone before the first step */
        fail(q->store, sqlite3_bind_blob(q->stmt, ++q->bound, id.b, 16, SQLITE_TRANSIENT));
}

void query_end(struct query *q)
{
    if (!q->stmt)
        return;
    sqlite3_reset(q->stmt);
    sqlite3_clear_bindings(q->stmt);
    q->stmt = NULL;
}

void query_run(struct query *q)
{
    if (q->stmt && q->store->status == PARLEY_OK)
        fail(q->store, sqlite3_step(q->stmt));
    query_end(q);
}

bool query_next(struct query *q)
{
    if (!q->stmt || q->store->status != PARLEY_OK) {
        query_end(q);
        return false;
    }
    int code = sqlite3_step(q->stmt);
    if (code == SQLITE_ROW)
        return true;
    fail(q->store, code);
    query_end(q);
    return false;
}

int64_t query_int(const struct query *q, int column)
{
    return sqlite3_column_int64(q->stmt, column);
}

struct span query_text(const struct query *q, int column)
{
    const void *text = sqlite3_column_text(q->stmt, column);
    return span_of(text, text ? (size_t)sqlite3_column_bytes(q->stmt, column) : 0);
}

struct span query_blob(const struct query *q, int column)
{
    const void *bytes = sqlite3_column_blob(q->stmt, column);
    return span_of(bytes, bytes ? (size_t)sqlite3_column_bytes(q->stmt, column) : 0);
}

struct uuid query_id(const struct query *q, int column)
{
    struct uuid id = {0};
    struct span bytes = query_blob(q, column);
    if (bytes.len == sizeof id.b)
        memcpy(id.b, bytes.ptr, sizeof id.b);
    return id;
}
