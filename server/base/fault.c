/* The n-th pass of one named point ends the process as a power failure would: no handler, no flush, no goodbye. */
#include "server/base/fault.h"

#ifdef PARLEY_TESTS
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fault_at(const char *name)
{
    static _Atomic long passes;
    const char *wanted = getenv("PARLEY_FAULT");
    const char *colon = wanted ? strchr(wanted, ':') : NULL;
    if (!colon || strlen(name) != (size_t)(colon - wanted) || strncmp(name, wanted, strlen(name)) != 0)
        return;
    if (++passes == atol(colon + 1))
        raise(SIGKILL);
}

bool fault_holds(const char *name, int worker)
{
    char point[64];
    const char *wanted = getenv("PARLEY_HOLD");
    int len = snprintf(point, sizeof point, "%s:%d:", name, worker);
    return wanted && strncmp(wanted, point, (size_t)len) == 0 && access(wanted + len, F_OK) == 0;
}
#endif
