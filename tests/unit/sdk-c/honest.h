/* A server that does what PROTOCOL.md says, in the same process and in memory: it answers from inside the transport's
 * calls. What may go wrong on the way is up to the test: answers lost, told twice, connections cut. One client. */
#ifndef TESTS_UNIT_SDK_C_HONEST_H
#define TESTS_UNIT_SDK_C_HONEST_H

#include "tests/unit/unit.h"

#include "sdk-c/src/client.h"

enum { HONEST_MAX = 4096, HONEST_TEXT = 40 };

struct honest_item {
    struct uuid id;
    struct uuid author;
    char text[HONEST_TEXT];
};

struct honest {
    enum encoding encoding;
    parley_transport transport;
    parley_client *client;
    int64_t now;     /* time and chance are its too: see honest_hooks */
    uint64_t socket; /* 0: not connected */
    bool welcomed;
    struct honest_item log[HONEST_MAX]; /* item n at n - 1 */
    int64_t head;
    struct uuid process, step; /* the one that there may be, and what changed it last */
    int64_t revision;          /* of that */
    uint32_t seed;
    uint32_t cut_each, lose_each, twice_each, skip_each; /* one of so many, by chance; 0: never */
    int cuts;
    parley_status (*refuse)(const char *text); /* what is said to a post that is new; NULL: it is taken */
    int *quiet;                                /* counts up while the server works, if set */
};

extern const struct uuid honest_main, honest_me, honest_other;

void honest_init(struct honest *h, enum encoding encoding);

uint32_t honest_chance(struct honest *h);

/* The clocks and the chance of a client that a test moves by hand. */
struct hooks honest_hooks(struct honest *h);

/* Somebody else says something. */
void honest_say(struct honest *h, const char *text);

/* The connection breaks without a word. */
void honest_cut(struct honest *h);

/* The head, as with a heartbeat. */
void honest_beacon(struct honest *h);

#endif
