/* Splits a listener's address. */
#include "server/worker/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void address_parse(const char *text, struct address *out)
{
    const char *colon = strrchr(text, ':');
    int len = colon ? (int)(colon - text) : 0;
    if (len > 1 && text[0] == '[')
        snprintf(out->host, sizeof out->host, "%.*s", len - 2, text + 1);
    else if (len == 9 && strncmp(text, "localhost", 9) == 0)
        len = 0;
    else
        snprintf(out->host, sizeof out->host, "%.*s", len, text);
    if (len == 0)
        snprintf(out->host, sizeof out->host, "127.0.0.1");
    out->port = (uint16_t)atoi(colon ? colon + 1 : text);
}
