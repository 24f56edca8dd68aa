#include "tests/unit/server/io/rig.h"

#include "protocol/buf.h"
#include "server/base/list.h"
#include "server/base/mem.h"
#include "server/io/loop.h"
#include "server/io/mailbox.h"
#include "server/io/packet.h"
#include "server/io/ws.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <uv.h>

enum { CODES_MAX = 512, BIG = 1 << 20, WAIT_S = 10 };

struct rig {
    struct loop *loop;
    struct mailbox *box;
    struct ws *ws;
    pthread_t thread;
    uint16_t port;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int codes[CODES_MAX];
    int closed, closed_read, requests, links;
    struct list laters; /* requests that are not answered yet */
};

struct user {
    struct rig *rig;
    struct ws_conn *conn;
    bool text;
    int drained;
};

struct later {
    struct list node;
    struct http_exchange *exchange;
    struct loop_timer timer;
};

/* ---- the application ---- */

static void *on_open(void *arg, struct ws_conn *conn, const struct ws_opened *opened)
{
    struct rig *rig = arg;
    struct user *user = mem_alloc(sizeof *user);
    user->rig = rig;
    user->conn = conn;
    user->text = opened->text;
    rig->links++;
    return user;
}

static void send_bytes(struct user *user, struct span bytes)
{
    struct packet *packet = packet_new(bytes, user->text);
    ws_send(user->conn, packet);
    packet_unref(&packet);
}

static void send_many(struct user *user, int count, int len)
{
    char *bytes = mem_alloc((size_t)len + 1);
    memset(bytes, 'x', (size_t)len);
    struct packet *packet = packet_new(span_of(bytes, (size_t)len), user->text);
    for (int i = 0; i < count; i++)
        ws_send(user->conn, packet);
    packet_unref(&packet);
    mem_free(bytes);
}

static bool obey(struct user *user, const char *command)
{
    int a, b, at = 0;
    char text[64];
    if (sscanf(command, "close %d %n", &a, &at) == 1 && at)
        ws_close(user->conn, a, span_str(command + at));
    else if (sscanf(command, "abort %d", &a) == 1)
        ws_abort(user->conn, a);
    else if (sscanf(command, "limit %d", &a) == 1)
        ws_set_limit(user->conn, (size_t)a);
    else if (sscanf(command, "send %d %d", &a, &b) == 2)
        send_many(user, a, b);
    else if (!strcmp(command, "ping")) {
        ws_ping(user->conn);
        send_bytes(user, span_str("pinged"));
    } else if (!strcmp(command, "await")) {
        ws_await_drain(user->conn);
        send_bytes(user, span_str("awaited"));
    } else if (!strcmp(command, "drained")) {
        snprintf(text, sizeof text, "%d", user->drained);
        send_bytes(user, span_str(text));
    } else
        return false;
    return true;
}

static void on_message(void *arg, struct span message)
{
    struct user *user = arg;
    char *command = mem_span(message);
    if (!obey(user, command))
        send_bytes(user, message);
    mem_free(command);
}

static void on_drained(void *arg)
{
    ((struct user *)arg)->drained++;
}

static void on_close(void *arg, int code)
{
    struct user *user = arg;
    struct rig *rig = user->rig;
    mem_free(user);
    rig->links--;
    pthread_mutex_lock(&rig->lock);
    assert_true(rig->closed < CODES_MAX);
    rig->codes[rig->closed++] = code;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

static bool origin_allowed(void *arg, struct span origin)
{
    return origin.len > 8 && !memcmp(origin.ptr + origin.len - 8, ".example", 8);
}

static size_t body_max(void *arg, int listener, struct span method, struct span path)
{
    return span_is(path, "/upload") ? 10 << 20 : 64 << 10;
}

static void answer_later(void *arg)
{
    struct later *later = arg;
    list_remove(&later->node);
    http_answer(later->exchange, 200, "text/plain", NULL, span_str("later"));
    mem_free(later);
}

static void answer_seen(struct http_exchange *x)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    buf_printf(&out, "%.*s %.*s x=%.*s after=%.*s auth=%.*s body=%zu", SPAN_ARG(http_method(x)), SPAN_ARG(http_path(x)),
               SPAN_ARG(http_parameter(x, "x")), SPAN_ARG(http_parameter(x, "after")), SPAN_ARG(http_authorization(x)),
               http_body(x).len);
    struct http_header headers[] = {{"Cache-Control", span_str("max-age=60")}, {"X-Bad", span_str("a\r\nb: c")}, {0}};
    http_answer(x, 200, "text/plain", headers, buf_span(&out));
    buf_done(&out);
}

static void answer_big(struct http_exchange *exchange)
{
    char *bytes = mem_alloc(BIG);
    memset(bytes, 'b', BIG);
    http_answer(exchange, 200, "application/octet-stream", NULL, span_of(bytes, BIG));
    mem_free(bytes);
}

static void on_request(void *arg, struct http_exchange *exchange)
{
    struct rig *rig = arg;
    struct span path = http_path(exchange);
    pthread_mutex_lock(&rig->lock);
    rig->requests++;
    pthread_mutex_unlock(&rig->lock);
    if (span_is(path, "/later")) {
        struct later *later = mem_alloc(sizeof *later);
        list_push(&rig->laters, &later->node);
        later->exchange = exchange;
        loop_timer_start(rig->loop, &later->timer, 100, answer_later, later);
    } else if (span_is(path, "/big"))
        answer_big(exchange);
    else if (span_is(path, "/seen"))
        answer_seen(exchange);
    else if (span_is(path, "/echo") || span_is(path, "/upload"))
        http_answer(exchange, 200, "text/plain", NULL, http_body(exchange));
    else
        http_answer(exchange, 404, "text/plain", NULL, span_str("no"));
}

static const struct ws_calls CALLS = {
    .origin_allowed = origin_allowed,
    .on_open = on_open,
    .on_message = on_message,
    .on_drained = on_drained,
    .on_close = on_close,
    .body_max = body_max,
    .on_request = on_request,
};

/* ---- the worker ---- */

static void *run(void *arg)
{
    loop_run(((struct rig *)arg)->loop);
    return NULL;
}

struct rig *rig_start(const struct rig_options *options)
{
    struct rig_options none = {0};
    const struct rig_options *o = options ? options : &none;
    struct rig *rig = mem_alloc(sizeof *rig);
    struct ws_config config = {
        .calls = &CALLS,
        .arg = rig,
        .connections_max = o->connections_max,
        .handshakes_max = o->handshakes_max,
        .ping_ms = o->ping_ms,
        .silence_ms = o->silence_ms,
        .stall_ms = o->stall_ms,
        .head_ms = o->head_ms,
        .body_ms = o->body_ms,
        .out_max = o->out_max ? o->out_max : 64 << 20,
        .held_max = o->held_max,
        .tls_certificate = o->certificate,
        .tls_key = o->key,
    };
    struct ws_listener listener = {.address = "127.0.0.1", .tls = o->tls, .links = true};
    list_init(&rig->laters);
    pthread_mutex_init(&rig->lock, NULL);
    pthread_cond_init(&rig->changed, NULL);
    rig->loop = loop_new();
    rig->box = mailbox_new(rig->loop, rig);
    assert_int_equal(ws_new(rig->loop, &config, &rig->ws), PARLEY_OK);
    assert_int_equal(ws_listen(rig->ws, &listener, &rig->port), PARLEY_OK);
    pthread_create(&rig->thread, NULL, run, rig);
    return rig;
}

static void open_stop(struct mail *mail, void *receiver)
{
    struct rig *rig = receiver;
    mem_free(mail);
    ws_stop(rig->ws);
    while (!list_empty(&rig->laters)) {
        struct later *later = LIST_ITEM(rig->laters.next, struct later, node);
        loop_timer_stop(&later->timer);
        answer_later(later);
    }
    mailbox_close(rig->box);
    loop_stop(rig->loop);
}

void rig_stop(struct rig **at)
{
    struct rig *rig = *at;
    struct mail *mail = mem_alloc(sizeof *mail);
    mail->open = open_stop;
    mailbox_send(rig->box, mail);
    pthread_join(rig->thread, NULL);
    assert_int_equal(rig->links, 0);
    assert_int_equal(ws_count(rig->ws).links, 0);
    assert_int_equal(ws_count(rig->ws).sockets, 0);
    ws_free(&rig->ws);
    mailbox_free(&rig->box);
    loop_free(&rig->loop);
    mem_free(rig);
    *at = NULL;
}

int rig_setup(void **state)
{
    *state = rig_start(NULL);
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *rig = *state;
    rig_stop(&rig);
    return 0;
}

uint16_t rig_port(const struct rig *rig)
{
    return rig->port;
}

static void wait_for_change(struct rig *rig)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    assert_int_equal(pthread_cond_timedwait(&rig->changed, &rig->lock, &until), 0);
}

int rig_closed(struct rig *rig)
{
    pthread_mutex_lock(&rig->lock);
    while (rig->closed_read == rig->closed)
        wait_for_change(rig);
    int code = rig->codes[rig->closed_read++];
    pthread_mutex_unlock(&rig->lock);
    return code;
}

int rig_requests(struct rig *rig)
{
    pthread_mutex_lock(&rig->lock);
    int n = rig->requests;
    pthread_mutex_unlock(&rig->lock);
    return n;
}

struct errand {
    struct mail mail;
    void (*fn)(struct ws *ws);
    bool *done;
};

static void open_errand(struct mail *mail, void *receiver)
{
    struct rig *rig = receiver;
    struct errand *errand = (struct errand *)mail;
    errand->fn(rig->ws);
    pthread_mutex_lock(&rig->lock);
    *errand->done = true;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
    mem_free(errand);
}

void rig_run(struct rig *rig, void (*fn)(struct ws *ws))
{
    bool done = false;
    struct errand *errand = mem_alloc(sizeof *errand);
    *errand = (struct errand){.mail.open = open_errand, .fn = fn, .done = &done};
    mailbox_send(rig->box, &errand->mail);
    pthread_mutex_lock(&rig->lock);
    while (!done)
        wait_for_change(rig);
    pthread_mutex_unlock(&rig->lock);
}

/* Lives in the frame of whoever waits for it. */
struct watch {
    struct mail mail;
    struct rig *rig;
    uv_check_t turn;
    struct loop_timer timer;
    int ms;
    unsigned turns;
    bool done;
};

static void on_turn(uv_check_t *turn)
{
    ((struct watch *)turn->data)->turns++;
}

static void on_closed(uv_handle_t *turn)
{
    struct watch *watch = turn->data;
    struct rig *rig = watch->rig;
    pthread_mutex_lock(&rig->lock);
    watch->done = true;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

static void end_watch(void *arg)
{
    uv_close((uv_handle_t *)&((struct watch *)arg)->turn, on_closed);
}

static void begin_watch(struct mail *mail, void *receiver)
{
    struct watch *watch = (struct watch *)mail;
    uv_check_init(loop_uv(watch->rig->loop), &watch->turn);
    watch->turn.data = watch;
    uv_check_start(&watch->turn, on_turn);
    loop_timer_start(watch->rig->loop, &watch->timer, watch->ms, end_watch, watch);
}

unsigned rig_turns(struct rig *rig, int ms)
{
    struct watch watch = {.mail.open = begin_watch, .rig = rig, .ms = ms};
    mailbox_send(rig->box, &watch.mail);
    pthread_mutex_lock(&rig->lock);
    while (!watch.done)
        wait_for_change(rig);
    pthread_mutex_unlock(&rig->lock);
    return watch.turns;
}
