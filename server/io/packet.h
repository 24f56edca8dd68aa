/* One WebSocket message on its way out: its frame header and its bytes, encoded once and shared by everyone it goes
 * to. Immutable. The count is a plain integer: one thread; another worker gets a copy. */
#ifndef SERVER_IO_PACKET_H
#define SERVER_IO_PACKET_H

#include "protocol/span.h"

struct packet;

/* Copies the payload; the caller has the first reference. text: a text frame, and the payload is UTF-8. */
struct packet *packet_new(struct span payload, bool text);

/* The first bytes of a message whose header promises all of it: for peers that must bear with what breaks off. */
struct packet *packet_torn(struct span payload, bool text, size_t kept);

/* A ping, to send like any other packet. */
struct packet *packet_ping(void);

/* One more reference to the same packet. */
struct packet *packet_ref(struct packet *packet);

/* Gives one reference back and leaves NULL; accepts NULL. */
void packet_unref(struct packet **packet);

/* A packet of its own with the same bytes, to hand to another thread. */
struct packet *packet_copy(const struct packet *packet);

/* As it goes to the socket, frame header and payload. As long as the packet. */
struct span packet_frame(const struct packet *packet);

#endif
