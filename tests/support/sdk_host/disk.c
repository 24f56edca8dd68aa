/* A file system for SQLite that passes everything on. */
#include "tests/support/sdk_host/disk.h"

#include "tests/support/sdk_host/note.h"

#include <sqlite3.h>
#include <stdlib.h>

/* One for each set of methods that the real file system has: those of a journal do not lock. */
struct shim {
    sqlite3_io_methods methods; /* first: a file's pMethods leads here */
    const sqlite3_io_methods *real;
};

enum { SHIMS = 8 };

static sqlite3_vfs vfs, *real_vfs;
static struct shim shims[SHIMS];

static const sqlite3_io_methods *real_of(const sqlite3_file *f)
{
    return ((const struct shim *)f->pMethods)->real;
}

static int on_write(sqlite3_file *f, const void *bytes, int n, sqlite3_int64 at)
{
    point(POINT_write);
    int code = real_of(f)->xWrite(f, bytes, n, at);
    point(POINT_written);
    return code;
}

static int on_sync(sqlite3_file *f, int flags)
{
    point(POINT_sync);
    int code = real_of(f)->xSync(f, flags);
    point(POINT_synced);
    return code;
}

static const sqlite3_io_methods *shim_of(const sqlite3_io_methods *real)
{
    struct shim *s = shims;
    while (s->real && s->real != real)
        s++;
    if (s == shims + SHIMS - 1)
        abort();
    s->real = real;
    s->methods = *real;
    s->methods.xWrite = on_write;
    s->methods.xSync = on_sync;
    return &s->methods;
}

static int on_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    int code = real_vfs->xOpen(real_vfs, name, f, flags, out);
    if (code == SQLITE_OK && f->pMethods)
        f->pMethods = shim_of(f->pMethods);
    return code;
}

void disk_watch(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "watched";
    vfs.xOpen = on_open;
    if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
        abort();
}
