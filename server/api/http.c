/* Routes, and the bridge by which an HTTP request becomes a request of a link. */
#include "server/api/http.h"

#include "protocol/wire_json.h"
#include "server/api/api.h"
#include "server/api/auth.h"
#include "server/base/mem.h"

#include <strings.h>

static const struct {
    const char *method;
    const char *before, *after; /* of the variable part; after NULL: there is none */
    http_route *route;
    size_t body;
} routes[] = {
    {"POST", "/v1/conversations/", "/items", http_post_items, LIMIT_MESSAGE},
    {"GET", "/v1/conversations/", "/items", http_get_items, 0},
    {"POST", "/v1/events", NULL, http_post_event, LIMIT_MESSAGE},
    {"POST", "/v1/login", NULL, http_login, 4096},
    {"POST", "/v1/password", NULL, http_password, 4096},
    {"POST", "/v1/logout", NULL, http_logout, 4096},
    {"POST", "/v1/guests", NULL, http_guest, 4096},
    {"PUT", "/v1/blobs/", "", http_blob_put, LIMIT_UPLOAD},
    {"GET", "/v1/blobs/", "", http_blob_get, 0},
};

enum { ROUTES = sizeof routes / sizeof routes[0] };
enum { NOWHERE_BODY_MAX = 4096 }; /* so that 404 and 405 say what is wrong, not the length of what was sent there */

static bool matches(int i, struct span path, struct span *out_part)
{
    size_t before = strlen(routes[i].before);
    if (!routes[i].after)
        return span_is(path, routes[i].before);
    size_t after = strlen(routes[i].after);
    if (path.len <= before + after || memcmp(path.ptr, routes[i].before, before) != 0 ||
        memcmp(path.ptr + path.len - after, routes[i].after, after) != 0)
        return false;
    *out_part = span_of(path.ptr + before, path.len - before - after);
    return memchr(out_part->ptr, '/', out_part->len) == NULL;
}

size_t http_body_max(void *arg, int listener, struct span method, struct span path)
{
    struct span part;
    for (int i = 0; i < ROUTES; i++)
        if (span_is(method, routes[i].method) && matches(i, path, &part))
            return routes[i].body;
    return NOWHERE_BODY_MAX;
}

void http_on_request(void *arg, struct http_exchange *exchange)
{
    struct http_call call = {.api = arg, .exchange = exchange};
    bool path_known = false;
    for (int i = 0; i < ROUTES; i++) {
        if (!matches(i, http_path(exchange), &call.part))
            continue;
        path_known = true;
        if (!span_is(http_method(exchange), routes[i].method))
            continue;
        routes[i].route(&call);
        arena_reset(&call.api->arena);
        return;
    }
    if (path_known)
        http_json(exchange, 405, span_str("{\"error\":{\"code\":\"invalid\",\"text\":\"not this method here\"}}"));
    else
        http_refuse(exchange, PARLEY_NOT_FOUND, "there is no such page; PROTOCOL.md lists those there are", NULL);
}

/* ---- answers ---- */

void http_json(struct http_exchange *exchange, int code, struct span json)
{
    http_answer(exchange, code, "application/json; charset=utf-8", NULL, json);
}

/* A frame as an HTTP body: what stands after {"re":0, is {"error":...} or, of {"data":X}, the X alone. */
static void answer_frame(struct http_exchange *exchange, int code, enum frame_type type, const void *content)
{
    static const char envelope[] = "{\"re\":0,\"data\":";
    struct buf out;
    buf_init(&out, 1 << 20);
    frame_put_type(&out, ENCODING_JSON, type, 0, content);
    size_t skip = type == FRAME_error ? 7 : sizeof envelope - 1;
    if (out.status != PARLEY_OK) {
        http_json(exchange, 500, span_str("{\"error\":{\"code\":\"internal\",\"text\":\"the answer is too long\"}}"));
    } else if (type == FRAME_error) {
        out.ptr[skip] = '{';
        http_json(exchange, code, span_of(out.ptr + skip, out.len - skip));
    } else {
        http_json(exchange, code, span_of(out.ptr + skip, out.len - skip - 1));
    }
    buf_done(&out);
}

static void refuse_error(struct http_exchange *exchange, const struct frame_error *error)
{
    parley_status status = status_of_name(error->code.ptr, error->code.len);
    answer_frame(exchange, status_http_code(status), FRAME_error, error);
}

void http_refuse(struct http_exchange *exchange, parley_status status, const char *text, const char *path)
{
    struct frame_error error = frame_error_status(status);
    if (text)
        error.text = span_str(text);
    if (path)
        error.path = span_str(path), error.has_path = true;
    if (status_again(status))
        error.retry_after_ms = 1000, error.has_retry_after_ms = true;
    refuse_error(exchange, &error);
}

void http_refuse_rate(struct http_exchange *exchange, int64_t wait_ms, const char *text)
{
    struct frame_error error = frame_error_status(PARLEY_RATE_LIMITED);
    error.text = span_str(text);
    error.retry_after_ms = wait_ms, error.has_retry_after_ms = true;
    refuse_error(exchange, &error);
}

const struct value *http_json_body(const struct http_call *call)
{
    /* As of a message: what becomes a frame is judged there, as any other is. */
    static const struct wire_limits limits = {.depth = LIMIT_DEPTH_MESSAGE, .nodes = LIMIT_NODES};
    struct wire_error error = {0};
    struct value *map = arena_array(&call->api->arena, 1, sizeof *map);
    parley_status st =
        map ? wire_json_read(&call->api->arena, http_body(call->exchange), &limits, map, &error) : PARLEY_TOO_BIG;
    if (st == PARLEY_OK && map->type == VALUE_MAP)
        return map;
    http_refuse(call->exchange, st == PARLEY_OK ? PARLEY_INVALID : st, error.text[0] ? error.text : "a JSON map is due",
                error.path[0] ? error.path : NULL);
    return NULL;
}

struct span http_text(const struct value *map, const char *key)
{
    const struct value *v = value_find(map, key);
    return v && v->type == VALUE_TEXT ? v->text : (struct span){0};
}

/* ---- the bridge ---- */

struct bridge {
    struct api *api;
    struct http_exchange *exchange;
    struct link *link;
    http_asked *fn;
    void *arg;
};

static void on_answer(void *arg, enum frame_type type, const void *content)
{
    struct bridge *bridge = arg;
    if (type == FRAME_error)
        refuse_error(bridge->exchange, content);
    else
        answer_frame(bridge->exchange, 200, type, content);
    link_move(bridge->link, LINK_GONE);
    link_unref(&bridge->link);
    mem_free(bridge);
}

static void on_known(void *arg, parley_status status, const struct admission *admission, const char *why)
{
    struct bridge *bridge = arg;
    if (status != PARLEY_OK) {
        http_refuse(bridge->exchange, status, why, "Authorization");
        bridge->fn(bridge->api, NULL, bridge->arg);
        mem_free(bridge);
        return;
    }
    struct principal *who = mem_alloc(sizeof *who);
    *who = admission->who;
    bridge->link = link_virtual(bridge->api->hub, who, on_answer, bridge);
    bridge->link->owner = bridge->api;
    bridge->fn(bridge->api, bridge->link, bridge->arg);
}

void http_as_link(const struct http_call *call, http_asked *fn, void *arg)
{
    struct span authorization = http_authorization(call->exchange);
    int64_t wait_ms = auth_wait_ms(call->api, http_peer(call->exchange));
    if (wait_ms) {
        http_refuse_rate(call->exchange, wait_ms, AUTH_TOO_OFTEN);
        fn(call->api, NULL, arg);
        return;
    }
    struct bridge *bridge = mem_alloc(sizeof *bridge);
    *bridge = (struct bridge){.api = call->api, .exchange = call->exchange, .fn = fn, .arg = arg};
    if (authorization.len < 7 || strncasecmp(authorization.ptr, "Bearer ", 7) != 0) {
        on_known(bridge, PARLEY_UNAUTHENTICATED, NULL, "send Authorization: Bearer and a key");
        return;
    }
    struct credentials credentials = {.token = span_of(authorization.ptr + 7, authorization.len - 7),
                                      .peer = http_peer(call->exchange)};
    auth_check(call->api, &credentials, on_known, bridge);
}
