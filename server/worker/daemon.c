/* Main's thread: makes the workers, waits for signals and for administration, and takes everything down in order. */
#include "server/worker/daemon.h"

#include "server/api/gate.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/base/version.h"
#include "server/hub/peers.h"
#include "server/io/crypto.h"
#include "server/io/loop.h"
#include "server/io/offload.h"
#include "server/io/pg.h"
#include "server/store/node_row.h"
#include "server/worker/admin.h"
#include "server/worker/notify.h"
#include "server/worker/worker.h"

#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { WATCH_MS = 100, LEAVE_MS = 1000, STUCK_MS = 10000, REFRESH_MS = 50, PROBLEMS_MAX = 16384 };

struct daemon {
    const struct conf *conf;
    const struct conf **reloaded; /* kept for the workers, who borrow from them */
    int reloaded_count;
    const struct daemon_options *options;
    struct peers peers;
    struct worker *workers[PEERS_MAX];
    struct admin_view view;
    struct offload *offload;
    struct gate *gate;
    struct loop *loop;
    struct admin *admin;
    struct pg *listening; /* for what administration says */
    struct loop_watch *signals;
    struct loop_timer watch, refresh;
    int64_t fed_ms;
    struct uuid node;
    int64_t leave_by_ms; /* 0: it has not been asked to leave */
    int signal_fd;
    bool ready, ending, left;
};

/* ---- signals ---- */

static void drain(struct daemon *d)
{
    d->view.draining = true;
    log_info(NULL, "draining; the same signal again ends it at once");
    notify_send("STOPPING=1\nSTATUS=draining");
    for (int i = 0; i < d->view.count; i++)
        worker_drain(d->workers[i], d->conf->server.drain_time_ms / 2, d->conf->server.drain_time_ms);
}

static void refresh_now(void *arg)
{
    struct daemon *d = arg;
    for (int i = 0; i < d->view.count; i++)
        worker_refresh(d->workers[i]);
}

/* What is wrong or needs a restart is said, and what was in force stays so. */
static const struct conf *read_again(struct daemon *d)
{
    struct buf text;
    buf_init(&text, PROBLEMS_MAX);
    const struct conf *next = conf_load_again(d->conf, environ, &text);
    if (next)
        conf_compare(d->conf, next, &text);
    bool silent = text.len == 0;
    buf_add(&text, "", 1);
    if (!next)
        log_error(NULL, "the configuration is wrong and was not read again", LOG_STR("problems", text.ptr));
    else if (!silent)
        log_warn(NULL, "these keys need a restart", LOG_STR("keys", text.ptr));
    buf_done(&text);
    return next;
}

static void reload(struct daemon *d)
{
    notify_send("RELOADING=1");
    const struct conf *next = read_again(d);
    if (next) {
        d->reloaded = mem_resize(d->reloaded, (size_t)(d->reloaded_count + 1) * sizeof *d->reloaded);
        d->reloaded[d->reloaded_count++] = next;
        for (int i = 0; i < d->view.count; i++)
            worker_reconfigure(d->workers[i], next);
        log_info(NULL, "reloaded");
    }
    refresh_now(d);
    notify_send("READY=1");
}

static void on_signal(void *arg, unsigned events)
{
    struct daemon *d = arg;
    struct signalfd_siginfo info;
    while (read(d->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload(d);
        else
            drain(d);
    }
}

static void watch_signals(struct daemon *d)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL); /* before the threads start, so that they inherit it */
    signal(SIGPIPE, SIG_IGN);
    d->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    d->signals = loop_watch_new(d->loop, d->signal_fd, on_signal, d);
    loop_watch_set(d->signals, LOOP_READ);
}

/* ---- watching the workers ---- */

static bool all(struct daemon *d, bool (*is)(struct worker_health *))
{
    for (int i = 0; i < d->view.count; i++)
        if (!is(worker_health(d->workers[i])))
            return false;
    return true;
}

static bool has_ended(struct worker_health *health)
{
    return health->ended;
}

static bool is_ready(struct worker_health *health)
{
    return health->ready && health->database;
}

static bool is_turning(struct worker_health *health)
{
    return clock_mono_us() / 1000 - health->alive_ms < STUCK_MS;
}

static void became_ready(struct daemon *d)
{
    d->ready = true;
    log_info(NULL, "ready", LOG_STR("version", PARLEY_VERSION), LOG_STR("listen", d->conf->server.listen.at[0]),
             LOG_I64("workers", d->view.count));
    notify_send("READY=1\nSTATUS=serving");
    if (d->options && d->options->ready)
        d->options->ready(d->options->arg);
}

/* The watchdog is fed by the loops: one that is stuck starves it. */
static void feed(struct daemon *d)
{
    int64_t every = notify_watchdog_ms(), now = clock_mono_us() / 1000;
    if (!every || now - d->fed_ms < every || !all(d, is_turning))
        return;
    d->fed_ms = now;
    notify_send("WATCHDOG=1");
}

static void end(struct daemon *d)
{
    d->ending = true;
    loop_timer_stop(&d->watch);
    loop_timer_stop(&d->refresh);
    loop_watch_close(&d->signals);
    pg_close(&d->listening);
    admin_stop(d->admin);
    loop_stop(d->loop);
}

static void on_left(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct daemon *d = arg;
    d->left = true;
}

/* Takes the process out of the database, as long as that is quickly done; else the others find out. */
static bool is_leaving(struct daemon *d)
{
    int64_t now = loop_now_ms(d->loop);
    if (!d->leave_by_ms) {
        d->leave_by_ms = now + LEAVE_MS;
        d->left = node_leave(d->listening, d->node, on_left, d) != PARLEY_OK;
    }
    return !d->left && now < d->leave_by_ms;
}

static void on_watch(void *arg)
{
    struct daemon *d = arg;
    if (all(d, has_ended) && !is_leaving(d)) {
        end(d);
        return;
    }
    if (!d->ready && !d->leave_by_ms && all(d, is_ready))
        became_ready(d);
    feed(d);
    loop_timer_start(d->loop, &d->watch, WATCH_MS, on_watch, d);
}

/* ---- what administration says ---- */

static void on_notified(void *arg, struct span payload)
{
    struct daemon *d = arg;
    loop_timer_start(d->loop, &d->refresh, REFRESH_MS, refresh_now, d);
}

/* Something may have been said while nobody listened. */
static void on_listening(void *arg, uint64_t generation)
{
    on_notified(arg, span_str(""));
}

static void on_deaf(void *arg)
{
}

/* ---- life ---- */

static int worker_count(const struct conf *conf)
{
    int64_t n = conf->server.workers ? conf->server.workers : sysconf(_SC_NPROCESSORS_ONLN) - 1;
    return n < 1 ? 1 : n > PEERS_MAX ? PEERS_MAX : (int)n;
}

static parley_status make_workers(struct daemon *d)
{
    d->node = crypto_uuid7();
    d->peers.count = worker_count(d->conf);
    d->view.workers = d->workers;
    for (int i = 0; i < d->peers.count; i++) {
        struct worker_options options = {
            .conf = d->conf, .peers = &d->peers, .self = i, .node = d->node, .offload = d->offload, .gate = d->gate};
        parley_status st = worker_new(&options, &d->workers[i]);
        d->view.count = i + 1;
        if (st != PARLEY_OK)
            return st;
    }
    return PARLEY_OK;
}

static void listen_to_administration(struct daemon *d)
{
    struct pg_options options = {
        .url = d->conf->database.url,
        .application = "parley/admin",
        .listen = "parley_admin",
        .connect_timeout_ms = (uint32_t)d->conf->database.connect_timeout_ms,
        .stall_ms = (uint32_t)d->conf->database.stall_timeout_ms,
        .allow_unsafe = d->conf->database.allow_unsafe,
    };
    struct pg_events events = {.up = on_listening, .down = on_deaf, .notified = on_notified, .arg = d};
    d->listening = pg_open(d->loop, &options, &events);
}

static void serve(struct daemon *d)
{
    listen_to_administration(d);
    for (int i = 0; i < d->view.count; i++)
        worker_start(d->workers[i]);
    loop_timer_start(d->loop, &d->watch, WATCH_MS, on_watch, d);
    loop_run(d->loop);
    for (int i = 0; i < d->view.count; i++)
        worker_join(d->workers[i]);
}

/* What is in the way has been logged. */
static void give_up(struct daemon *d, parley_status why)
{
    log_error(NULL, "cannot start", LOG_STATUS(why));
    for (int i = 0; i < d->view.count; i++)
        worker_abandon(d->workers[i]);
    loop_watch_close(&d->signals);
}

int parley_daemon_run(const struct conf *conf, const struct daemon_options *options)
{
    struct daemon *d = mem_alloc(sizeof *d);
    d->conf = conf;
    d->options = options;
    d->loop = loop_new();
    watch_signals(d);
    d->offload = offload_new();
    d->gate = gate_new(conf);
    parley_status st = make_workers(d);
    if (st == PARLEY_OK)
        st = admin_new(conf, d->loop, &d->view, &d->admin);
    if (st == PARLEY_OK)
        serve(d);
    else
        give_up(d, st);
    log_info(NULL, "stopped");
    offload_free(&d->offload);
    for (int i = 0; i < d->view.count; i++)
        worker_free(&d->workers[i]);
    gate_free(&d->gate);
    for (int i = 0; i < d->reloaded_count; i++)
        conf_free(&d->reloaded[i]);
    mem_free(d->reloaded);
    admin_free(&d->admin);
    close(d->signal_fd);
    loop_free(&d->loop);
    mem_free(d);
    return st == PARLEY_OK ? 0 : 1;
}
