/* What a transcript claims of what is stored: expect context.order.state == "shipped". */
#ifndef SERVER_FLOW_TRANSCRIPT_EXPECT_H
#define SERVER_FLOW_TRANSCRIPT_EXPECT_H

#include "server/flow/host_memory.h"

enum { TRANSCRIPT_GOT = 256 };

/* `claim` is what stands behind `expect`. `got` is what there is instead, or what is wrong with the claim. */
bool transcript_holds(const struct host_memory *host, struct span claim, char got[TRANSCRIPT_GOT]);

#endif
