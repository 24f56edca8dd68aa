/* Calls to the outside: a wait whose end the host brings. */
#include "protocol/text.h"
#include "server/flow/json.h"
#include "server/flow/run.h"

enum { TIMEOUT_MS = 10000, SPARE_MS = 60000, SPARE_ONCE_MS = 10000, SCRATCH = 1 << 20 };

enum sandbox_verdict call_secret(struct flow_run *run, struct flow_call *call)
{
    struct value handle;
    if (json_pair(call->arena, "secret", value_text(json_text(&call->args, "name")), &handle) != PARLEY_OK)
        return call_raise(call, "E204", "secret: too long a name");
    return call_give(call, handle);
}

static int64_t timeout_of(const struct value *args)
{
    int64_t ms = json_int(args, "timeout");
    return ms ? ms : TIMEOUT_MS;
}

static int tries_of(const struct value *args)
{
    int tries = (int)json_int(args, "tries");
    return tries ? tries : 1;
}

bool http_is_once(const struct value *args)
{
    return json_true(args, "once");
}

/* Twice as long as the host can take, so that in the second half nobody has the call any more, and another host may
 * take it up before this ends it; what is made once nobody takes up. */
int64_t http_patience_ms(const struct value *args)
{
    if (http_is_once(args))
        return timeout_of(args) + SPARE_ONCE_MS;
    return tries_of(args) * (2 * timeout_of(args)) + SPARE_MS;
}

/* The same entry's call is another one when the run has gone back meanwhile. */
static struct uuid key_of(const struct flow_run *run)
{
    if (run->corrected)
        return step_derive(run, 'H', run->corrected, (int)run->wait.entry);
    return step_derive(run, 'h', run->random_from, (int)run->wait.entry);
}

static const char *method_of(enum flow_function_id function)
{
    switch (function) {
    case FLOW_CALL_http_post:
        return "POST";
    case FLOW_CALL_http_put:
        return "PUT";
    case FLOW_CALL_http_delete:
        return "DELETE";
    default:
        return "GET";
    }
}

void http_begin(struct flow_run *run, bool rebuilt)
{
    struct flow_host *host = run->engine->host;
    struct arena arena;
    struct value args;
    if (!flow_is_http(run->wait.function) || run->wait.escaped)
        return;
    arena_init(&arena, SCRATCH);
    if (json_read(&arena, span_str(run->wait.args), &args) == PARLEY_OK) {
        const struct value *json = value_find(&args, "json");
        struct flow_fetch fetch = {.key = key_of(run),
                                   .method = method_of(run->wait.function),
                                   .url = json_text(&args, "url"),
                                   .query = value_find(&args, "query"),
                                   .headers = value_find(&args, "headers"),
                                   .secret = json_text(&args, "auth"),
                                   .body = json ? json_write(&arena, json) : span_of("", 0),
                                   .timeout_ms = timeout_of(&args),
                                   .tries = tries_of(&args),
                                   .again = rebuilt && http_is_once(&args)};
        host->fetch(host, run, &fetch);
    }
    arena_done(&arena);
}

bool flow_fetch_again(int status, const char *why)
{
    if (status)
        return status == 429 || status >= 500;
    return strcmp(why, "timeout") == 0 || strcmp(why, "unreachable") == 0 || strcmp(why, "lost") == 0;
}

/* JSON as that, words as text, nothing as nil. */
static struct value body_of(struct span body, struct arena *arena)
{
    struct value v = {.type = VALUE_NULL};
    if (body.len && json_read(arena, body, &v) == PARLEY_OK)
        return v;
    if (body.len && text_valid(body) == body.len)
        return value_text(arena_span(arena, body));
    return (struct value){.type = VALUE_NULL};
}

static bool http_failed(struct arena *arena, const char *kind, struct value *out)
{
    struct value error;
    return json_pair(arena, "kind", value_text(span_str(kind)), &error) == PARLEY_OK &&
           json_pair(arena, "error", error, out) == PARLEY_OK;
}

static bool refused(struct arena *arena, int status, const struct value *body, struct value *out)
{
    struct value error;
    if (value_map(arena, 3, &error) != PARLEY_OK)
        return false;
    value_put(&error, span_str("kind"), value_text(span_str("status")));
    value_put(&error, span_str("status"), value_int(status));
    if (body->type != VALUE_NULL)
        value_put(&error, span_str("body"), *body);
    return json_pair(arena, "error", error, out) == PARLEY_OK;
}

bool http_unanswered(const struct value *args, const char *why, struct arena *arena, struct value *out)
{
    bool lost = strcmp(why, "lost") == 0, done = lost || strcmp(why, "timeout") == 0;
    return http_failed(arena, done && http_is_once(args) ? "unknown" : lost ? "unreachable" : why, out);
}

bool http_told(const struct flow_run *run, const struct value *args, const struct flow_event *event,
               struct arena *arena, struct value *out)
{
    if (!flow_is_http(run->wait.function) || run->wait.escaped || !uuid_equal(event->key, key_of(run)))
        return false;
    if (!event->status)
        return http_unanswered(args, event->why, arena, out);
    struct value body = body_of(event->body, arena);
    if (event->status < 200 || event->status > 299)
        return refused(arena, event->status, &body, out);
    return json_pair(arena, "value", body, out) == PARLEY_OK;
}

size_t http_results(const struct value *told, struct value *results)
{
    const struct value *error = value_find(told, "error"), *value = value_find(told, "value");
    results[0] = error ? (struct value){.type = VALUE_NULL} : value ? *value : value_bool(true);
    if (!error)
        return 1;
    results[1] = *error;
    return 2;
}
