/* Verification in the one safe order: form, algorithm and key from our table, signature, and only then the claims. */
#include "server/io/jws.h"

#include "protocol/limits.h"
#include "server/base/mem.h"
#include "server/io/crypto.h"

#include <assert.h>
#include <stdlib.h>

#include <jansson.h>

enum { SETS = 1024, WAYS = 4, SUB_MAX = 128, LANGUAGE_MAX = 35 };

static const int64_t seconds_max = 253402300800; /* the year 10000 */

struct entry {
    struct uuid app;
    struct jws_key *key;
};

/* A token that was found good, with its claims: texts point into `text`. */
struct known {
    uint8_t digest[CRYPTO_DIGEST];
    struct jws_claims claims;
    char *text;
};

struct jws_table {
    struct jws_rules rules;
    char *audience, *issuer;
    struct entry *entries;
    size_t count;
    struct known *known[SETS][WAYS]; /* by the first bytes of the digest; the last used comes first, the last goes */
};

struct parts {
    struct span header, payload, signature;
    size_t signature_len;
};

struct jws_table *jws_table_new(const struct jws_rules *rules)
{
    struct jws_table *t = mem_alloc(sizeof *t);
    t->rules = *rules;
    t->rules.audience = t->audience = mem_text(rules->audience);
    t->rules.issuer = t->issuer = mem_text(rules->issuer ? rules->issuer : "");
    return t;
}

static void known_free(struct known *known)
{
    if (known)
        mem_free(known->text);
    mem_free(known);
}

void jws_table_free(struct jws_table **at)
{
    struct jws_table *t = *at;
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        jws_key_free(&t->entries[i].key);
    for (size_t i = 0; i < SETS * WAYS; i++)
        known_free(t->known[i / WAYS][i % WAYS]);
    mem_free(t->entries);
    mem_free(t->audience);
    mem_free(t->issuer);
    mem_free(t);
    *at = NULL;
}

static struct entry *find(struct jws_table *t, struct span kid)
{
    for (size_t i = 0; i < t->count; i++)
        if (span_is(kid, jws_key_id(t->entries[i].key)))
            return &t->entries[i];
    return NULL;
}

parley_status jws_table_add(struct jws_table *t, struct uuid app, struct jws_key **key)
{
    struct span kid = span_str(jws_key_id(*key));
    parley_status st = kid.len == 0 ? PARLEY_INVALID : find(t, kid) ? PARLEY_CONFLICT : PARLEY_OK;
    if (st != PARLEY_OK) {
        jws_key_free(key);
        return st;
    }
    t->entries = mem_resize(t->entries, (t->count + 1) * sizeof *t->entries);
    t->entries[t->count++] = (struct entry){.app = app, .key = *key};
    *key = NULL;
    return PARLEY_OK;
}

static parley_status refuse(parley_status st, const char *why, const char **out_why)
{
    *out_why = why;
    return st;
}

static parley_status split(struct span token, struct parts *out)
{
    const char *end = token.ptr + token.len;
    const char *first = memchr(token.ptr, '.', token.len);
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
        return PARLEY_UNAUTHENTICATED;
    out->header = span_of(token.ptr, (size_t)(first - token.ptr));
    out->payload = span_of(first + 1, (size_t)(second - first - 1));
    out->signature = span_of(second + 1, (size_t)(end - second - 1));
    return out->header.len && out->payload.len ? PARLEY_OK : PARLEY_UNAUTHENTICATED;
}

/* A part as a JSON object; NULL when it is none. */
static json_t *part_object(struct span part)
{
    struct buf bytes;
    buf_init(&bytes, LIMIT_TOKEN);
    json_t *json = NULL;
    if (crypto_unbase64url(part, &bytes) == PARLEY_OK)
        json = json_loadb(bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES, NULL);
    buf_done(&bytes);
    if (json_is_object(json))
        return json;
    json_decref(json);
    return NULL;
}

static parley_status check_signature_form(struct parts *parts)
{
    struct buf bytes;
    buf_init(&bytes, LIMIT_TOKEN);
    parley_status st = crypto_unbase64url(parts->signature, &bytes);
    parts->signature_len = bytes.len;
    buf_done(&bytes);
    return st == PARLEY_OK ? PARLEY_OK : PARLEY_UNAUTHENTICATED;
}

static struct span text_member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_string(value) ? span_of(json_string_value(value), json_string_length(value)) : span_of(NULL, 0);
}

/* A token never brings its own key, and never tells us how to read it. */
static parley_status check_extras(const json_t *header, const char **out_why)
{
    static const char *const keys[] = {"jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_object_get(header, keys[i]))
            return refuse(PARLEY_TOKEN_KEY, "the header brings a key along; only `kid` is allowed", out_why);
    if (json_object_get(header, "crit") || json_object_get(header, "b64"))
        return refuse(PARLEY_UNAUTHENTICATED, "`crit` and `b64` are not supported in the header", out_why);
    return PARLEY_OK;
}

static parley_status choose_key(struct jws_table *t, const json_t *header, struct entry **out, const char **out_why)
{
    enum jws_algorithm alg;
    struct span kid = text_member(header, "kid");
    if (jws_algorithm_of(text_member(header, "alg"), &alg) != PARLEY_OK)
        return refuse(PARLEY_TOKEN_ALGORITHM, "`alg` must be ES256, RS256 or HS256", out_why);
    parley_status st = check_extras(header, out_why);
    if (st != PARLEY_OK)
        return st;
    struct entry *entry = jws_kid_is_good(kid) ? find(t, kid) : NULL;
    if (!entry)
        return refuse(PARLEY_TOKEN_KEY, "`kid` names no key of an app", out_why);
    if (jws_key_algorithm(entry->key) != alg)
        return refuse(PARLEY_TOKEN_ALGORITHM, "`alg` is not the algorithm of this key", out_why);
    *out = entry;
    return PARLEY_OK;
}

/* An optional time in whole seconds. */
static bool read_time(const json_t *claims, const char *name, bool *out_has, int64_t *out_ms)
{
    const json_t *value = json_object_get(claims, name);
    *out_has = value != NULL;
    if (!value)
        return true;
    json_int_t seconds = json_integer_value(value);
    if (!json_is_integer(value) || seconds < 0 || seconds > seconds_max)
        return false;
    *out_ms = (int64_t)seconds * 1000;
    return true;
}

static bool names_audience(const json_t *claims, const char *audience)
{
    const json_t *aud = json_object_get(claims, "aud");
    if (json_is_string(aud))
        return span_is(text_member(claims, "aud"), audience);
    for (size_t i = 0; i < json_array_size(aud); i++) {
        const json_t *one = json_array_get(aud, i);
        if (json_is_string(one) && span_is(span_of(json_string_value(one), json_string_length(one)), audience))
            return true;
    }
    return false;
}

/* Absent, or a text of at most max bytes without control characters. */
static bool is_line(const json_t *claims, const char *name, size_t max)
{
    struct span text = text_member(claims, name);
    if (json_object_get(claims, name) && !text.ptr)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return false;
    return text.len <= max;
}

static parley_status check_times(const struct jws_rules *rules, const struct jws_claims *claims, int64_t now_ms,
                                 const char **out_why)
{
    if (now_ms >= claims->expires_ms + rules->leeway_ms)
        return refuse(PARLEY_TOKEN_EXPIRED, "the token has expired; get a new one", out_why);
    if (now_ms + rules->leeway_ms < claims->not_before_ms)
        return refuse(PARLEY_TOKEN_NOT_YET, "the token is not valid yet; check the clocks", out_why);
    return PARLEY_OK;
}

/* exp is required; nbf and iat are checked when they are there. */
static parley_status read_times(const struct jws_rules *rules, const json_t *json, int64_t now_ms,
                                struct jws_claims *claims, const char **out_why)
{
    bool has_exp, has_nbf, has_iat;
    int64_t nbf = 0, iat = now_ms;
    if (!read_time(json, "exp", &has_exp, &claims->expires_ms) || !has_exp)
        return refuse(PARLEY_UNAUTHENTICATED, "`exp` must be a whole number of seconds since 1970", out_why);
    if (!read_time(json, "nbf", &has_nbf, &nbf) || !read_time(json, "iat", &has_iat, &iat))
        return refuse(PARLEY_UNAUTHENTICATED, "`nbf` and `iat` are whole numbers of seconds since 1970", out_why);
    claims->not_before_ms = has_iat && iat > nbf ? iat : nbf;
    parley_status st = check_times(rules, claims, now_ms, out_why);
    if (st == PARLEY_OK && claims->expires_ms - iat > rules->ttl_max_ms)
        return refuse(PARLEY_UNAUTHENTICATED, "the token lives longer than auth.max_ttl allows", out_why);
    return st;
}

static parley_status check_claims(const struct jws_rules *rules, const json_t *json, const char **out_why)
{
    const json_t *traits = json_object_get(json, "traits");
    if (!names_audience(json, rules->audience))
        return refuse(PARLEY_TOKEN_AUDIENCE, "`aud` does not name this server's auth.audience", out_why);
    if (*rules->issuer && !span_is(text_member(json, "iss"), rules->issuer))
        return refuse(PARLEY_UNAUTHENTICATED, "`iss` is not this server's auth.issuer", out_why);
    if (text_member(json, "sub").len == 0 || !is_line(json, "sub", SUB_MAX))
        return refuse(PARLEY_UNAUTHENTICATED, "`sub` must be 1 to 128 bytes of text", out_why);
    if (!is_line(json, "name", LIMIT_TITLE) || !is_line(json, "language", LANGUAGE_MAX))
        return refuse(PARLEY_UNAUTHENTICATED, "`name` or `language` is no line of text, or too long", out_why);
    if (traits && !json_is_object(traits))
        return refuse(PARLEY_UNAUTHENTICATED, "`traits` must be an object", out_why);
    return PARLEY_OK;
}

static const char *keep(char **at, const char *text)
{
    size_t len = strlen(text) + 1;
    const char *copy = memcpy(*at, text, len);
    *at += len;
    return copy;
}

/* All texts of the claims in one allocation. */
static struct known *remember(const struct entry *entry, const json_t *json, struct jws_claims claims)
{
    const json_t *traits_json = json_object_get(json, "traits");
    char *traits = traits_json ? json_dumps(traits_json, JSON_COMPACT) : NULL;
    const char *sub = text_member(json, "sub").ptr, *name = text_member(json, "name").ptr;
    const char *language = text_member(json, "language").ptr, *kid = jws_key_id(entry->key);
    name = name ? name : "";
    language = language ? language : "";
    const char *shown = traits ? traits : "{}";
    struct known *known = mem_alloc(sizeof *known);
    char *at = known->text = mem_alloc(strlen(kid) + strlen(sub) + strlen(name) + strlen(language) + strlen(shown) + 5);
    claims.app = entry->app;
    claims.kid = keep(&at, kid);
    claims.sub = keep(&at, sub);
    claims.name = keep(&at, name);
    claims.language = keep(&at, language);
    claims.traits = keep(&at, shown);
    known->claims = claims;
    free(traits);
    return known;
}

static parley_status read_claims(struct jws_table *t, const struct entry *entry, struct span payload, int64_t now_ms,
                                 struct known **out, const char **out_why)
{
    struct jws_claims claims = {0};
    json_t *json = part_object(payload);
    if (!json)
        return refuse(PARLEY_UNAUTHENTICATED, "the claims are not a JSON object", out_why);
    parley_status st = read_times(&t->rules, json, now_ms, &claims, out_why);
    if (st == PARLEY_OK)
        st = check_claims(&t->rules, json, out_why);
    if (st == PARLEY_OK)
        *out = remember(entry, json, claims);
    json_decref(json);
    return st;
}

static parley_status verify_new(struct jws_table *t, struct span token, int64_t now_ms, struct known **out,
                                const char **out_why)
{
    struct parts parts;
    struct entry *entry = NULL;
    json_t *header = NULL;
    if (split(token, &parts) != PARLEY_OK || check_signature_form(&parts) != PARLEY_OK ||
        !(header = part_object(parts.header)))
        return refuse(PARLEY_UNAUTHENTICATED, "not a JWT: three base64url parts, the first a JSON object", out_why);
    parley_status st = choose_key(t, header, &entry, out_why);
    json_decref(header);
    if (st != PARLEY_OK)
        return st;
    if (parts.signature_len == 0 || jws_key_verify(entry->key, token, parts.signature_len) != PARLEY_OK)
        return refuse(PARLEY_UNAUTHENTICATED, "the signature is not that of this key", out_why);
    return read_claims(t, entry, parts.payload, now_ms, out, out_why);
}

/* ---- tokens that were found good before ---- */

static void put_first(struct known **set, struct known *known, int from)
{
    memmove(set + 1, set, (size_t)from * sizeof *set);
    set[0] = known;
}

static struct known *recall(struct known **set, const uint8_t digest[CRYPTO_DIGEST])
{
    for (int i = 0; i < WAYS && set[i]; i++)
        if (crypto_equal(span_of(set[i]->digest, CRYPTO_DIGEST), span_of(digest, CRYPTO_DIGEST))) {
            put_first(set, set[i], i);
            return set[0];
        }
    return NULL;
}

static void admit(struct known **set, struct known *known, const uint8_t digest[CRYPTO_DIGEST])
{
    memcpy(known->digest, digest, CRYPTO_DIGEST);
    known_free(set[WAYS - 1]);
    put_first(set, known, WAYS - 1);
}

parley_status jws_verify(struct jws_table *t, struct span token, int64_t now_ms, const struct jws_claims **out,
                         const char **out_why)
{
    uint8_t digest[CRYPTO_DIGEST];
    if (token.len > LIMIT_TOKEN)
        return refuse(PARLEY_TOO_BIG, "a token has at most 3072 bytes", out_why);
    crypto_sha256(token, digest);
    struct known **set = t->known[(digest[0] << 8 | digest[1]) % SETS];
    struct known *known = recall(set, digest);
    parley_status st;
    if (known) {
        st = check_times(&t->rules, &known->claims, now_ms, out_why);
    } else {
        st = verify_new(t, token, now_ms, &known, out_why);
        if (st == PARLEY_OK)
            admit(set, known, digest);
    }
    if (st == PARLEY_OK)
        *out = &known->claims;
    return st;
}

static void add_text(json_t *claims, const char *name, const char *text)
{
    if (text && *text)
        json_object_set_new(claims, name, json_string(text));
}

parley_status jws_mint(const struct jws_key *key, const struct jws_draft *draft, struct buf *out)
{
    json_t *claims = json_object();
    add_text(claims, "aud", draft->audience);
    add_text(claims, "iss", draft->issuer);
    add_text(claims, "sub", draft->sub);
    add_text(claims, "name", draft->name);
    add_text(claims, "language", draft->language);
    json_object_set_new(claims, "iat", json_integer(draft->issued_ms / 1000));
    json_object_set_new(claims, "exp", json_integer(draft->expires_ms / 1000));
    char *text = json_dumps(claims, JSON_COMPACT);
    json_decref(claims);
    if (!text)
        return PARLEY_INVALID;
    parley_status st = jws_key_sign(key, span_str(text), out);
    free(text);
    return st;
}
