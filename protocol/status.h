/* The one result type, from SQL to SDK. status.def holds number, name, text, close and HTTP code of each. */
#ifndef PROTOCOL_STATUS_H
#define PROTOCOL_STATUS_H

#include <stdbool.h>

#define STATUS(name, number, wire, close, http, again, text) PARLEY_##name = number,
typedef enum parley_status {
#include "protocol/status.def"
} parley_status;
#undef STATUS

/* Static strings; never NULL. A number from a newer peer reads as "unknown". */
const char *status_name(parley_status st);
const char *status_text(parley_status st);

int status_close_code(parley_status st);
int status_http_code(parley_status st);

/* Whether repeating the same request can help. */
bool status_again(parley_status st);

/* The status of a wire name; PARLEY_INTERNAL for a name that this build does not know. */
parley_status status_of_name(const char *name, unsigned long len);

#endif
