/* A transport of the host's own: a small WebSocket client on a plain socket, to this machine alone, with points on the
 * way. One thread; one socket at a time. */
#ifndef TESTS_SUPPORT_SDK_HOST_SOCKET_H
#define TESTS_SUPPORT_SDK_HOST_SOCKET_H

#include "protocol/buf.h"
#include "sdk-c/include/parley/client.h"

struct ws_socket {
    parley_client *client;
    int port, fd; /* fd -1: none */
    uint64_t number;
    int open; /* the upgrade was answered */
    struct buf in, out;
    struct buf message; /* of a message in several frames */
};

void ws_socket_init(struct ws_socket *s, int port);
void ws_socket_done(struct ws_socket *s);
parley_transport ws_socket_transport(struct ws_socket *s);

/* Reads and writes what can be, waiting up to so long for the first. */
void ws_socket_turn(struct ws_socket *s, int timeout_ms);

#endif
