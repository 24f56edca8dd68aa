/* From a socket's bytes to a handler: decode, check the verb's row once for all verbs, call. */
#include "server/api/api.h"
#include "server/api/http.h"
#include "server/api/verb.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/hub/hub.h"
#include "server/hub/topic.h"
#include "server/io/ws.h"
#include "server/route/route.h"
#include "server/talk/directory.h"

enum { STRIKES_MAX = 10 };

void api_refuse(struct link *link, int64_t id, parley_status status, const char *text, const char *path)
{
    struct frame_error error = frame_error_status(status);
    metric_add_by(METRIC_frame_errors_total, status, 1);
    if (text && *text)
        error.text = span_str(text);
    if (path && *path)
        error.path = span_str(path), error.has_path = true;
    if (status_again(status))
        error.retry_after_ms = 1000, error.has_retry_after_ms = true;
    link_refuse(link, id, &error);
}

void api_refuse_rate(struct link *link, int64_t id, int64_t wait_ms, const char *text)
{
    struct frame_error error = frame_error_status(PARLEY_RATE_LIMITED);
    metric_add_by(METRIC_frame_errors_total, PARLEY_RATE_LIMITED, 1);
    if (text)
        error.text = span_str(text);
    error.retry_after_ms = wait_ms, error.has_retry_after_ms = true;
    link_refuse(link, id, &error);
}

/* ---- one request ---- */

static parley_status may(const struct api *api, const struct verb *verb, const struct link *link)
{
    if (verb->needs == 0)
        return link->state == LINK_NEW ? PARLEY_OK : PARLEY_WRONG_STATE;
    if (link->state != LINK_OPEN)
        return PARLEY_HELLO_FIRST;
    return directory_may(api->directory, link->who->role, verb->needs) ? PARLEY_OK : PARLEY_DENIED;
}

static void handle(struct api *api, struct link *link, const struct frame *frame)
{
    const struct verb *verb = verb_of(frame->type);
    int64_t retry_ms = 0;
    if (!verb || !verb->handler) {
        api_refuse(link, frame->id, PARLEY_UNKNOWN_TYPE, NULL, "type");
        return;
    }
    parley_status st = may(api, verb, link);
    if (st != PARLEY_OK) {
        api_refuse(link, frame->id, st, st == PARLEY_DENIED ? "your role may not send this request" : NULL, "type");
        return;
    }
    if (frame->type == FRAME_post && link_held(link, frame->post.id) != PARLEY_OK) {
        api_refuse(link, frame->id, link->held, "an earlier post of yours is to be repeated first", NULL);
        return;
    }
    st = link_spend(link, verb->rate, &retry_ms);
    if (st != PARLEY_OK) {
        if (frame->type == FRAME_post)
            link_hold(link, st, frame->post.id, retry_ms);
        api_refuse_rate(link, frame->id, retry_ms, NULL);
        return;
    }
    metric_add_by(METRIC_frames_received_total, frame->type, 1);
    verb->handler(api, link, frame);
}

static void refuse_frame(struct link *link, int64_t id, const struct wire_error *error)
{
    struct frame_error refusal = frame_error_of(error);
    if (id) {
        link_refuse(link, id, &refusal);
        return;
    }
    struct frame_push_error push = {.error = refusal};
    link_push(link, FRAME_push_error, &push);
}

static void on_message(void *user, struct span message)
{
    struct link *link = user;
    struct api *api = link->owner;
    struct frame_reader reader;
    struct wire_error error = {0};

    if (frame_reader_init(&reader, link->encoding, message, &error) != PARLEY_OK) {
        refuse_frame(link, 0, &error);
        if (link->state == LINK_NEW || ++link->strikes > STRIKES_MAX)
            link_close(link, error.status, error.text);
        return;
    }
    struct frame frame;
    while (frame_next_request(&reader, &api->arena, &frame, &error) && !link_gone(link)) {
        if (error.status != PARLEY_OK)
            refuse_frame(link, frame.id, &error);
        else
            handle(api, link, &frame);
        arena_reset(&api->arena);
    }
}

/* ---- a link's life ---- */

static void no_hello(void *arg)
{
    struct link *link = arg;
    link_close(link, PARLEY_TIMEOUT, "no hello in time");
}

static void *on_open(void *arg, struct ws_conn *conn, const struct ws_opened *opened)
{
    struct api *api = arg;
    struct link *link = link_new(api->hub, conn, opened->text, opened->peer);
    link->owner = api;
    if (api->draining)
        link_close(link, PARLEY_DRAINING, NULL);
    loop_timer_start(api->loop, &link->timer, api->conf->server.hello_timeout_ms, no_hello, link);
    return link;
}

static void on_drained(void *user)
{
    link_catch_up(user);
}

/* The first status that closes with this code; most codes have one. */
static parley_status why_closed(int code)
{
    for (int status = 0; status <= PARLEY_SIGNED_OUT; status++)
        if (status_close_code((parley_status)status) == code)
            return (parley_status)status;
    return PARLEY_CLOSED;
}

static void on_close(void *user, int code)
{
    struct link *link = user;
    metric_add_by(METRIC_connections_closed_total, why_closed(code), 1);
    context_forget(link);
    if (link_is_bot(link) && link->state == LINK_OPEN)
        api_tell_bot(link->owner, link, false, (struct uuid){0});
    link_move(link, LINK_GONE);
    link_unref(&link);
}

static bool origin_allowed(void *arg, struct span origin)
{
    struct api *api = arg;
    const struct conf_list *list = &api->conf->server.allowed_origins;
    for (size_t i = 0; i < list->count; i++)
        if (span_is(origin, list->at[i]) || strcmp(list->at[i], "*") == 0)
            return true;
    return directory_origin(api->directory, origin);
}

const struct ws_calls api_ws_calls = {
    .origin_allowed = origin_allowed,
    .on_open = on_open,
    .on_message = on_message,
    .on_drained = on_drained,
    .on_close = on_close,
    .body_max = http_body_max,
    .on_request = http_on_request,
};

/* ---- requests under way ---- */

struct ask *ask_begin(struct api *api, struct link *link, const struct frame *frame)
{
    unsigned *count = frame->type == FRAME_post ? &link->posts_in_flight : &link->requests_in_flight;
    unsigned max = frame->type == FRAME_post ? LIMIT_POSTS_IN_FLIGHT : LIMIT_REQUESTS_IN_FLIGHT;
    if (*count >= max) {
        api_refuse(link, frame->id, PARLEY_BUSY, "too many requests of yours are unanswered", NULL);
        return NULL;
    }
    ++*count;
    struct ask *ask = mem_alloc(sizeof *ask);
    *ask = (struct ask){.api = api, .link = link_ref(link), .id = frame->id, .type = frame->type};
    return ask;
}

void ask_drop(struct ask *ask)
{
    --*(ask->type == FRAME_post ? &ask->link->posts_in_flight : &ask->link->requests_in_flight);
    link_unref(&ask->link);
    mem_free(ask);
}

void ask_reply(struct ask *ask, enum frame_type type, const void *reply)
{
    link_reply(ask->link, ask->id, type, reply);
    ask_drop(ask);
}

void ask_refuse(struct ask *ask, parley_status status, const char *text, const char *path)
{
    api_refuse(ask->link, ask->id, status, text, path);
    ask_drop(ask);
}

void ask_refuse_result(struct ask *ask, const struct result *result)
{
    struct frame_error error = frame_error_status(result->status);
    if (result->text)
        error.text = span_str(result->text);
    if (result->path)
        error.path = span_str(result->path), error.has_path = true;
    if (result->retry_after_ms)
        error.retry_after_ms = result->retry_after_ms, error.has_retry_after_ms = true;
    if (result->current)
        error.current.json = span_str(result->current), error.has_current = true;
    link_refuse(ask->link, ask->id, &error);
    ask_drop(ask);
}

bool api_made_before(struct uuid id, const struct link *link)
{
    int64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id.b[i];
    return ms < link->opened_ms;
}

struct caller api_caller(const struct link *link)
{
    return (struct caller){
        .id = link->who->id, .role = link->who->role, .app = link->who->app, .device = link->who->device};
}

void api_tell_bot(struct api *api, const struct link *link, bool here, struct uuid declined)
{
    const struct principal *who = link->who;
    route_bot(api->route, &(struct route_seat){.bot = who->id,
                                               .device = who->device,
                                               .link = link,
                                               .here = here,
                                               .status = (enum agent_status)who->status,
                                               .capacity = who->capacity,
                                               .declined = declined});
}

bool api_service(const struct api *api, const struct session_row *row, struct frame_service *out)
{
    if (uuid_is_nil(row->id) || row->state == SESSION_CLOSED)
        return false;
    *out = (struct frame_service){.session = row->id, .state = row->state, .epoch = row->epoch};
    if (row->queue.len)
        out->queue = row->queue, out->has_queue = true;
    out->message = out->has_message = row->message;
    if (!uuid_is_nil(row->agent)) {
        out->agent = row->agent, out->has_agent = true;
        out->agent_name = directory_agent_name(api->directory, row->agent), out->has_agent_name = true;
    }
    return true;
}
