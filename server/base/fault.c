/* The n-th pass of one named point ends the process as a power failure would: no handler, no flush, no goodbye. */
#include "server/base/fault.h"

#ifdef PARLEY_TESTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>

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
#endif
