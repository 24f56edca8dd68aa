/* The SQL of administration. Values only ever travel as parameters. */
#include "server/cli/admin.h"

#include "server/base/conf.h"
#include "server/base/mem.h"
#include "server/cli/db.h"
#include "server/flow/engine.h"
#include "server/flow/start.h"
#include "server/io/sodium.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_MAX = 16384, START_MAX = 1 << 20 };

static void new_id(char out[UUID_TEXT + 1])
{
    uuid_format(crypto_uuid7(), out);
}

static const char *or_null(const char *text)
{
    return text ? text : DB_NULL;
}

static parley_status touched_one(const struct db *db, parley_status st)
{
    return st == PARLEY_OK && db_touched(db) != 1 ? PARLEY_NOT_FOUND : st;
}

parley_status admin_add_queue(struct db *db, const char *name, const char *title, int64_t priority)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, priority);
    return db_run(db, "insert into queue (name, title, priority) values ($1, $2, $3::int)",
                  DB_ARGS(name, title ? title : name, number));
}

/* As a literal of text[]. */
static char *text_array(const char *const *texts)
{
    struct buf out;
    buf_init(&out, JSON_MAX);
    buf_add_char(&out, '{');
    for (size_t i = 0; texts && texts[i]; i++) {
        buf_add_str(&out, i ? ",\"" : "\"");
        for (const char *p = texts[i]; *p; p++) {
            if (*p == '"' || *p == '\\')
                buf_add_char(&out, '\\');
            buf_add_char(&out, *p);
        }
        buf_add_char(&out, '"');
    }
    buf_add(&out, "}", 2);
    return out.ptr;
}

parley_status admin_add_app(struct db *db, const struct admin_app *app, char out_id[UUID_TEXT + 1])
{
    char id[UUID_TEXT + 1];
    char *origins = text_array(app->origins);
    new_id(id);
    parley_status st =
        touched_one(db, db_run(db,
                               "insert into app (id, name, space, default_queue, default_flow, origins, guests) "
                               "select $1::uuid, $2, $3, $4, $5, $6::text[], $7::boolean "
                               "where $4::text is null or exists (select from queue where name = $4)",
                               DB_ARGS(id, app->name, app->space ? app->space : "main", or_null(app->queue),
                                       or_null(app->flow), origins, app->guests ? "true" : "false")));
    free(origins);
    if (st == PARLEY_OK)
        memcpy(out_id, id, sizeof id);
    return st;
}

parley_status admin_set_app_flows(struct db *db, const char *app, const char *const *flows)
{
    char *names = flows ? text_array(flows) : NULL;
    parley_status st =
        touched_one(db, db_run(db, "update app set flows = $2::text[] where name = $1", DB_ARGS(app, or_null(names))));
    free(names);
    return st;
}

static void make_kid(struct jws_key *key, const char *app)
{
    char kid[JWS_KID + 1], hex[9];
    uint8_t random[4];
    crypto_random(random, sizeof random);
    crypto_hex(span_of(random, sizeof random), hex);
    snprintf(kid, sizeof kid, "%.50s-%s", app, hex);
    jws_key_set_id(key, span_str(kid));
}

/* The secret as `\x...` for bytea, sealed for this kid only. */
static parley_status seal_secret(const struct conf *conf, const struct jws_key *key, struct buf *out)
{
    uint8_t master[CRYPTO_KEY];
    struct buf secret, sealed;
    if (crypto_unhex(span_str(conf->auth.master_key), master, sizeof master) != PARLEY_OK)
        return PARLEY_UNAVAILABLE;
    buf_init(&secret, JSON_MAX);
    buf_init(&sealed, JSON_MAX);
    jws_key_secret_bytes(key, &secret);
    parley_status st = crypto_seal(master, span_str(jws_key_id(key)), buf_span(&secret), &sealed);
    char *hex = mem_alloc(2 * sealed.len + 1);
    crypto_hex(buf_span(&sealed), hex);
    buf_add_str(out, "\\x");
    buf_add_str(out, hex);
    mem_free(hex);
    crypto_wipe(secret.ptr, secret.len);
    crypto_wipe(master, sizeof master);
    buf_done(&secret);
    buf_done(&sealed);
    return st;
}

parley_status admin_add_app_key(struct db *db, const struct conf *conf, const char *app, struct jws_key *key)
{
    struct buf public_jwk, sealed;
    bool shared = jws_key_algorithm(key) == JWS_HS256;
    if (!*jws_key_id(key))
        make_kid(key, app);
    buf_init(&public_jwk, JSON_MAX);
    buf_init(&sealed, JSON_MAX);
    parley_status st = shared ? seal_secret(conf, key, &sealed) : PARLEY_OK;
    jws_key_json(key, false, &public_jwk);
    buf_add(&public_jwk, "", 1);
    buf_add(&sealed, "", 1);
    if (st == PARLEY_OK)
        st = touched_one(db, db_run(db,
                                    "insert into app_key (kid, app, algorithm, public_jwk, sealed) "
                                    "select $1, id, $2, $3::jsonb, $4::bytea from app where name = $5",
                                    DB_ARGS(jws_key_id(key), jws_algorithm_name(jws_key_algorithm(key)),
                                            shared ? DB_NULL : public_jwk.ptr, shared ? sealed.ptr : DB_NULL, app)));
    buf_done(&public_jwk);
    buf_done(&sealed);
    return st;
}

/* Three syllable groups that can be read out on the telephone, 48 bits: it is to be changed at first use. */
static void one_time_password(char out[ADMIN_PASSWORD + 1])
{
    static const char consonants[] = "bdfghjklmnprstvz", vowels[] = "aiou";
    uint8_t r[6];
    char *at = out;
    crypto_random(r, sizeof r);
    for (int group = 0; group < 3; group++) {
        unsigned n = (unsigned)r[2 * group] << 8 | r[2 * group + 1];
        if (group > 0)
            *at++ = '-';
        *at++ = consonants[n & 15];
        *at++ = vowels[n >> 4 & 3];
        *at++ = consonants[n >> 6 & 15];
        *at++ = vowels[n >> 10 & 3];
        *at++ = consonants[n >> 12 & 15];
    }
    *at = '\0';
}

static parley_status join_queues(struct db *db, const char *agent, const char *const *queues)
{
    parley_status st = PARLEY_OK;
    for (size_t i = 0; st == PARLEY_OK && queues && queues[i]; i++)
        st = touched_one(
            db, db_run(db, "insert into membership (agent, queue) select $1::uuid, name from queue where name = $2",
                       DB_ARGS(agent, queues[i])));
    return st;
}

static bool is_address(const char *email)
{
    const char *at = strchr(email, '@');
    if (!at || at == email || !at[1] || strchr(at + 1, '@') || strlen(email) > 254)
        return false;
    for (const char *p = email; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    return true;
}

static parley_status insert_agent(struct db *db, const struct admin_agent *agent, const char *id, const char *hash)
{
    char name[256], capacity[24];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(agent->email, "@"), agent->email);
    snprintf(capacity, sizeof capacity, "%" PRId64, agent->capacity);
    return db_run(db,
                  "insert into agent (id, email, name, role, password, one_time, capacity) "
                  "values ($1::uuid, lower($2), $3, $4, $5, $6::boolean, $7::int)",
                  DB_ARGS(id, agent->email, agent->name ? agent->name : name, agent->role ? agent->role : "agent", hash,
                          agent->password ? "false" : "true", capacity));
}

parley_status admin_add_agent(struct db *db, const struct admin_agent *agent, char out_id[UUID_TEXT + 1],
                              char out_password[ADMIN_PASSWORD + 1])
{
    char id[UUID_TEXT + 1], made[ADMIN_PASSWORD + 1] = "", hash[SODIUM_HASH];
    if (!is_address(agent->email))
        return PARLEY_INVALID;
    if (!agent->password)
        one_time_password(made);
    parley_status st = sodium_password_hash(span_str(agent->password ? agent->password : made), hash);
    if (st != PARLEY_OK)
        return st;
    new_id(id);
    st = insert_agent(db, agent, id, hash);
    if (st == PARLEY_OK)
        st = join_queues(db, id, agent->queues);
    if (st == PARLEY_OK) {
        memcpy(out_id, id, sizeof id);
        memcpy(out_password, made, sizeof made);
    }
    crypto_wipe(made, sizeof made);
    return st;
}

/* Their sign-ins go; open links close by the revision, which the statement before has raised. */
static parley_status forget_sign_ins(struct db *db, const char *email)
{
    return db_run(db, "delete from agent_token where agent = (select id from agent where email = lower($1))",
                  DB_ARGS(email));
}

parley_status admin_disable_agent(struct db *db, const char *email)
{
    parley_status st = touched_one(db, db_run(db,
                                              "update agent set revision = revision + 1,"
                                              " disabled_at = coalesce(disabled_at, now()) where email = lower($1)",
                                              DB_ARGS(email)));
    return st == PARLEY_OK ? forget_sign_ins(db, email) : st;
}

parley_status admin_enable_agent(struct db *db, const char *email)
{
    return touched_one(
        db, db_run(db, "update agent set revision = revision + 1, disabled_at = null where email = lower($1)",
                   DB_ARGS(email)));
}

parley_status admin_set_password(struct db *db, const char *email, const char *password,
                                 char out_password[ADMIN_PASSWORD + 1])
{
    char made[ADMIN_PASSWORD + 1] = "", hash[SODIUM_HASH];
    if (!password)
        one_time_password(made);
    parley_status st = sodium_password_hash(span_str(password ? password : made), hash);
    if (st == PARLEY_OK)
        st = touched_one(db, db_run(db,
                                    "update agent set revision = revision + 1, password = $2, one_time = $3::boolean"
                                    " where email = lower($1)",
                                    DB_ARGS(email, hash, password ? "false" : "true")));
    if (st == PARLEY_OK)
        st = forget_sign_ins(db, email);
    if (st == PARLEY_OK)
        memcpy(out_password, made, sizeof made);
    crypto_wipe(made, sizeof made);
    return st;
}

parley_status admin_grant(struct db *db, const char *role, const char *permission)
{
    return db_run(db, "insert into role (name, permission) values ($1, $2) on conflict do nothing",
                  DB_ARGS(role, permission));
}

parley_status admin_revoke(struct db *db, const char *role, const char *permission)
{
    return touched_one(db,
                       db_run(db, "delete from role where name = $1 and permission = $2", DB_ARGS(role, permission)));
}

parley_status admin_revoke_app_key(struct db *db, const char *kid)
{
    return touched_one(
        db, db_run(db, "update app_key set disabled_at = coalesce(disabled_at, now()) where kid = $1", DB_ARGS(kid)));
}

parley_status admin_revoke_key(struct db *db, const char *id)
{
    return touched_one(
        db,
        db_run(db, "update api_key set disabled_at = coalesce(disabled_at, now()) where id::text = $1", DB_ARGS(id)));
}

parley_status admin_add_bot(struct db *db, const struct admin_bot *bot, char out_id[UUID_TEXT + 1])
{
    char id[UUID_TEXT + 1];
    new_id(id);
    parley_status st = touched_one(
        db, db_run(db,
                   "insert into bot (id, name, title, app, queue) select $1::uuid, $2, $3, id, $5 from app "
                   "where name = $4 and ($5::text is null or exists (select from queue where name = $5))",
                   DB_ARGS(id, bot->name, bot->title ? bot->title : bot->name, bot->app, or_null(bot->queue))));
    if (st == PARLEY_OK)
        memcpy(out_id, id, sizeof id);
    return st;
}

parley_status admin_set_first_bot(struct db *db, const char *app, const char *name)
{
    return touched_one(db, db_run(db,
                                  "update app a set default_bot = $2 where a.name = $1 and ($2::text is null or exists"
                                  " (select from bot b where b.name = $2 and b.app = a.id))",
                                  DB_ARGS(app, or_null(name))));
}

/* The app's bot of that name, made if there is none. */
static parley_status find_bot(struct db *db, const char *app, const char *name)
{
    char id[UUID_TEXT + 1];
    struct db_rows *rows = NULL;
    parley_status st = db_query(db, "select 1 from bot b join app a on a.id = b.app where b.name = $1 and a.name = $2",
                                DB_ARGS(name, app), &rows);
    if (st == PARLEY_OK && db_count(rows) == 0)
        st = admin_add_bot(db, &(struct admin_bot){.app = app, .name = name}, id);
    db_rows_free(&rows);
    return st;
}

parley_status admin_add_key(struct db *db, const char *app, const char *name, const char *role,
                            char out_id[UUID_TEXT + 1], char out_token[CRYPTO_TOKEN + 1])
{
    char id[UUID_TEXT + 1], token[CRYPTO_TOKEN + 1], hex[2 * CRYPTO_DIGEST + 1];
    uint8_t digest[CRYPTO_DIGEST];
    new_id(id);
    crypto_token("pk_", token);
    crypto_sha256(span_str(token), digest);
    crypto_hex(span_of(digest, sizeof digest), hex);
    parley_status st = strcmp(role, "bot") == 0 ? find_bot(db, app, name) : PARLEY_OK;
    if (st == PARLEY_OK)
        st = touched_one(
            db, db_run(db,
                       "insert into api_key (id, digest, role, name, app, bot) select $1::uuid, decode($2, 'hex'), $3,"
                       " $4, a.id, b.id from app a left join bot b on b.app = a.id and b.name = $4 and $3 = 'bot'"
                       " where a.name = $5",
                       DB_ARGS(id, hex, role, name, app)));
    if (st == PARLEY_OK) {
        memcpy(out_id, id, sizeof id);
        memcpy(out_token, token, sizeof token);
    }
    crypto_wipe(token, sizeof token);
    return st;
}

/* One that was published by an older program has no start yet. */
static parley_status add_version(struct db *db, const char *hash, const char *name, const char *title,
                                 const char *source)
{
    struct arena arena;
    arena_init(&arena, START_MAX);
    char *start = mem_span(start_text(&arena, span_str(source)));
    parley_status st = db_run(db,
                              "insert into flow_version (hash, name, title, source, start)"
                              " values (decode($1, 'hex'), $2, $3, $4, $5::jsonb)"
                              " on conflict (hash) do update set start = excluded.start",
                              DB_ARGS(hash, name, title, source, start));
    mem_free(start);
    arena_done(&arena);
    return st;
}

parley_status admin_publish_flow(struct db *db, const char *name, const char *title, const char *source,
                                 char out_hash[2 * CRYPTO_DIGEST + 1])
{
    uint8_t hash[CRYPTO_DIGEST];
    flow_hash(span_str(source), hash);
    crypto_hex(span_of(hash, sizeof hash), out_hash);
    parley_status st = add_version(db, out_hash, name, title, source);
    if (st == PARLEY_OK)
        st = db_run(db,
                    "insert into flow (name, hash) values ($1, decode($2, 'hex')) "
                    "on conflict (name) do update set hash = excluded.hash",
                    DB_ARGS(name, out_hash));
    if (st == PARLEY_OK)
        st =
            db_run(db,
                   "insert into flow_publication (flow, hash) select $1, decode($2, 'hex') where decode($2, 'hex')"
                   " is distinct from (select hash from flow_publication where flow = $1 order by number desc limit 1)",
                   DB_ARGS(name, out_hash));
    return st;
}

parley_status admin_add_process_type(struct db *db, const struct admin_process_type *type, int64_t *out_version)
{
    struct db_rows *rows = NULL;
    parley_status st = db_query(db,
                                "with a as (select id from app where name = $1 for update),"
                                " newest as (select version, steps = $3::jsonb and fields = $4::jsonb as same"
                                "              from process_type join a on app = a.id where name = $2"
                                "             order by version desc limit 1),"
                                " made as (insert into process_type (app, name, version, steps, fields)"
                                "          select a.id, $2, coalesce((select version from newest), 0) + 1, $3::jsonb,"
                                "                 $4::jsonb"
                                "            from a where not exists (select from newest where same) returning version)"
                                " select version from made union all select version from newest where same",
                                DB_ARGS(type->app, type->name, type->steps, type->fields), &rows);
    if (st == PARLEY_OK && db_count(rows) != 1)
        st = PARLEY_NOT_FOUND;
    if (st == PARLEY_OK)
        *out_version = strtoll(db_cell(rows, 0, 0), NULL, 10);
    db_rows_free(&rows);
    return st;
}
