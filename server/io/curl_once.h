/* One HTTP request that waits for its answer: for the command line, never for a worker. */
#ifndef SERVER_IO_CURL_ONCE_H
#define SERVER_IO_CURL_ONCE_H

#include "protocol/buf.h"

enum { CURL_WHY = 256 };

/* Sends JSON and gets JSON; TLS is verified (with ca_file instead of the system's authorities, if it is not NULL),
 * redirects are not followed. PARLEY_OK is any answer of the server, whose
 * HTTP status is *out_code. PARLEY_UNAVAILABLE, TIMEOUT, TOO_BIG otherwise, and why in words. */
parley_status curl_post_once(const char *url, const char *ca_file, struct span json, int *out_code, struct buf *out,
                             char why[CURL_WHY]);

/* PUTs bytes. */
parley_status curl_put_once(const char *url, const char *ca_file, struct span bytes, int *out_code, struct buf *out,
                            char why[CURL_WHY]);

/* The same without a body. */
parley_status curl_get_once(const char *url, int *out_code, struct buf *out, char why[CURL_WHY]);

#endif
