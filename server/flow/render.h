/* An item of a dialogue as one line of text, as transcripts have it: words, card "Title", [a choice]. */
#ifndef SERVER_FLOW_RENDER_H
#define SERVER_FLOW_RENDER_H

#include "protocol/buf.h"

/* `body` is JSON. No line breaks: they become \n. */
void render_item(int kind, struct span body, struct buf *out);

#endif
