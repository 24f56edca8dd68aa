/* frames.def and items.def as data: what decoder and encoder walk. For protocol/ alone. */
#ifndef PROTOCOL_FRAME_TABLE_H
#define PROTOCOL_FRAME_TABLE_H

#include "protocol/frame.h"

enum field_type {
    FIELD_ID,
    FIELD_ID7,
    FIELD_INT,
    FIELD_TIME,
    FIELD_REAL,
    FIELD_BOOL,
    FIELD_TEXT,
    FIELD_NAME,
    FIELD_BODY,
    FIELD_CHOICE,
    FIELD_ONE,
    FIELD_LIST
};

struct choice {
    struct span text;
    int number;
};

struct enumeration {
    const char *name;
    const struct choice *choices;
    size_t count;
};

struct shape;

struct field {
    struct span name;
    enum field_type type;
    bool required;
    uint16_t at;    /* offset of the member */
    uint16_t has;   /* offset of has_<name>, OPT only */
    uint16_t count; /* offset of <name>_count, LIST only */
    int64_t min, max;
    const struct shape *shape;             /* ONE, LIST */
    const struct enumeration *enumeration; /* CHOICE */
};

/* A map: its fields in the order of the table. */
struct shape {
    const char *name;
    const struct field *fields;
    size_t count;
    size_t size; /* of the struct */
};

#define MAP_BEGIN(map) extern const struct shape shape_##map;
#include "protocol/maps.def"

/* NULL for FRAME_none. */
const struct shape *frame_shape(enum frame_type type);

/* Of the body of a kind; NULL for a kind that is unknown. In item.c. */
const struct shape *item_shape(int kind);

/* FRAME_none for a name that is unknown. */
enum frame_type frame_request_of(struct span name);
enum frame_type frame_push_of(struct span name);

/* Reads a map into its struct. In a body ids are text in both encodings. */
struct decoding {
    struct arena *arena;
    struct wire_error *error;
    bool ids_are_text;
    bool newer; /* the peer may know names of enumerations that we do not */
};

parley_status frame_decode_map(struct decoding *d, const struct shape *shape, const struct wire_path *path,
                               const struct value *map, void *out);

/* Whether a value may stand as data of no fixed shape: a map of at most max bytes in canonical JSON, without bin. */
parley_status frame_check_body(struct decoding *d, const struct wire_path *path, const struct value *v, int depth,
                               size_t max);

/* Writes a struct as a map. `canonical` puts the keys in jsonb's order. */
struct encoding_to {
    struct buf *out;
    enum encoding encoding;
    bool canonical;
};

void frame_encode_map(const struct encoding_to *to, const struct shape *shape, const void *from);

#endif
