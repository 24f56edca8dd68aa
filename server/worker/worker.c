/* A worker's parts, in the order in which they need each other. */
#include "server/worker/worker.h"

#include "server/api/api.h"
#include "server/base/clock.h"
#include "server/base/fault.h"
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/flow/flows.h"
#include "server/hub/beacon.h"
#include "server/hub/hub.h"
#include "server/io/loop.h"
#include "server/io/mailbox.h"
#include "server/io/offload.h"
#include "server/route/push.h"
#include "server/route/route.h"
#include "server/store/store.h"
#include "server/talk/directory.h"
#include "server/talk/talk.h"
#include "server/worker/address.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEALTH_MS = 500, DRAIN_POLL_MS = 50, CLOSE_GRACE_MS = 1000 };

struct worker {
    const struct conf *conf; /* own, which nobody else reads */
    struct conf own;
    struct peers *peers;
    struct peer *self;
    int index;
    struct uuid node;
    pthread_t thread;

    struct loop *loop;
    struct mailbox *box;
    struct ws *ws;
    struct store *store;
    struct hub *hub;
    struct beacon *beacon;
    struct directory *directory;
    struct talk *talk;
    struct route *route;
    struct push *push;
    struct flows *flows;
    struct offload *offload;
    struct gate *gate;
    struct api *api;

    struct loop_timer health_timer, drain_timer;
    struct worker_health health;
    int64_t drain_until_ms;
    bool draining, closing;
    bool listening;
};

/* ---- listeners ---- */

static parley_status listen_all(struct worker *w)
{
    const struct conf_list *list = &w->conf->server.listen;
    for (size_t i = 0; i < list->count; i++) {
        struct address address;
        address_parse(list->at[i], &address);
        struct ws_listener listener = {
            .address = address.host, .port = address.port, .tls = w->conf->tls.certificate[0] != '\0', .links = true};
        parley_status st = ws_listen(w->ws, &listener, NULL);
        if (st != PARLEY_OK)
            return st;
    }
    return PARLEY_OK;
}

static void on_directory(void *arg, parley_status status)
{
    struct worker *w = arg;
    if (status != PARLEY_OK)
        return;
    api_refresh(w->api);
    route_refresh(w->route);
    flows_refresh(w->flows);
    w->health.database = store_is_up(w->store); /* not with the next look: a start waits for it */
    w->health.ready = true;
    atomic_store(&w->self->ready, true);
}

static void read_directory(struct worker *w)
{
    if (FAULT_HOLDS(first_reading, w->index))
        return; /* the next look at its health asks again */
    directory_reload(w->directory, on_directory, w);
}

/* ---- the database comes and goes ---- */

static void on_up(void *arg, uint64_t generation)
{
    struct worker *w = arg;
    log_info(NULL, "database connected", LOG_I64("worker", w->index));
    read_directory(w);
    talk_up(w->talk);
    flows_up(w->flows);
}

static void on_down(void *arg)
{
    struct worker *w = arg;
    log_warn(NULL, "database lost", LOG_I64("worker", w->index));
    talk_down(w->talk);
}

/* ---- health ---- */

static void on_lag(void *arg, int64_t lag_us)
{
    metric_observe_us(METRIC_loop_lag_seconds, lag_us);
}

static void on_health(void *arg)
{
    struct worker *w = arg;
    clock_reload();
    w->health.database = store_is_up(w->store);
    w->health.links = w->hub->link_count;
    w->health.alive_ms = clock_mono_us() / 1000;
    if (!directory_ready(w->directory) && store_is_up(w->store))
        read_directory(w);
    loop_timer_start(w->loop, &w->health_timer, HEALTH_MS, on_health, w);
}

struct worker_health *worker_health(struct worker *worker)
{
    return &worker->health;
}

/* ---- orders from main ---- */

struct order {
    struct mail mail;
    struct worker *worker;
    int64_t spread_ms, drain_ms;
    const struct conf *conf;
};

static void close_all(struct worker *w)
{
    w->closing = true;
    api_flush(w->api);
    if (w->ws) /* none when the library could not start */
        ws_stop(w->ws);
    beacon_stop(w->beacon);
    push_close(w->push);
    flows_close(w->flows);
    store_close(&w->store);
    talk_cancel(w->talk);
    push_free(&w->push);
    flows_free(&w->flows);
    talk_free(&w->talk);
    route_free(&w->route);
    loop_timer_stop(&w->health_timer);
    loop_timer_stop(&w->drain_timer);
    mailbox_close(w->box);
    loop_stop(w->loop);
}

static void on_drain_poll(void *arg)
{
    struct worker *w = arg;
    int64_t late_ms = loop_now_ms(w->loop) - w->drain_until_ms;
    bool empty = w->hub->link_count == 0;
    bool idle = talk_idle(w->talk) && push_idle(w->push);
    if ((empty && (idle || late_ms >= 0)) || late_ms >= CLOSE_GRACE_MS) {
        close_all(w);
        return;
    }
    if (late_ms >= 0)
        hub_close_links(w->hub, PARLEY_DRAINING);
    loop_timer_start(w->loop, &w->drain_timer, DRAIN_POLL_MS, on_drain_poll, w);
}

static void open_drain(struct mail *mail, void *receiver)
{
    struct order *order = LIST_ITEM(mail, struct order, mail);
    struct worker *w = order->worker;
    if (!w->draining) {
        w->draining = true;
        w->drain_until_ms = loop_now_ms(w->loop) + order->drain_ms;
        ws_stop_listening(w->ws);
        api_drain(w->api, order->spread_ms);
        loop_timer_start(w->loop, &w->drain_timer, DRAIN_POLL_MS, on_drain_poll, w);
    } else if (w->drain_until_ms > loop_now_ms(w->loop)) {
        w->drain_until_ms = loop_now_ms(w->loop); /* asked twice: now */
    }
    mem_free(order);
}

static void open_refresh(struct mail *mail, void *receiver)
{
    struct order *order = LIST_ITEM(mail, struct order, mail);
    struct worker *w = order->worker;
    if (!w->closing)
        read_directory(w);
    mem_free(order);
}

static void open_reconfigure(struct mail *mail, void *receiver)
{
    struct order *order = LIST_ITEM(mail, struct order, mail);
    struct worker *w = order->worker;
    conf_take(&w->own, order->conf);
    if (!w->closing && w->conf->tls.certificate[0])
        ws_reload_tls(w->ws);
    mem_free(order);
}

static void give(struct worker *worker, struct order order)
{
    struct order *sent = mem_alloc(sizeof *sent);
    *sent = order;
    sent->worker = worker;
    mailbox_send(worker->box, &sent->mail);
}

void worker_drain(struct worker *worker, int64_t spread_ms, int64_t drain_ms)
{
    give(worker, (struct order){.mail.open = open_drain, .spread_ms = spread_ms, .drain_ms = drain_ms});
}

void worker_refresh(struct worker *worker)
{
    give(worker, (struct order){.mail.open = open_refresh});
}

void worker_reconfigure(struct worker *worker, const struct conf *next)
{
    give(worker, (struct order){.mail.open = open_reconfigure, .conf = next});
}

/* ---- what other processes did ---- */

static bool on_behind(void *arg, struct uuid conversation, int64_t head)
{
    return talk_behind(((struct worker *)arg)->talk, conversation, head);
}

static void on_buried(void *arg, struct uuid node)
{
    flows_up(((struct worker *)arg)->flows);
}

/* ---- life ---- */

static parley_status open_sockets(struct worker *w)
{
    const struct conf *conf = w->conf;
    struct ws_config config = {
        .calls = &api_ws_calls,
        .arg = w->api,
        .connections_max = (unsigned)(conf->server.max_connections / w->peers->count),
        .rx_buffer = 1024,
        .tls_certificate = conf->tls.certificate[0] ? conf->tls.certificate : NULL,
        .tls_key = conf->tls.certificate[0] ? conf->tls.key : NULL,
        .proxies = conf->server.trusted_proxies.at,
        .proxies_count = conf->server.trusted_proxies.count,
    };
    parley_status st = ws_new(w->loop, &config, &w->ws);
    return st == PARLEY_OK ? listen_all(w) : st;
}

static void build(struct worker *w)
{
    struct store_options store = {
        .url = w->conf->database.url,
        .application = "parley",
        .connect_timeout_ms = (uint32_t)w->conf->database.connect_timeout_ms,
        .lock_timeout_ms = (uint32_t)w->conf->database.lock_timeout_ms,
        .statement_timeout_ms = (uint32_t)w->conf->database.statement_timeout_ms,
        .stall_ms = (uint32_t)w->conf->database.stall_timeout_ms,
        .allow_unsafe = w->conf->database.allow_unsafe,
    };
    struct store_events events = {.up = on_up, .down = on_down, .arg = w};
    w->loop = loop_new();
    w->box = mailbox_new(w->loop, w->self);
    w->hub = hub_new(w->loop, w->peers, w->index);
    w->hub->rate_factor = (float)w->conf->server.rate_factor;
    w->store = store_open(w->loop, &store, &events);
    w->directory = directory_new(w->store);
    w->talk = talk_new(w->loop, w->store, w->hub, w->peers, w->index, w->directory);
    w->talk->bots = (struct talk_bots){.answer_ms = w->conf->bots.answer_time_ms,
                                       .longest_ms = w->conf->bots.longest_ms,
                                       .apology = w->conf->bots.apology};
    w->route = route_new(w->conf, w->loop, w->store, w->hub, w->talk, w->directory, w->peers, w->index, w->node);
    w->push = push_new(w->conf, w->loop, w->store, w->talk, w->peers, w->index);
    w->flows = flows_new(w->conf, w->loop, w->store, w->talk, w->directory, w->peers, w->index);
    w->api = api_new(w->conf, w->loop, w->store, w->hub, w->talk, w->route, w->directory, w->offload, w->box, w->gate);
    *w->self = (struct peer){.box = w->box, .hub = w->hub, .talk = w->talk, .route = w->route};
    struct beacon_calls beacon = {.behind = on_behind, .buried = on_buried, .arg = w};
    w->beacon = beacon_new(w->loop, w->store, w->hub, w->node, w->index == 0, &beacon);
    loop_on_lag(w->loop, on_lag, w);
    loop_timer_start(w->loop, &w->health_timer, 0, on_health, w);
}

parley_status worker_new(const struct worker_options *options, struct worker **out)
{
    struct worker *w = mem_alloc(sizeof *w);
    w->own = *options->conf;
    w->conf = &w->own;
    w->peers = options->peers;
    w->index = options->self;
    w->self = &options->peers->at[options->self];
    w->node = options->node;
    w->offload = options->offload;
    w->gate = options->gate;
    build(w);
    *out = w;
    return open_sockets(w);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    metric_worker(w->index);
    loop_run(w->loop);
    w->health.ended = true;
    return NULL;
}

void worker_start(struct worker *worker)
{
    pthread_create(&worker->thread, NULL, run, worker);
}

void worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
}

void worker_abandon(struct worker *worker)
{
    if (!worker->closing)
        close_all(worker);
}

void worker_free(struct worker **worker)
{
    struct worker *w = *worker;
    if (!w)
        return;
    ws_free(&w->ws);
    api_free(&w->api);
    directory_free(&w->directory);
    beacon_free(&w->beacon);
    hub_free(&w->hub);
    mailbox_free(&w->box);
    loop_free(&w->loop);
    mem_free(w);
    *worker = NULL;
}
