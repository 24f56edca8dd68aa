/* Reads WebSocket addresses; nothing is decoded, nothing is looked up. */
#include "sdk-c/src/url.h"

#include <stdlib.h>
#include <string.h>

static bool copy(char *out, size_t room, const char *from, size_t length)
{
    if (length >= room)
        return false;
    memcpy(out, from, length);
    out[length] = '\0';
    return true;
}

static bool take_port(struct url *url, const char *text, size_t length)
{
    char digits[6];
    if (length == 0 || length > 5 || strspn(text, "0123456789") < length || !copy(digits, sizeof digits, text, length))
        return false;
    url->port = atoi(digits);
    return url->port > 0 && url->port < 65536;
}

/* host, host:port, [address] or [address]:port */
static bool take_authority(struct url *url, const char *text, size_t length)
{
    const char *close = text[0] == '[' ? memchr(text, ']', length) : NULL;
    const char *host = close ? text + 1 : text;
    const char *colon = memchr(close ? close : text, ':', length - (size_t)((close ? close : text) - text));
    const char *end = close ? close : colon ? colon : text + length;
    if (close && close + 1 != text + length && close[1] != ':')
        return false;
    if (end == host || memchr(text, '@', length) || !copy(url->host, sizeof url->host, host, (size_t)(end - host)))
        return false;
    return !colon || take_port(url, colon + 1, length - (size_t)(colon + 1 - text));
}

parley_status url_parse(const char *text, struct url *out)
{
    struct url url = {0};
    if (!text)
        return PARLEY_INVALID;
    if (strncmp(text, "wss://", 6) == 0)
        url.tls = true;
    else if (strncmp(text, "ws://", 5) != 0)
        return PARLEY_INVALID;

    const char *authority = text + (url.tls ? 6 : 5);
    size_t length = strcspn(authority, "/?#");
    const char *path = authority[length] == '/' ? authority + length : "/v1/ws";
    url.port = url.tls ? 443 : 80;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 127)
            return PARLEY_INVALID;
    if (length == 0 || !take_authority(&url, authority, length))
        return PARLEY_INVALID;
    if (strchr(path, '#') || !copy(url.path, sizeof url.path, path, strlen(path)))
        return PARLEY_INVALID;
    *out = url;
    return PARLEY_OK;
}

/* An address of 127.0.0.0/8, not a name that begins like one. */
static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 && host[strspn(host, "0123456789.")] == '\0';
}

bool url_is_local(const struct url *url)
{
    return strcmp(url->host, "localhost") == 0 || is_loopback(url->host) || strcmp(url->host, "::1") == 0;
}
