/* Probes and metrics. A probe's answer is for machines; ?verbose adds a line per check for people. */
#include "server/worker/admin.h"

#include "protocol/buf.h"
#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/io/loop.h"
#include "server/io/ws.h"
#include "server/worker/address.h"

enum { STUCK_MS = 10000, METRICS_MAX = 1 << 20 };

struct admin {
    const struct admin_view *view;
    struct ws *ws;
};

static bool check(struct buf *out, bool good, const char *what, int worker, const char *otherwise)
{
    if (worker >= 0)
        buf_printf(out, "%s %s of worker %d%s%s\n", good ? "ok  " : "FAIL", what, worker, good ? "" : ": ",
                   good ? "" : otherwise);
    else
        buf_printf(out, "%s %s%s%s\n", good ? "ok  " : "FAIL", what, good ? "" : ": ", good ? "" : otherwise);
    return good;
}

static bool is_alive(struct worker *worker)
{
    return clock_mono_us() / 1000 - worker_health(worker)->alive_ms < STUCK_MS;
}

static bool is_live(const struct admin_view *view, struct buf *out)
{
    bool good = true;
    for (int i = 0; i < view->count; i++)
        good &= check(out, is_alive(view->workers[i]), "loop", i, "it has not turned for 10 s");
    return good;
}

static bool is_ready(const struct admin_view *view, struct buf *out)
{
    bool good = is_live(view, out);
    good &= check(out, !view->draining, "serving", -1, "this server is going down");
    for (int i = 0; i < view->count; i++) {
        struct worker_health *health = worker_health(view->workers[i]);
        good &= check(out, health->database, "database", i, "not connected; see the log, check database.url");
        good &= check(out, health->ready, "directory", i, "apps, agents and queues have not been read yet");
    }
    return good;
}

static void probe(struct http_exchange *exchange, const struct admin_view *view,
                  bool (*ask)(const struct admin_view *, struct buf *))
{
    struct buf out;
    buf_init(&out, METRICS_MAX);
    bool good = ask(view, &out);
    bool verbose = http_parameter(exchange, "verbose").ptr != NULL;
    http_answer(exchange, good ? 200 : 503, "text/plain; charset=utf-8", NULL,
                verbose ? buf_span(&out) : span_str(good ? "ok\n" : "not ready\n"));
    buf_done(&out);
}

static void on_request(void *arg, struct http_exchange *exchange)
{
    struct admin *admin = arg;
    struct span path = http_path(exchange);
    if (!span_is(http_method(exchange), "GET") && !span_is(http_method(exchange), "HEAD")) {
        http_answer(exchange, 405, "text/plain", NULL, span_str("GET only\n"));
    } else if (span_is(path, "/livez")) {
        probe(exchange, admin->view, is_live);
    } else if (span_is(path, "/readyz") || span_is(path, "/healthz")) {
        probe(exchange, admin->view, is_ready);
    } else if (span_is(path, "/metrics")) {
        struct buf out;
        buf_init(&out, METRICS_MAX);
        metric_write(&out, PARLEY_VERSION);
        http_answer(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, buf_span(&out));
        buf_done(&out);
    } else {
        http_answer(exchange, 404, "text/plain", NULL, span_str("here are /livez, /readyz?verbose and /metrics\n"));
    }
}

static const struct ws_calls calls = {.on_request = on_request};

parley_status admin_new(const struct conf *conf, struct loop *loop, const struct admin_view *view, struct admin **out)
{
    struct admin *admin = mem_alloc(sizeof *admin);
    struct address address;
    admin->view = view;
    *out = admin;
    parley_status st =
        ws_new(loop, &(struct ws_config){.calls = &calls, .arg = admin, .connections_max = 64}, &admin->ws);
    if (st != PARLEY_OK || !conf->metrics.listen[0])
        return st;
    address_parse(conf->metrics.listen, &address);
    return ws_listen(admin->ws, &(struct ws_listener){.address = address.host, .port = address.port}, NULL);
}

void admin_stop(struct admin *admin)
{
    if (admin && admin->ws)
        ws_stop(admin->ws);
}

void admin_free(struct admin **admin)
{
    if (!*admin)
        return;
    ws_free(&(*admin)->ws);
    mem_free(*admin);
    *admin = NULL;
}
