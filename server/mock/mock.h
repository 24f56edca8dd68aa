/* A server for the makers of apps: it speaks the protocol, keeps everything in memory, and misbehaves by a script.
 * One thread, one loop; made and run by the verb `parley mock`, and by nothing that serves. */
#ifndef SERVER_MOCK_MOCK_H
#define SERVER_MOCK_MOCK_H

#include "server/io/loop.h"
#include "server/mock/journal.h"
#include "server/mock/people.h"
#include "server/mock/script.h"

#include <stdint.h>

struct ws;

struct mock {
    struct script script;
    struct journal journal;
    struct loop *loop;
    struct ws *ws;
    struct list people, peers;
    int64_t last_peer; /* connections so far */
    int64_t guests;
    uint64_t seed;
    struct loop_timer chatter, joining;
    struct loop_watch *signals;
    int signal_fd;
};

struct mock_options {
    const char *address; /* numeric */
    uint16_t port;       /* 0: any free one */
    uint64_t seed;
    bool json;
    /* Called once it listens. */
    void (*ready)(void *arg, uint16_t port);
    void *arg;
};

/* Until SIGINT or SIGTERM. PARLEY_TAKEN, PARLEY_DENIED, PARLEY_INVALID: it cannot listen there. */
parley_status mock_run(const struct script *script, const struct mock_options *options);

/* The same numbers for the same seed, in the order of asking. */
uint32_t mock_chance(struct mock *m);

/* Tells a new item to everybody connected as its customer, and to the journal. */
void mock_stored(struct mock *m, int64_t by_peer, struct talk *t, const struct entry *e);

/* How far somebody has read, to everybody connected as that customer. */
void mock_marked(struct mock *m, const struct talk *t, const struct frame_mark *mark);

/* Something that whoever serves says. */
void mock_say(struct mock *m, struct talk *t, const char *text);

#endif
