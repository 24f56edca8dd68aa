/* host:port of a listener, as the configuration has checked it. */
#ifndef SERVER_WORKER_ADDRESS_H
#define SERVER_WORKER_ADDRESS_H

#include <stdint.h>

struct address {
    char host[64]; /* numeric */
    uint16_t port;
};

/* "127.0.0.1:8300", "[::1]:8300", ":8300" and "8300"; without a host it is this machine only. */
void address_parse(const char *text, struct address *out);

#endif
