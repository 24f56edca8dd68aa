/* Crash points for tests. In any other build they are nothing at all. */
#ifndef SERVER_BASE_FAULT_H
#define SERVER_BASE_FAULT_H

#ifdef PARLEY_TESTS
/* Kills the process if PARLEY_FAULT says so for this pass of this point. Any thread. */
void fault_at(const char *name);
#define FAULT_POINT(name) fault_at(#name)
#else
#define FAULT_POINT(name) ((void)0)
#endif

#endif
