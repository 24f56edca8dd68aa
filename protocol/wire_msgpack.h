/* MessagePack: bytes to a tree, and values to bytes. A linear scan of our own bounds everything before msgpack-c sees
 * it, because msgpack-c believes the lengths it reads. */
#ifndef PROTOCOL_WIRE_MSGPACK_H
#define PROTOCOL_WIRE_MSGPACK_H

#include "protocol/arena.h"
#include "protocol/buf.h"
#include "protocol/uuid.h"
#include "protocol/value.h"
#include "protocol/wire.h"

/* Reads exactly one value of the JSON data model (and ids of 16 bytes); text in it borrows the bytes.
 * Takes no memory but the arena's. */
parley_status wire_msgpack_read(struct arena *arena, struct span bytes, const struct wire_limits *limits,
                                struct value *out, struct wire_error *error);

/* Length of the first value, whatever is in it; 0 when it is cut short or not MessagePack. */
size_t wire_msgpack_skip(struct span bytes);

/* Whether the value is an array: then how many entries it says it has, and where they begin. */
bool wire_msgpack_array(struct span bytes, size_t *out_count, size_t *out_header);

/* The integer at a key of the map, from bytes that may be bad further on. */
bool wire_msgpack_peek_int(struct span bytes, struct span key, int64_t *out);

/* Writers. A map is followed by count pairs of text and value, an array by count values. */
void wire_msgpack_put_nil(struct buf *out);
void wire_msgpack_put_bool(struct buf *out, bool v);
void wire_msgpack_put_int(struct buf *out, int64_t v);
void wire_msgpack_put_real(struct buf *out, double v);
void wire_msgpack_put_text(struct buf *out, struct span text);
void wire_msgpack_put_text_head(struct buf *out, size_t len); /* len bytes follow */
void wire_msgpack_put_id(struct buf *out, struct uuid id);
void wire_msgpack_put_array(struct buf *out, size_t count);
void wire_msgpack_put_map(struct buf *out, size_t count);
void wire_msgpack_put_value(struct buf *out, const struct value *v);

#endif
