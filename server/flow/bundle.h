/* A flow and the flows that it calls, as one text: so one hash names all of them, and a run keeps all of them as they
 * were. The flow itself comes first; each of the others behind a line  --@flow NAME. Borrows the text. */
#ifndef SERVER_FLOW_BUNDLE_H
#define SERVER_FLOW_BUNDLE_H

#include "protocol/buf.h"

enum { BUNDLE_MAX = 32, BUNDLE_BYTES_MAX = 256 << 10 };

struct bundle_part {
    struct span name; /* empty: the flow itself */
    struct span text;
};

struct bundle {
    struct bundle_part parts[BUNDLE_MAX];
    size_t count;
    bool more; /* than there is room for */
};

void bundle_split(struct span source, struct bundle *out);

/* Appends one of the others. */
void bundle_add(struct buf *out, struct span name, struct span text);

/* The part that errors call by this name - "identity.lua" -, else the flow itself. */
struct span bundle_file(struct span source, const char *file);

#endif
