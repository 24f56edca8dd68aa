/* The built-in transport: a libwebsockets client, one connection at a time, with verified TLS. Everything but the wake
 * happens on the driver's thread. The only file pair of the SDK that knows libwebsockets and OpenSSL. */
#ifndef SDK_C_SRC_TRANSPORT_LWS_H
#define SDK_C_SRC_TRANSPORT_LWS_H

#include "protocol/status.h"
#include "sdk-c/include/parley/client.h"

struct lws_transport;

/* `ca_file` may be NULL, else it is trusted beside the system's authorities. Text is borrowed for the call.
 * PARLEY_INVALID: not an address. PARLEY_NOT_FOUND: ca_file cannot be read. PARLEY_NOMEM. PARLEY_INTERNAL. */
parley_status lws_transport_new(parley_client *client, const char *url, const char *ca_file,
                                struct lws_transport **out);
void lws_transport_free(struct lws_transport **transport);

parley_transport lws_transport_table(struct lws_transport *transport);

/* Serves the socket until something happened, the time is over (negative: never) or somebody wakes it. */
void lws_transport_wait(struct lws_transport *transport, int32_t timeout_ms);
void lws_transport_wake(struct lws_transport *transport); /* any thread */

#endif
