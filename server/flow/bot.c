/* Bots: runs in memory, and what each is told next. */
#include "protocol/item.h"
#include "server/base/fault.h"
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/flow/flows_inside.h"
#include "server/store/handoff_row.h"
#include "server/talk/directory.h"

enum { IDLE_MS = 60000 };

/* ---- life ---- */

struct bot *bot_of(struct flows *flows, struct conversation *conv)
{
    struct uuid run = conv->service.row.run;
    struct bot *bot = conv->run;
    if (bot && uuid_equal(bot->id, run))
        return bot;
    if (bot)
        bot->dropped = true; /* freed when whatever it is doing comes back */
    bot = mem_alloc(sizeof *bot);
    bot->flows = flows;
    bot->conv = conv;
    bot->id = run;
    list_init(&bot->inputs);
    list_init(&bot->in_due);
    list_init(&bot->in_sliced);
    list_push(&flows->bots, &bot->node);
    arena_init(&bot->arena, 64 << 20);
    conversation_pin(conv);
    conv->run = bot;
    bot_load(bot);
    return bot;
}

void bot_free(struct bot *bot)
{
    bot_fetch_forget(bot);
    bot_drop_inputs(bot, INT64_MAX);
    bot_let_version_go(bot);
    if (bot->run)
        flow_evict(&bot->run);
    if (bot->conv->run == bot)
        bot->conv->run = NULL;
    conversation_unpin(bot->conv);
    list_remove(&bot->node);
    list_remove(&bot->in_due);
    list_remove(&bot->in_sliced);
    arena_done(&bot->arena);
    mem_free(bot->waiting);
    mem_free(bot);
}

/* ---- what it is told next ---- */

static bool is_over(const struct bot *bot)
{
    enum flow_state state = flow_run_state(bot->run);
    return state == FLOW_ENDED || state == FLOW_FAILED;
}

bool bot_serves(const struct bot *bot)
{
    const struct session_row *s = &bot->conv->service.row;
    return bot->conv->loaded && s->state == SESSION_BOT && uuid_equal(s->run, bot->id);
}

/* What the session says and the run does not know yet. */
static bool is_back(const struct bot *bot)
{
    return flow_run_state(bot->run) == FLOW_HANDOFF && bot_serves(bot);
}

static bool has_escaped(const struct bot *bot)
{
    const struct session_row *s = &bot->conv->service.row;
    return bot->conv->loaded && flow_run_state(bot->run) == FLOW_WAITING && uuid_equal(s->run, bot->id) &&
           s->state != SESSION_BOT && s->state != SESSION_CLOSED;
}

static void input_free(struct bot_input *input)
{
    list_remove(&input->node);
    mem_free((void *)input->body.ptr);
    mem_free(input);
}

static struct bot_input *first_input(const struct bot *bot)
{
    return list_empty(&bot->inputs) ? NULL : LIST_ITEM(bot->inputs.next, struct bot_input, node);
}

void bot_drop_inputs(struct bot *bot, int64_t seq)
{
    struct bot_input *input;
    while ((input = first_input(bot)) && input->seq <= seq)
        input_free(input);
}

static struct bot_input *next_input(struct bot *bot)
{
    bot_drop_inputs(bot, flow_run_input_seq(bot->run));
    return first_input(bot);
}

bool bot_tell(struct bot *bot, const struct flow_event *event)
{
    bot->state = BOT_BUSY;
    bot->used_ms = loop_now_ms(bot->flows->loop);
    FAULT_POINT(flow_before_step);
    parley_status st = flow_event(bot->run, event);
    if (st == PARLEY_OK)
        return true;
    if (st == PARLEY_WRONG_STATE)
        bot->state = BOT_RESTING;
    return false;
}

/* The human part is over: what the agent left for the flow stands in the handoff. */
static void on_handoff(void *arg, parley_status status, const struct handoff_row *rows, int n)
{
    struct bot *bot = arg;
    bot->state = BOT_RESTING;
    if (status == PARLEY_OK && bot->run && is_back(bot) && !bot->dropped)
        bot_tell(bot, &(struct flow_event){.type = FLOW_EVENT_BACK,
                                           .seq = bot->conv->moved,
                                           .outcome = bot->conv->service.row.outcome,
                                           .note = n ? rows[0].note : (struct span){0},
                                           .by = n ? directory_agent_name(bot->flows->talk->directory, rows[0].agent)
                                                   : (struct span){0}});
    else
        bot_due(bot);
}

static void tell_back(struct bot *bot)
{
    bot->state = BOT_BUSY;
    if (handoff_get(bot->flows->store, bot->conv->service.row.handoff, on_handoff, bot) != PARLEY_OK)
        bot->state = BOT_RESTING; /* the tick looks again */
}

static bool tell_input(struct bot *bot)
{
    struct bot_input *input = next_input(bot);
    if (!input || !bot_serves(bot))
        return false;
    struct flow_event event = {.type = FLOW_EVENT_ITEM, .seq = input->seq, .kind = input->kind, .body = input->body};
    list_remove(&input->node); /* first: telling may lead to a commit that comes back at once */
    bool told = bot_tell(bot, &event);
    input_free(input);
    return told || !list_empty(&bot->inputs);
}

static void tell_escape(struct bot *bot)
{
    bot_tell(bot, &(struct flow_event){
                      .type = FLOW_EVENT_ESCAPE, .seq = bot->conv->moved, .queue = bot->conv->service.row.queue});
}

static void tell_timer(struct bot *bot)
{
    struct flow_event event = {.type = FLOW_EVENT_TIMER, .timer = bot->timer};
    bot->timer = (struct uuid){0};
    bot_tell(bot, &event);
}

/* A run that rests is told one thing: what the session says, else what the customer said, else its timer. */
static void tell_next(struct bot *bot)
{
    if (!bot->conv->loaded) { /* a step that was refused takes the conversation along */
        flows_poke(bot->flows, bot->conv->id, (struct uuid){0}, false);
    } else if (is_back(bot)) {
        tell_back(bot);
    } else if (has_escaped(bot)) {
        tell_escape(bot);
    } else if (bot->leaves && bot_serves(bot)) {
        bot->leaves = false; /* once: the row is read again when that does not come about */
        bot_tell(bot, &(struct flow_event){.type = FLOW_EVENT_LEAVE});
    } else if (tell_input(bot)) {
        if (bot->state == BOT_RESTING)
            bot_due(bot);
    } else if (!uuid_is_nil(bot->timer)) {
        tell_timer(bot);
    }
}

/* Whether it is to leave memory: the conversation has another run, it is over, or it has no control to begin with. */
static bool is_to_leave(const struct bot *bot)
{
    if (bot->dropped)
        return bot->state != BOT_BUSY && bot->state != BOT_LOADING;
    return (bot->state == BOT_ASIDE && !bot_serves(bot)) || (bot->state == BOT_RESTING && is_over(bot));
}

/* It comes back by its journal when something happens, without what was erased. */
static void forget(struct bot *bot)
{
    bool idle = list_empty(&bot->inputs) && !bot->fetch && uuid_is_nil(bot->timer);
    if (idle) {
        bot_free(bot);
        return;
    }
    flow_evict(&bot->run);
    bot_load(bot);
}

static void look(struct bot *bot)
{
    if (is_to_leave(bot)) {
        bot_free(bot);
    } else if (bot->state == BOT_ASIDE) {
        bot_load(bot);
    } else if (bot->forgets && bot->state == BOT_RESTING) {
        forget(bot);
    } else if (bot->state == BOT_RESTING) {
        tell_next(bot);
    }
}

/* One look each: who asks for more has it in the next turn, after everybody else. */
static void on_turn(void *arg)
{
    struct flows *flows = arg;
    struct list now;
    list_init(&now);
    list_move_all(&now, &flows->due);
    while (!list_empty(&now)) {
        struct bot *bot = LIST_ITEM(now.next, struct bot, in_due);
        list_remove(&bot->in_due);
        look(bot);
    }
    if (!list_empty(&flows->due))
        loop_timer_start_exact(flows->loop, &flows->again, 0, on_turn, flows);
}

void bot_due(struct bot *bot)
{
    if (list_empty(&bot->in_due))
        list_push(&bot->flows->due, &bot->in_due);
    loop_at_turn_end(bot->flows->loop, &bot->flows->turn, on_turn, bot->flows);
}

/* ---- what happened in its conversation ---- */

bool bot_takes(const struct log_row *row)
{
    bool customer = row->role == role_customer || row->role == role_guest;
    bool event = row->role == role_backend && row->kind == ITEM_custom;
    return (customer || event) && row->audience == audience_public && !item_moves(row->kind) &&
           row->kind != ITEM_process;
}

void bot_add_input(struct bot *bot, const struct log_row *row)
{
    struct list *before = &bot->inputs;
    while (before->prev != &bot->inputs && LIST_ITEM(before->prev, struct bot_input, node)->seq >= row->seq)
        before = before->prev;
    if (before != &bot->inputs && LIST_ITEM(before, struct bot_input, node)->seq == row->seq)
        return;
    struct bot_input *input = mem_alloc(sizeof *input);
    input->seq = row->seq;
    input->kind = row->kind;
    input->body = span_of(mem_span(row->body), row->body.len);
    list_insert(before, &input->node);
}

/* ---- at the tick ---- */

void bot_tend(struct bot *bot, int64_t now)
{
    if (bot->state == BOT_FAILED && !bot->dropped && now >= bot->again_ms)
        bot_load(bot);
    else if (bot->state == BOT_RESTING && bot->run && (is_back(bot) || has_escaped(bot)))
        bot_due(bot);
    else if (bot->dropped || (bot->state == BOT_RESTING && now - bot->used_ms > IDLE_MS))
        bot_due(bot);
    if (bot->state == BOT_RESTING && !bot->dropped && now - bot->used_ms > IDLE_MS && list_empty(&bot->inputs) &&
        !bot->fetch)
        bot_free(bot);
}
