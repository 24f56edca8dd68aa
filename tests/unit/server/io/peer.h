/* A peer that speaks bytes to a rig. It blocks; every wait ends after 10 s. */
#ifndef TESTS_UNIT_SERVER_IO_PEER_H
#define TESTS_UNIT_SERVER_IO_PEER_H

#include "protocol/span.h"

#include <stddef.h>

struct rig;

int peer_connect(const struct rig *rig);
void peer_send(int fd, struct span bytes);
void peer_send_text(int fd, const char *text);

/* Everything until the other side closes, terminated; the caller frees it. A reset counts as the end. */
char *peer_read_all(int fd, size_t *out_len);

/* Connects, sends, reads all, closes. */
char *peer_talk(const struct rig *rig, const char *request);

/* ---- WebSocket ---- */

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
