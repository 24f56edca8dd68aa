/* The mock's life: a loop, a listener, signals, and what happens by itself. */
#include "server/mock/mock.h"

#include "server/io/ws.h"
#include "server/mock/page.h"
#include "server/mock/peer.h"
#include "server/mock/service.h"

#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { BEACON_MS = 25000 };

uint32_t mock_chance(struct mock *m)
{
    m->seed = m->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(m->seed >> 33);
}

/* --- telling --- */

void mock_stored(struct mock *m, int64_t by_peer, struct talk *t, const struct entry *e)
{
    journal_stored(&m->journal, by_peer, t, e);
    LIST_EACH(&m->peers, node)
    {
        struct peer *p = LIST_ITEM(node, struct peer, node);
        if (p->person == t->person && e->audience == audience_public)
            PEER_PUSH(p, item, .conversation = t->id, .item = page_item(e));
    }
}

void mock_marked(struct mock *m, const struct talk *t, const struct frame_mark *mark)
{
    LIST_EACH(&m->peers, node)
    {
        struct peer *p = LIST_ITEM(node, struct peer, node);
        if (p->person == t->person)
            PEER_PUSH(p, marked, .conversation = t->id, .mark = *mark);
    }
}

/* --- by itself --- */

static void chatter(void *arg)
{
    struct mock *m = arg;
    char text[32];
    LIST_EACH(&m->people, node)
    {
        struct person *p = LIST_ITEM(node, struct person, node);
        if (m->script.chatter_count && p->chattered >= m->script.chatter_count)
            continue;
        snprintf(text, sizeof text, "by the way %lld", (long long)++p->chattered);
        mock_say(m, talk_main(p), text);
    }
    loop_timer_start_exact(m->loop, &m->chatter, m->script.chatter_ms, chatter, m);
}

static void joining(void *arg)
{
    struct mock *m = arg;
    int64_t next = service_join(m);
    if (next >= 0)
        loop_timer_start(m->loop, &m->joining, next, joining, m);
}

/* --- life --- */

static void stop(struct mock *m)
{
    loop_timer_stop(&m->chatter);
    loop_timer_stop(&m->joining);
    loop_watch_close(&m->signals);
    ws_stop(m->ws);
    loop_stop(m->loop);
}

static void on_signal(void *arg, unsigned events)
{
    struct mock *m = arg;
    struct signalfd_siginfo info;
    if (read(m->signal_fd, &info, sizeof info) == sizeof info)
        stop(m);
}

static void watch_signals(struct mock *m)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    m->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    m->signals = loop_watch_new(m->loop, m->signal_fd, on_signal, m);
    loop_watch_set(m->signals, LOOP_READ);
}

static void run(struct mock *m, const struct mock_options *options, uint16_t port)
{
    m->joining.fn = joining;
    watch_signals(m);
    if (m->script.chatter_ms)
        loop_timer_start_exact(m->loop, &m->chatter, m->script.chatter_ms, chatter, m);
    if (options->ready)
        options->ready(options->arg, port);
    loop_run(m->loop);
    close(m->signal_fd);
}

parley_status mock_run(const struct script *script, const struct mock_options *options)
{
    struct mock m = {.script = *script, .journal.json = options->json, .seed = options->seed};
    struct ws_config config = {.calls = &peer_calls, .arg = &m};
    struct ws_listener listener = {.address = options->address, .port = options->port, .links = true};
    uint16_t port = 0;
    if (!m.script.beacon_ms)
        m.script.beacon_ms = BEACON_MS;
    list_init(&m.people);
    list_init(&m.peers);
    m.loop = loop_new();
    parley_status st = ws_new(m.loop, &config, &m.ws);
    if (st == PARLEY_OK)
        st = ws_listen(m.ws, &listener, &port);
    if (st == PARLEY_OK) {
        run(&m, options, port);
    } else if (m.ws) {
        ws_stop(m.ws);
        loop_stop(m.loop);
        loop_run(m.loop);
    }
    ws_free(&m.ws);
    people_free(&m.people);
    loop_free(&m.loop);
    return st;
}
