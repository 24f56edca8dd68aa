/* Sessions that a flow serves and whose customer has been silent for flows.session_ttl end with the outcome `silent`;
 * those that an agent resolved while the flow waited end after flows.resolved_ttl, as what they were resolved. */
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

static void on_silent(void *arg, parley_status status, const struct session_silence *rows, int n)
{
    struct route *route = arg;
    route->closing_silent = false;
    for (int i = 0; status == PARLEY_OK && i < n; i++)
        control_ask(route->talk,
                    &(struct control){.conversation = rows[i].conversation,
                                      .event = SESSION_EVENT_FINISH,
                                      .cause = crypto_uuid7(),
                                      .session = rows[i].session,
                                      .head = rows[i].head,
                                      .outcome = rows[i].outcome},
                    &caller_parley, on_closed, NULL);
}

void silence_sweep(struct route *route)
{
    int64_t now = loop_now_ms(route->loop), at = clock_ms();
    if (route->closing_silent || now - route->silence_swept_ms < EVERY_MS)
        return;
    route->silence_swept_ms = now;
    route->closing_silent =
        session_silent(route->store, at - route->conf->flows.session_ttl_ms, at - route->conf->flows.resolved_ttl_ms,
                       AT_ONCE, on_silent, route) == PARLEY_OK;
}
