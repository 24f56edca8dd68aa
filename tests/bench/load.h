/* What the ways to load a server share: what was asked for, what it costs, how long it took. Ends the program when
 * something is wrong. One thread. */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include "tests/bench/peer.h"

enum { BODY = 200 }; /* bytes of an item */

struct options {
    int port, window, rate, seconds, at_once, items, server, postgres;
    bool tls;
    bool recap;
    const char *have;
    char **tokens;
    int n;
};

extern struct options opt;

struct cost {
    double server, postgres, own;
};

struct cost cost_now(void);
/* For each of n. */
void print_cost(struct cost before, struct cost after, double n);

struct times {
    float *ms;
    int n, cap;
};

void times_add(struct times *t, int64_t us);
void print_times(struct times *t);

/* What follows the key of a small map; ptr NULL when it has none. */
struct span at_key(struct span map, const char *key);

/* ---- load_pairs.c, load_visits.c ---- */
void measure_pairs(void);
void measure_resumes(void);
void measure_storm(void);
void hold(void);

#endif
