/* The watchdog of bots from outside. A bot that does not answer within bots.answer_time is asked once more, another
 * process of it if there is one; then a person takes over, and the customer is told. Sessions of processes that are
 * gone, or in which nothing happens, are let go of. All of it is decided on rows: it goes on through restarts, by any
 * server process. */
#include "server/base/clock.h"
#include "server/base/fault.h"
#include "server/base/log.h"
#include "server/base/metric.h"
#include "server/hub/hub.h"
#include "server/io/crypto.h"
#include "server/route/route_inside.h"
#include "server/store/bot_row.h"

enum { AT_ONCE = 200, ADRIFT_EVERY_MS = 2000, TIDY_EVERY_MS = 60000 };

static void ignore(void *arg, parley_status status, const struct pg_fault *fault)
{
}

static void let_go(struct route *route, const struct session_row *session, const struct bot_turn *turn, struct span why)
{
    control_ask(route->talk,
                &(struct control){.conversation = session->conversation,
                                  .event = SESSION_EVENT_LET_GO,
                                  .cause = crypto_uuid7(),
                                  .session = session->id,
                                  .holder = session->holder,
                                  .turn = turn,
                                  .outcome = why},
                &caller_parley, NULL, NULL);
}

/* ---- no answer ---- */

static void on_handed_over(void *arg, struct call *call, const struct result *result)
{
    if (result->status == PARLEY_OK) {
        FAULT_POINT(bot_after_person);
        metric_add(METRIC_bot_failures_total, 1);
        log_warn(NULL, "a bot does not answer: a person takes over", LOG_UUID("conversation", call->work.conversation));
    }
}

static void hand_over(struct route *route, const struct bot_work *work)
{
    FAULT_POINT(bot_before_person);
    control_ask(route->talk,
                &(struct control){.conversation = work->session.conversation,
                                  .event = SESSION_EVENT_HANDOFF,
                                  .cause = crypto_uuid7(),
                                  .session = work->session.id,
                                  .turn = &work->turn,
                                  .reason = span_str("the bot did not answer")},
                &caller_parley, on_handed_over, route);
}

/* The customer sees that somebody is at it. */
static void ask_again(struct route *route, const struct bot_work *work)
{
    const struct session_row *s = &work->session;
    struct frame_push_typing push = {
        .conversation = s->conversation, .participant = s->bot, .role = role_bot, .on = true};
    FAULT_POINT(bot_before_retry);
    metric_add(METRIC_bot_retries_total, 1);
    log_info(NULL, "a bot does not answer: it is asked again", LOG_UUID("conversation", s->conversation),
             LOG_UUID("bot", s->bot), LOG_UUID("device", s->holder));
    route_exclude(route, s->id, s->holder);
    hub_notify(route->hub, s->conversation, FRAME_push_typing, &push, s->bot, false);
    let_go(route, s, &work->turn, span_str("silent"));
}

static void on_overdue(void *arg, parley_status status, const struct bot_work *rows, int n)
{
    struct route *route = arg;
    route->bots.watching = false;
    for (int i = 0; status == PARLEY_OK && i < n; i++) {
        if (rows[i].turn.why == BOT_TURN_HEAR)
            bot_turn_unheard(route->store, &rows[i].turn, ignore, NULL);
        else if (rows[i].turn.waiting || rows[i].turn.tries > 0)
            hand_over(route, &rows[i]);
        else
            ask_again(route, &rows[i]);
    }
}

/* ---- adrift ---- */

static void on_adrift(void *arg, parley_status status, const struct bot_work *rows, int n)
{
    struct route *route = arg;
    route->bots.gathering = false;
    for (int i = 0; status == PARLEY_OK && i < n; i++) {
        if (span_is(rows[i].why, "lost"))
            log_info(NULL, "a bot's process is gone, its session is let go of",
                     LOG_UUID("conversation", rows[i].session.conversation), LOG_UUID("bot", rows[i].session.bot));
        let_go(route, &rows[i].session, NULL, rows[i].why);
    }
}

void watchdog_sweep(struct route *route)
{
    const struct conf *conf = route->conf;
    struct bots *b = &route->bots;
    int64_t now = loop_now_ms(route->loop);
    if (!b->watching)
        b->watching = bot_overdue(route->store, clock_ms(), AT_ONCE, on_overdue, route) == PARLEY_OK;
    if (!b->gathering && now - b->gathered_ms >= ADRIFT_EVERY_MS) {
        b->gathered_ms = now;
        b->gathering = bot_adrift(route->store, conf->bots.grace_ms, clock_ms() - conf->bots.idle_ms, AT_ONCE,
                                  on_adrift, route) == PARLEY_OK;
    }
    if (now - b->tidied_ms >= TIDY_EVERY_MS) {
        b->tidied_ms = now;
        bot_seat_tidy(route->store, conf->bots.grace_ms, ignore, NULL);
    }
}
