/* Stands in until server/worker/daemon.c is part of the program, which then wins over this weak symbol. */
#include "server/worker/daemon.h"

#include <signal.h>
#include <stddef.h>

__attribute__((weak)) int parley_daemon_run(const struct conf *conf, const struct daemon_options *options)
{
    sigset_t ends;
    int got;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    if (options && options->ready)
        options->ready(options->arg);
    sigwait(&ends, &got);
    return 0;
}
