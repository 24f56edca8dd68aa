/* The verbs' home: keys of tokens, marks, and what happens when the small tables change or the server goes down. */
#include "server/api/api.h"

#include "server/api/marks.h"
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/hub/hub.h"
#include "server/io/crypto.h"
#include "server/io/jws.h"
#include "server/talk/directory.h"

enum { ARENA_MAX = 4 << 20, SCRATCH_MAX = 1 << 20 };

static struct jws_table *table_new(const struct conf *conf)
{
    return jws_table_new(&(struct jws_rules){.audience = conf->auth.audience,
                                             .issuer = conf->auth.issuer,
                                             .leeway_ms = conf->auth.leeway_ms,
                                             .ttl_max_ms = conf->auth.max_ttl_ms});
}

static bool reaches(void *arg, const struct principal *who, const struct hub_reach *reach)
{
    const struct api *api = arg;
    if (who->role == role_bot)
        return !uuid_equal(who->id, reach->bot) || uuid_equal(who->device, reach->holder);
    struct directory_reach by = {reach->agent, reach->offered, span_str(reach->queue)};
    return !role_is_agent(who->role) || directory_may_read(api->directory, who->id, who->role, &by);
}

struct api *api_new(const struct conf *conf, struct loop *loop, struct store *store, struct hub *hub, struct talk *talk,
                    struct route *route, struct directory *directory, struct offload *offload, struct mailbox *box,
                    struct gate *gate)
{
    struct api *api = mem_alloc(sizeof *api);
    api->conf = conf;
    api->loop = loop;
    api->store = store;
    api->hub = hub;
    api->talk = talk;
    api->route = route;
    api->directory = directory;
    api->offload = offload;
    api->box = box;
    api->tokens = table_new(conf);
    api->marks = marks_new(loop, store, hub);
    api->gate = gate;
    arena_init(&api->arena, ARENA_MAX);
    buf_init(&api->scratch, SCRATCH_MAX);
    hub_on_reach(hub, reaches, api);
    return api;
}

void api_free(struct api **api)
{
    if (!*api)
        return;
    marks_free(&(*api)->marks);
    jws_table_free(&(*api)->tokens);
    arena_done(&(*api)->arena);
    buf_done(&(*api)->scratch);
    mem_free(*api);
    *api = NULL;
}

/* ---- keys ---- */

static parley_status secret_key(const struct api *api, const struct directory_key *key, struct jws_key **out)
{
    uint8_t master[CRYPTO_KEY];
    struct buf secret;
    if (crypto_unhex(span_str(api->conf->auth.master_key), master, sizeof master) != PARLEY_OK)
        return PARLEY_UNAUTHENTICATED;
    buf_init(&secret, 4096);
    parley_status st = crypto_open(master, span_str(key->kid), key->sealed, &secret);
    if (st == PARLEY_OK)
        st = jws_key_secret(buf_span(&secret), out);
    if (st == PARLEY_OK)
        st = jws_key_set_id(*out, span_str(key->kid));
    crypto_wipe(master, sizeof master);
    crypto_wipe(secret.ptr, secret.len);
    buf_done(&secret);
    return st;
}

static void add_key(const struct api *api, struct jws_table *table, const struct directory_key *row)
{
    struct jws_key *key = NULL;
    const char *why = "the master key does not open it; see auth.master_key";
    parley_status st =
        row->public_jwk ? jws_key_parse(span_str(row->public_jwk), &key, &why) : secret_key(api, row, &key);
    if (st == PARLEY_OK && row->public_jwk)
        st = jws_key_set_id(key, span_str(row->kid));
    if (st == PARLEY_OK)
        st = jws_table_add(table, row->app, &key);
    if (st != PARLEY_OK)
        log_error(NULL, "an app key cannot be used", LOG_STR("kid", row->kid), LOG_STR("why", why), LOG_STATUS(st));
}

/* ---- changes ---- */

/* Agents have revisions, guests a token of their own: both are in Postgres, and the beacon looks after them. */
static bool may_stay(void *arg, const struct principal *who)
{
    const struct directory *directory = arg;
    switch (who->role) {
    case role_customer:
    case role_bot:
        return directory_has_key(directory, who->key);
    case role_backend:
        return directory_has_key(directory, who->id);
    default:
        return true;
    }
}

/* What a link follows was granted when it asked: whoever may do less than then comes back and asks anew. */
static bool may_as_before(void *arg, const struct principal *who)
{
    const struct api *api = arg;
    return !(api->had.of[who->role] & ~directory_permissions(api->directory)->of[who->role]);
}

void api_refresh(struct api *api)
{
    const struct directory_key *key;
    struct directory_agent *agent;
    struct jws_table *table = table_new(api->conf);
    for (int i = 0; (key = directory_key_at(api->directory, i)); i++)
        add_key(api, table, key);
    jws_table_free(&api->tokens);
    api->tokens = table;
    for (int i = 0; (agent = directory_agent_at(api->directory, i)); i++)
        hub_revoke(api->hub, agent->id, agent->disabled ? INT64_MAX : agent->revision);
    hub_close_unless(api->hub, may_stay, api->directory, PARLEY_SIGNED_OUT, NULL);
    hub_close_unless(api->hub, may_as_before, api, PARLEY_DRAINING, "your role may do less now; connect again");
    api->had = *directory_permissions(api->directory);
}

void api_drain(struct api *api, int64_t spread_ms)
{
    api->draining = true;
    hub_drain(api->hub, spread_ms);
}

void api_flush(struct api *api)
{
    marks_flush(api->marks);
}
