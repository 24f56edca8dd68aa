/* One form for both families: 16 bytes, IPv4 below ::ffff:0:0/96. */
#include "server/base/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAPPED_BYTES = 12, MAPPED_BITS = 96 };

static const uint8_t mapped[MAPPED_BYTES] = {[10] = 0xff, [11] = 0xff};

parley_status network_address(const char *text, uint8_t out[NETWORK_ADDRESS])
{
    uint8_t address[NETWORK_ADDRESS];
    memcpy(address, mapped, MAPPED_BYTES);
    if (inet_pton(AF_INET, text, address + MAPPED_BYTES) != 1 && inet_pton(AF_INET6, text, address) != 1)
        return PARLEY_INVALID;
    memcpy(out, address, NETWORK_ADDRESS);
    return PARLEY_OK;
}

static bool is_length(const char *digits)
{
    size_t len = strspn(digits, "0123456789");
    return len > 0 && len <= 3 && !digits[len];
}

parley_status network_parse(const char *text, struct network *out)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    struct network network = {.bits = 8 * NETWORK_ADDRESS};
    if (len >= sizeof address || (slash && !is_length(slash + 1)))
        return PARLEY_INVALID;
    snprintf(address, sizeof address, "%.*s", (int)len, text);
    if (network_address(address, network.prefix) != PARLEY_OK)
        return PARLEY_INVALID;
    if (slash)
        network.bits = atoi(slash + 1) + (strchr(address, ':') ? 0 : MAPPED_BITS);
    if (network.bits > 8 * NETWORK_ADDRESS)
        return PARLEY_INVALID;
    *out = network;
    return PARLEY_OK;
}

bool network_has(const struct network *network, const uint8_t *address)
{
    int whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(address, network->prefix, (size_t)whole) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff00 >> rest);
    return rest == 0 || (address[whole] & mask) == (network->prefix[whole] & mask);
}
