/* The HTTP side: the same verbs for back ends, sign-in, guests, files. One route, one row. */
#ifndef SERVER_API_HTTP_H
#define SERVER_API_HTTP_H

#include "protocol/frame.h"
#include "server/io/ws.h"

struct api;
struct link;

/* For struct ws_calls. */
size_t http_body_max(void *arg, int listener, struct span method, struct span path);
void http_on_request(void *arg, struct http_exchange *exchange);

/* ---- for the routes ---- */

/* What a route is given: the exchange, and the part of the path where its pattern has '*'. */
struct http_call {
    struct api *api;
    struct http_exchange *exchange;
    struct span part;
};

typedef void http_route(const struct http_call *call);

http_route http_post_items, http_get_items, http_post_event, http_login, http_password, http_logout, http_guest,
    http_blob_put, http_blob_get;

/* The answer {"error":{...}} with the status's HTTP code. text NULL: the status's own. */
void http_refuse(struct http_exchange *exchange, parley_status status, const char *text, const char *path);

/* PARLEY_RATE_LIMITED, with how long to wait. */
void http_refuse_rate(struct http_exchange *exchange, int64_t wait_ms, const char *text);
void http_json(struct http_exchange *exchange, int code, struct span json);

/* The body as a JSON map, in the api's arena; NULL when it was refused. */
const struct value *http_json_body(const struct http_call *call);

/* A text of the body's map; empty when there is none. */
struct span http_text(const struct value *map, const char *key);

/* Authenticates by the Authorization header, then runs fn with a link that answers the exchange; without a link when
 * the caller was refused, which has been answered: fn then only frees what is arg's. */
typedef void http_asked(struct api *api, struct link *link, void *arg);
void http_as_link(const struct http_call *call, http_asked *fn, void *arg);

#endif
