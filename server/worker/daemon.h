/* `parley serve`: workers, the operators' listener, signals, and the order in which everything starts and stops. */
#ifndef SERVER_WORKER_DAEMON_H
#define SERVER_WORKER_DAEMON_H

#include "server/base/conf.h"

struct daemon_options {
    /* Called on main's thread once clients can connect; NULL: nobody wants to know. */
    void (*ready)(void *arg);
    void *arg;
};

/* Runs until SIGTERM or SIGINT. The exit code. The configuration stays the caller's. */
int parley_daemon_run(const struct conf *conf, const struct daemon_options *options);

#endif
