/* A worker with a small application on it, in a thread of its own, and a peer that speaks bytes to it. */
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
    const char *certificate, *key;
};

/* The application: a link's message is sent back, unless it is a command:
 *   close CODE TEXT, abort CODE, limit BYTES, pause MS, send COUNT BYTES, and: drained (tells how often it was so)
 * A request is answered by its path: /echo at once with the body, /later after 100 ms, /big with 1 MiB, /seen with
 * what it saw of the request. Origins that end in ".example" are allowed. */
struct rig *rig_start(const struct rig_options *options);

/* Checks that everything that was opened has been closed. */
void rig_stop(struct rig **rig);

uint16_t rig_port(const struct rig *rig);

/* Waits until a link has been closed and returns its code; in the order they closed. */
int rig_closed(struct rig *rig);

/* Requests that reached the application so far. */
int rig_requests(struct rig *rig);

/* Runs fn(ws) on the worker's thread and waits for it. */
struct ws;
void rig_run(struct rig *rig, void (*fn)(struct ws *ws));

/* ---- the peer: blocking, every wait ends after 10 s ---- */

int peer_connect(const struct rig *rig);
void peer_send(int fd, struct span bytes);
void peer_send_text(int fd, const char *text);

/* Everything until the other side closes, terminated; the caller frees it. A reset counts as the end. */
char *peer_read_all(int fd, size_t *out_len);

/* Connects, sends, reads all, closes. */
char *peer_talk(const struct rig *rig, const char *request);

/* ---- the peer speaking WebSocket ---- */

/* A link that is open; the 101 is checked. */
int peer_link(const struct rig *rig, const char *subprotocol);

enum { OP_CONTINUATION, OP_TEXT, OP_BINARY, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10, OP_FIN = 0x80 };

/* One masked frame; first is the opcode with OP_FIN or without. */
void peer_frame(int fd, int first, struct span payload);

struct peer_message {
    int opcode; /* -1: the connection is closed */
    size_t len;
    char *bytes; /* terminated */
};

/* The next frame that is not a ping. Free with peer_message_done. */
struct peer_message peer_receive(int fd);
void peer_message_done(struct peer_message *message);

/* The next frame is this text or binary message. */
void peer_expect(int fd, int opcode, const char *payload);

/* The next frame is a Close with this code; it is answered and the connection is closed. */
void peer_expect_close(int fd, int code);

#endif
