/* fork, drop privileges for good, exec. What may fail in the child ends it with code 126 or 127, as a shell would. */
#include "server/cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_NOT_PREPARED = 126, EXIT_NOT_STARTED = 127 };

parley_status child_user_named(const char *name, struct child_user *out)
{
    const struct passwd *pw = getpwnam(name);
    if (!pw)
        return PARLEY_NOT_FOUND;
    struct child_user user = {.uid = pw->pw_uid, .gid = pw->pw_gid};
    snprintf(user.name, sizeof user.name, "%s", pw->pw_name);
    *out = user;
    return PARLEY_OK;
}

static void drop_privileges(const struct child_user *user)
{
    if (geteuid() != 0 || user->uid == 0)
        return;
    if (initgroups(user->name, user->gid) != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0)
        _exit(EXIT_NOT_PREPARED);
}

/* PGHOST and the like are meant for clients; they would send initdb or the server astray. */
static void clean_environment(void)
{
    char *kept[4] = {"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", NULL, NULL};
    for (char **e = environ; e && *e; e++)
        if (strncmp(*e, "TZ=", 3) == 0)
            kept[2] = *e;
    environ = memcpy(malloc(sizeof kept), kept, sizeof kept);
}

static void redirect(int log_fd)
{
    int null_fd = open("/dev/null", O_RDONLY);
    if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(log_fd, STDOUT_FILENO) < 0 ||
        dup2(log_fd, STDERR_FILENO) < 0)
        _exit(EXIT_NOT_PREPARED);
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
}

static void child_main(char *const argv[], const struct child_user *user, int log_fd)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    redirect(log_fd);
    drop_privileges(user);
    if (setsid() < 0 || chdir("/") != 0)
        _exit(EXIT_NOT_PREPARED);
    clean_environment();
    execv(argv[0], argv);
    fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(EXIT_NOT_STARTED);
}

parley_status child_start(char *const argv[], const struct child_user *user, const char *log_path, pid_t *out_pid)
{
    int log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0)
        return PARLEY_DENIED;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        child_main(argv, user, log_fd);
    close(log_fd);
    if (pid < 0)
        return PARLEY_INTERNAL;
    *out_pid = pid;
    return PARLEY_OK;
}

int child_wait(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return EXIT_NOT_STARTED;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int child_run(char *const argv[], const struct child_user *user, const char *log_path)
{
    pid_t pid;
    if (child_start(argv, user, log_path, &pid) != PARLEY_OK)
        return EXIT_NOT_PREPARED;
    return child_wait(pid);
}

parley_status child_can_enter(const char *dir, const struct child_user *user)
{
    pid_t pid = fork();
    if (pid == 0) {
        drop_privileges(user);
        _exit(chdir(dir) == 0 ? 0 : EXIT_NOT_PREPARED);
    }
    return pid > 0 && child_wait(pid) == 0 ? PARLEY_OK : PARLEY_DENIED;
}
