/* initdb, and the server as a child of this process. */
#include "server/cli/private_pg.h"

#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/cli/child.h"
#include "server/cli/postmaster.h"
#include "server/cli/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOCKET_PATH_MAX = 107, START_MS = 60000, STOP_MS = 60000, ARGS_MAX = 64 };

static const char base_dir[] = "/usr/lib/postgresql";

struct private_pg {
    char *dir;
    char *bin;
    char *data;
    char *log;
    char *sockets;
    char *url;
    struct child_user user;
    int version;
    int lock_fd;
    pid_t pid;
    bool ours; /* a child of this process: to be waited for */
    bool is_new;
};

static parley_status fail(struct buf *why, parley_status st, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static parley_status fail(struct buf *why, parley_status st, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_add_str(why, text);
    return st;
}

/* The newest packaged version: PATH would find wrappers, or something else's Postgres. */
static parley_status find_programs(struct private_pg *pg, struct buf *why)
{
    DIR *versions = opendir(base_dir);
    int newest = 0;
    for (struct dirent *e; versions && (e = readdir(versions));) {
        char path[PATH_MAX];
        int version = (int)strtol(e->d_name, NULL, 10);
        snprintf(path, sizeof path, "%s/%.8s/bin/initdb", base_dir, e->d_name);
        if (version > newest && access(path, X_OK) == 0)
            newest = version;
    }
    if (versions)
        closedir(versions);
    if (newest == 0)
        return fail(why, PARLEY_UNAVAILABLE, "no Postgres in %s; install one: apt install postgresql", base_dir);
    char bin[PATH_MAX];
    snprintf(bin, sizeof bin, "%s/%d/bin", base_dir, newest);
    pg->bin = mem_text(bin);
    pg->version = newest;
    return PARLEY_OK;
}

static parley_status choose_user(struct private_pg *pg, struct buf *why)
{
    pg->user = (struct child_user){.uid = geteuid(), .gid = getegid()};
    if (pg->user.uid != 0)
        return PARLEY_OK;
    if (child_user_named("postgres", &pg->user) != PARLEY_OK)
        return fail(why, PARLEY_UNAVAILABLE,
                    "Postgres does not run as root, and there is no account `postgres`; install postgresql");
    return PARLEY_OK;
}

static parley_status prepare_dir(struct private_pg *pg, struct buf *why)
{
    if (state_make_dirs(pg->dir) != PARLEY_OK)
        return fail(why, PARLEY_DENIED, "cannot make the folder %s: %s", pg->dir, strerror(errno));
    if (child_can_enter(pg->dir, &pg->user) != PARLEY_OK)
        return fail(why, PARLEY_DENIED,
                    "the account `%s`, which runs Postgres, cannot enter %s; choose a folder that everybody may enter",
                    pg->user.name, pg->dir);
    return PARLEY_OK;
}

static parley_status take_lock(struct private_pg *pg, struct buf *why)
{
    char *path = postmaster_path(pg->dir, "lock");
    pg->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    mem_free(path);
    if (pg->lock_fd < 0)
        return fail(why, PARLEY_DENIED, "cannot write to %s: %s", pg->dir, strerror(errno));
    if (flock(pg->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return fail(why, PARLEY_TAKEN, "another parley runs on %s; stop it first", pg->dir);
    return PARLEY_OK;
}

/* A server that is already there is ours from now on; one that is just going down is waited for. */
static bool take_over(struct private_pg *pg)
{
    struct postmaster file;
    for (int64_t end = clock_mono_ms() + STOP_MS; postmaster_read(pg->data, &file) && clock_mono_ms() < end;) {
        if (file.ready) {
            pg->pid = file.pid;
            pg->sockets = mem_text(file.sockets);
            return true;
        }
        postmaster_pause();
    }
    return false;
}

static parley_status log_tail(struct private_pg *pg, struct buf *why, const char *what)
{
    char tail[600] = "";
    FILE *f = fopen(pg->log, "re");
    if (f && fseek(f, -(long)(sizeof tail - 1), SEEK_END) != 0)
        rewind(f);
    if (f) {
        tail[fread(tail, 1, sizeof tail - 1, f)] = '\0';
        fclose(f);
    }
    return fail(why, PARLEY_UNAVAILABLE, "%s; the end of %s says:\n%s", what, pg->log, tail);
}

static parley_status init_cluster(struct private_pg *pg, struct buf *why)
{
    char *version_file = postmaster_path(pg->data, "PG_VERSION");
    bool there = access(version_file, F_OK) == 0;
    mem_free(version_file);
    if (there)
        return PARLEY_OK;
    char program[PATH_MAX + 16];
    snprintf(program, sizeof program, "%s/initdb", pg->bin);
    char *argv[] = {program,
                    "-D",
                    pg->data,
                    "-U",
                    "parley",
                    "-A",
                    "trust",
                    "-E",
                    "UTF8",
                    "--locale",
                    "C.UTF-8",
                    "--data-checksums",
                    "--no-instructions",
                    NULL};
    if (mkdir(pg->data, 0700) != 0 && errno != EEXIST)
        return fail(why, PARLEY_DENIED, "cannot make %s: %s", pg->data, strerror(errno));
    if (geteuid() == 0 && chown(pg->data, pg->user.uid, pg->user.gid) != 0)
        return fail(why, PARLEY_DENIED, "cannot hand %s to `%s`: %s", pg->data, pg->user.name, strerror(errno));
    if (child_run(argv, &pg->user, pg->log) != 0)
        return log_tail(pg, why, "initdb failed");
    pg->is_new = true;
    return PARLEY_OK;
}

static parley_status make_socket_dir(struct private_pg *pg, struct buf *why)
{
    const char *tmp = getenv("TMPDIR");
    char dir[PATH_MAX];
    snprintf(dir, sizeof dir, "%s/parley-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (strlen(dir) + strlen("/.s.PGSQL.5432") > SOCKET_PATH_MAX)
        return fail(why, PARLEY_TOO_BIG, "the path %s is too long for a socket; set TMPDIR to a shorter folder", dir);
    if (!mkdtemp(dir))
        return fail(why, PARLEY_DENIED, "cannot make a folder for the socket in %s: %s", dir, strerror(errno));
    if (geteuid() == 0 && chown(dir, pg->user.uid, pg->user.gid) != 0)
        return fail(why, PARLEY_DENIED, "cannot hand %s to `%s`: %s", dir, pg->user.name, strerror(errno));
    pg->sockets = mem_text(dir);
    return PARLEY_OK;
}

static parley_status start_server(struct private_pg *pg, const struct private_pg_options *options, struct buf *why)
{
    char program[PATH_MAX + 16];
    snprintf(program, sizeof program, "%s/postgres", pg->bin);
    char *argv[ARGS_MAX] = {program,
                            "-D",
                            pg->data,
                            "-k",
                            pg->sockets,
                            "-c",
                            "listen_addresses=",
                            "-c",
                            "unix_socket_permissions=0700",
                            "-c",
                            "cluster_name=parley"};
    size_t n = 11;
    for (const char *const *s = options->settings; s && *s && n + 3 < ARGS_MAX; s++) {
        argv[n++] = "-c";
        argv[n++] = (char *)*s;
    }
    pg->ours = true;
    return child_start(argv, &pg->user, pg->log, &pg->pid) == PARLEY_OK
               ? PARLEY_OK
               : fail(why, PARLEY_INTERNAL, "cannot start %s: %s", program, strerror(errno));
}

static parley_status wait_ready(struct private_pg *pg, struct buf *why)
{
    struct postmaster file;
    for (int64_t end = clock_mono_ms() + START_MS; clock_mono_ms() < end;) {
        if (postmaster_read(pg->data, &file) && file.pid == pg->pid && file.ready)
            return PARLEY_OK;
        if (waitpid(pg->pid, NULL, WNOHANG) == pg->pid) {
            pg->pid = 0;
            return log_tail(pg, why, "Postgres did not start");
        }
        postmaster_pause();
    }
    return log_tail(pg, why, "Postgres is not ready after a minute");
}

static parley_status create_database(struct private_pg *pg, struct buf *why)
{
    char program[PATH_MAX + 16];
    snprintf(program, sizeof program, "%s/createdb", pg->bin);
    char *argv[] = {program, "-h", pg->sockets, "-U", "parley", "--maintenance-db=postgres", "parley", NULL};
    return child_run(argv, &pg->user, pg->log) == 0 ? PARLEY_OK : log_tail(pg, why, "createdb failed");
}

static parley_status launch(struct private_pg *pg, const struct private_pg_options *options, struct buf *why)
{
    if (take_over(pg))
        return PARLEY_OK;
    postmaster_clear(pg->data);
    parley_status st = init_cluster(pg, why);
    if (st == PARLEY_OK)
        st = make_socket_dir(pg, why);
    if (st == PARLEY_OK)
        st = start_server(pg, options, why);
    if (st == PARLEY_OK)
        st = wait_ready(pg, why);
    if (st == PARLEY_OK && pg->is_new)
        st = create_database(pg, why);
    return st;
}

static struct private_pg *new_at(const char *dir)
{
    struct private_pg *pg = mem_alloc(sizeof *pg);
    pg->dir = mem_text(dir);
    pg->data = postmaster_path(dir, "pg");
    pg->log = postmaster_path(dir, "pg.log");
    pg->lock_fd = -1;
    return pg;
}

parley_status private_pg_start(const struct private_pg_options *options, struct private_pg **out, struct buf *why)
{
    struct private_pg *pg = new_at(options->dir);
    parley_status st = find_programs(pg, why);
    if (st == PARLEY_OK)
        st = choose_user(pg, why);
    if (st == PARLEY_OK)
        st = prepare_dir(pg, why);
    if (st == PARLEY_OK)
        st = take_lock(pg, why);
    if (st == PARLEY_OK)
        st = launch(pg, options, why);
    if (st != PARLEY_OK) {
        private_pg_stop(&pg);
        return st;
    }
    char url[PATH_MAX];
    snprintf(url, sizeof url, "postgresql://parley@/parley?host=%s", pg->sockets);
    pg->url = mem_text(url);
    *out = pg;
    return PARLEY_OK;
}

const char *private_pg_url(const struct private_pg *pg)
{
    return pg->url;
}

int private_pg_version(const struct private_pg *pg)
{
    return pg->version;
}

void private_pg_release(struct private_pg **at)
{
    struct private_pg *pg = *at;
    if (!pg)
        return;
    if (pg->lock_fd >= 0)
        close(pg->lock_fd);
    mem_free(pg->dir);
    mem_free(pg->bin);
    mem_free(pg->data);
    mem_free(pg->log);
    mem_free(pg->sockets);
    mem_free(pg->url);
    mem_free(pg);
    *at = NULL;
}

/* SIGINT is Postgres's fast shutdown. */
static void end_server(struct private_pg *pg)
{
    kill(pg->pid, SIGINT);
    if (pg->ours)
        child_wait(pg->pid);
    for (int64_t end = clock_mono_ms() + STOP_MS; postmaster_is(pg->pid, pg->data) && clock_mono_ms() < end;)
        postmaster_pause();
}

void private_pg_stop(struct private_pg **at)
{
    struct private_pg *pg = *at;
    if (pg && pg->pid > 0)
        end_server(pg);
    if (pg && pg->sockets)
        postmaster_remove_sockets(pg->sockets);
    private_pg_release(at);
}

parley_status private_pg_stop_dir(const char *dir)
{
    struct private_pg *pg = new_at(dir);
    struct postmaster file;
    bool found = postmaster_read(pg->data, &file);
    if (found) {
        pg->pid = file.pid;
        pg->sockets = mem_text(file.sockets);
    }
    private_pg_stop(&pg);
    return found ? PARLEY_OK : PARLEY_NOT_FOUND;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

parley_status private_pg_forget(const char *dir, struct buf *why)
{
    struct private_pg *pg = new_at(dir);
    parley_status st = PARLEY_OK;
    if (access(dir, F_OK) == 0)
        st = take_lock(pg, why);
    if (st == PARLEY_OK) {
        private_pg_stop_dir(dir);
        if (nftw(pg->data, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
            st = fail(why, PARLEY_DENIED, "cannot remove %s: %s", pg->data, strerror(errno));
        unlink(pg->log);
    }
    private_pg_release(&pg);
    return st;
}
