/* Sessions that a flow serves and whose customer has been silent for flows.session_ttl end with the outcome `silent`;
 * those that an agent resolved while the flow waited end after flows.resolved_ttl, as what they were resolved. What
 * waits for something else is put off, so that a million of them are not looked at with every sweep. */
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/io/crypto.h"
#include "server/route/route_inside.h"

enum { EVERY_MS = 5000, AT_ONCE = 200 };

static void on_closed(void *arg, struct call *call, const struct result *result)
{
    if (result->status == PARLEY_OK)
        log_debug(NULL, "a silent session is closed", LOG_I64("head", result->head));
}

static void end_silent(struct route *route, const struct session_silence *row)
{
    control_ask(route->talk,
                &(struct control){.conversation = row->conversation,
                                  .event = SESSION_EVENT_FINISH,
                                  .cause = crypto_uuid7(),
                                  .session = row->session,
                                  .head = row->head,
                                  .outcome = row->outcome},
                &caller_parley, on_closed, NULL);
}

static void on_put_off(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct route *route = arg;
    route->closing_silent = false;
    if (status == PARLEY_OK)
        route->silence_swept_ms = 0; /* others may have been behind these */
}

static void on_silent(void *arg, parley_status status, const struct session_silence *rows, int n)
{
    struct route *route = arg;
    struct session_silence later[2 * AT_ONCE];
    int nlater = 0;
    for (int i = 0; status == PARLEY_OK && i < n; i++) {
        if (rows[i].due)
            end_silent(route, &rows[i]);
        else if (nlater < 2 * AT_ONCE)
            later[nlater++] = rows[i];
    }
    route->closing_silent = nlater && session_put_off(route->store, later, nlater, on_put_off, route) == PARLEY_OK;
}

void silence_sweep(struct route *route)
{
    int64_t now = loop_now_ms(route->loop), at = clock_ms(), ttl = route->conf->flows.session_ttl_ms;
    struct session_patience patience = {
        .before_ms = ttl ? at - ttl : 0, .resolved_before_ms = at - route->conf->flows.resolved_ttl_ms, .now_ms = at};
    if (route->closing_silent || (route->silence_swept_ms && now - route->silence_swept_ms < EVERY_MS))
        return;
    route->silence_swept_ms = now;
    route->closing_silent = session_silent(route->store, &patience, AT_ONCE, on_silent, route) == PARLEY_OK;
}
