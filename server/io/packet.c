/* A server's frames are not masked, so their bytes are the same for every receiver (RFC 6455, 5.2). */
#include "server/io/packet.h"

#include "server/base/mem.h"

#include <assert.h>
#include <stdint.h>

enum { FIN = 0x80, OPCODE_TEXT = 1, OPCODE_BINARY = 2, OPCODE_PING = 9, HEADER_MAX = 10 };

struct packet {
    unsigned refs;
    size_t len; /* with the header */
    char bytes[];
};

static unsigned write_header(unsigned char h[HEADER_MAX], size_t len, bool text)
{
    h[0] = FIN | (text ? OPCODE_TEXT : OPCODE_BINARY);
    if (len < 126) {
        h[1] = (unsigned char)len;
        return 2;
    }
    unsigned size = len <= UINT16_MAX ? 2 : 8;
    h[1] = size == 2 ? 126 : 127;
    for (unsigned i = 0; i < size; i++)
        h[2 + i] = (unsigned char)((uint64_t)len >> (8 * (size - 1 - i)));
    return 2 + size;
}

struct packet *packet_new(struct span payload, bool text)
{
    unsigned char header[HEADER_MAX];
    unsigned n = write_header(header, payload.len, text);
    struct packet *packet = mem_resize(NULL, sizeof *packet + n + payload.len);
    packet->refs = 1;
    packet->len = n + payload.len;
    memcpy(packet->bytes, header, n);
    if (payload.len)
        memcpy(packet->bytes + n, payload.ptr, payload.len);
    return packet;
}

struct packet *packet_torn(struct span payload, bool text, size_t kept)
{
    struct packet *packet = packet_new(payload, text);
    assert(kept <= payload.len);
    packet->len -= payload.len - kept;
    return packet;
}

struct packet *packet_ref(struct packet *packet)
{
    packet->refs++;
    return packet;
}

void packet_unref(struct packet **at)
{
    struct packet *packet = *at;
    *at = NULL;
    if (!packet)
        return;
    assert(packet->refs > 0);
    if (--packet->refs == 0)
        mem_free(packet);
}

struct packet *packet_copy(const struct packet *packet)
{
    size_t size = sizeof *packet + packet->len;
    struct packet *copy = mem_resize(NULL, size);
    memcpy(copy, packet, size);
    copy->refs = 1;
    return copy;
}

struct span packet_frame(const struct packet *packet)
{
    return span_of(packet->bytes, packet->len);
}

struct packet *packet_ping(void)
{
    static const char ping[] = {(char)(FIN | OPCODE_PING), 1, 'p'}; /* libwebsockets hides an empty pong */
    struct packet *packet = mem_resize(NULL, sizeof *packet + sizeof ping);
    *packet = (struct packet){.refs = 1, .len = sizeof ping};
    memcpy(packet->bytes, ping, sizeof ping);
    return packet;
}
