/* POST /v1/login, /v1/password and /v1/guests: how people without a company token come by one of ours; and /v1/logout.
 */
#include "protocol/item.h"
#include "protocol/wire_json.h"
#include "server/api/api.h"
#include "server/api/auth.h"
#include "server/api/gate.h"
#include "server/api/http.h"
#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/io/crypto.h"
#include "server/io/offload.h"
#include "server/io/sodium.h"
#include "server/store/agent_row.h"
#include "server/store/customer_row.h"
#include "server/talk/directory.h"
#include "server/talk/move.h"

#include <ctype.h>
#include <stdio.h>

/* ---- agents: a password, checked on the helper pool ---- */

struct login {
    struct offload_job job;
    struct api *api;
    struct http_exchange *exchange;
    char email[LIMIT_TITLE + 1];
    uint64_t account; /* as the gate knows it */
    bool counted;     /* as a wrong password, until it turns out not to be one */
    char *password;   /* wiped */
    size_t password_len;
    char *hash;   /* NULL: no such agent, which takes the same time */
    char *wanted; /* the new password, wiped; NULL: they only sign in */
    size_t wanted_len;
    char made[SODIUM_HASH]; /* of that */
    parley_status verdict;
    struct uuid agent;
    char name[LIMIT_TITLE + 1];
    char role[16];
    char token[AUTH_TOKEN];
    uint8_t digest[AUTH_DIGEST];
    int64_t expires_ms;
};

static void login_free(struct login *l)
{
    if (l->counted)
        gate_give_back(l->api->gate, GATE_PASSWORD, l->account);
    crypto_wipe(l->password, l->password_len);
    crypto_wipe(l->token, sizeof l->token);
    crypto_wipe(l->wanted, l->wanted_len);
    mem_free(l->wanted);
    mem_free(l->password);
    mem_free(l->hash);
    mem_free(l);
}

static void login_refuse(struct login *l, parley_status status, const char *text)
{
    http_refuse(l->exchange, status, text, NULL);
    login_free(l);
}

static void answer_token(struct http_exchange *exchange, struct value *map)
{
    struct buf out;
    buf_init(&out, LIMIT_MESSAGE);
    wire_json_put_value(&out, map);
    http_json(exchange, 200, buf_span(&out));
    crypto_wipe(out.ptr, out.len);
    buf_done(&out);
}

static void on_token_stored(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct login *l = arg;
    char id[UUID_TEXT + 1];
    struct value map, agent;
    if (status == PARLEY_STALE) {
        login_refuse(l, PARLEY_UNAUTHENTICATED, "the password was changed meanwhile");
        return;
    }
    if (status != PARLEY_OK) {
        login_refuse(l, status, NULL);
        return;
    }
    uuid_format(l->agent, id);
    value_map(&l->api->arena, 3, &map);
    value_map(&l->api->arena, 3, &agent);
    value_put(&agent, span_str("id"), value_text(span_str(id)));
    value_put(&agent, span_str("name"), value_text(span_str(l->name)));
    value_put(&agent, span_str("role"), value_text(span_str(l->role)));
    value_put(&map, span_str("token"), value_text(span_str(l->token)));
    value_put(&map, span_str("expires_at"), value_int(l->expires_ms));
    value_put(&map, span_str("agent"), agent);
    answer_token(l->exchange, &map);
    arena_reset(&l->api->arena);
    login_free(l);
}

static void verify(struct offload_job *job)
{
    struct login *l = LIST_ITEM(job, struct login, job);
    bool again;
    l->verdict = sodium_password_verify(span_of(l->password, l->password_len), l->hash, &again);
    if (l->verdict == PARLEY_OK && l->wanted)
        l->verdict = sodium_password_hash(span_of(l->wanted, l->wanted_len), l->made);
}

static void drop(struct offload_job *job)
{
    login_free(LIST_ITEM(job, struct login, job));
}

static parley_status store_token(struct login *l)
{
    auth_token_new("pa_", l->token, l->digest);
    l->expires_ms = clock_ms() + l->api->conf->agents.session_ttl_ms;
    struct agent_password change = {
        .agent = l->agent, .old = l->hash, .new = l->made, .digest = l->digest, .expires_at_ms = l->expires_ms};
    return l->wanted ? agent_set_password(l->api->store, &change, on_token_stored, l)
                     : agent_add_token(l->api->store, l->digest, l->agent, l->expires_ms, on_token_stored, l);
}

static void on_verified(struct offload_job *job)
{
    struct login *l = LIST_ITEM(job, struct login, job);
    if (l->verdict == PARLEY_UNAUTHENTICATED) {
        l->counted = false;
        login_refuse(l, PARLEY_UNAUTHENTICATED, "e-mail or password is wrong");
        return;
    }
    if (l->verdict != PARLEY_OK) { /* there was no memory for the new one */
        login_refuse(l, l->verdict, NULL);
        return;
    }
    parley_status st = store_token(l);
    if (st != PARLEY_OK)
        login_refuse(l, st, NULL);
}

static void on_agent(void *arg, parley_status status, const struct agent_row *rows, int n)
{
    struct login *l = arg;
    if (status != PARLEY_OK) {
        login_refuse(l, status, NULL);
        return;
    }
    if (n && !rows[0].disabled && rows[0].password.len) {
        l->hash = mem_span(rows[0].password);
        l->agent = rows[0].id;
        snprintf(l->name, sizeof l->name, "%.*s", SPAN_ARG(rows[0].name));
        snprintf(l->role, sizeof l->role, "%.*s", SPAN_ARG(rows[0].role));
    }
    l->job = (struct offload_job){.home = l->api->box, .work = verify, .done = on_verified, .drop = drop};
    status = offload_start(l->api->offload, &l->job);
    if (status != PARLEY_OK)
        login_refuse(l, status, "too many sign in just now");
}

/* Whether the address and the account may try a password now; refused when not. A right one is not counted against the
 * account, so it is counted first and given back: many at once get no further than one by one. */
static bool may_try(struct login *l)
{
    int64_t now_ms = loop_now_ms(l->api->loop);
    int64_t wait_ms = gate_take(l->api->gate, GATE_SIGN_IN, http_peer(l->exchange), now_ms);
    const char *text = "too many sign-ins from your address";
    if (!wait_ms) {
        wait_ms = gate_take(l->api->gate, GATE_PASSWORD, l->account, now_ms);
        text = "too many wrong passwords for this account";
        l->counted = !wait_ms;
    }
    if (wait_ms)
        http_refuse_rate(l->exchange, wait_ms, text);
    return !wait_ms;
}

static struct login *login_new(const struct http_call *call, struct span email, struct span password)
{
    struct login *l = mem_alloc(sizeof *l);
    l->api = call->api;
    l->exchange = call->exchange;
    for (size_t i = 0; i < email.len; i++)
        l->email[i] = (char)tolower((unsigned char)email.ptr[i]);
    l->account = gate_account(span_str(l->email));
    l->password = mem_span(password);
    l->password_len = password.len;
    return l;
}

static void sign_in(const struct http_call *call, const struct value *map, struct span wanted)
{
    struct span email = http_text(map, "email"), password = http_text(map, "password");
    if (!email.len || email.len > LIMIT_TITLE || !password.len || password.len > SODIUM_PASSWORD_MAX) {
        http_refuse(call->exchange, PARLEY_INVALID, "email and password are due", NULL);
        return;
    }
    struct login *l = login_new(call, email, password);
    l->wanted = wanted.len ? mem_span(wanted) : NULL;
    l->wanted_len = wanted.len;
    if (!may_try(l)) {
        login_free(l);
        return;
    }
    parley_status st = agent_by_email(call->api->store, span_str(l->email), on_agent, l);
    if (st != PARLEY_OK)
        login_refuse(l, st, NULL);
}

void http_login(const struct http_call *call)
{
    const struct value *map = http_json_body(call);
    if (map)
        sign_in(call, map, (struct span){0});
}

/* As if they signed in, and everything that the old one let in is out. */
void http_password(const struct http_call *call)
{
    const struct value *map = http_json_body(call);
    struct span wanted = map ? http_text(map, "new") : (struct span){0};
    if (map && (wanted.len < SODIUM_PASSWORD_MIN || wanted.len > SODIUM_PASSWORD_MAX))
        http_refuse(call->exchange, PARLEY_INVALID, "the new password has 12 to 1024 bytes", "new");
    else if (map)
        sign_in(call, map, wanted);
}

/* ---- signing out ---- */

struct leaving {
    struct link *link;
    uint8_t digest[AUTH_DIGEST];
};

static void on_left(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct leaving *l = arg;
    if (status == PARLEY_OK)
        link_reply(l->link, 1, FRAME_done, NULL);
    else
        api_refuse(l->link, 1, status, NULL, NULL);
    link_unref(&l->link);
    mem_free(l);
}

static void leave(struct api *api, struct link *link, void *arg)
{
    struct leaving *l = arg;
    if (!link) {
        mem_free(l); /* that token is good for nothing as it is */
        return;
    }
    l->link = link_ref(link);
    if (!role_is_agent(link->who->role)) {
        on_left(l, PARLEY_DENIED, NULL); /* only an agent's sign-in is ours to end */
        return;
    }
    parley_status st = agent_drop_token(api->store, l->digest, on_left, l);
    if (st != PARLEY_OK)
        on_left(l, st, NULL);
}

void http_logout(const struct http_call *call)
{
    struct span authorization = http_authorization(call->exchange);
    struct leaving *l = mem_alloc(sizeof *l);
    if (authorization.len > 7)
        auth_digest(span_of(authorization.ptr + 7, authorization.len - 7), l->digest);
    http_as_link(call, leave, l);
}

/* ---- guests: a device, and a token bound to it ---- */

struct visiting {
    struct api *api;
    struct http_exchange *exchange;
    struct uuid device;
    char token[AUTH_TOKEN];
};

static void on_guest(void *arg, parley_status status, const struct customer_home *home)
{
    struct visiting *v = arg;
    char id[UUID_TEXT + 1], device[UUID_TEXT + 1];
    struct value map;
    if (status != PARLEY_OK) {
        http_refuse(v->exchange, status, NULL, NULL);
    } else {
        uuid_format(home->customer.id, id);
        uuid_format(v->device, device);
        value_map(&v->api->arena, 3, &map);
        value_put(&map, span_str("token"), value_text(span_str(v->token)));
        value_put(&map, span_str("customer"), value_text(span_str(id)));
        value_put(&map, span_str("device"), value_text(span_str(device)));
        answer_token(v->exchange, &map);
        arena_reset(&v->api->arena);
    }
    crypto_wipe(v->token, sizeof v->token);
    mem_free(v);
}

static const struct directory_app *app_of_key(const struct http_call *call, const struct value *map)
{
    struct span kid = http_text(map, "key");
    if (!kid.len) {
        http_refuse(call->exchange, PARLEY_INVALID, "the id of an app key is due", "key");
        return NULL;
    }
    const struct directory_key *key = directory_key(call->api->directory, kid);
    const struct directory_app *app =
        key ? directory_app(call->api->directory, key->app) : directory_app_named(call->api->directory, kid);
    if (!app)
        http_refuse(call->exchange, PARLEY_TOKEN_KEY, "`key` names no app key known here", "key");
    else if (!app->guests || !call->api->conf->auth.guests)
        http_refuse(call->exchange, PARLEY_DENIED, "this app takes no guests: sign in", "key");
    else
        return app;
    return NULL;
}

/* The device that the app names, else one of its own. False: refused. */
static bool device_of(const struct http_call *call, const struct value *map, struct uuid *out)
{
    if (!value_find(map, "device")) {
        *out = crypto_uuid7();
        return true;
    }
    if (uuid_parse(http_text(map, "device"), out) == PARLEY_OK)
        return true;
    http_refuse(call->exchange, PARLEY_BAD_ID, "is no UUID of 36 lower-case characters", "device");
    return false;
}

static void add_guest(const struct http_call *call, const struct directory_app *app, struct span name,
                      struct uuid device)
{
    uint8_t digest[AUTH_DIGEST];
    char value[UUID_TEXT + 1];
    struct visiting *v = mem_alloc(sizeof *v);
    v->api = call->api;
    v->exchange = call->exchange;
    v->device = device;
    auth_token_new("pg_", v->token, digest);
    struct uuid customer = crypto_uuid7();
    uuid_format(customer, value);
    struct customer_entry entry = {.space = span_str(app->space),
                                   .kind = span_str("guest"),
                                   .value = span_str(value),
                                   .name = name,
                                   .app = app->id,
                                   .device = device,
                                   .customer = customer,
                                   .conversation = derived_id(customer, "main", 0)};
    parley_status st = customer_add_guest(call->api->store, &entry, digest, on_guest, v);
    if (st != PARLEY_OK)
        on_guest(v, st, NULL);
}

void http_guest(const struct http_call *call)
{
    const struct value *map = http_json_body(call);
    const struct directory_app *app = map ? app_of_key(call, map) : NULL;
    struct uuid device;
    if (!app || !device_of(call, map, &device))
        return;
    int64_t wait_ms = gate_take(call->api->gate, GATE_GUEST, http_peer(call->exchange), loop_now_ms(call->api->loop));
    if (wait_ms)
        http_refuse_rate(call->exchange, wait_ms, "too many guests from your address");
    else
        add_guest(call, app, http_text(map, "name"), device);
}
