/* Crash points for tests, and points where a worker waits. In any other build they are nothing at all. */
#ifndef SERVER_BASE_FAULT_H
#define SERVER_BASE_FAULT_H

#include <stdbool.h>

#ifdef PARLEY_TESTS
/* Kills the process if PARLEY_FAULT says so for this pass of this point. Any thread. */
void fault_at(const char *name);
#define FAULT_POINT(name) fault_at(#name)

/* Whether PARLEY_HOLD says that this worker is to wait at this point; whoever waits asks again. Any thread. */
bool fault_holds(const char *name, int worker);
#define FAULT_HOLDS(name, worker) fault_holds(#name, worker)
#else
#define FAULT_POINT(name) ((void)0)
#define FAULT_HOLDS(name, worker) false
#endif

#endif
