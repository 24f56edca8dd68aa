/* One wish at a time: the newest counts. */
#include "sdk-c/src/push.h"

#include "sdk-c/src/client.h"

static void copy(char *room, struct span text)
{
    if (text.len)
        memcpy(room, text.ptr, text.len);
    room[text.len] = '\0';
}

parley_status push_register(struct parley_client *c, struct span platform, struct span token)
{
    struct push *p = &c->push;
    bool same = p->known && span_is(platform, p->platform) && span_is(token, p->token);
    if (same && p->said_here)
        return PARLEY_OK;
    parley_status st = keep_push(c, platform, token, false);
    if (st != PARLEY_OK)
        return st;
    copy(p->platform, platform);
    copy(p->token, token);
    p->known = p->said_here = true;
    push_untold(c);
    return PARLEY_OK;
}

void push_restore(struct parley_client *c, struct span platform, struct span token, bool told)
{
    struct push *p = &c->push;
    if (platform.len > LIMIT_NAME || token.len > LIMIT_PUSH_TOKEN)
        return;
    copy(p->platform, platform);
    copy(p->token, token);
    p->known = true;
    p->told = told;
}

void push_untold(struct parley_client *c)
{
    c->push.told = c->push.asking = false; /* an answer under way is about what was */
    c->push.again_at = 0;
}

static parley_status tell(struct parley_client *c, parley_status why, struct span text)
{
    struct parley_event *e = event_new(PARLEY_EVENT_PUSH, (struct uuid){0});
    if (e)
        e->status = why;
    event_put_word(e, "state", why != PARLEY_OK ? "refused" : *c->push.token ? "registered" : "unregistered");
    event_put_word(e, "reason", status_name(why));
    if (why != PARLEY_OK)
        event_put_text(e, "text", text);
    return events_push(&c->events, e);
}

static parley_status answered(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    struct push *p = &c->push;
    const struct frame_error *error = &answer->frame->error;
    if (!p->asking || r->id != p->asked)
        return PARLEY_OK; /* of a wish that was replaced */
    p->asking = false;
    if (answer->status != PARLEY_OK && status_again(answer->status)) {
        p->again_at = client_now(c) + (error->has_retry_after_ms ? error->retry_after_ms : PUSH_AGAIN_MS);
        return PARLEY_OK;
    }
    p->told = true; /* or refused for good: asking again would not help */
    keep_push(c, span_str(p->platform), span_str(p->token), answer->status == PARLEY_OK);
    return tell(c, answer->status, answer->status == PARLEY_OK ? (struct span){0} : error->text);
}

static parley_status ask(struct parley_client *c, request_done *done, struct request **out)
{
    struct push *p = &c->push;
    struct frame_push_set set = {.has_platform = *p->token != '\0', .has_token = *p->token != '\0'};
    set.platform = span_str(p->platform);
    set.token = span_str(p->token);
    return request_make(c, FRAME_push_set, &set, REQUEST_DROP, done, out);
}

void push_lost(struct push *push)
{
    push->asking = false;
    push->again_at = 0;
}

void push_leave(struct parley_client *c)
{
    struct push *p = &c->push;
    bool registered = p->known && *p->token;
    *p = (struct push){0};
    if (!registered || !link_online(c))
        return;
    ask(c, NULL, NULL);
    requests_flush(c);
}

void push_tick(struct parley_client *c, int64_t now)
{
    struct push *p = &c->push;
    struct request *r;
    if (!p->known || p->told || p->asking || now < p->again_at || !link_may_post(c) || client_is_staff(c))
        return;
    p->again_at = now + PUSH_AGAIN_MS;
    p->asking = ask(c, answered, &r) == PARLEY_OK;
    if (p->asking)
        p->asked = r->id;
}

int64_t push_due(const struct parley_client *c)
{
    const struct push *p = &c->push;
    bool waits = p->known && !p->told && !p->asking && link_may_post(c) && !client_is_staff(c);
    return waits ? p->again_at : INT64_MAX;
}
