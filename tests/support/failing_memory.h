/* Memory that runs out at one place: the linker sends every allocation of the program here. Single thread. */
#ifndef TESTS_SUPPORT_FAILING_MEMORY_H
#define TESTS_SUPPORT_FAILING_MEMORY_H

#include <stdbool.h>

/* The next n allocations succeed and the one after them fails, once. */
void memory_fails_after(long n);

/* None fails any more. */
void memory_is_back(void);

/* Whether one has failed since memory_fails_after. */
bool memory_failed(void);

/* While above 0 allocations neither count nor fail: for what is not under test. */
extern int memory_is_safe;

/* Counts an allocation that does not come from the linker; true: it is to fail. */
bool memory_runs_out(void);

#endif
