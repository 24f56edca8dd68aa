/* The loop: reports in, time, actions out, wait. */
#include "sdk-c/src/client.h"
#include "sdk-c/src/transport_lws.h"
#include "sdk-c/src/url.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum action_type { ACTION_OPEN, ACTION_SEND, ACTION_CLOSE };

struct action {
    struct action *next;
    enum action_type type;
    uint64_t socket;
    int code;
    size_t len;
    uint8_t bytes[];
};

enum report_type { REPORT_OPENED, REPORT_RECEIVED, REPORT_CLOSED };

struct report {
    struct report *next;
    enum report_type type;
    uint64_t socket;
    int code;
    size_t len;
    char bytes[];
};

static parley_status action_add(struct driver *d, enum action_type type, uint64_t socket, int code, struct span bytes)
{
    struct action *a = malloc(sizeof *a + bytes.len);
    if (!a)
        return PARLEY_NOMEM;
    *a = (struct action){.type = type, .socket = socket, .code = code, .len = bytes.len};
    if (bytes.len)
        memcpy(a->bytes, bytes.ptr, bytes.len);
    *d->actions_end = a;
    d->actions_end = &a->next;
    d->kick_due = true;
    return PARLEY_OK;
}

parley_status driver_open(struct parley_client *c, uint64_t socket)
{
    return action_add(&c->driver, ACTION_OPEN, socket, 0, (struct span){0});
}

parley_status driver_send(struct parley_client *c, uint64_t socket, struct span bytes)
{
    return action_add(&c->driver, ACTION_SEND, socket, 0, bytes);
}

void driver_close(struct parley_client *c, uint64_t socket, int code)
{
    /* without memory the socket stays open until the transport ends; what it reports is ignored by its number */
    action_add(&c->driver, ACTION_CLOSE, socket, code, (struct span){0});
}

/* Every report is copied, and read by the loop in the order it came. */
static parley_status report_add(struct parley_client *c, const struct report *head, struct span bytes)
{
    struct report *r = bytes.len > MESSAGE_IN_MAX ? NULL : malloc(sizeof *r + bytes.len + 1);
    parley_status st = r ? PARLEY_OK : bytes.len > MESSAGE_IN_MAX ? PARLEY_TOO_BIG : PARLEY_NOMEM;

    client_lock(c);
    if (r && c->driver.report_bytes + bytes.len > REPORTS_BYTES_MAX && head->type == REPORT_RECEIVED)
        st = PARLEY_SLOW;
    if (st == PARLEY_OK) {
        *r = *head;
        r->next = NULL;
        r->len = bytes.len;
        if (bytes.len)
            memcpy(r->bytes, bytes.ptr, bytes.len);
        r->bytes[bytes.len] = '\0';
        c->driver.report_bytes += r->len;
        *c->driver.reports_end = r;
        c->driver.reports_end = &r->next;
    } else {
        free(r);
        if (head->socket == c->link.socket)
            link_lost(c, st, "a message of the server could not be kept", 0);
    }
    c->driver.kick_due = !c->driver.builtin; /* the built-in one reports from inside the loop's wait */
    client_unlock(c);
    return st;
}

void parley_transport_opened(parley_client *c, uint64_t socket)
{
    report_add(c, &(struct report){.type = REPORT_OPENED, .socket = socket}, (struct span){0});
}

parley_status parley_transport_received(parley_client *c, uint64_t socket, const uint8_t *bytes, size_t length)
{
    return report_add(c, &(struct report){.type = REPORT_RECEIVED, .socket = socket}, span_of(bytes, length));
}

void parley_transport_closed(parley_client *c, uint64_t socket, int32_t code, const char *reason)
{
    report_add(c, &(struct report){.type = REPORT_CLOSED, .socket = socket, .code = code}, span_str(reason));
}

static void take_report(struct parley_client *c, const struct report *r)
{
    if (r->socket != c->link.socket)
        return;
    if (r->type == REPORT_OPENED) {
        link_opened(c);
    } else if (r->type == REPORT_CLOSED) {
        link_closed(c, r->code, r->bytes);
    } else {
        link_heard(c);
        parley_status st = client_receive(c, span_of(r->bytes, r->len));
        if (st != PARLEY_OK && r->socket == c->link.socket)
            link_lost(c, st, status_text(st), 0);
    }
}

static void take_reports(struct parley_client *c)
{
    struct driver *d = &c->driver;
    while (d->reports) {
        struct report *r = d->reports;
        d->reports = r->next;
        if (!d->reports)
            d->reports_end = &d->reports;
        d->report_bytes -= r->len;
        take_report(c, r);
        free(r);
    }
}

static void perform(struct parley_client *c, const struct action *a)
{
    const parley_transport *t = &c->driver.transport;
    parley_status st = PARLEY_OK;
    if (a->type == ACTION_OPEN)
        st = t->open(t->user, c, a->socket, c->settings.url, encoding_subprotocol(c->encoding));
    else if (a->type == ACTION_SEND)
        st = t->send(t->user, a->socket, a->bytes, a->len, c->encoding == ENCODING_MSGPACK);
    else
        t->close(t->user, a->socket, a->code);
    if (st != PARLEY_OK)
        parley_transport_closed(c, a->socket, 0, status_text(st));
}

static void perform_all(struct parley_client *c, struct action *a)
{
    while (a) {
        struct action *next = a->next;
        perform(c, a);
        free(a);
        a = next;
    }
}

/* One round under the lock; what is to be done comes out. */
static struct action *turn(struct parley_client *c, int64_t *out_due)
{
    struct driver *d = &c->driver;
    client_lock(c);
    take_reports(c);
    client_tick(c, client_now(c));
    struct action *actions = d->actions;
    d->actions = NULL;
    d->actions_end = &d->actions;
    *out_due = d->due = client_due(c);
    d->kick_due = d->kicked = false;
    client_unlock(c);
    return actions;
}

bool driver_is_late(struct parley_client *c)
{
    return requests_may_go(c) || client_due(c) < c->driver.due;
}

static void wait_for_work(struct parley_client *c, int32_t timeout_ms)
{
    struct driver *d = &c->driver;
    if (d->builtin) {
        lws_transport_wait(d->builtin, timeout_ms);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_mutex_lock(&c->lock);
    int gone = 0;
    while (!d->kicked && !d->stop && !gone)
        gone =
            timeout_ms < 0 ? pthread_cond_wait(&d->work, &c->lock) : pthread_cond_timedwait(&d->work, &c->lock, &until);
    pthread_mutex_unlock(&c->lock);
}

static int32_t shorter(int32_t timeout_ms, int64_t due, int64_t now)
{
    if (due == INT64_MAX)
        return timeout_ms;
    int64_t left = due > now ? due - now : 0;
    if (timeout_ms >= 0 && timeout_ms < left)
        return timeout_ms;
    return left > INT32_MAX ? INT32_MAX : (int32_t)left;
}

/* Does what is due until nothing is left; when that will change, for the wait. */
static int64_t settle(struct parley_client *c)
{
    int64_t due;
    struct action *actions;
    while ((actions = turn(c, &due)))
        perform_all(c, actions);
    return due;
}

static void step(struct parley_client *c, int32_t timeout_ms)
{
    int64_t due = settle(c);
    if (timeout_ms != 0 || c->driver.builtin) {
        wait_for_work(c, shorter(timeout_ms, due, client_now(c)));
        settle(c);
    }
}

parley_status parley_step(parley_client *c, int32_t timeout_ms)
{
    if (!(c->settings.flags & PARLEY_HOST_DRIVEN))
        return PARLEY_WRONG_STATE;
    step(c, timeout_ms);
    return PARLEY_OK;
}

int32_t parley_step_due(parley_client *c)
{
    client_lock(c);
    bool now = c->driver.reports || c->driver.actions;
    int64_t due = client_due(c);
    client_unlock(c);
    return now ? 0 : shorter(-1, due, client_now(c));
}

static void *run(void *arg)
{
    struct parley_client *c = arg;
    for (;;) {
        client_lock(c);
        bool stop = c->driver.stop;
        client_unlock(c);
        if (stop)
            return NULL;
        step(c, -1);
    }
}

static parley_status choose_transport(struct parley_client *c, const parley_config *config)
{
    if (config->transport) {
        if (config->transport->size > sizeof c->driver.transport)
            return PARLEY_LIMIT;
        memcpy(&c->driver.transport, config->transport, config->transport->size);
        const parley_transport *t = &c->driver.transport;
        return t->open && t->send && t->close ? PARLEY_OK : PARLEY_INVALID;
    }
    struct url url;
    parley_status st = url_parse(c->settings.url, &url);
    if (st != PARLEY_OK)
        return st;
    if (!url.tls && !url_is_local(&url) && !(c->settings.flags & PARLEY_ALLOW_PLAIN))
        return PARLEY_DENIED;
    st = lws_transport_new(c, c->settings.url, c->settings.ca_file, &c->driver.builtin);
    if (st == PARLEY_OK)
        c->driver.transport = lws_transport_table(c->driver.builtin);
    return st;
}

/* The host's signals are the host's: our thread takes none. */
static parley_status start_thread(struct parley_client *c)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    c->driver.has_thread = pthread_create(&c->driver.thread, NULL, run, c) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return c->driver.has_thread ? PARLEY_OK : PARLEY_NOMEM;
}

parley_status driver_init(struct parley_client *c, const parley_config *config)
{
    struct driver *d = &c->driver;
    d->actions_end = &d->actions;
    d->reports_end = &d->reports;
    if (events_condition(&d->work) != 0)
        return PARLEY_NOMEM;
    parley_status st = choose_transport(c, config);
    if (st == PARLEY_OK && !(c->settings.flags & PARLEY_HOST_DRIVEN))
        st = start_thread(c);
    if (st != PARLEY_OK) {
        lws_transport_free(&d->builtin);
        pthread_cond_destroy(&d->work);
    }
    return st;
}

void driver_kick(struct parley_client *c)
{
    if (c->driver.builtin)
        lws_transport_wake(c->driver.builtin);
    else
        pthread_cond_signal(&c->driver.work);
}

void driver_done(struct parley_client *c)
{
    struct driver *d = &c->driver;
    client_lock(c);
    link_stop(c, PARLEY_CANCELED);
    d->stop = d->kick_due = true;
    client_unlock(c);
    if (d->has_thread)
        pthread_join(d->thread, NULL);
    settle(c);
    lws_transport_free(&d->builtin);
    take_reports(c);
    pthread_cond_destroy(&d->work);
}
