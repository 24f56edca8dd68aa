/* The linear scans that come before a library: every bound is checked here, and nothing is built. */
#ifndef PROTOCOL_WIRE_SCAN_H
#define PROTOCOL_WIRE_SCAN_H

#include "protocol/wire.h"

/* What a library will need for a message that passed. */
struct wire_measure {
    size_t nodes;   /* values, keys apart */
    size_t entries; /* of arrays */
    size_t pairs;   /* of maps */
};

/* One head of MessagePack: the first bytes of a value. */
enum head_type {
    HEAD_NIL,
    HEAD_BOOL,
    HEAD_INT,
    HEAD_UINT,
    HEAD_REAL,
    HEAD_TEXT,
    HEAD_BYTES,
    HEAD_ARRAY,
    HEAD_MAP,
    HEAD_EXT
};

struct head {
    enum head_type type;
    size_t size;  /* bytes of the head itself */
    size_t count; /* payload bytes of TEXT, BYTES, EXT; entries of ARRAY; pairs of MAP */
    union {
        bool boolean;
        int64_t integer;
        uint64_t uinteger; /* only above INT64_MAX */
        double real;
    };
};

/* False for a byte that MessagePack reserves, or when the head is cut short. */
bool wire_msgpack_head(struct span bytes, struct head *out);

parley_status wire_msgpack_scan(struct span bytes, const struct wire_limits *limits, struct wire_measure *out,
                                struct wire_error *error);

/* Checks what jansson does not, or not early enough; the grammar is left to jansson. */
parley_status wire_json_scan(struct span text, const struct wire_limits *limits, struct wire_error *error);

/* Shared by both scans: whether a fraction is 0 or has 1e-6 <= |x| < 1e21. */
bool wire_real_fits(double real);

#endif
