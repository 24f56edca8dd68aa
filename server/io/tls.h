/* TLS as this server speaks it: 1.2 and 1.3, forward secrecy, no tickets, no renegotiation, HTTP/1.1 only. What is
 * passed as void * is OpenSSL's own: an SSL_CTX or an SSL. One thread at a time for each. */
#ifndef SERVER_IO_TLS_H
#define SERVER_IO_TLS_H

#include "protocol/span.h"
#include "protocol/status.h"

/* Whether these two PEM files can be served: readable, the key only by its owner, belonging together, not expired.
 * PARLEY_INVALID otherwise; the log says which and what to do. */
parley_status tls_check(const char *certificate, const char *key);

/* Applies the settings to a server's SSL_CTX that libwebsockets made. */
void tls_harden(void *ssl_ctx);

/* Puts certificate and key in place for handshakes to come; nothing is changed when they fail tls_check. */
parley_status tls_load(void *ssl_ctx, const char *certificate, const char *key);

/* How many bytes went; 0 when the socket is full; -1 when the connection is broken. */
long tls_write(void *ssl, struct span bytes);

/* Says that no more comes. */
void tls_end(void *ssl);

#endif
