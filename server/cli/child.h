/* Programs that we start, as another user when we are root. Single thread, before any other thread exists. */
#ifndef SERVER_CLI_CHILD_H
#define SERVER_CLI_CHILD_H

#include "protocol/status.h"

#include <sys/types.h>

/* Who runs it. For root that is an account of the system; for anybody else it is themselves. */
struct child_user {
    uid_t uid;
    gid_t gid;
    char name[64];
};

/* The account of that name; PARLEY_NOT_FOUND when the system has none. */
parley_status child_user_named(const char *name, struct child_user *out);

/* Starts argv[0], a full path, in a session of its own, with cwd /, an environment without PG* and output appended to
 * the log file. The caller owns the process. PARLEY_INTERNAL when it cannot even be forked. */
parley_status child_start(char *const argv[], const struct child_user *user, const char *log_path, pid_t *out_pid);

/* Waits for it; the exit code, 128 + signal when it was killed. */
int child_wait(pid_t pid);

/* Starts and waits. */
int child_run(char *const argv[], const struct child_user *user, const char *log_path);

/* Whether that process may enter the folder: PARLEY_DENIED when not. */
parley_status child_can_enter(const char *dir, const struct child_user *user);

#endif
