/* One token after another on the same connection, and what they say of the user. */
#include "sdk-c/src/token.h"

#include "sdk-c/src/client.h"

#include <stdlib.h>

/* Who this is; w NULL: as of now, on the open connection. */
void token_welcome(struct parley_client *c, const struct frame_welcome *w)
{
    struct parley_event *e = event_new(PARLEY_EVENT_WELCOME, (struct uuid){0});
    event_put_id(e, "me", c->me);
    event_put_word(e, "role", role_name(c->role) ? role_name(c->role) : "unknown");
    if (w && w->has_name)
        event_put_text(e, "name", w->name);
    if (w) {
        event_put_text(e, "server", w->server);
        event_put_int(e, "time", w->time);
    }
    events_push(&c->events, e);
}

void token_use_next(struct parley_client *c)
{
    if (!c->settings.next_token)
        return;
    free(c->settings.token);
    c->settings.token = c->settings.next_token;
    c->settings.next_token = NULL;
}

bool token_is_refused(const struct parley_client *c, struct span token)
{
    const struct link *l = &c->link;
    return l->token_refused && l->refusal != PARLEY_TOKEN_NOT_YET && span_is(token, c->settings.token);
}

static parley_status auth_done(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    c->link.renewing = false;
    if (answer->status == PARLEY_OK) {
        const struct frame_auth_ok *ok = &answer->frame->auth_ok;
        token_use_next(c);
        link_expiry(c, ok->has_expires_at ? ok->expires_at : 0, client_unix(c));
        if (!ok->has_me)
            return PARLEY_OK;
        client_now_is(c, ok->me, role_customer);
        token_welcome(c, NULL);
        return ok->has_main ? inbox_main(c, ok->main) : PARLEY_OK;
    }
    if (answer->frame->type == FRAME_error)
        link_refused(c, &answer->frame->error, answer->status);
    return PARLEY_OK;
}

/* Between the posts of the old token and those of the new one: a guest's must all be answered before. */
void token_renew(struct parley_client *c)
{
    struct link *l = &c->link;
    const char *token = c->settings.next_token ? c->settings.next_token : c->settings.token;
    struct frame_auth auth = {.token = span_str(token)};
    if (!l->renew || l->renewing || !link_online(c) || outbox_in_flight(c))
        return;
    l->renew = false;
    l->renewing = true;
    if (request_make(c, FRAME_auth, &auth, REQUEST_DROP, auth_done, NULL) != PARLEY_OK)
        link_lost(c, PARLEY_NOMEM, NULL, 0);
}

bool link_may_post(const struct parley_client *c)
{
    return link_online(c) && !c->link.renew && !c->link.renewing;
}

void link_token(struct parley_client *c)
{
    struct link *l = &c->link;
    l->token_refused = false;
    if (link_online(c)) {
        l->renew = true;
        token_renew(c);
    } else if (l->state == PARLEY_STATE_NEEDS_TOKEN ||
               (l->state == PARLEY_STATE_BLOCKED && l->reason == PARLEY_SIGNED_OUT)) {
        link_try_token(c);
    }
}

void link_expiry(struct parley_client *c, int64_t expires_at, int64_t server_time)
{
    struct link *l = &c->link;
    int64_t left = expires_at - server_time;
    l->token_expires = expires_at;
    if (expires_at <= 0) {
        l->expires_at = INT64_MAX;
        return;
    }
    left = left < LINK_FAR_MS ? left : LINK_FAR_MS;
    int64_t before = left / 10 > LINK_EXPIRY_MS ? left / 10 : LINK_EXPIRY_MS;
    l->expires_at = client_now(c) + (left > before ? left - before : 0);
}

void link_token_ends(struct parley_client *c, int64_t expires_at)
{
    struct parley_event *e = event_new(PARLEY_EVENT_TOKEN_EXPIRING, (struct uuid){0});
    c->link.expires_at = INT64_MAX;
    event_put_int(e, "expires_at", expires_at);
    events_push(&c->events, e);
}
