/* One wish at a time: the newest counts. What somebody left behind is claimed before it, and so taken from them. */
#include "sdk-c/src/push.h"

#include "sdk-c/src/client.h"

static struct waker waker_of(struct span platform, struct span token)
{
    struct waker w = {0};
    if (platform.len)
        memcpy(w.platform, platform.ptr, platform.len);
    if (token.len)
        memcpy(w.token, token.ptr, token.len);
    return w;
}

/* --- what was left --- */

static void leave(struct parley_client *c)
{
    struct push *p = &c->push;
    if (!p->known || !*p->wish.token)
        return;
    p->left = p->wish;
    p->has_left = true;
    p->claimed = false;
}

static void left_done(struct parley_client *c)
{
    struct push *p = &c->push;
    if (p->has_left)
        left_remove(c->settings.left_path, &p->left);
    p->has_left = p->claimed = false;
}

parley_status push_left_kept(struct parley_client *c)
{
    return c->push.has_left ? left_save(c->settings.left_path, &c->push.left) : PARLEY_OK;
}

/* --- the wish --- */

static parley_status keep(struct parley_client *c, const struct waker *wish, bool told)
{
    return keep_push(c, span_str(wish->platform), span_str(wish->token), told);
}

parley_status push_register(struct parley_client *c, struct span platform, struct span token)
{
    struct push *p = &c->push;
    struct waker wish = waker_of(platform, token);
    bool same = p->known && waker_equal(&wish, &p->wish);
    if (same && p->said_here)
        return PARLEY_OK;
    parley_status st = keep(c, &wish, false);
    if (st != PARLEY_OK)
        return st;
    if (!token.len && !link_may_post(c)) {
        leave(c); /* the user may sign out before the server has heard of it */
        push_left_kept(c);
    }
    p->wish = wish;
    p->known = p->said_here = true;
    push_untold(c);
    return PARLEY_OK;
}

void push_restore(struct parley_client *c, struct span platform, struct span token, bool told)
{
    struct push *p = &c->push;
    if (platform.len > LIMIT_NAME || token.len > LIMIT_PUSH_TOKEN)
        return;
    p->wish = waker_of(platform, token);
    p->known = true;
    p->told = told;
}

void push_untold(struct parley_client *c)
{
    c->push.told = false;
    c->push.asking = PUSH_NOTHING; /* an answer under way is about what was */
    c->push.again_at = 0;
}

static void forget_wish(struct push *p)
{
    p->wish = (struct waker){0};
    p->known = p->told = p->said_here = false;
    p->asking = PUSH_NOTHING;
}

void push_passed_on(struct parley_client *c)
{
    struct push *p = &c->push;
    if (p->said_here) { /* of whoever is here now */
        keep(c, &p->wish, false);
        return;
    }
    leave(c);
    push_left_kept(c);
    forget_wish(p);
}

void push_online(struct parley_client *c)
{
    struct push *p = &c->push;
    if (!p->has_left)
        p->has_left = left_read(c->settings.left_path, &p->left);
    if (p->has_left)
        p->told = p->claimed = false;
}

void push_lost(struct push *push)
{
    push->asking = PUSH_NOTHING;
    push->again_at = 0;
}

/* --- saying it --- */

static enum push_step next_step(const struct push *p)
{
    bool wish_claims = p->known && waker_equal(&p->wish, &p->left);
    if (p->has_left && !p->claimed && !wish_claims)
        return PUSH_CLAIM;
    if (p->known && !p->told)
        return PUSH_WISH;
    return p->has_left ? PUSH_RELEASE : PUSH_NOTHING;
}

static bool may_ask(const struct parley_client *c)
{
    const struct push *p = &c->push;
    return !p->asking && next_step(p) != PUSH_NOTHING && link_may_post(c) && !client_is_staff(c);
}

static parley_status tell(struct parley_client *c, parley_status why, struct span text)
{
    struct parley_event *e = event_new(PARLEY_EVENT_PUSH, (struct uuid){0});
    if (e)
        e->status = why;
    event_put_word(e, "state", why != PARLEY_OK ? "refused" : *c->push.wish.token ? "registered" : "unregistered");
    event_put_word(e, "reason", status_name(why));
    if (why != PARLEY_OK)
        event_put_text(e, "text", text);
    return events_push(&c->events, e);
}

static parley_status answered_wish(struct parley_client *c, const struct answer *answer)
{
    struct push *p = &c->push;
    bool taken = answer->status == PARLEY_OK;
    p->told = true; /* or refused for good: asking again would not help */
    keep(c, &p->wish, taken);
    if (taken)
        left_done(c);
    return tell(c, answer->status, taken ? (struct span){0} : answer->frame->error.text);
}

static parley_status answered(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    struct push *p = &c->push;
    enum push_step step = p->asking;
    if (!step || r->id != p->asked)
        return PARLEY_OK; /* of a wish that was replaced */
    p->asking = PUSH_NOTHING;
    if (answer->status != PARLEY_OK && status_again(answer->status)) {
        const struct frame_error *error = &answer->frame->error;
        p->again_at = client_now(c) + (error->has_retry_after_ms ? backoff_told(error->retry_after_ms) : PUSH_AGAIN_MS);
        return PARLEY_OK;
    }
    p->again_at = 0;
    if (step == PUSH_WISH)
        return answered_wish(c, answer);
    p->told = p->told && step != PUSH_CLAIM; /* the server knows now what was left, of this device */
    p->claimed = step == PUSH_CLAIM && answer->status == PARLEY_OK;
    if (!p->claimed)
        left_done(c);
    return PARLEY_OK;
}

static parley_status ask(struct parley_client *c, const struct waker *w, request_done *done, struct request **out)
{
    struct frame_push_set set = {.has_platform = *w->token != '\0', .has_token = *w->token != '\0'};
    set.platform = span_str(w->platform);
    set.token = span_str(w->token);
    return request_make(c, FRAME_push_set, &set, REQUEST_DROP, done, out);
}

void push_leave(struct parley_client *c)
{
    static const struct waker nobody;
    struct push *p = &c->push;
    bool registered = p->known && *p->wish.token;
    leave(c);
    forget_wish(p);
    if (!registered || !link_online(c))
        return;
    ask(c, &nobody, NULL, NULL);
    requests_flush(c);
}

void push_tick(struct parley_client *c, int64_t now)
{
    static const struct waker nobody;
    struct push *p = &c->push;
    struct request *r;
    if (!may_ask(c) || now < p->again_at)
        return;
    enum push_step step = next_step(p);
    const struct waker *w = step == PUSH_CLAIM ? &p->left : step == PUSH_WISH ? &p->wish : &nobody;
    p->again_at = now + PUSH_AGAIN_MS;
    if (ask(c, w, answered, &r) != PARLEY_OK)
        return;
    p->asking = step;
    p->asked = r->id;
}

int64_t push_due(const struct parley_client *c)
{
    return may_ask(c) ? c->push.again_at : INT64_MAX;
}
