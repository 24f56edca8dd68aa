/* Looks results up in status.def; a switch, so that the compiler finds a missing or doubled number. */
#include "protocol/status.h"

#include <string.h>

const char *status_name(parley_status st)
{
    switch (st) {
#define STATUS(name, number, wire, close, http, again, text)                                                           \
    case PARLEY_##name:                                                                                                \
        return wire;
#include "protocol/status.def"
#undef STATUS
    }
    return "unknown";
}

const char *status_text(parley_status st)
{
    switch (st) {
#define STATUS(name, number, wire, close, http, again, text)                                                           \
    case PARLEY_##name:                                                                                                \
        return text;
#include "protocol/status.def"
#undef STATUS
    }
    return "an error that this version does not know";
}

int status_close_code(parley_status st)
{
    switch (st) {
#define STATUS(name, number, wire, close, http, again, text)                                                           \
    case PARLEY_##name:                                                                                                \
        return close;
#include "protocol/status.def"
#undef STATUS
    }
    return 1011;
}

int status_http_code(parley_status st)
{
    switch (st) {
#define STATUS(name, number, wire, close, http, again, text)                                                           \
    case PARLEY_##name:                                                                                                \
        return http;
#include "protocol/status.def"
#undef STATUS
    }
    return 500;
}

bool status_again(parley_status st)
{
    switch (st) {
#define STATUS(name, number, wire, close, http, again, text)                                                           \
    case PARLEY_##name:                                                                                                \
        return again;
#include "protocol/status.def"
#undef STATUS
    }
    return false;
}

parley_status status_of_name(const char *name, unsigned long len)
{
#define STATUS(status, number, wire, close, http, again, text)                                                         \
    if (len == sizeof wire - 1 && memcmp(name, wire, len) == 0)                                                        \
        return PARLEY_##status;
#include "protocol/status.def"
#undef STATUS
    return PARLEY_INTERNAL;
}
