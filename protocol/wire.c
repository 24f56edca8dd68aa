/* Errors of the readers, with their paths. */
#include "protocol/wire.h"

#include "protocol/text.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const subprotocols[] = {
    [ENCODING_MSGPACK] = "parley.v1.msgpack",
    [ENCODING_JSON] = "parley.v1.json",
};

const char *encoding_subprotocol(enum encoding encoding)
{
    return subprotocols[encoding];
}

/* Keys come from the peer: what is not plain text shows as '?'. */
static size_t append_key(char *out, size_t room, struct span key)
{
    size_t n = key.len < 64 ? key.len : 64, used = 0;
    bool plain = text_plain(key) == key.len && text_valid(key) == key.len;
    while (used < n && used + 1 < room) {
        unsigned char c = (unsigned char)key.ptr[used];
        out[used++] = (char)(plain && c < 0x7f ? c : '?');
    }
    return used;
}

static size_t append_path(char *out, size_t room, const struct wire_path *path)
{
    size_t used = path->up ? append_path(out, room, path->up) : 0;
    if (!path->key.ptr) {
        int n = snprintf(out + used, room - used, "[%zu]", path->index);
        return used + (size_t)n < room ? used + (size_t)n : room - 1;
    }
    if (used > 0 && path->key.len > 0 && used + 1 < room)
        out[used++] = '.';
    return used + append_key(out + used, room - used, path->key);
}

parley_status wire_refuse(struct wire_error *error, parley_status status, const struct wire_path *path,
                          const char *format, ...)
{
    error->status = status;
    size_t used = path ? append_path(error->path, sizeof error->path, path) : 0;
    error->path[used] = '\0';

    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return status;
}
