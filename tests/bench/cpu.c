/* As /proc tells it. */
#include "tests/bench/cpu.h"

#include <stdio.h>
#include <unistd.h>

double cpu_us_of(int pid)
{
    char path[64];
    unsigned long user, kernel;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = pid ? fopen(path, "re") : NULL;
    if (!f)
        return 0;
    int n = fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
    fclose(f);
    return n == 2 ? (double)(user + kernel) * 1e6 / (double)sysconf(_SC_CLK_TCK) : 0;
}

double cpu_us_of_children(int pid)
{
    char path[64];
    int child;
    double sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *f = pid ? fopen(path, "re") : NULL;
    while (f && fscanf(f, "%d", &child) == 1)
        sum += cpu_us_of(child);
    if (f)
        fclose(f);
    return sum;
}
