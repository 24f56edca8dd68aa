/* A flow, the flows that it calls and the files that they send, as one text: so one hash names all of them, and a run
 * keeps all of them as they were. The flow itself comes first; each of the others behind a line  --@flow NAME; at last
 * a line for each file,  --@file NAME TYPE BYTES SHA256, whose bytes are elsewhere. Borrows the text. */
#ifndef SERVER_FLOW_BUNDLE_H
#define SERVER_FLOW_BUNDLE_H

#include "protocol/buf.h"

enum { BUNDLE_MAX = 32, BUNDLE_BYTES_MAX = 256 << 10, BUNDLE_FILES_MAX = 32 };

struct bundle_part {
    struct span name; /* empty: the flow itself */
    struct span text;
};

struct bundle {
    struct bundle_part parts[BUNDLE_MAX];
    size_t count;
    bool more; /* than there is room for */
};

/* The files are no part. */
void bundle_split(struct span source, struct bundle *out);

/* Appends one of the others. */
void bundle_add(struct buf *out, struct span name, struct span text);

/* The part that errors call by this name - "identity.lua" -, else the flow itself. */
struct span bundle_file(struct span source, const char *file);

/* A file that the flow sends. */
struct bundle_said {
    struct span name, type;
    int64_t bytes;
    struct span sha256; /* hex */
};

/* Behind all flows. */
void bundle_add_said(struct buf *out, const struct bundle_said *file);

/* The lines that name files. */
struct span bundle_said_lines(struct span source);

/* The next of them. False: there is none. */
bool bundle_next_said(struct span *lines, struct bundle_said *out);

/* Whether the text has such a line of its own, which would pass for one of Parley's: which one; 0: none. */
int bundle_own_mark(struct span text);

#endif
