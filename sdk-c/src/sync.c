/* It is through when nothing is asked, nothing waits to be sent, and everything that came is confirmed. */
#include "sdk-c/src/sync.h"

#include "sdk-c/src/client.h"

enum { SYNC_SLACK_MS = 100, SYNC_STEP_MS = 50 };

parley_status sync_init(struct sync *sync)
{
    *sync = (struct sync){.until = INT64_MAX};
    return events_condition(&sync->ended) == 0 ? PARLEY_OK : PARLEY_NOMEM;
}

void sync_done(struct sync *sync)
{
    pthread_cond_destroy(&sync->ended);
}

static bool conversation_settled(const struct conversation *conv)
{
    return !conv->following || (!conv->fetching && conv->mark_at == INT64_MAX && !context_waits(&conv->context));
}

static bool settled(const struct parley_client *c)
{
    if (c->requests.count || outbox_waits(c) || push_due(c) != INT64_MAX)
        return false;
    for (const struct conversation *conv = c->inbox.first; conv; conv = conv->next)
        if (!conversation_settled(conv))
            return false;
    return true;
}

parley_status sync_begin(struct parley_client *c, int32_t limit_ms, uint64_t call)
{
    struct sync *s = &c->sync;
    if (s->active)
        return PARLEY_WRONG_STATE;
    s->active = true;
    s->was_wanted = c->link.wanted;
    s->call = call;
    s->until = client_now(c) + limit_ms;
    s->items = s->sent = 0;
    link_wake(c);
    sync_tick(c, client_now(c));
    return PARLEY_OK;
}

struct parley_event *sync_result(struct parley_client *c)
{
    const struct sync *s = &c->sync;
    int64_t unread = 0;
    for (struct conversation *conv = c->inbox.first; conv; conv = conv->next)
        unread += recap_unread(c, conv);
    struct parley_event *e = event_new(PARLEY_EVENT_ANSWER, (struct uuid){0});
    if (e)
        e->status = s->status;
    event_put_word(e, "status", status_name(s->status));
    event_put_int(e, "items", s->items);
    event_put_int(e, "sent", s->sent);
    event_put_int(e, "unsent", (int64_t)c->outbox.waiting);
    event_put_int(e, "unread", unread);
    return event_checked(e);
}

static void reply(struct parley_client *c)
{
    struct parley_event *result = sync_result(c), *e = event_new(PARLEY_EVENT_REPLY, (struct uuid){0});
    if (e) {
        e->call = c->sync.call;
        e->status = c->sync.status;
    }
    event_put_int(e, "call", (int64_t)c->sync.call);
    event_put_word(e, "type", "sync");
    event_put_word(e, "status", status_name(c->sync.status));
    if (result)
        event_put_json(e, "data", span_str(parley_event_json(result)));
    parley_event_free(result);
    events_push(&c->events, e);
}

void sync_end(struct parley_client *c, parley_status st)
{
    struct sync *s = &c->sync;
    s->active = false;
    s->status = st;
    s->until = INT64_MAX;
    link_sleep(c, s->was_wanted);
    if (s->call)
        reply(c);
    pthread_cond_broadcast(&s->ended);
}

/* A state from which nothing comes by itself. */
static bool is_stuck(const struct parley_client *c)
{
    int32_t state = c->link.state;
    return state == PARLEY_STATE_NEEDS_TOKEN || state == PARLEY_STATE_BLOCKED || state == PARLEY_STATE_CLOSED ||
           state == PARLEY_STATE_SUSPENDED;
}

void sync_tick(struct parley_client *c, int64_t now)
{
    if (!c->sync.active)
        return;
    if (is_stuck(c))
        sync_end(c, c->link.reason);
    else if (events_full(&c->events))
        sync_end(c, PARLEY_SLOW);
    else if (link_online(c) && settled(c))
        sync_end(c, PARLEY_OK);
    else if (now >= c->sync.until)
        sync_end(c, PARLEY_TIMEOUT);
}

/* --- waiting for it --- */

/* Our thread ends it in time, unless it hangs in the transport. */
static void wait_for_end(struct parley_client *c, int32_t limit_ms)
{
    struct timespec until = events_after((int64_t)limit_ms + SYNC_SLACK_MS);
    client_lock(c);
    while (c->sync.active && pthread_cond_timedwait(&c->sync.ended, &c->lock, &until) == 0)
        ;
    if (c->sync.active)
        sync_end(c, PARLEY_TIMEOUT);
    client_unlock(c);
}

/* How long to wait for the next thing; negative: it is over. A step that finds the end first waits all the same. */
static int32_t next_wait_ms(struct parley_client *c)
{
    client_lock(c);
    int64_t left = c->sync.active ? c->sync.until - client_now(c) : -1;
    if (c->sync.active && left < 0)
        left = 0;
    client_unlock(c);
    return (int32_t)(left < SYNC_STEP_MS ? left : SYNC_STEP_MS);
}

static void step_to_end(struct parley_client *c)
{
    int32_t wait = 0;
    for (parley_step(c, 0); (wait = next_wait_ms(c)) >= 0; parley_step(c, 0))
        parley_step(c, wait);
}

parley_status parley_sync_background(parley_client *c, int32_t limit_ms, parley_event **out_result)
{
    if (limit_ms < 1)
        return PARLEY_INVALID;
    client_lock(c);
    parley_status st = sync_begin(c, limit_ms, 0);
    c->driver.kick_due = true;
    client_unlock(c);
    if (st != PARLEY_OK)
        return st;
    if (c->settings.flags & PARLEY_HOST_DRIVEN)
        step_to_end(c);
    else
        wait_for_end(c, limit_ms);
    client_lock(c);
    st = c->sync.status;
    if (out_result)
        *out_result = sync_result(c);
    client_unlock(c);
    return st;
}
