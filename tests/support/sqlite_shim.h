/* SQLite's own file system with another way of writing and of waiting for the disk. */
#ifndef TESTS_SUPPORT_SQLITE_SHIM_H
#define TESTS_SUPPORT_SQLITE_SHIM_H

#include <sqlite3.h>

struct sqlite_shim {
    int (*write)(const sqlite3_io_methods *real, sqlite3_file *f, const void *bytes, int n, sqlite3_int64 at);
    int (*sync)(const sqlite3_io_methods *real, sqlite3_file *f, int flags);
};

/* Every file opened from now on goes through it. Once in a process; the hooks live as long. Aborts where SQLite
 * refuses. */
void sqlite_shim_install(const struct sqlite_shim *hooks);

#endif
