/* The server as the host of its flows: what happens in conversations, timers, runs left behind. */
#include "server/flow/flows.h"

#include "protocol/item.h"
#include "server/base/clock.h"
#include "server/base/fault.h"
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/flow/flows_inside.h"
#include "server/flow/starts.h"
#include "server/hub/peers.h"
#include "server/io/curl.h"
#include "server/store/flow_log_row.h"
#include "server/store/flow_upkeep.h"
#include "server/store/handoff_row.h"
#include "server/store/timer_row.h"
#include "server/talk/directory.h"

enum {
    TICK_MS = 500,
    SWEEP_MS = 15000,
    TIMERS_AT_ONCE = 100,
    LATE_MS = 2000,
    LOOKED_AT_ONCE = 2000, /* some 10 ms of the database's time */
    BEHIND_AT_ONCE = 500,
    VERSION_IDLE_MS = 60000,
    PRUNE_MS = 60000,
    PRUNED_AT_ONCE = 1000
};

/* ---- what happens in conversations ---- */

static void on_stored(void *arg, struct conversation *conv, const struct log_row *row)
{
    struct flows *flows = arg;
    const struct session_row *s = &conv->service.row;
    if (!flows->closing && row->kind == ITEM_erased && conv->run) {
        ((struct bot *)conv->run)->forgets = true;
        bot_due(conv->run);
    }
    if (!flows->closing && row->kind == ITEM_custom && bot_takes(row))
        flows_note_event(flows, conv, row);
    if (flows->closing || !bot_takes(row) || s->state != SESSION_BOT || uuid_is_nil(s->run))
        return;
    struct bot *bot = bot_of(flows, conv);
    if (bot->state != BOT_FAILED) /* else it is read when that is loaded again */
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

static void on_ready(struct flow_host *host, struct flow_run *run)
{
    struct bot *bot = flow_run_owner(run);
    bot_replayed(bot);
    bot->run = run;
    bot->state = BOT_RESTING;
    bot->failures = 0;
    bot_due(bot);
}

static void on_gone(struct flow_host *host, struct flow_run *run, parley_status why)
{
    struct bot *bot = flow_run_owner(run);
    log_debug(NULL, "run left memory", LOG_UUID("run", bot->id), LOG_STATUS(why));
    bot->run = NULL;
    bot->state = why == PARLEY_OK ? BOT_ASIDE : BOT_FAILED; /* loaded again at once, or by the tick, or dropped */
    bot->again_ms = 0;
    if (why == PARLEY_OK)
        bot_due(bot);
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
    struct uuid timer; /* that fired; nil: none */
    bool leaves;
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
        bot->leaves |= p->leaves;
        bot_due(bot);
    }
    mem_free(p);
}

static const struct work_class poke_class = {.decide = decide_poke, .finish = finish_poke};

void flows_poke(struct flows *flows, struct uuid conversation, struct uuid timer, bool leaves)
{
    if (peers_home(flows->peers, conversation) != flows->self)
        return; /* that worker sees it itself */
    struct poke *p = mem_alloc(sizeof *p);
    p->flows = flows;
    p->timer = timer;
    p->leaves = leaves;
    p->work = (struct work){.class = &poke_class, .conversation = conversation};
    list_init(&p->work.node);
    if (talk_submit(flows->talk, &p->work) != PARLEY_OK)
        mem_free(p);
}

static void on_put_off(void *arg, parley_status status, const struct pg_fault *fault)
{
    ((struct flows *)arg)->polling = false;
}

/* Whatever is still there so long after its time belongs to a run that cannot be told, or waits for others. */
static bool put_off(struct flows *flows, const struct timer_row *rows, int n)
{
    struct timer_row late[TIMERS_AT_ONCE];
    int64_t now_ms = clock_ms();
    int nlate = 0;
    for (int i = 0; i < n; i++)
        if (now_ms - rows[i].due_ms > LATE_MS && peers_home(flows->peers, rows[i].conversation) == flows->self)
            late[nlate++] = rows[i];
    return nlate && timer_put_off(flows->store, now_ms, late, nlate, on_put_off, flows) == PARLEY_OK;
}

static void on_timers(void *arg, parley_status status, const struct timer_row *rows, int n)
{
    struct flows *flows = arg;
    for (int i = 0; status == PARLEY_OK && i < n; i++)
        if (rows[i].kind == TIMER_FLOW)
            flows_poke(flows, rows[i].conversation, rows[i].id, false);
    flows->polling = status == PARLEY_OK && put_off(flows, rows, n);
}

static void look_for_those_behind(struct flows *flows);
static void look_anew(struct flows *flows);

static void on_behind(void *arg, parley_status status, const struct flow_behind_row *rows, int n, struct uuid reached)
{
    struct flows *flows = arg;
    bool ok = status == PARLEY_OK, more = ok && !uuid_is_nil(reached);
    flows->sweeping = false;
    if (ok)
        flows->swept_to = reached;
    if (ok && !more) {
        flows->swept_calls = true;
        flows->hurries = false;
    }
    if (!ok || more)
        flows->swept_ms = 0; /* the next tick asks again, or for those after these */
    for (int i = 0; ok && i < n; i++)
        flows_poke(flows, rows[i].conversation, (struct uuid){0}, rows[i].leaves);
    if (flows->anew)
        look_anew(flows);
    else if (more && flows->hurries && n < BEHIND_AT_ONCE)
        look_for_those_behind(flows);
}

/* All are gone through in parts: one with every tick, or one after the other when something has happened. */
static void look_for_those_behind(struct flows *flows)
{
    struct flow_look look = {.after = flows->swept_to,
                             .looked_at = LOOKED_AT_ONCE,
                             .found = BEHIND_AT_ONCE,
                             .all_calls = !flows->swept_calls};
    if (flows->sweeping || flows->closing)
        return;
    flows->sweeping = flow_runs_behind(flows->store, &look, on_behind, flows) == PARLEY_OK;
    flows->swept_ms = flows->sweeping ? loop_now_ms(flows->loop) : 0;
}

static void look_anew(struct flows *flows)
{
    flows->hurries = true;
    flows->anew = flows->sweeping; /* what is on its way may not have it */
    if (!flows->anew)
        flows->swept_to = (struct uuid){0};
    look_for_those_behind(flows);
}

void flows_refresh(struct flows *flows)
{
    flows_read_starts(flows);
    look_anew(flows);
}

void flows_up(struct flows *flows)
{
    LIST_EACH(&flows->bots, node)
    {
        struct bot *bot = LIST_ITEM(node, struct bot, node);
        bot->failures = 0; /* it was the database, perhaps */
        bot->again_ms = 0;
    }
    look_anew(flows);
}

static void on_pruned(void *arg, int removed)
{
    struct flows *flows = arg;
    flows->pruning = false;
    if (removed == 0)
        flows->prune_ms = loop_now_ms(flows->loop) + PRUNE_MS;
}

/* One worker of each process does it for all. */
static void prune_lines(struct flows *flows, int64_t now)
{
    if (flows->self != 0 || flows->pruning || now < flows->prune_ms || !store_is_up(flows->store))
        return;
    flows->pruning = flow_log_prune(flows->store, clock_ms() - flows->conf->flows.log_keep_ms,
                                    flows->conf->flows.log_lines, PRUNED_AT_ONCE, on_pruned, flows) == PARLEY_OK;
}

static void on_tick(void *arg)
{
    struct flows *flows = arg;
    int64_t now = loop_now_ms(flows->loop);
    LIST_EACH(&flows->bots, node)
    bot_tend(LIST_ITEM(node, struct bot, node), now);
    flow_versions_tidy(flows->engine, now, VERSION_IDLE_MS);
    if (!flows->polling && store_is_up(flows->store))
        flows->polling = timer_due(flows->store, clock_ms(), 0, 1, TIMERS_AT_ONCE, on_timers, flows) == PARLEY_OK;
    if (now - flows->swept_ms > SWEEP_MS && store_is_up(flows->store))
        look_for_those_behind(flows);
    prune_lines(flows, now);
    loop_timer_start(flows->loop, &flows->tick, TICK_MS, on_tick, flows);
}

/* ---- life ---- */

struct flows *flows_new(const struct conf *conf, struct loop *loop, struct store *store, struct talk *talk,
                        struct directory *directory, const struct peers *peers, int self)
{
    struct flows *flows = mem_alloc(sizeof *flows);
    struct flow_limits limits = flow_limits_from(conf);
    flows->host = (struct flow_host){.commit = flows_commit,
                                     .read = flows_read,
                                     .describe = flows_describe,
                                     .fetch = flows_fetch,
                                     .defer = flows_defer,
                                     .ready = on_ready,
                                     .gone = on_gone,
                                     .now_ms = on_now};
    flows->conf = conf;
    flows->loop = loop;
    flows->store = store;
    flows->talk = talk;
    flows->directory = directory;
    flows->starts = starts_new();
    flows->peers = peers;
    flows->self = self;
    list_init(&flows->bots);
    list_init(&flows->due);
    list_init(&flows->sliced);
    list_init(&flows->fetches);
    flows->fetcher = fetcher_new(loop, &(struct fetcher_config){.allow_http = conf->flows.private_network,
                                                                .allow_private = conf->flows.private_network});
    flows->engine = flow_engine_new(&flows->host, &limits);
    talk_hook(talk, &(struct talk_hooks){.stored = on_stored,
                                         .served = on_served,
                                         .begins = flows_begins,
                                         .else_begins = flows_else_begins,
                                         .arg = flows});
    loop_timer_start(loop, &flows->tick, TICK_MS, on_tick, flows);
    return flows;
}

void flows_close(struct flows *flows)
{
    flows->closing = true;
    flows_fetch_stop(flows);
    loop_timer_stop(&flows->tick);
    loop_timer_stop(&flows->again);
    loop_timer_stop(&flows->spare);
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
    starts_free(&(*flows)->starts);
    fetcher_free(&(*flows)->fetcher);
    mem_free(*flows);
    *flows = NULL;
}
