/* cjose holds the key and does the arithmetic; jansson reads the JWK first, for what cjose does not look at: members
 * that contradict each other, short keys, a signature of another length than its algorithm has. */
#include "server/io/jws_key.h"

#include "server/base/mem.h"
#include "server/io/crypto.h"

#include <assert.h>
#include <stdlib.h>

#include <cjose/cjose.h>
#include <jansson.h>

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192, SECRET_MIN = 32, SECRET_MAX = 512, JWK_MAX = 16384 };

struct jws_key {
    cjose_jwk_t *jwk;
    enum jws_algorithm alg;
    char kid[JWS_KID + 1];
};

static const struct {
    const char *name;
    const char *kty;
} algorithms[] = {[JWS_ES256] = {"ES256", "EC"}, [JWS_RS256] = {"RS256", "RSA"}, [JWS_HS256] = {"HS256", "oct"}};

const char *jws_algorithm_name(enum jws_algorithm alg)
{
    return algorithms[alg].name;
}

parley_status jws_algorithm_of(struct span name, enum jws_algorithm *out)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        if (!span_is(name, algorithms[i].name))
            continue;
        *out = (enum jws_algorithm)i;
        return PARLEY_OK;
    }
    return PARLEY_TOKEN_ALGORITHM;
}

bool jws_kid_is_good(struct span kid)
{
    if (kid.len < 1 || kid.len > JWS_KID)
        return false;
    for (size_t i = 0; i < kid.len; i++) {
        char c = kid.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

static const char *member(const json_t *jwk, const char *name)
{
    const char *text = json_string_value(json_object_get(jwk, name));
    return text ? text : "";
}

/* The bytes of a base64url member; 0 when it is not one. *out_first is the first byte that is not zero. */
static size_t member_bytes(const json_t *jwk, const char *name, uint8_t *out_first)
{
    struct buf bytes;
    buf_init(&bytes, JWK_MAX);
    size_t len = 0;
    if (crypto_unbase64url(span_str(member(jwk, name)), &bytes) == PARLEY_OK)
        len = bytes.len;
    size_t zeros = 0;
    while (zeros < len && bytes.ptr[zeros] == 0)
        zeros++;
    *out_first = zeros < len ? (uint8_t)bytes.ptr[zeros] : 0;
    crypto_wipe(bytes.ptr, bytes.len);
    buf_done(&bytes);
    return len - zeros;
}

static bool is_coordinate(const json_t *jwk, const char *name)
{
    struct buf bytes;
    buf_init(&bytes, JWK_MAX);
    bool good = crypto_unbase64url(span_str(member(jwk, name)), &bytes) == PARLEY_OK && bytes.len == 32;
    buf_done(&bytes);
    return good;
}

static const char *check_ec(const json_t *jwk)
{
    if (strcmp(member(jwk, "crv"), "P-256") != 0)
        return "an EC key needs the curve P-256";
    if (!is_coordinate(jwk, "x") || !is_coordinate(jwk, "y"))
        return "`x` and `y` of a P-256 key are 32 bytes each, in base64url";
    return NULL;
}

static const char *check_rsa(const json_t *jwk)
{
    uint8_t first;
    size_t bytes = member_bytes(jwk, "n", &first);
    size_t bits = bytes ? bytes * 8 - (size_t)(__builtin_clz(first) - 24) : 0;
    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
        return "an RSA key needs 2048 to 8192 bits";
    size_t exponent = member_bytes(jwk, "e", &first);
    if (exponent == 0 || exponent > 4 || (exponent == 1 && first < 3))
        return "the exponent of this RSA key is not usable; 65537 is usual";
    return NULL;
}

static const char *check_secret(const json_t *jwk)
{
    struct buf bytes;
    buf_init(&bytes, JWK_MAX);
    parley_status st = crypto_unbase64url(span_str(member(jwk, "k")), &bytes);
    bool good = st == PARLEY_OK && bytes.len >= SECRET_MIN && bytes.len <= SECRET_MAX;
    crypto_wipe(bytes.ptr, bytes.len);
    buf_done(&bytes);
    return good ? NULL : "a shared secret needs 32 to 512 bytes, in base64url";
}

static const char *check_jwk(const json_t *jwk, enum jws_algorithm *out_alg)
{
    const char *kty = member(jwk, "kty"), *alg = member(jwk, "alg");
    int found = -1;
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (strcmp(kty, algorithms[i].kty) == 0)
            found = (int)i;
    if (found < 0)
        return "this JWK has no `kty` of EC, RSA or oct";
    if (*alg && strcmp(alg, algorithms[found].name) != 0)
        return "only ES256, RS256 and HS256 are supported, each with keys of its own type";
    if (json_object_get(jwk, "kid") && !jws_kid_is_good(span_str(member(jwk, "kid"))))
        return "`kid` has 1 to 64 characters of A-Z a-z 0-9 . _ -";
    *out_alg = (enum jws_algorithm)found;
    return found == JWS_ES256 ? check_ec(jwk) : found == JWS_RS256 ? check_rsa(jwk) : check_secret(jwk);
}

static struct jws_key *key_new(cjose_jwk_t *jwk, enum jws_algorithm alg)
{
    struct jws_key *key = mem_alloc(sizeof *key);
    key->jwk = jwk;
    key->alg = alg;
    return key;
}

parley_status jws_key_parse(struct span text, struct jws_key **out, const char **out_why)
{
    enum jws_algorithm alg;
    cjose_err err;
    json_t *json = text.len <= JWK_MAX ? json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *why = json_is_object(json) ? check_jwk(json, &alg) : "not a JSON object";
    cjose_jwk_t *jwk = NULL;
    if (!why) {
        jwk = cjose_jwk_import(text.ptr, text.len, &err);
        why = jwk ? NULL : "this JWK is not a key";
    }
    if (why) {
        json_decref(json);
        *out_why = why;
        return PARLEY_INVALID;
    }
    *out = key_new(jwk, alg);
    memcpy((*out)->kid, member(json, "kid"), strlen(member(json, "kid")) + 1);
    json_decref(json);
    return PARLEY_OK;
}

parley_status jws_key_secret(struct span secret, struct jws_key **out)
{
    cjose_err err;
    if (secret.len < SECRET_MIN || secret.len > SECRET_MAX)
        return PARLEY_INVALID;
    cjose_jwk_t *jwk = cjose_jwk_create_oct_spec((const uint8_t *)secret.ptr, secret.len, &err);
    if (!jwk)
        return PARLEY_INTERNAL;
    *out = key_new(jwk, JWS_HS256);
    return PARLEY_OK;
}

parley_status jws_key_generate(enum jws_algorithm alg, struct jws_key **out)
{
    static const uint8_t exponent[] = {1, 0, 1};
    cjose_err err;
    cjose_jwk_t *jwk = alg == JWS_ES256   ? cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &err)
                       : alg == JWS_RS256 ? cjose_jwk_create_RSA_random(RSA_BITS_MIN, exponent, sizeof exponent, &err)
                                          : cjose_jwk_create_oct_random(SECRET_MIN * 8, &err);
    if (!jwk)
        return PARLEY_INTERNAL;
    *out = key_new(jwk, alg);
    return PARLEY_OK;
}

void jws_key_free(struct jws_key **at)
{
    if (!*at)
        return;
    cjose_jwk_release((*at)->jwk);
    mem_free(*at);
    *at = NULL;
}

enum jws_algorithm jws_key_algorithm(const struct jws_key *key)
{
    return key->alg;
}

const char *jws_key_id(const struct jws_key *key)
{
    return key->kid;
}

parley_status jws_key_set_id(struct jws_key *key, struct span kid)
{
    if (!jws_kid_is_good(kid))
        return PARLEY_INVALID;
    memcpy(key->kid, kid.ptr, kid.len);
    key->kid[kid.len] = '\0';
    return PARLEY_OK;
}

/* cjose's own JSON, with the members that it does not know. */
static json_t *as_json(const struct jws_key *key, bool with_secret)
{
    cjose_err err;
    char *text = cjose_jwk_to_json(key->jwk, with_secret, &err);
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    if (text)
        crypto_wipe(text, strlen(text));
    free(text);
    if (!json)
        return NULL;
    json_object_set_new(json, "alg", json_string(algorithms[key->alg].name));
    if (*key->kid)
        json_object_set_new(json, "kid", json_string(key->kid));
    return json;
}

void jws_key_json(const struct jws_key *key, bool with_secret, struct buf *out)
{
    if (key->alg == JWS_HS256 && !with_secret)
        return;
    json_t *json = as_json(key, with_secret);
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (text) {
        buf_add_str(out, text);
        crypto_wipe(text, strlen(text));
    }
    free(text);
    json_decref(json);
}

void jws_key_secret_bytes(const struct jws_key *key, struct buf *out)
{
    assert(key->alg == JWS_HS256);
    json_t *json = as_json(key, true);
    if (json)
        crypto_unbase64url(span_str(member(json, "k")), out);
    json_decref(json);
}

parley_status jws_key_sign(const struct jws_key *key, struct span payload, struct buf *out)
{
    cjose_err err;
    const char *token;
    cjose_header_t *header = cjose_header_new(&err);
    cjose_jws_t *jws = NULL;
    if (header && cjose_header_set(header, CJOSE_HDR_ALG, algorithms[key->alg].name, &err) &&
        cjose_header_set(header, "typ", "JWT", &err) &&
        (!*key->kid || cjose_header_set(header, CJOSE_HDR_KID, key->kid, &err)))
        jws = cjose_jws_sign(key->jwk, header, (const uint8_t *)payload.ptr, payload.len, &err);
    bool ok = jws && cjose_jws_export(jws, &token, &err);
    if (ok)
        buf_add_str(out, token);
    cjose_jws_release(jws);
    cjose_header_release(header);
    return ok ? out->status : PARLEY_INTERNAL;
}

/* cjose takes an ECDSA signature of any even length for two halves. */
static size_t signature_bytes(const struct jws_key *key)
{
    cjose_err err;
    return key->alg == JWS_ES256 ? 64 : key->alg == JWS_HS256 ? 32 : (cjose_jwk_get_keysize(key->jwk, &err) + 7) / 8;
}

parley_status jws_key_verify(const struct jws_key *key, struct span token, size_t signature_len)
{
    cjose_err err;
    if (signature_len != signature_bytes(key))
        return PARLEY_UNAUTHENTICATED;
    cjose_jws_t *jws = cjose_jws_import(token.ptr, token.len, &err);
    bool ok = jws && cjose_jws_verify(jws, key->jwk, &err);
    cjose_jws_release(jws);
    return ok ? PARLEY_OK : PARLEY_UNAUTHENTICATED;
}
