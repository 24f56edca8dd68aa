/* HTTP to the outside: webhooks, flows, key sets. One fetcher a worker, on its thread.
 *
 * What it asks for may have been chosen by someone who wants to see the inside of this network, so it follows no
 * redirect, uses no proxy, cookie or netrc, speaks https to port 443, and checks the address that a name resolved to,
 * not the name. */
#ifndef SERVER_IO_CURL_H
#define SERVER_IO_CURL_H

#include "protocol/span.h"
#include "protocol/status.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct fetcher;

struct fetcher_config {
    bool allow_http;        /* also http */
    bool allow_private;     /* also addresses that are not public, and any port: for one's own network, and for tests */
    const char *ca_file;    /* PEM; NULL: the system's */
    unsigned in_flight_max; /* 0: 256; beyond it PARLEY_BUSY */
};

struct fetcher *fetcher_new(struct loop *loop, const struct fetcher_config *config);

/* Ends all fetches with PARLEY_CANCELED; the loop can end after this. */
void fetcher_stop(struct fetcher *fetcher);
void fetcher_free(struct fetcher **fetcher);

struct fetch_header {
    const char *name;
    struct span value;
};

struct fetch_request {
    const char *method; /* NULL: GET, or POST when there is a body */
    const char *url;
    const struct fetch_header *headers; /* end with a NULL name, or NULL */
    struct span body;
    int64_t timeout_ms; /* for all of it; 0: 15 s. Connecting has 5 s of it. */
    size_t answer_max;  /* bytes of the body; 0: 64 KiB */
};

/* During the callback only. */
struct fetch_answer {
    int status;
    struct span body;
    const char *content_type; /* "" when absent */
    int64_t retry_after_ms;   /* 0 when absent */
};

/* PARLEY_OK with an answer, whatever its status. Else without: PARLEY_DENIED for an address or port that is off limits,
 * PARLEY_TIMEOUT, PARLEY_TOO_BIG, PARLEY_UNAUTHENTICATED for a certificate, PARLEY_UNAVAILABLE when nobody can have had
 * the request, PARLEY_UNCERTAIN for the rest, and PARLEY_CANCELED from fetcher_stop. */
typedef void fetch_done(void *arg, parley_status st, const struct fetch_answer *answer);

/* Everything is copied. PARLEY_INVALID for a URL that cannot be asked: malformed, with user or password, another
 * scheme; PARLEY_BUSY; then done is not called. */
parley_status fetch_start(struct fetcher *fetcher, const struct fetch_request *request, fetch_done *done, void *arg);

#endif
