/* A flow as a picture: what it says, asks and does, one below the other, its branches side by side. Drawn from the text
 * of the flow, without running it. */
#ifndef SERVER_FLOW_GRAPH_H
#define SERVER_FLOW_GRAPH_H

#include "protocol/buf.h"

/* An SVG document. PARLEY_INVALID for a text that is no flow, PARLEY_NOMEM. */
parley_status graph_write(struct span source, struct buf *out);

#endif
