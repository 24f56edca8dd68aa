/* What a process has used of the processor since it began. */
#ifndef TESTS_BENCH_CPU_H
#define TESTS_BENCH_CPU_H

/* In microseconds, by the kernel's ticks; 0 when there is no such process. */
double cpu_us_of(int pid);

/* The same of all its children that live. */
double cpu_us_of_children(int pid);

#endif
