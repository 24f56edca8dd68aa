/* The client's life, its lock, and what wakes whom. */
#include "sdk-c/src/client.h"

#include "sdk-c/src/history.h"
#include "sdk-c/src/store.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ARENA_MAX = 64 << 20 };

/* --- time and chance --- */

static int64_t clock_read(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t real_now(void *arg)
{
    return clock_read(CLOCK_MONOTONIC);
}

static int64_t real_unix(void *arg)
{
    return clock_read(CLOCK_REALTIME);
}

static void real_random(void *arg, uint8_t *out, size_t size)
{
    if (getentropy(out, size) == 0)
        return;
    /* only a kernel without the call comes here; ids stay apart by time and address */
    uint64_t seed = (uint64_t)real_now(NULL) ^ (uint64_t)(uintptr_t)out ^ (uint64_t)real_unix(NULL) << 20;
    for (size_t i = 0; i < size; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(seed >> 56);
    }
}

static const struct hooks real_hooks = {.now_ms = real_now, .unix_ms = real_unix, .random = real_random};

int64_t client_now(const struct parley_client *c)
{
    return c->hooks.now_ms(c->hooks.arg);
}

uint32_t client_chance(const struct parley_client *c)
{
    uint32_t r;
    c->hooks.random(c->hooks.arg, (uint8_t *)&r, sizeof r);
    return r;
}

int64_t client_unix(const struct parley_client *c)
{
    return c->hooks.unix_ms(c->hooks.arg);
}

struct uuid client_id(const struct parley_client *c)
{
    uint8_t random[10];
    c->hooks.random(c->hooks.arg, random, sizeof random);
    return uuid_v7(client_unix(c), random);
}

bool client_is_staff(const struct parley_client *c)
{
    return c->role != role_customer && c->role != role_guest;
}

/* --- the lock --- */

void client_lock(struct parley_client *c)
{
    pthread_mutex_lock(&c->lock);
}

void client_unlock(struct parley_client *c)
{
    views_flush(c);
    keep_commit(c);
    cache_commit(c);
    bool kick = c->driver.kick_due || driver_is_late(c), wake = c->events.wake_due;
    void (*wakeup)(void *) = c->events.wakeup;
    void *user = c->events.wakeup_user;
    c->driver.kicked = c->driver.kicked || kick;
    c->driver.kick_due = c->events.wake_due = false;
    pthread_mutex_unlock(&c->lock);
    if (kick)
        driver_kick(c);
    if (wake && wakeup)
        wakeup(user);
}

/* --- life --- */

static void client_done(struct parley_client *c)
{
    requests_done(&c->requests);
    views_done(&c->views);
    outbox_done(&c->outbox);
    inbox_done(&c->inbox);
    arena_done(&c->arena);
    store_close(&c->keep);
    store_close(&c->cache);
    settings_done(&c->settings);
    sync_done(&c->sync);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static parley_status client_init(struct parley_client *c, const parley_config *config, const struct hooks *hooks)
{
    pthread_mutex_init(&c->lock, NULL);
    c->hooks = *hooks;
    c->role = role_customer;
    c->cache_items = CACHE_ITEMS;
    c->encoding = config->flags & PARLEY_WIRE_JSON ? ENCODING_JSON : ENCODING_MSGPACK;
    mask_init(&c->mask);
    link_init(&c->link);
    requests_init(&c->requests);
    outbox_init(&c->outbox);
    arena_init(&c->arena, ARENA_MAX);
    parley_status st = sync_init(&c->sync);
    if (st != PARLEY_OK)
        return st;
    c->device = client_id(c);
    c->device_given = config->device != NULL;
    if (config->device && uuid_parse(span_str(config->device), &c->device) != PARLEY_OK)
        return PARLEY_INVALID;
    return settings_copy(&c->settings, config);
}

/* What the app was here for last is told before anything else is done. */
static parley_status client_remember(struct parley_client *c)
{
    parley_status st = keep_open(c);
    if (st == PARLEY_OK)
        st = cache_open(c);
    if (st == PARLEY_OK)
        st = keep_read_contexts(c);
    if (st == PARLEY_OK)
        st = history_paint(c);
    if (st == PARLEY_OK)
        st = outbox_paint(c);
    views_flush(c);
    keep_commit(c);
    cache_commit(c);
    return st;
}

parley_status client_new(const parley_config *theirs, const struct hooks *hooks, parley_client **out_client)
{
    parley_config config;
    parley_status st = settings_read(theirs, &config);
    if (st != PARLEY_OK)
        return st;
    struct parley_client *c = calloc(1, sizeof *c);
    if (!c)
        return PARLEY_NOMEM;
    st = client_init(c, &config, hooks ? hooks : &real_hooks);
    if (st == PARLEY_OK)
        st = events_init(&c->events);
    if (st == PARLEY_OK) {
        st = client_remember(c);
        if (st == PARLEY_OK)
            st = driver_init(c, &config); /* last: its thread uses all the rest */
        if (st != PARLEY_OK)
            events_done(&c->events);
    }
    if (st != PARLEY_OK) {
        client_done(c);
        return st;
    }
    *out_client = c;
    return PARLEY_OK;
}

parley_status parley_client_new(const parley_config *config, parley_client **out_client)
{
    return client_new(config, NULL, out_client);
}

void parley_client_free(parley_client *c)
{
    if (!c)
        return;
    client_lock(c);
    c->events.wakeup = NULL;
    client_unlock(c);
    driver_done(c);
    events_done(&c->events);
    client_done(c);
}

/* --- whose it is --- */

void client_tell_cache(struct parley_client *c, const char *state, parley_status reason, const char *text)
{
    struct parley_event *e = event_new(PARLEY_EVENT_CACHE, (struct uuid){0});
    if (e)
        e->status = reason;
    event_put_word(e, "state", state);
    event_put_word(e, "reason", status_name(reason));
    event_put_word(e, "text", text);
    events_push(&c->events, e);
}

parley_status client_forget(struct parley_client *c)
{
    parley_status st = PARLEY_OK;
    outbox_done(&c->outbox);
    inbox_done(&c->inbox);
    store_close(&c->keep);
    store_close(&c->cache);
    if (c->settings.keep_path) {
        parley_status cache_gone = store_remove(c->settings.cache_path);
        st = keep_remove(c);
        st = st == PARLEY_OK ? cache_gone : st;
    }
    c->me = (struct uuid){0};
    c->role = role_customer;
    views_reset(c);
    return st;
}

void client_now_is(struct parley_client *c, struct uuid me, int role)
{
    c->me = me;
    c->role = role;
    c->owner_dirty = true;
    keep_owner(c);
    push_untold(c);
}

void client_is(struct parley_client *c, struct uuid me, int role)
{
    if (uuid_equal(c->me, me) && c->role == role)
        return;
    bool known_now = c->role == role_guest && role == role_customer;
    if (!uuid_is_nil(c->me) && !uuid_equal(c->me, me) && !known_now) {
        client_forget(c);
        keep_open(c); /* without: nothing outlives this run */
        cache_open(c);
        push_passed_on(c);
        client_tell_cache(c, "reset", PARLEY_CONFLICT, "somebody else has signed in; nothing of the last one is here");
    }
    client_now_is(c, me, role);
}

/* --- time passes --- */

void client_tick(struct parley_client *c, int64_t now)
{
    link_tick(c, now);
    requests_tick(c, now);
    for (struct conversation *conv = c->inbox.first; conv; conv = conv->next) {
        receipt_tick(c, conv, now);
        context_tick(c, conv, now);
    }
    outbox_pump(c);
    push_tick(c, now);
    sync_tick(c, now);
    requests_flush(c);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t client_due(struct parley_client *c)
{
    int64_t due = earlier(link_due(c), earlier(requests_due(c), outbox_due(c)));
    due = earlier(due, earlier(push_due(c), c->sync.until));
    for (const struct conversation *conv = c->inbox.first; conv && link_online(c); conv = conv->next) {
        due = earlier(due, receipt_due_at(conv));
        if (conv->following && !conv->context.in_flight)
            due = earlier(due, conv->context.send_at);
    }
    return due;
}

/* --- what the server says --- */

static enum frame_type awaited(void *arg, int64_t re)
{
    return request_awaited(arg, re);
}

static parley_status tell(struct parley_client *c, int32_t type, const struct frame *frame)
{
    struct parley_event *e = event_new(type, (struct uuid){0});
    event_put_frame(e, frame->type, &frame->error);
    return events_push(&c->events, e);
}

static parley_status take_push(struct parley_client *c, const struct frame *f)
{
    struct conversation *conv;
    if (!link_online(c) && f->type != FRAME_push_error && f->type != FRAME_push_drain)
        return PARLEY_OK; /* nothing is known before welcome, and it brings what this was about */
    switch (f->type) {
    case FRAME_push_item:
        return inbox_item(c, &f->push_item);
    case FRAME_push_head:
        return inbox_heads(c, &f->push_head);
    case FRAME_push_service:
        return inbox_service(c, &f->push_service);
    case FRAME_push_marked:
        conv = inbox_find(&c->inbox, f->push_marked.conversation);
        return conv ? receipt_mark(c, conv, &f->push_marked.mark) : PARLEY_OK;
    case FRAME_push_typing:
        conv = inbox_find(&c->inbox, f->push_typing.conversation);
        return conv ? receipt_typing(c, conv, &f->push_typing) : PARLEY_OK;
    case FRAME_push_offer:
        return tell(c, PARLEY_EVENT_OFFER, f);
    case FRAME_push_offer_ended:
        return tell(c, PARLEY_EVENT_OFFER_ENDED, f);
    case FRAME_push_desk:
        return tell(c, PARLEY_EVENT_DESK, f);
    case FRAME_push_token_expiring:
        link_token_ends(c, f->push_token_expiring.expires_at);
        return PARLEY_OK;
    case FRAME_push_drain:
        link_drain(c, f->push_drain.reconnect_in_ms);
        return PARLEY_OK;
    case FRAME_push_error:
        return tell(c, PARLEY_EVENT_ERROR, f);
    default:
        return PARLEY_OK; /* newer than this library */
    }
}

/* A frame that cannot be read is the server's fault, and says nothing about the next; but an item may have been in it.
 */
static parley_status take_frame(struct parley_client *c, const struct frame *f, const struct wire_error *error)
{
    if (error->status != PARLEY_OK)
        return error->status == PARLEY_NOMEM ? PARLEY_NOMEM : PARLEY_MALFORMED;
    if (f->type == FRAME_none)
        return PARLEY_OK;
    return frame_is_push(f->type) ? take_push(c, f) : request_answered(c, f);
}

parley_status client_receive(struct parley_client *c, struct span bytes)
{
    struct frame_reader reader;
    struct wire_error error;
    struct frame frame;
    uint64_t socket = c->link.socket;
    parley_status st = frame_reader_init(&reader, c->encoding, bytes, &error);
    while (st == PARLEY_OK && socket == c->link.socket) {
        arena_reset(&c->arena);
        if (!frame_next_answer(&reader, &c->arena, awaited, c, &frame, &error))
            break;
        st = take_frame(c, &frame, &error);
    }
    return st;
}
