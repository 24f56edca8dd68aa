/* The parts of a WebSocket address. */
#ifndef SDK_C_SRC_URL_H
#define SDK_C_SRC_URL_H

#include "protocol/status.h"

struct url {
    bool tls;
    int port;
    char host[256];
    char path[512]; /* starts with '/' */
};

/* ws://host:port/path or wss://...; PARLEY_INVALID for anything else. */
parley_status url_parse(const char *text, struct url *out);

/* Whether it stays on this machine. */
bool url_is_local(const struct url *url);

#endif
