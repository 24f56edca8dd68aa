/* JSON: text to a tree, values to canonical text, and canonical text to MessagePack.
 *
 * Canonical is: keys in the order of jsonb, no spaces, integral doubles below 2^53 as integers, other doubles with the
 * fewest digits that read back the same, without exponent and with a point; escapes as PostgreSQL's jsonb prints them.
 * So the text that jsonb gives back differs only by the spaces after ':' and ','. */
#ifndef PROTOCOL_WIRE_JSON_H
#define PROTOCOL_WIRE_JSON_H

#include "protocol/arena.h"
#include "protocol/buf.h"
#include "protocol/uuid.h"
#include "protocol/value.h"
#include "protocol/wire.h"

/* Reads exactly one map or array; the tree keeps copies and borrows nothing of the text. jansson's own memory comes
 * from malloc, is bounded by the limits and freed before the call returns. */
parley_status wire_json_read(struct arena *arena, struct span text, const struct wire_limits *limits, struct value *out,
                             struct wire_error *error);

/* The same for what was stored under our own limits: why it cannot be read does not matter. */
parley_status wire_json_read_stored(struct arena *arena, struct span text, struct value *out);

/* Length of the first value with the space around it, judged by brackets and quotes alone; 0 when it does not end. */
size_t wire_json_skip(struct span text);

/* Whether the text is an array: then where its first entry begins. */
bool wire_json_array(struct span text, size_t *out_header);

/* The integer at a key of the map, from text that may be bad further on. */
bool wire_json_peek_int(struct span text, struct span key, int64_t *out);

/* Length of the white space that the text begins with. */
size_t wire_json_space(struct span text);

/* Writers. */
void wire_json_put_int(struct buf *out, int64_t v);
void wire_json_put_real(struct buf *out, double v);
void wire_json_put_text(struct buf *out, struct span text);
void wire_json_put_id(struct buf *out, struct uuid id);
void wire_json_put_value(struct buf *out, const struct value *v);

/* Bytes of the canonical form; when it need not be exact, up to 32 too many for each fraction, but quickly. */
size_t wire_json_size(const struct value *v, bool exact);

/* jsonb's text without its spaces: the canonical form again. */
void wire_json_put_compact(struct buf *out, struct span json);

/* Canonical or jsonb text as MessagePack, in one pass and without a tree. Trusts that it is well-formed, but never
 * reads beyond it; sets out->status to PARLEY_MALFORMED where it is not. */
void wire_json_to_msgpack(struct buf *out, struct span json);

#endif
