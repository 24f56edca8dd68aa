/* Folders and failing disks for the SDK's tests. */
#include "tests/unit/sdk-c/folder.h"

#include "tests/support/sqlite_shim.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_MAX_HERE = 512, COPY = 1 << 16 };

const char *folder_make(void)
{
    static char name[64]; /* in memory where there is such a place: no test here loses power */
    strcpy(name, access("/dev/shm", W_OK) == 0 ? "/dev/shm/parley-sdk-XXXXXX" : "/tmp/parley-sdk-XXXXXX");
    assert_non_null(mkdtemp(name));
    return name;
}

static bool ends(const char *name, const char *ending)
{
    size_t n = strlen(name), m = strlen(ending);
    return n >= m && name[0] != '.' && strcmp(name + n - m, ending) == 0;
}

/* Calls `act` for each file that ends so; how many there were. */
static int each(const char *folder, const char *ending, void (*act)(const char *path, void *arg), void *arg)
{
    DIR *d = opendir(folder);
    int count = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[PATH_MAX_HERE];
        if (!ends(e->d_name, ending))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        count++;
        if (act)
            act(path, arg);
    }
    closedir(d);
    return count;
}

static void remove_one(const char *path, void *arg)
{
    unlink(path);
}

void folder_remove(const char *folder)
{
    each(folder, "", remove_one, NULL);
    rmdir(folder);
}

int folder_count(const char *folder, const char *ending)
{
    return each(folder, ending, NULL, NULL);
}

static void copy_one(const char *path, void *arg)
{
    static char bytes[COPY];
    char to[PATH_MAX_HERE];
    snprintf(to, sizeof to, "%s%s", (const char *)arg, strrchr(path, '/'));
    FILE *in = fopen(path, "rb"), *out = fopen(to, "wb");
    assert_true(in && out);
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, in)) > 0;)
        assert_int_equal(fwrite(bytes, 1, n, out), n);
    fclose(in);
    fclose(out);
}

void folder_copy(const char *from, const char *to)
{
    each(from, "", copy_one, (void *)to);
}

static void damage_one(const char *path, void *arg)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    long end = ftell(f), from = *(long *)arg;
    fseek(f, from, SEEK_SET);
    for (long at = from; at < end; at++)
        fputc((int)(at * 31 % 251), f);
    fclose(f);
}

void folder_damage(const char *folder, const char *ending, long from)
{
    assert_true(each(folder, ending, damage_one, &from) > 0);
}

struct mode {
    unsigned mode, owner;
};

static void chmod_one(const char *path, void *arg)
{
    const struct mode *m = arg;
    assert_int_equal(chmod(path, m->mode), 0);
    if (getuid() == 0)
        assert_int_equal(chown(path, m->owner, m->owner), 0);
}

void folder_chmod(const char *folder, const char *ending, unsigned mode, unsigned owner)
{
    each(folder, ending, chmod_one, &(struct mode){mode, owner});
}

/* --- a disk that fails: SQLite's own file system with another write --- */

static int fail_in = -1, fail_code;
static bool failed, waits_for_disk;

static int on_write(const sqlite3_io_methods *real, sqlite3_file *f, const void *bytes, int n, sqlite3_int64 at)
{
    if (fail_in > 0)
        fail_in--;
    else if (fail_in == 0) {
        failed = true;
        return fail_code;
    }
    waits_for_disk = true;
    return real->xWrite(f, bytes, n, at);
}

static int on_sync(const sqlite3_io_methods *real, sqlite3_file *f, int flags)
{
    waits_for_disk = false;
    return real->xSync(f, flags);
}

bool disk_has_all(void)
{
    return !waits_for_disk;
}

bool disk_fails_at(int n, int code)
{
    static const struct sqlite_shim hooks = {on_write, on_sync};
    static bool installed;
    if (!installed)
        sqlite_shim_install(&hooks);
    installed = true;
    bool was = failed;
    failed = false;
    fail_in = n;
    fail_code = code;
    return was;
}
