/* Networks as people write them: an address and how many of its bits count. Any thread. */
#ifndef SERVER_BASE_NETWORK_H
#define SERVER_BASE_NETWORK_H

#include "protocol/status.h"

#include <stdint.h>

enum { NETWORK_ADDRESS = 16 };

struct network {
    uint8_t prefix[NETWORK_ADDRESS];
    int bits;
};

/* A numeric address, IPv4 in its IPv6-mapped form, so that both are compared alike. PARLEY_INVALID when it is none. */
parley_status network_address(const char *text, uint8_t out[NETWORK_ADDRESS]);

/* "10.0.0.0/8", "2001:db8::/32", or an address alone. PARLEY_INVALID when it is none of them. */
parley_status network_parse(const char *text, struct network *out);

/* `address` has as many bytes as the network's bits need. */
bool network_has(const struct network *network, const uint8_t *address);

#endif
