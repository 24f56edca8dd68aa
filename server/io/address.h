/* Which addresses the outside may be reached at: what a company's webhook or a flow asks for must not lead into its own
 * network, whatever name it comes under. Any thread. */
#ifndef SERVER_IO_ADDRESS_H
#define SERVER_IO_ADDRESS_H

#include <stdbool.h>

struct sockaddr;

/* Whether it is an ordinary address of the public Internet: not private, loopback, link-local, shared, documentation,
 * multicast or reserved, also when it is wrapped in an IPv6 one. */
bool address_is_public(const struct sockaddr *address);

/* The same of a numeric text; false when it is none. */
bool address_text_is_public(const char *text);

#endif
