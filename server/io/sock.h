/* Sockets as the kernel has them. Any thread. */
#ifndef SERVER_IO_SOCK_H
#define SERVER_IO_SOCK_H

#include "protocol/status.h"
#include "server/base/network.h"

#include <stdint.h>

struct sockaddr;

/* A listening, non-blocking SO_REUSEPORT socket whose accepted ones inherit TCP_NODELAY and a bounded send buffer. The
 * workers of this process share the port. The address is numeric. PARLEY_INVALID for an address that is none or not
 * here, PARLEY_TAKEN when another program has the port, PARLEY_DENIED, PARLEY_LIMIT. */
parley_status sock_listen(const char *address, uint16_t port, int *out_fd);

/* The port it is bound to. */
uint16_t sock_port(int fd);

/* The address in the form of network_address. */
void sock_address(const struct sockaddr *peer, uint8_t out[NETWORK_ADDRESS]);

/* A keyed hash of the address, of the /64 for IPv6: the same for the life of the process, and tells nobody anything. */
uint64_t sock_peer_hash(const uint8_t address[NETWORK_ADDRESS]);

/* How many bytes the peer's kernel has acknowledged: tells a slow reader from one that has stopped. 0 when unknown. */
uint64_t sock_acked(int fd);

#endif
