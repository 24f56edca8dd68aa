/* Four kinds of token, one way in. */
#include "server/api/auth.h"

#include "protocol/wire_json.h"
#include "server/api/gate.h"
#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/hub/hub.h"
#include "server/hub/peers.h"
#include "server/io/crypto.h"
#include "server/io/jws.h"
#include "server/store/agent_row.h"
#include "server/talk/directory.h"
#include "server/talk/move.h"

#include <stdio.h>

struct checking {
    struct api *api;
    uint64_t peer;
    struct uuid device; /* that says hello; nil: none is named */
    struct admission admission;
    auth_done *done;
    void *arg;
};

void auth_digest(struct span token, uint8_t digest[AUTH_DIGEST])
{
    crypto_sha256(token, digest);
}

void auth_token_new(const char *prefix, char out[AUTH_TOKEN], uint8_t digest[AUTH_DIGEST])
{
    uint8_t secret[32];
    struct buf text;
    crypto_random(secret, sizeof secret);
    buf_init(&text, AUTH_TOKEN);
    crypto_base64url(span_of(secret, sizeof secret), &text);
    snprintf(out, AUTH_TOKEN, "%s%.*s", prefix, (int)text.len, text.ptr);
    auth_digest(span_str(out), digest);
    crypto_wipe(text.ptr, text.len);
    crypto_wipe(secret, sizeof secret);
    buf_done(&text);
}

int64_t auth_wait_ms(struct api *api, uint64_t peer)
{
    return gate_wait(api->gate, GATE_TOKEN, peer, loop_now_ms(api->loop));
}

/* A token that was good once is no guess: phones come back with those. */
static bool is_guess(parley_status status)
{
    return status != PARLEY_OK && !status_again(status) && status != PARLEY_TOKEN_EXPIRED &&
           status != PARLEY_TOKEN_NOT_YET;
}

static void finish(struct checking *c, parley_status status, const char *why)
{
    if (is_guess(status))
        gate_take(c->api->gate, GATE_TOKEN, c->peer, loop_now_ms(c->api->loop));
    c->done(c->arg, status, status == PARLEY_OK ? &c->admission : NULL, why);
    mem_free(c);
}

static void set_name(struct principal *who, struct span name)
{
    snprintf(who->name, sizeof who->name, "%.*s", SPAN_ARG(name));
}

/* ---- customers and guests: who they are, and which conversations they have ---- */

/* A guest's token is good on the device that it was made for, and a copy of it nowhere. */
static bool is_copied(const struct checking *c, const struct customer_home *home)
{
    return c->admission.who.role == role_guest && !uuid_equal(home->device, c->device);
}

static void on_entered(void *arg, parley_status status, const struct customer_home *home)
{
    struct checking *c = arg;
    struct principal *who = &c->admission.who;
    if (status == PARLEY_OK && who->role == role_customer && !directory_has_key(c->api->directory, who->key)) {
        finish(c, PARLEY_TOKEN_KEY, "the key of this token was withdrawn"); /* while Postgres was asked */
        return;
    }
    if (status == PARLEY_OK && is_copied(c, home)) {
        finish(c, PARLEY_UNAUTHENTICATED, "this guest token is another device's; `device` is the one it was made for");
        return;
    }
    if (status == PARLEY_OK) {
        who->id = home->customer.id;
        who->revision = home->customer.revision;
        set_name(who, home->customer.name);
        if (uuid_is_nil(who->app))
            who->app = home->app;
        c->admission.conversations_count = home->nconversations;
        memcpy(c->admission.conversations, home->conversations, sizeof home->conversations);
    }
    finish(c, status == PARLEY_NOT_FOUND ? PARLEY_UNAUTHENTICATED : status,
           status == PARLEY_NOT_FOUND ? "this guest token is not known; ask for a new one" : NULL);
}

static void check_jwt(struct checking *c, const struct credentials *credentials)
{
    const struct jws_claims *claims;
    const char *why = NULL;
    parley_status st = jws_verify(c->api->tokens, credentials->token, clock_ms(), &claims, &why);
    const struct directory_app *app = st == PARLEY_OK ? directory_app(c->api->directory, claims->app) : NULL;
    if (!app) {
        finish(c, st == PARLEY_OK ? PARLEY_TOKEN_KEY : st, why);
        return;
    }
    struct uuid cause = derived_id((struct uuid){0}, app->space, 0);
    struct uuid customer = derived_id(cause, claims->sub, 1);
    struct customer_entry entry = {
        .space = span_str(app->space),
        .kind = span_str("external"),
        .value = span_str(claims->sub),
        .name = span_str(claims->name),
        .language = claims->language[0] ? span_str(claims->language) : credentials->locale,
        .traits = span_str(claims->traits),
        .verified = true,
        .app = app->id,
        .device = credentials->device,
        .customer = customer,
        .conversation = derived_id(customer, "main", 0),
    };
    c->admission.who.role = role_customer;
    c->admission.who.app = app->id;
    c->admission.who.device = credentials->device;
    c->admission.who.expires_ms = claims->expires_ms;
    c->admission.who.key = directory_key_id(claims->kid);
    st = customer_enter(c->api->store, &entry, on_entered, c);
    if (st != PARLEY_OK)
        finish(c, st, NULL);
}

static void check_guest(struct checking *c, const struct credentials *credentials)
{
    uint8_t digest[AUTH_DIGEST];
    auth_digest(credentials->token, digest);
    c->admission.who.role = role_guest;
    c->admission.who.device = credentials->device;
    parley_status st = customer_by_guest(c->api->store, digest, on_entered, c);
    if (st != PARLEY_OK)
        finish(c, st, NULL);
}

/* ---- agents ---- */

static void on_agent(void *arg, parley_status status, const struct agent_row *rows, int n)
{
    struct checking *c = arg;
    struct principal *who = &c->admission.who;
    if (status == PARLEY_OK && n == 0) {
        finish(c, PARLEY_UNAUTHENTICATED, "this sign-in has ended; sign in again");
        return;
    }
    if (status == PARLEY_OK) {
        who->id = rows[0].id;
        who->role = (enum role)role_of(rows[0].role);
        who->revision = rows[0].revision;
        who->expires_ms = rows[0].token_expires_at_ms;
        set_name(who, rows[0].name);
    }
    finish(c, status, NULL);
}

static void check_agent(struct checking *c, const struct credentials *credentials)
{
    uint8_t digest[AUTH_DIGEST];
    auth_digest(credentials->token, digest);
    c->admission.who.device = credentials->device;
    parley_status st = agent_by_token(c->api->store, digest, clock_ms(), on_agent, c);
    if (st != PARLEY_OK)
        finish(c, st, NULL);
}

/* ---- bots and back ends ---- */

/* The bot is who speaks, by any of its keys; its processes are told apart by their devices. */
static void be_bot(struct checking *c, const struct directory_api_key *key)
{
    struct principal *who = &c->admission.who;
    const struct directory_bot *bot = directory_bot(c->api->directory, key->bot);
    who->id = key->bot;
    who->key = key->id;
    who->device = uuid_is_nil(c->device) ? crypto_uuid7() : c->device;
    who->status = agent_status_away;
    who->capacity = AUTH_BOT_CAPACITY;
    if (bot)
        set_name(who, span_str(bot->title));
}

static void check_key(struct checking *c, const struct credentials *credentials)
{
    uint8_t digest[AUTH_DIGEST];
    auth_digest(credentials->token, digest);
    const struct directory_api_key *key = directory_api_key(c->api->directory, digest);
    if (!key) {
        finish(c, PARLEY_UNAUTHENTICATED, "this key is not known, or was withdrawn");
        return;
    }
    c->admission.who = (struct principal){.id = key->id, .role = key->role, .app = key->app};
    set_name(&c->admission.who, span_str(key->name));
    if (key->role == role_bot)
        be_bot(c, key);
    finish(c, PARLEY_OK, NULL);
}

static bool begins(struct span token, const char *prefix)
{
    return token.len > 3 && memcmp(token.ptr, prefix, 3) == 0;
}

void auth_check(struct api *api, const struct credentials *credentials, auth_done *done, void *arg)
{
    struct checking *c = mem_alloc(sizeof *c);
    *c = (struct checking){
        .api = api, .peer = credentials->peer, .device = credentials->device, .done = done, .arg = arg};
    if (!peers_ready(api->hub->peers))
        finish(c, PARLEY_UNAVAILABLE, NULL);
    else if (begins(credentials->token, "pg_"))
        check_guest(c, credentials);
    else if (begins(credentials->token, "pa_"))
        check_agent(c, credentials);
    else if (begins(credentials->token, "pk_"))
        check_key(c, credentials);
    else
        check_jwt(c, credentials);
}
