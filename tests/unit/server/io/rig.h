/* A worker with a small application on it, in a thread of its own. */
#ifndef TESTS_UNIT_SERVER_IO_RIG_H
#define TESTS_UNIT_SERVER_IO_RIG_H

#include "protocol/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rig;

struct rig_options {
    bool tls;
    unsigned connections_max, handshakes_max, ping_ms, silence_ms, stall_ms, head_ms, body_ms;
    size_t out_max; /* 0: 64 MiB */
    size_t held_max;
    const char *certificate, *key;
};

/* The application: a link's message is sent back, unless it is a command:
 *   close CODE TEXT, abort CODE, limit BYTES, send COUNT BYTES, and: drained (tells how often it was so), await (a
 * drain) A request is answered by its path: /echo at once with the body, /later after 100 ms, /big with 1 MiB, /seen
 * with what it saw of the request. Origins that end in ".example" are allowed. */
struct rig *rig_start(const struct rig_options *options);

/* Checks that everything that was opened has been closed. */
void rig_stop(struct rig **rig);

/* A test whose state is a rig without options. */
int rig_setup(void **state);
int rig_teardown(void **state);
#define ON_RIG(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

uint16_t rig_port(const struct rig *rig);

/* Waits until a link has been closed and returns its code; in the order they closed. */
int rig_closed(struct rig *rig);

/* Requests that reached the application so far. */
int rig_requests(struct rig *rig);

/* Runs fn(ws) on the worker's thread and waits for it. */
struct ws;
void rig_run(struct rig *rig, void (*fn)(struct ws *ws));

/* Returns when so many ms have passed on the worker's clock: how often its loop went round meanwhile. One that has
 * nothing to do goes round once a tick, one that spins thousands of times. */
unsigned rig_turns(struct rig *rig, int ms);
enum { RIG_IDLE_TURNS = 500 }; /* in 300 ms */

#endif
