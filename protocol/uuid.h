/* UUIDs: version 7 for what is made once, version 8 for what is derived from its cause. */
#ifndef PROTOCOL_UUID_H
#define PROTOCOL_UUID_H

#include "protocol/span.h"
#include "protocol/status.h"

#include <stdint.h>

struct uuid {
    uint8_t b[16];
};

#define UUID_TEXT 36 /* characters, without the terminator */

/* 36 lower-case characters and a terminator. */
void uuid_format(struct uuid id, char out[UUID_TEXT + 1]);

/* Takes exactly the 36 character form, either case; PARLEY_BAD_ID otherwise. */
parley_status uuid_parse(struct span text, struct uuid *out);

/* Version 7 of a time and ten random bytes. */
struct uuid uuid_v7(int64_t unix_ms, const uint8_t random[10]);

/* Version 8 of the first 16 bytes of a digest: the same cause gives the same id. */
struct uuid uuid_v8(const uint8_t digest[16]);

static inline int uuid_version(struct uuid id)
{
    return id.b[6] >> 4;
}

static inline bool uuid_equal(struct uuid a, struct uuid b)
{
    return memcmp(a.b, b.b, 16) == 0;
}

static inline int uuid_compare(struct uuid a, struct uuid b)
{
    return memcmp(a.b, b.b, 16);
}

static inline bool uuid_is_nil(struct uuid id)
{
    static const struct uuid nil;
    return uuid_equal(id, nil);
}

/* For hash tables and the choice of a home worker; the same in every process. */
uint64_t uuid_hash(struct uuid id);

#endif
