/* Bots: which runs are in memory, and what each is told next. */
#include "server/flow/flows.h"

#include "protocol/item.h"
#include "server/base/clock.h"
#include "server/base/fault.h"
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/flow/flows_inside.h"
#include "server/hub/peers.h"
#include "server/store/flow_upkeep.h"
#include "server/store/handoff_row.h"
#include "server/store/timer_row.h"
#include "server/talk/directory.h"

enum { TICK_MS = 500, IDLE_MS = 60000, SWEEP_MS = 15000, TIMERS_AT_ONCE = 100, BEHIND_AT_ONCE = 500 };

/* ---- life ---- */

static struct bot *bot_of(struct flows *flows, struct conversation *conv)
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
    list_push(&flows->bots, &bot->node);
    arena_init(&bot->arena, 64 << 20);
    conversation_pin(conv);
    conv->run = bot;
    bot_load(bot);
    return bot;
}

static void drop_input(struct bot_input *input)
{
    list_remove(&input->node);
    mem_free((void *)input->body.ptr);
    mem_free(input);
}

void bot_free(struct bot *bot)
{
    LIST_EACH(&bot->inputs, node)
    drop_input(LIST_ITEM(node, struct bot_input, node));
    if (bot->run)
        flow_evict(&bot->run);
    if (bot->conv->run == bot)
        bot->conv->run = NULL;
    conversation_unpin(bot->conv);
    list_remove(&bot->node);
    list_remove(&bot->in_due);
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

static bool flow_serves(const struct bot *bot)
{
    const struct session_row *s = &bot->conv->service.row;
    return bot->conv->loaded && s->state == SESSION_BOT && uuid_equal(s->run, bot->id);
}

/* What the session says and the run does not know yet. */
static bool is_back(const struct bot *bot)
{
    return flow_run_state(bot->run) == FLOW_HANDOFF && flow_serves(bot);
}

static bool has_escaped(const struct bot *bot)
{
    const struct session_row *s = &bot->conv->service.row;
    return bot->conv->loaded && flow_run_state(bot->run) == FLOW_WAITING && uuid_equal(s->run, bot->id) &&
           s->state != SESSION_BOT && s->state != SESSION_CLOSED;
}

static struct bot_input *next_input(struct bot *bot)
{
    while (!list_empty(&bot->inputs)) {
        struct bot_input *input = LIST_ITEM(bot->inputs.next, struct bot_input, node);
        if (input->seq > flow_run_input_seq(bot->run))
            return input;
        drop_input(input);
    }
    return NULL;
}

static bool tell(struct bot *bot, const struct flow_event *event)
{
    bot->state = BOT_BUSY;
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
        tell(bot, &(struct flow_event){.type = FLOW_EVENT_BACK,
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
    if (!input || !flow_serves(bot))
        return false;
    struct flow_event event = {.type = FLOW_EVENT_ITEM, .seq = input->seq, .kind = input->kind, .body = input->body};
    list_remove(&input->node); /* first: telling may lead to a commit that comes back at once */
    bool told = tell(bot, &event);
    mem_free((void *)input->body.ptr);
    mem_free(input);
    return told || !list_empty(&bot->inputs);
}

static void look(struct bot *bot)
{
    struct flow_event event;
    if (bot->deferred) {
        bot->deferred = false;
        flow_continue(bot->run);
        return;
    }
    if (bot->dropped) {
        if (bot->state != BOT_BUSY && bot->state != BOT_LOADING)
            bot_free(bot);
        return;
    }
    if (bot->state != BOT_RESTING)
        return;
    bot->used_ms = loop_now_ms(bot->flows->loop);
    if (is_over(bot)) {
        bot_free(bot);
        return;
    }
    if (is_back(bot)) {
        tell_back(bot);
        return;
    }
    if (has_escaped(bot)) {
        event = (struct flow_event){
            .type = FLOW_EVENT_ESCAPE, .seq = bot->conv->moved, .queue = bot->conv->service.row.queue};
        tell(bot, &event);
        return;
    }
    if (!uuid_is_nil(bot->timer)) {
        event = (struct flow_event){.type = FLOW_EVENT_TIMER, .timer = bot->timer};
        bot->timer = (struct uuid){0};
        if (tell(bot, &event))
            return;
    }
    if (tell_input(bot) && bot->state == BOT_RESTING)
        bot_due(bot);
}

static void on_again(void *arg);

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
        loop_timer_start_exact(flows->loop, &flows->again, 0, on_again, flows);
}

static void on_again(void *arg)
{
    on_turn(arg);
}

void bot_due(struct bot *bot)
{
    if (list_empty(&bot->in_due))
        list_push(&bot->flows->due, &bot->in_due);
    loop_at_turn_end(bot->flows->loop, &bot->flows->turn, on_turn, bot->flows);
}

/* ---- what happens in conversations ---- */

bool bot_takes(const struct log_row *row)
{
    bool customer = row->role == role_customer || row->role == role_guest;
    return customer && row->audience == audience_public && !item_moves(row->kind) && row->kind != ITEM_process;
}

void bot_add_input(struct bot *bot, const struct log_row *row)
{
    struct list *last = bot->inputs.prev;
    if (last != &bot->inputs && LIST_ITEM(last, struct bot_input, node)->seq >= row->seq)
        return;
    struct bot_input *input = mem_alloc(sizeof *input);
    input->seq = row->seq;
    input->kind = row->kind;
    input->body = span_of(mem_span(row->body), row->body.len);
    list_push(&bot->inputs, &input->node);
}

static void on_stored(void *arg, struct conversation *conv, const struct log_row *row)
{
    struct flows *flows = arg;
    const struct session_row *s = &conv->service.row;
    if (flows->closing || !bot_takes(row) || s->state != SESSION_BOT || uuid_is_nil(s->run))
        return;
    struct bot *bot = bot_of(flows, conv);
    if (bot->state == BOT_LOADING)
        return; /* it reads what it missed */
    bot_add_input(bot, row);
    bot_due(bot);
}

static void on_served(void *arg, struct conversation *conv, const struct session_row *was)
{
    struct flows *flows = arg;
    const struct session_row *s = &conv->service.row;
    struct bot *bot = conv->run;
    if (flows->closing)
        return;
    if (bot && !uuid_equal(bot->id, s->run)) {
        bot->dropped = true;
        bot_due(bot);
    }
    if (!uuid_is_nil(s->run) && s->state != SESSION_CLOSED)
        bot_due(bot_of(flows, conv));
}

/* ---- the host's small functions ---- */

static void on_defer(struct flow_host *host, struct flow_run *run)
{
    struct bot *bot = flow_run_owner(run);
    bot->run = run;
    bot->deferred = true;
    bot_due(bot);
}

static void on_ready(struct flow_host *host, struct flow_run *run)
{
    struct bot *bot = flow_run_owner(run);
    bot->run = run;
    bot->state = BOT_RESTING;
    bot_due(bot);
}

static void on_gone(struct flow_host *host, struct flow_run *run, parley_status why)
{
    struct bot *bot = flow_run_owner(run);
    log_debug(NULL, "run left memory", LOG_UUID("run", bot->id), LOG_STATUS(why));
    bot->run = NULL;
    bot->state = BOT_FAILED; /* loaded again by the tick, or dropped */
}

static int64_t on_now(struct flow_host *host)
{
    return clock_ms();
}

/* ---- the tick: timers, idle runs, failed loads, runs left behind ---- */

/* A work that stores nothing: it brings the conversation into memory, and with it the run. */
struct poke {
    struct work work;
    struct flows *flows;
    struct uuid timer;
};

static enum verdict decide_poke(struct work *work, struct conversation *conv, struct move *move,
                                struct refusal *refusal)
{
    return WORK_DONE;
}

static void finish_poke(struct work *work, struct conversation *conv, const struct outcome *outcome,
                        const struct refusal *refusal)
{
    struct poke *p = LIST_ITEM(work, struct poke, work);
    if (outcome && conv && !p->flows->closing && conversation_serving(conv) && !uuid_is_nil(conv->service.row.run)) {
        struct bot *bot = bot_of(p->flows, conv);
        if (!uuid_is_nil(p->timer))
            bot->timer = p->timer;
        bot_due(bot);
    }
    mem_free(p);
}

static const struct work_class poke_class = {.decide = decide_poke, .finish = finish_poke};

static void poke(struct flows *flows, struct uuid conversation, struct uuid timer)
{
    struct poke *p = mem_alloc(sizeof *p);
    if (peers_home(flows->peers, conversation) != flows->self) {
        mem_free(p); /* that worker sees it itself */
        return;
    }
    p->flows = flows;
    p->timer = timer;
    p->work = (struct work){.class = &poke_class, .conversation = conversation};
    list_init(&p->work.node);
    if (talk_submit(flows->talk, &p->work) != PARLEY_OK)
        mem_free(p);
}

static void on_timers(void *arg, parley_status status, const struct timer_row *rows, int n)
{
    struct flows *flows = arg;
    flows->polling = false;
    for (int i = 0; status == PARLEY_OK && i < n; i++)
        if (rows[i].kind == TIMER_FLOW)
            poke(flows, rows[i].conversation, rows[i].id);
}

static void on_behind(void *arg, parley_status status, const struct uuid *conversations, int n)
{
    struct flows *flows = arg;
    flows->sweeping = false;
    if (status != PARLEY_OK)
        flows->swept_ms = 0; /* the next tick asks again */
    for (int i = 0; status == PARLEY_OK && i < n; i++)
        poke(flows, conversations[i], (struct uuid){0});
}

void flows_up(struct flows *flows)
{
    if (flows->sweeping || flows->closing)
        return;
    flows->sweeping = flow_runs_behind(flows->store, BEHIND_AT_ONCE, on_behind, flows) == PARLEY_OK;
    flows->swept_ms = flows->sweeping ? loop_now_ms(flows->loop) : 0;
}

static void tend(struct bot *bot, int64_t now)
{
    if (bot->state == BOT_FAILED && !bot->dropped)
        bot_load(bot);
    else if (bot->state == BOT_RESTING && bot->run && (is_back(bot) || has_escaped(bot)))
        bot_due(bot);
    else if (bot->dropped || (bot->state == BOT_RESTING && now - bot->used_ms > IDLE_MS))
        bot_due(bot);
    if (bot->state == BOT_RESTING && !bot->dropped && now - bot->used_ms > IDLE_MS && list_empty(&bot->inputs))
        bot_free(bot);
}

static void on_tick(void *arg)
{
    struct flows *flows = arg;
    int64_t now = loop_now_ms(flows->loop);
    LIST_EACH(&flows->bots, node)
    tend(LIST_ITEM(node, struct bot, node), now);
    if (!flows->polling && store_is_up(flows->store))
        flows->polling = timer_due(flows->store, clock_ms(), 0, 1, TIMERS_AT_ONCE, on_timers, flows) == PARLEY_OK;
    if (now - flows->swept_ms > SWEEP_MS && store_is_up(flows->store))
        flows_up(flows);
    loop_timer_start(flows->loop, &flows->tick, TICK_MS, on_tick, flows);
}

/* ---- life ---- */

struct flows *flows_new(const struct conf *conf, struct loop *loop, struct store *store, struct talk *talk,
                        const struct peers *peers, int self)
{
    struct flows *flows = mem_alloc(sizeof *flows);
    struct flow_limits limits = flow_limits_default;
    limits.sandbox.memory_run = (size_t)conf->flows.memory_limit_bytes;
    limits.sandbox.ticks_step = conf->flows.instruction_limit;
    flows->host = (struct flow_host){.commit = flows_commit,
                                     .read = flows_read,
                                     .defer = on_defer,
                                     .ready = on_ready,
                                     .gone = on_gone,
                                     .now_ms = on_now};
    flows->conf = conf;
    flows->loop = loop;
    flows->store = store;
    flows->talk = talk;
    flows->peers = peers;
    flows->self = self;
    list_init(&flows->bots);
    list_init(&flows->due);
    flows->engine = flow_engine_new(&flows->host, &limits);
    talk_hook(talk, &(struct talk_hooks){.stored = on_stored, .served = on_served, .arg = flows});
    loop_timer_start(loop, &flows->tick, TICK_MS, on_tick, flows);
    return flows;
}

void flows_close(struct flows *flows)
{
    flows->closing = true;
    loop_timer_stop(&flows->tick);
    loop_timer_stop(&flows->again);
    loop_turn_cancel(&flows->turn);
}

void flows_free(struct flows **flows)
{
    if (!*flows)
        return;
    LIST_EACH(&(*flows)->bots, node)
    {
        struct bot *bot = LIST_ITEM(node, struct bot, node);
        bot->run = NULL; /* the engine frees its runs */
        bot_free(bot);
    }
    flow_engine_free(&(*flows)->engine);
    mem_free(*flows);
    *flows = NULL;
}
