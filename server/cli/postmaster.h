/* What a running Postgres server says of itself in its pid file, and what a killed one leaves behind. Single thread. */
#ifndef SERVER_CLI_POSTMASTER_H
#define SERVER_CLI_POSTMASTER_H

#include <stdbool.h>
#include <sys/types.h>

struct postmaster {
    pid_t pid;
    char sockets[128]; /* the folder of its socket */
    bool ready;
};

/* Whether that pid is a server of this data folder: pids are used again, and a stale file must not harm a stranger. */
bool postmaster_is(pid_t pid, const char *data);

/* What it says of a server that is alive; false when there is none. */
bool postmaster_read(const char *data, struct postmaster *out);

/* Waits for the children of a server that was killed, over which its successor would stumble; then its pid file and its
 * socket are nobody's, and go. */
void postmaster_clear(const char *data);

/* Only a folder that private_pg made, and only what Postgres puts there. */
void postmaster_remove_sockets(const char *dir);

/* The 5 ms between two looks at something that tells nobody when it happens. */
void postmaster_pause(void);

/* "dir/name"; the caller frees. */
char *postmaster_path(const char *dir, const char *name);

#endif
