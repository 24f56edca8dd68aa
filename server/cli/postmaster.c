/* The pid file is the one thing by which Postgres tells whether it is ready. */
#include "server/cli/postmaster.h"

#include "server/base/clock.h"
#include "server/base/mem.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CLEAR_MS = 60000, POLL_MS = 5 };

char *postmaster_path(const char *dir, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return mem_text(path);
}

void postmaster_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000l}, NULL);
}

bool postmaster_is(pid_t pid, const char *data)
{
    char link[64], cwd[PATH_MAX], real[PATH_MAX];
    snprintf(link, sizeof link, "/proc/%d/cwd", (int)pid);
    ssize_t n = readlink(link, cwd, sizeof cwd - 1);
    if (n < 0 || !realpath(data, real))
        return false;
    cwd[n] = '\0';
    return strcmp(cwd, real) == 0;
}

/* Lines: pid, data folder, start time, port, socket folder, address, shared memory, state. */
static bool parse_pid_file(const char *data, struct postmaster *out)
{
    char *path = postmaster_path(data, "postmaster.pid"), line[PATH_MAX];
    FILE *f = fopen(path, "re");
    mem_free(path);
    if (!f)
        return false;
    struct postmaster found = {0};
    for (int i = 1; fgets(line, sizeof line, f); i++) {
        line[strcspn(line, "\n")] = '\0';
        if (i == 1)
            found.pid = (pid_t)strtol(line, NULL, 10);
        if (i == 5)
            snprintf(found.sockets, sizeof found.sockets, "%.127s", line);
        if (i == 8)
            found.ready = strncmp(line, "ready", 5) == 0;
    }
    fclose(f);
    *out = found;
    return true;
}

bool postmaster_read(const char *data, struct postmaster *out)
{
    struct postmaster found;
    if (!parse_pid_file(data, &found) || found.pid <= 1 || !postmaster_is(found.pid, data))
        return false;
    *out = found;
    return true;
}

static bool has_orphans(const char *data)
{
    bool found = false;
    DIR *proc = opendir("/proc");
    for (struct dirent *e; proc && !found && (e = readdir(proc));) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        found = pid > 1 && postmaster_is(pid, data);
    }
    if (proc)
        closedir(proc);
    return found;
}

void postmaster_remove_sockets(const char *dir)
{
    static const char *const names[] = {".s.PGSQL.5432", ".s.PGSQL.5432.lock"};
    const char *base = strrchr(dir, '/');
    if (!base || strncmp(base, "/parley-", 8) != 0)
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = postmaster_path(dir, names[i]);
        unlink(path);
        mem_free(path);
    }
    rmdir(dir);
}

/* Postgres itself keeps the file while any process has that pid, be it another one by now or
 * one that its parent never waits for, as in containers without an init. */
void postmaster_clear(const char *data)
{
    for (int64_t end = clock_mono_ms() + CLEAR_MS; has_orphans(data); postmaster_pause())
        if (clock_mono_ms() > end)
            return;
    struct postmaster file;
    char *path = postmaster_path(data, "postmaster.pid");
    if (parse_pid_file(data, &file))
        postmaster_remove_sockets(file.sockets);
    unlink(path);
    mem_free(path);
}
