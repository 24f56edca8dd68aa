/* Stays connected as well as it can: one attempt at a time, each wait chosen by chance within what the server asked. */
#include "sdk-c/src/link.h"

#include "sdk-c/src/client.h"
#include "sdk-c/src/hello.h"
#include "sdk-c/src/token.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const state_names[] = {
    [PARLEY_STATE_IDLE] = "idle",
    [PARLEY_STATE_CONNECTING] = "connecting",
    [PARLEY_STATE_SYNCING] = "syncing",
    [PARLEY_STATE_ONLINE] = "online",
    [PARLEY_STATE_BACKOFF] = "backoff",
    [PARLEY_STATE_SUSPENDED] = "suspended",
    [PARLEY_STATE_NEEDS_TOKEN] = "needs_token",
    [PARLEY_STATE_BLOCKED] = "blocked",
    [PARLEY_STATE_CLOSED] = "closed",
};

void link_init(struct link *link)
{
    *link = (struct link){.foreground = true,
                          .reachable = true,
                          .step_by = INT64_MAX,
                          .hurried_at = -BACKOFF_AGAIN_MS,
                          .background_at = INT64_MAX,
                          .drain_at = INT64_MAX,
                          .expires_at = INT64_MAX};
}

bool link_online(const struct parley_client *c)
{
    return c->link.state == PARLEY_STATE_ONLINE;
}

/* Every change of state, and its event. A lost event of a state is no lost state: the next one names both. */
static void link_move(struct parley_client *c, int32_t state, parley_status reason, const char *text, int64_t retry_in)
{
    static const struct uuid nil;
    struct link *l = &c->link;
    if (l->state == state && l->reason == reason && state != PARLEY_STATE_BACKOFF)
        return;
    struct parley_event *e = event_new(PARLEY_EVENT_STATE, nil);
    if (e) {
        e->state = state;
        e->status = reason;
    }
    event_put_word(e, "state", state_names[state]);
    event_put_word(e, "was", state_names[l->state]);
    event_put_word(e, "reason", status_name(reason));
    if (reason != PARLEY_OK)
        event_put_word(e, "text", text && *text ? text : status_text(reason));
    if (retry_in >= 0)
        event_put_int(e, "retry_in_ms", retry_in);
    l->state = state;
    l->reason = reason;
    events_push(&c->events, e);
    c->events.ended = state == PARLEY_STATE_CLOSED;
    if (c->events.ended)
        pthread_cond_broadcast(&c->events.some);
}

/* Lets go of the socket, and tells everybody who counted on it. */
static void drop(struct parley_client *c, int code)
{
    struct link *l = &c->link;
    if (l->socket && code)
        driver_close(c, l->socket, code);
    l->socket = 0;
    l->probe = 0;
    l->renew = l->renewing = false;
    l->step_by = l->drain_at = l->expires_at = INT64_MAX;
    requests_lost(c);
    push_lost(&c->push);
    inbox_lost(&c->inbox);
    outbox_lost(c);
}

static void rest(struct parley_client *c, int32_t state, parley_status reason, const char *text, int code)
{
    drop(c, code);
    link_move(c, state, reason, text, -1);
}

/* Into the wait that ends then. */
static void wait_until(struct parley_client *c, int64_t when, parley_status reason, const char *text)
{
    c->link.step_by = when;
    link_move(c, PARLEY_STATE_BACKOFF, reason, text, when - client_now(c));
}

static void attempt(struct parley_client *c)
{
    struct link *l = &c->link;
    if (client_now(c) < l->not_before) {
        wait_until(c, l->not_before, PARLEY_BUSY, "the server asked to come back later");
        return;
    }
    l->socket = ++l->sockets;
    l->step_by = client_now(c) + LINK_CONNECT_MS;
    link_move(c, PARLEY_STATE_CONNECTING, PARLEY_OK, NULL, -1);
    if (driver_open(c, l->socket) != PARLEY_OK)
        link_lost(c, PARLEY_NOMEM, "no memory to connect", 0);
}

/* The state that follows from the app's wishes when nothing is under way. */
void link_go(struct parley_client *c)
{
    struct link *l = &c->link;
    if (!l->wanted || l->socket)
        return;
    if (!c->settings.token || l->token_refused)
        rest(c, PARLEY_STATE_NEEDS_TOKEN, l->token_refused ? l->refusal : PARLEY_UNAUTHENTICATED,
             l->token_refused ? NULL : "no token was set", 0);
    else if (!l->reachable)
        rest(c, PARLEY_STATE_SUSPENDED, PARLEY_UNAVAILABLE, "there is no network", 0);
    else if (!l->foreground && client_now(c) >= l->background_at && !c->sync.active)
        rest(c, PARLEY_STATE_SUSPENDED, PARLEY_CANCELED, "in the background", 0);
    else if (events_full(&c->events))
        l->step_by = client_now(c) + LINK_FULL_MS; /* what would come has no room */
    else
        attempt(c);
}

/* Cuts a wait short, at most every two seconds. */
static void hurry(struct parley_client *c)
{
    struct link *l = &c->link;
    int64_t now = client_now(c), next = l->hurried_at + BACKOFF_AGAIN_MS;
    if (l->state == PARLEY_STATE_BACKOFF && now < l->not_before)
        return;
    if (l->state == PARLEY_STATE_BACKOFF && now < next) {
        l->step_by = next < l->step_by ? next : l->step_by;
        return;
    }
    l->hurried_at = now;
    l->step_by = INT64_MAX;
    link_go(c);
}

void link_start(struct parley_client *c)
{
    struct link *l = &c->link;
    bool at_rest = l->state == PARLEY_STATE_IDLE || l->state == PARLEY_STATE_BLOCKED || l->state == PARLEY_STATE_CLOSED;
    l->wanted = true;
    if (at_rest) {
        backoff_reset(&l->backoff);
        link_go(c);
    }
}

void link_stop(struct parley_client *c, parley_status reason)
{
    c->link.wanted = false;
    if (c->link.state != PARLEY_STATE_CLOSED)
        rest(c, PARLEY_STATE_CLOSED, reason, NULL, 1000);
}

/* The socket may be dead without a word: asks at once, and does not wait long. */
static void doubt(struct parley_client *c)
{
    c->link.heard_at = client_now(c) - c->link.probe_after;
    c->link.probe_ms = LINK_DOUBT_MS;
}

void link_foreground(struct parley_client *c, bool on)
{
    struct link *l = &c->link;
    if (l->foreground == on)
        return;
    l->foreground = on;
    l->background_at = on ? INT64_MAX : client_now(c) + c->settings.background_ms;
    if (on && link_online(c))
        doubt(c);
    else if (on && (l->state == PARLEY_STATE_BACKOFF || l->state == PARLEY_STATE_SUSPENDED))
        hurry(c);
}

void link_network(struct parley_client *c, bool reachable)
{
    struct link *l = &c->link;
    l->reachable = reachable;
    bool opening = l->state == PARLEY_STATE_CONNECTING || l->state == PARLEY_STATE_SYNCING;
    bool waiting = l->state == PARLEY_STATE_BACKOFF || l->state == PARLEY_STATE_SUSPENDED;
    if (!reachable && l->wanted && (l->socket || waiting)) {
        rest(c, PARLEY_STATE_SUSPENDED, PARLEY_UNAVAILABLE, "there is no network", 1000);
    } else if (reachable && link_online(c)) {
        doubt(c);
    } else if (reachable && opening && client_now(c) >= l->hurried_at + BACKOFF_AGAIN_MS) {
        drop(c, 1000); /* an attempt over the old network would only time out */
        hurry(c);
    } else if (reachable && waiting) {
        hurry(c);
    }
}

/* --- the socket --- */

static void welcomed(struct parley_client *c, const struct frame_welcome *w)
{
    struct link *l = &c->link;
    client_is(c, w->me, w->role);
    push_online(c);
    l->refusals = 0;
    l->step_by = INT64_MAX;
    l->online_at = client_now(c);
    l->probe_after = (w->ping_ms >= 1000 && w->ping_ms <= LIMIT_SILENCE_MS ? w->ping_ms : LIMIT_PING_MS) * 3 / 2;
    link_expiry(c, w->has_expires_at ? w->expires_at : 0, w->time);
    link_move(c, PARLEY_STATE_ONLINE, PARLEY_OK, NULL, -1);

    l->renew = c->settings.next_token != NULL;
    token_welcome(c, w);
    token_renew(c);
}

static parley_status hello_done(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    if (answer->status != PARLEY_OK) {
        link_refused(c, &answer->frame->error, answer->status);
        return PARLEY_OK;
    }
    welcomed(c, &answer->frame->welcome);
    return inbox_welcome(c, &answer->frame->welcome);
}

void link_opened(struct parley_client *c)
{
    struct link *l = &c->link;
    if (l->state != PARLEY_STATE_CONNECTING)
        return;
    l->step_by = client_now(c) + LINK_HELLO_MS;
    link_heard(c);
    link_move(c, PARLEY_STATE_SYNCING, PARLEY_OK, NULL, -1);
    parley_status st = hello_say(c, hello_done);
    if (st != PARLEY_OK)
        link_lost(c, st, "hello cannot be said; is the token too long?", 0);
}

static bool is_token_status(parley_status st)
{
    return st >= PARLEY_UNAUTHENTICATED && st <= PARLEY_TOKEN_AUDIENCE;
}

/* An error in place of welcome, or of auth_ok. */
void link_refused(struct parley_client *c, const struct frame_error *error, parley_status st)
{
    char text[256];
    snprintf(text, sizeof text, "%.*s", SPAN_ARG(error->text));
    if (is_token_status(st) && c->settings.next_token) {
        token_use_next(c); /* a guest's is good for nothing once the answer to the sign-in was lost */
        link_lost(c, st, text, 0);
        hurry(c);
    } else if (is_token_status(st)) {
        c->link.token_refused = true;
        c->link.refusal = st;
        c->link.refusals++;
        rest(c, PARLEY_STATE_NEEDS_TOKEN, st, text, 1000);
    } else if (status_again(st)) {
        link_lost(c, st, text, error->has_retry_after_ms ? backoff_told(error->retry_after_ms) : 0);
    } else {
        rest(c, PARLEY_STATE_BLOCKED, st, text, 1000);
    }
}

static parley_status status_of_close(int code)
{
    for (int st = 1; st <= PARLEY_SIGNED_OUT; st++)
        if (code >= 4000 && status_close_code((parley_status)st) == code)
            return (parley_status)st;
    if (code == 1012)
        return PARLEY_DRAINING;
    return code == 1009 ? PARLEY_TOO_BIG : code == 1011 ? PARLEY_INTERNAL : code == 1013 ? PARLEY_BUSY : PARLEY_CLOSED;
}

void link_closed(struct parley_client *c, int code, const char *reason)
{
    struct link *l = &c->link;
    parley_status st = status_of_close(code);
    int64_t wait = l->drain_at == INT64_MAX ? 0 : l->drain_at - client_now(c);
    drop(c, 0);
    if (code == 4004 || code == 4501) {
        l->token_refused = true;
        l->refusal = st;
        l->refusals++;
        link_move(c, PARLEY_STATE_NEEDS_TOKEN, st, reason, -1);
    } else if (code >= 4500 && code < 5000) {
        link_move(c, PARLEY_STATE_BLOCKED, st, reason, -1);
    } else {
        link_lost(c, st, reason, wait);
    }
}

void link_lost(struct parley_client *c, parley_status reason, const char *text, int64_t at_least_ms)
{
    struct link *l = &c->link;
    bool early = l->state == PARLEY_STATE_CONNECTING || l->state == PARLEY_STATE_SYNCING;
    drop(c, early ? 1000 : 1001);
    int64_t until = client_now(c) + backoff_next(&l->backoff, client_chance(c), at_least_ms);
    if (at_least_ms > 0)
        l->not_before = until;
    wait_until(c, until, reason, text);
}

void link_try_token(struct parley_client *c)
{
    struct link *l = &c->link;
    if (l->refusals > 1 && l->wanted && l->reachable) /* so that a back end that signs nonsense is not asked for more */
        wait_until(c, client_now(c) + backoff_next(&l->backoff, client_chance(c), 0), l->reason, NULL);
    else
        link_go(c);
}

void link_drain(struct parley_client *c, int64_t in_ms)
{
    c->link.drain_at = client_now(c) + backoff_told(in_ms);
}

void link_heard(struct parley_client *c)
{
    c->link.heard_at = client_now(c);
    c->link.probe_ms = LINK_PROBE_MS;
}

/* --- time --- */

static parley_status probe_done(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    c->link.probe = 0;
    return inbox_probed(c, r, answer);
}

/* Silence: ask for the head of a conversation, which shows at once whether the last packet was lost. */
static void probe(struct parley_client *c)
{
    struct request *r;
    parley_status st = inbox_probe(c, probe_done, &r);
    if (st != PARLEY_OK) {
        link_lost(c, st, NULL, 0);
        return;
    }
    r->deadline = INT64_MAX;
    c->link.probe = r->id;
}

void link_wake(struct parley_client *c)
{
    struct link *l = &c->link;
    l->wanted = true;
    if (link_online(c)) {
        doubt(c);
        if (!l->probe)
            probe(c);
    } else if (!l->socket && l->state != PARLEY_STATE_BLOCKED) {
        l->step_by = INT64_MAX;
        link_go(c);
    }
}

void link_sleep(struct parley_client *c, bool wanted)
{
    struct link *l = &c->link;
    if (!wanted)
        link_stop(c, PARLEY_CANCELED);
    else if (l->wanted && !l->foreground && client_now(c) >= l->background_at)
        rest(c, PARLEY_STATE_SUSPENDED, PARLEY_CANCELED, "in the background", 1000);
}

static void tick_online(struct parley_client *c, int64_t now)
{
    struct link *l = &c->link;
    if (now >= l->drain_at) {
        link_lost(c, PARLEY_DRAINING, NULL, 0);
        hurry(c);
        return;
    }
    if (now >= l->expires_at)
        link_token_ends(c, l->token_expires);
    if (l->backoff.attempt && now >= l->online_at + BACKOFF_RESET_MS)
        backoff_reset(&l->backoff);
    if (l->probe && now >= l->heard_at + l->probe_after + l->probe_ms)
        link_lost(c, PARLEY_TIMEOUT, "the server has gone silent", 0);
    else if (!l->probe && now >= l->heard_at + l->probe_after)
        probe(c);
}

void link_tick(struct parley_client *c, int64_t now)
{
    struct link *l = &c->link;
    token_renew(c);
    if (l->socket && now >= l->background_at && !c->sync.active)
        rest(c, PARLEY_STATE_SUSPENDED, PARLEY_CANCELED, "in the background", 1000);
    if (link_online(c)) {
        tick_online(c, now);
    } else if (now >= l->step_by) {
        l->step_by = INT64_MAX;
        if (l->state == PARLEY_STATE_BACKOFF)
            link_go(c);
        else
            link_lost(c, PARLEY_TIMEOUT, "the server does not answer", 0);
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t link_due(const struct parley_client *c)
{
    const struct link *l = &c->link;
    int64_t due = l->step_by;
    if (l->socket && !c->sync.active)
        due = earlier(due, l->background_at);
    if (!link_online(c))
        return due;
    due = earlier(due, earlier(l->drain_at, l->expires_at));
    return earlier(due, l->heard_at + l->probe_after + (l->probe ? l->probe_ms : 0));
}
