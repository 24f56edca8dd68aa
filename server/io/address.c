/* The IANA registries of special-purpose addresses, as a table. */
#include "server/io/address.h"

#include "server/base/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

static const struct network BLOCKS_4[] = {
    {{0}, 8},
    {{10}, 8},
    {{100, 64}, 10},
    {{127}, 8},
    {{169, 254}, 16},
    {{172, 16}, 12},
    {{192, 0, 0}, 24},
    {{192, 0, 2}, 24},
    {{192, 88, 99}, 24},
    {{192, 168}, 16},
    {{198, 18}, 15},
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24},
    {{224}, 4},
    {{240}, 4},
};

static const struct network BLOCKS_6[] = {
    {{0}, 96},                      /* unspecified, loopback, the old v4-compatible form */
    {{0x01}, 64},                   /* 100::/64, discard */
    {{0x20, 0x01}, 23},             /* 2001::/23, protocol assignments, Teredo in it */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0xfc}, 7},                    /* unique local */
    {{0xfe, 0x80}, 10},             /* link-local */
    {{0xfe, 0xc0}, 10},             /* site-local */
    {{0xff}, 8},                    /* multicast */
};

static bool in_any(const uint8_t *address, const struct network *blocks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (network_has(&blocks[i], address))
            return true;
    return false;
}

static bool public_4(const uint8_t *address)
{
    return !in_any(address, BLOCKS_4, sizeof BLOCKS_4 / sizeof *BLOCKS_4);
}

/* Where an IPv6 address carries an IPv4 one that it leads to; NULL when it does not. */
static const uint8_t *wrapped(const uint8_t *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, nat64[12] = {0, 0x64, 0xff, 0x9b};
    if (!memcmp(a, mapped, 12) || !memcmp(a, nat64, 12))
        return a + 12;
    return a[0] == 0x20 && a[1] == 0x02 ? a + 2 : NULL; /* 6to4 */
}

static bool public_6(const uint8_t *address)
{
    static const struct network local_nat64 = {{0, 0x64, 0xff, 0x9b, 0, 1}, 48};
    const uint8_t *inner = wrapped(address);
    if (inner)
        return public_4(inner);
    return !network_has(&local_nat64, address) && !in_any(address, BLOCKS_6, sizeof BLOCKS_6 / sizeof *BLOCKS_6);
}

bool address_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return public_4((const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr);
    if (address->sa_family == AF_INET6)
        return public_6((const uint8_t *)&((const struct sockaddr_in6 *)address)->sin6_addr);
    return false;
}

bool address_text_is_public(const char *text)
{
    uint8_t bytes[16];
    if (inet_pton(AF_INET, text, bytes) == 1)
        return public_4(bytes);
    return inet_pton(AF_INET6, text, bytes) == 1 && public_6(bytes);
}
