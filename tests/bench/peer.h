/* The client's end of one link, for load: epoll, our own frames, nothing of the server's code. A peer connects, says
 * hello and is open; what comes then goes to the calls of its crowd. One thread. */
#ifndef TESTS_BENCH_PEER_H
#define TESTS_BENCH_PEER_H

#include "protocol/frame.h"

#include <stdint.h>

struct crowd;
struct peer;
struct ssl_st;

struct peer_calls {
    /* The answer to hello; borrowed for the call. */
    void (*on_welcome)(struct crowd *crowd, struct peer *peer, const struct frame_welcome *welcome);
    /* Every later frame, as its bytes: frames_of decodes those that matter. */
    void (*on_message)(struct crowd *crowd, struct peer *peer, struct span message);
    /* After everything that could be read at once: the time to send. */
    void (*on_quiet)(struct crowd *crowd, struct peer *peer);
    /* Instead of on_welcome, where decoding it would cost the machine more than the server's part. */
    void (*on_greeted)(struct crowd *crowd, struct peer *peer, struct span message);
};

enum peer_state { PEER_NONE, PEER_CONNECTING, PEER_UPGRADING, PEER_GREETING, PEER_OPEN };

struct peer {
    int fd;
    enum peer_state state;
    struct span token;
    int at;             /* its place in the crowd */
    int64_t have;       /* what hello says it has of `conversation`; -1: nothing is said */
    struct uuid device; /* nil: none */
    struct uuid conversation;
    struct buf in;      /* a message that is not whole yet */
    struct buf out;     /* whole messages that are to be sent */
    struct ssl_st *ssl; /* of peer_connect_now with TLS */
    int64_t began_us;
};

struct crowd {
    const struct peer_calls *calls;
    void *arg;
    int port, epoll;
    bool recap; /* is asked for in hello */
    struct arena arena;
    struct buf frame;
    char *read_buffer;
};

void crowd_init(struct crowd *crowd, int port, const struct peer_calls *calls, void *arg);

/* Handles what is ready, waiting so long for the first of it. */
void crowd_turn(struct crowd *crowd, int64_t wait_us);

/* Goes on to connect and to say hello by itself. */
void peer_connect(struct crowd *crowd, struct peer *peer);

/* The same at once, waiting for each answer; with TLS if asked. It is not read from afterwards. */
void peer_connect_now(struct crowd *crowd, struct peer *peer, bool tls);

void peer_close(struct peer *peer);

/* Appends one message; peer_flush sends what is there. */
void peer_add(struct peer *peer, struct span payload);
void peer_flush(struct peer *peer);

/* The frame of a message, an answer being one to `request`. Borrows the crowd's arena until the next call. */
const struct frame *peer_decode(struct crowd *crowd, struct span message, enum frame_type request);

/* Ends the program with what went wrong. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

int64_t now_us(void);
struct uuid new_id(void);
uint64_t next_random(void);

#endif
