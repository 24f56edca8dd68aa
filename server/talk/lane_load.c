/* Reads a conversation's state, and shows first what was stored and never shown from here. */
#include "server/hub/hub.h"
#include "server/talk/lane.h"

#include <stdio.h>

enum { MISSED_MAX = 1000 };

/* An agent or a process of a bot has lost it, or it is another queue's: who of those who follow it does not serve it
 * hears no more. */
static void part(struct conversation *conv, const struct session_row *was)
{
    const struct session_row *now = &conv->service.row;
    struct hub_reach reach = {.conversation = conv->id, .agent = now->agent, .offered = now->offer_agent};
    bool lost = (!uuid_is_nil(was->agent) && !uuid_equal(was->agent, now->agent)) ||
                (!uuid_is_nil(was->holder) && !uuid_equal(was->holder, now->holder));
    reach.bot = was->bot, reach.holder = now->holder;
    if (!uuid_equal(was->id, now->id) || (!lost && (!was->queue.len || span_equal(was->queue, now->queue))))
        return;
    snprintf(reach.queue, sizeof reach.queue, "%.*s", SPAN_ARG(now->queue));
    hub_part(conv->talk->hub, &reach);
}

void tell_served(struct conversation *conv, const struct session_row *was)
{
    part(conv, was);
    for (int i = 0; i < conv->talk->nhooks; i++)
        if (conv->talk->hooks[i].served)
            conv->talk->hooks[i].served(conv->talk->hooks[i].arg, conv, was);
}

static bool has_moved(const struct session_row *was, const struct session_row *now)
{
    return !uuid_equal(was->id, now->id) || was->state != now->state || was->epoch != now->epoch ||
           !uuid_equal(was->offer, now->offer);
}

static void on_missed(void *arg, parley_status status, const struct log_page *page)
{
    struct conversation *conv = arg;
    conv->lane = LANE_IDLE;
    for (int i = 0; status == PARLEY_OK && i < page->n; i++) {
        conversation_apply(conv, &page->rows[i]);
        item_stored(conv, &page->rows[i]);
    }
    conversation_pump(conv);
}

static parley_status show_missed(struct conversation *conv)
{
    struct log_range range = {.conversation = conv->id,
                              .after = conv->shown,
                              .oldest = true,
                              .staff = true,
                              .limit = LIMIT_PAGE_ITEMS,
                              .bytes = LIMIT_PAGE_BYTES};
    parley_status st = log_range(conv->talk->store, &range, on_missed, conv);
    if (st == PARLEY_OK)
        conv->lane = LANE_LOADING;
    return st;
}

static void take_state(struct conversation *conv, const struct log_state *state)
{
    struct service was;
    service_set(&was, &conv->service.row);
    conversation_take(conv, state);
    bool flow_serves = conv->service.row.state == SESSION_BOT && !uuid_is_nil(conv->service.row.run);
    if (conv->seen && has_moved(&was.row, &conv->service.row))
        tell_served(conv, &was.row); /* another process moved it */
    else if (!conv->seen && flow_serves)
        tell_served(conv, &conv->service.row); /* its run may have been left behind */
    conv->seen = true;
    conv->shown = conv->head;
}

/* Something was stored that was never shown from here: by another process, or by us with an answer that never came.
 * Far behind, its readers are told the head instead. */
static bool has_missed(struct conversation *conv, const struct log_state *state)
{
    if (!conv->followed) /* whoever follows may have read it before another process wrote more */
        conv->shown = hub_sent(conv->talk->hub, conv->id, state->head);
    conv->followed = true;
    return state->head > conv->shown && state->head - conv->shown <= MISSED_MAX;
}

static void refuse_missing(struct conversation *conv)
{
    struct refusal refusal;
    struct list refused;
    refuse(&refusal, PARLEY_NOT_FOUND, "there is no such conversation, or none that you may see");
    list_init(&refused);
    list_move_all(&refused, &conv->works);
    work_refuse_all(conv, &refused, &refusal);
}

static void on_loaded(void *arg, parley_status status, const struct log_state *state)
{
    struct conversation *conv = arg;
    conv->lane = LANE_IDLE;
    if (status == PARLEY_OK && state->found && has_missed(conv, state)) {
        show_missed(conv); /* then it is loaded again */
        return;
    }
    if (status == PARLEY_OK && state->found)
        take_state(conv, state);
    else if (status == PARLEY_OK)
        refuse_missing(conv);
    conversation_pump(conv);
}

void conversation_load(struct conversation *conv)
{
    if (log_load(conv->talk->store, conv->id, on_loaded, conv) == PARLEY_OK)
        conv->lane = LANE_LOADING;
}

/* What others wrote meanwhile is read and shown first; the state is loaded afterwards, by the next pump. */
void conversation_reload(struct conversation *conv)
{
    conv->loaded = false;
    conv->lane = LANE_IDLE;
    if (!conv->seen || show_missed(conv) != PARLEY_OK)
        conversation_pump(conv);
}

void conversation_bitten(struct conversation *conv)
{
    conv->bitten_until_ms = loop_now_ms(conv->talk->loop) + BITTEN_MS;
}
