/* The request that each connection begins with. Part of the client, under its lock. */
#ifndef SDK_C_SRC_HELLO_H
#define SDK_C_SRC_HELLO_H

#include "sdk-c/src/request.h"

/* `done` gets the answer, which has no time limit of its own: the link has one. PARLEY_TOO_BIG, PARLEY_NOMEM. */
parley_status hello_say(struct parley_client *c, request_done *done);

#endif
