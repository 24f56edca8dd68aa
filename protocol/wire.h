/* What the two readers share: bounds, and how a refusal says what, where and what to do. */
#ifndef PROTOCOL_WIRE_H
#define PROTOCOL_WIRE_H

#include "protocol/span.h"
#include "protocol/status.h"

#include <stdint.h>

enum encoding { ENCODING_MSGPACK, ENCODING_JSON };

/* The WebSocket subprotocol of an encoding. */
const char *encoding_subprotocol(enum encoding encoding);

enum { WIRE_PATH_MAX = 256, WIRE_TEXT_MAX = 256 };

/* A refusal. Only status is set on PARLEY_OK. */
struct wire_error {
    parley_status status;
    char path[WIRE_PATH_MAX]; /* as data.have[3].seq; empty when it is not known, or the whole */
    char text[WIRE_TEXT_MAX]; /* for a person */
};

/* Bounds on a message as a whole. Neither exceeds WIRE_DEPTH_MAX. */
struct wire_limits {
    int depth;    /* levels of nesting */
    size_t nodes; /* values, keys apart */
};

enum { WIRE_DEPTH_MAX = 28 }; /* msgpack-c stops at 32 */

/* Where a reader stands: a chain of steps on the C stack, innermost first. */
struct wire_path {
    const struct wire_path *up;
    struct span key; /* ptr NULL: an entry of an array */
    size_t index;
};

/* Fills the error and returns its status. The text is cut to its room, the path to its beginning. */
parley_status wire_refuse(struct wire_error *error, parley_status status, const struct wire_path *path,
                          const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
