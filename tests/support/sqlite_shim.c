#include "tests/support/sqlite_shim.h"

#include <stdlib.h>

/* One for each set of methods that the real file system has: those of a journal do not lock. */
struct shim {
    sqlite3_io_methods methods; /* first: a file's pMethods leads here */
    const sqlite3_io_methods *real;
};

enum { SHIMS = 8 };

static const struct sqlite_shim *hooks;
static sqlite3_vfs vfs, *real_vfs;
static struct shim shims[SHIMS];

static const sqlite3_io_methods *real_of(const sqlite3_file *f)
{
    return ((const struct shim *)f->pMethods)->real;
}

static int on_write(sqlite3_file *f, const void *bytes, int n, sqlite3_int64 at)
{
    return hooks->write(real_of(f), f, bytes, n, at);
}

static int on_sync(sqlite3_file *f, int flags)
{
    return hooks->sync(real_of(f), f, flags);
}

static const sqlite3_io_methods *shim_of(const sqlite3_io_methods *real)
{
    struct shim *s = shims;
    while (s < shims + SHIMS && s->real && s->real != real)
        s++;
    if (s == shims + SHIMS)
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

void sqlite_shim_install(const struct sqlite_shim *with)
{
    hooks = with;
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "shim";
    vfs.xOpen = on_open;
    if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
        abort();
}
