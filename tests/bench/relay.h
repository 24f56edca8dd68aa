/* A wire that counts: one connection after another on a port of this machine, passed on to another port, on a thread of
 * its own. */
#ifndef TESTS_BENCH_RELAY_H
#define TESTS_BENCH_RELAY_H

#include <stdint.h>

struct relay;

struct relay_count {
    int64_t up, down; /* bytes since the last connection was made */
    int turns;        /* how often the direction changed: a question and its answer are two */
};

/* Listens at once; ends the program when it cannot. */
struct relay *relay_start(int to_port);
int relay_port(const struct relay *relay);
struct relay_count relay_count(struct relay *relay);
void relay_stop(struct relay *relay);

/* How long so many bytes take from one socket of this machine to another, in milliseconds. */
double raw_transfer_ms(int64_t bytes);

#endif
