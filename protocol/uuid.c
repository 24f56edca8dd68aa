/* UUIDs as text and bytes. */
#include "protocol/uuid.h"

void uuid_format(struct uuid id, char out[UUID_TEXT + 1])
{
    static const char hex[] = "0123456789abcdef";
    char *p = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex[id.b[i] >> 4];
        *p++ = hex[id.b[i] & 15];
    }
    *p = '\0';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

parley_status uuid_parse(struct span text, struct uuid *out)
{
    if (text.len != UUID_TEXT)
        return PARLEY_BAD_ID;

    struct uuid id;
    const char *p = text.ptr;
    for (int i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-')
            return PARLEY_BAD_ID;
        int high = nibble(p[0]), low = nibble(p[1]);
        if (high < 0 || low < 0)
            return PARLEY_BAD_ID;
        id.b[i] = (uint8_t)(high << 4 | low);
        p += 2;
    }
    *out = id;
    return PARLEY_OK;
}

static struct uuid stamped(struct uuid id, uint8_t version)
{
    id.b[6] = (uint8_t)(version << 4 | (id.b[6] & 0x0f));
    id.b[8] = 0x80 | (id.b[8] & 0x3f);
    return id;
}

struct uuid uuid_v7(int64_t unix_ms, const uint8_t random[10])
{
    struct uuid id;
    for (int i = 0; i < 6; i++)
        id.b[i] = (uint8_t)(unix_ms >> (40 - 8 * i));
    memcpy(id.b + 6, random, 10);
    return stamped(id, 7);
}

struct uuid uuid_v8(const uint8_t digest[16])
{
    struct uuid id;
    memcpy(id.b, digest, 16);
    return stamped(id, 8);
}

uint64_t uuid_hash(struct uuid id)
{
    uint64_t high, low;
    memcpy(&high, id.b, 8);
    memcpy(&low, id.b + 8, 8);
    uint64_t h = (high ^ (low * 0x9e3779b97f4a7c15u));
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    h ^= h >> 32;
    return h;
}
