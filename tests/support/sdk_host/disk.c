#include "tests/support/sdk_host/disk.h"

#include "tests/support/sdk_host/note.h"
#include "tests/support/sqlite_shim.h"

static int on_write(const sqlite3_io_methods *real, sqlite3_file *f, const void *bytes, int n, sqlite3_int64 at)
{
    point(POINT_write);
    int code = real->xWrite(f, bytes, n, at);
    point(POINT_written);
    return code;
}

static int on_sync(const sqlite3_io_methods *real, sqlite3_file *f, int flags)
{
    point(POINT_sync);
    int code = real->xSync(f, flags);
    point(POINT_synced);
    return code;
}

void disk_watch(void)
{
    static const struct sqlite_shim hooks = {on_write, on_sync};
    sqlite_shim_install(&hooks);
}
