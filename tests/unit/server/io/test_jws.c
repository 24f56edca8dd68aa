/* server/io/jws: every token is either good or refused with the status that says why. Bad tokens are signed by hand
 * with HMAC, so that header and claims may be anything. */
#include "tests/unit/unit.h"

#include "protocol/limits.h"
#include "server/io/crypto.h"
#include "server/io/jws.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t now_s = 1800000000;
static const char secret[] = "0123456789abcdef0123456789abcdef";
static const char header_hs[] = "{\"alg\":\"HS256\",\"kid\":\"hs\",\"typ\":\"JWT\"}";

static struct jws_table *table;
static struct jws_key *es_private, *rs_private; /* as the app's server has them */
static struct uuid app = {{1}};

static struct jws_table *new_table(const char *issuer)
{
    return jws_table_new(
        &(struct jws_rules){.audience = "parley", .issuer = issuer, .leeway_ms = 60000, .ttl_max_ms = 24 * 3600000});
}

/* What the server has of it: the public half only. */
static struct jws_key *public_half(const struct jws_key *key)
{
    struct jws_key *out;
    const char *why;
    struct buf json;
    buf_init(&json, 8192);
    jws_key_json(key, false, &json);
    assert_int_equal(jws_key_parse(buf_span(&json), &out, &why), PARLEY_OK);
    buf_done(&json);
    return out;
}

static int make_table(void **state)
{
    struct jws_key *key;
    table = new_table("");
    assert_int_equal(jws_key_generate(JWS_ES256, &es_private), PARLEY_OK);
    assert_int_equal(jws_key_set_id(es_private, span_str("es")), PARLEY_OK);
    assert_int_equal(jws_key_generate(JWS_RS256, &rs_private), PARLEY_OK);
    assert_int_equal(jws_key_set_id(rs_private, span_str("rs")), PARLEY_OK);
    assert_int_equal(jws_key_secret(span_str(secret), &key), PARLEY_OK);
    assert_int_equal(jws_key_set_id(key, span_str("hs")), PARLEY_OK);
    assert_int_equal(jws_table_add(table, app, &key), PARLEY_OK);
    key = public_half(es_private);
    assert_int_equal(jws_table_add(table, app, &key), PARLEY_OK);
    key = public_half(rs_private);
    assert_int_equal(jws_table_add(table, app, &key), PARLEY_OK);
    return 0;
}

static int free_table(void **state)
{
    jws_table_free(&table);
    jws_key_free(&es_private);
    jws_key_free(&rs_private);
    return 0;
}

/* Signs whatever it is given. */
static void sign_with(struct buf *out, const char *header, const char *claims, struct span key)
{
    uint8_t mac[CRYPTO_DIGEST];
    buf_init(out, 1 << 20);
    crypto_base64url(span_str(header), out);
    buf_add_char(out, '.');
    crypto_base64url(span_str(claims), out);
    crypto_hmac_sha256(key, buf_span(out), mac);
    buf_add_char(out, '.');
    crypto_base64url(span_of(mac, sizeof mac), out);
}

static parley_status verify(struct jws_table *t, struct span token)
{
    const struct jws_claims *claims;
    const char *why = NULL;
    parley_status st = jws_verify(t, token, now_s * 1000, &claims, &why);
    assert_true((st == PARLEY_OK) == (why == NULL));
    return st;
}

static parley_status verify_signed(const char *header, const char *claims)
{
    struct buf token;
    sign_with(&token, header, claims, span_str(secret));
    parley_status st = verify(table, buf_span(&token));
    buf_done(&token);
    return st;
}

static void mint(const struct jws_key *key, struct buf *out)
{
    buf_init(out, LIMIT_TOKEN);
    assert_int_equal(jws_mint(key,
                              &(struct jws_draft){.audience = "parley",
                                                  .sub = "ana",
                                                  .name = "Ana Lima",
                                                  .language = "pt",
                                                  .issued_ms = now_s * 1000,
                                                  .expires_ms = (now_s + 3600) * 1000},
                              out),
                     PARLEY_OK);
}

static void expect_minted_is_good(const struct jws_key *key)
{
    const struct jws_claims *claims;
    const char *why;
    struct buf token;
    mint(key, &token);
    for (int again = 0; again < 2; again++) { /* the second time from memory */
        assert_int_equal(jws_verify(table, buf_span(&token), now_s * 1000, &claims, &why), PARLEY_OK);
        assert_string_equal(claims->sub, "ana");
        assert_string_equal(claims->name, "Ana Lima");
        assert_string_equal(claims->language, "pt");
        assert_string_equal(claims->traits, "{}");
        assert_string_equal(claims->kid, jws_key_id(key));
        assert_true(claims->expires_ms == (now_s + 3600) * 1000);
        assert_true(uuid_equal(claims->app, app));
    }
    assert_int_equal(jws_verify(table, buf_span(&token), (now_s + 3659) * 1000, &claims, &why), PARLEY_OK);
    assert_int_equal(jws_verify(table, buf_span(&token), (now_s + 3660) * 1000, &claims, &why), PARLEY_TOKEN_EXPIRED);
    assert_int_equal(jws_verify(table, buf_span(&token), (now_s - 61) * 1000, &claims, &why), PARLEY_TOKEN_NOT_YET);
    buf_done(&token);
}

static void what_is_minted_is_good_until_it_expires(void **state)
{
    struct jws_key *hs;
    assert_int_equal(jws_key_secret(span_str(secret), &hs), PARLEY_OK);
    assert_int_equal(jws_key_set_id(hs, span_str("hs")), PARLEY_OK);
    expect_minted_is_good(es_private);
    expect_minted_is_good(rs_private);
    expect_minted_is_good(hs);
    jws_key_free(&hs);
}

/* RFC 7515, A.1 and A.3, with the time they were good at. */
static void published_tokens_have_the_right_signature(void **state)
{
    static const char es_jwk[] =
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\",\"kid\":\"rfc\"}";
    static const char es_token[] =
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
        "cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    struct jws_key *key;
    const char *why;
    assert_int_equal(jws_key_parse(span_str(es_jwk), &key, &why), PARLEY_OK);
    assert_int_equal(jws_key_verify(key, span_str(es_token), 64), PARLEY_OK);
    jws_key_free(&key);
}

static void header(const char *json, parley_status expected)
{
    char claims[256];
    snprintf(claims, sizeof claims, "{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":%lld}", (long long)now_s + 60);
    parley_status st = verify_signed(json, claims);
    if (st != expected)
        fail_msg("%s: %s, not %s", json, status_name(st), status_name(expected));
}

static void a_token_without_a_signature_is_told_what_is_wrong_with_it(void **state)
{
    static const struct {
        const char *token;
        parley_status status;
    } cases[] = {
        {"eyJhbGciOiJub25lIiwia2lkIjoiaHMifQ.e30.", PARLEY_TOKEN_ALGORITHM},  /* alg none */
        {"eyJhbGciOiJIUzI1NiIsImtpZCI6ImhzIn0.e30.", PARLEY_UNAUTHENTICATED}, /* alg HS256 */
    };
    const struct jws_claims *claims;
    const char *why;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(jws_verify(table, span_str(cases[i].token), now_s * 1000, &claims, &why), cases[i].status);
}

static void the_algorithm_must_be_the_one_of_the_key(void **state)
{
    header(header_hs, PARLEY_OK);
    header("{\"alg\":\"none\",\"kid\":\"hs\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"alg\":\"None\",\"kid\":\"hs\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"alg\":\"nOnE\",\"kid\":\"hs\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"alg\":\"\",\"kid\":\"hs\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"kid\":\"hs\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"alg\":null,\"kid\":\"hs\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"alg\":256,\"kid\":\"hs\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"alg\":[\"HS256\"],\"kid\":\"hs\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"alg\":\"hs256\",\"kid\":\"hs\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"alg\":\"HS256 \",\"kid\":\"hs\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"alg\":\"HS384\",\"kid\":\"hs\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"alg\":\"EdDSA\",\"kid\":\"hs\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"alg\":\"PS256\",\"kid\":\"rs\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"alg\":\"ES256\",\"kid\":\"hs\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"alg\":\"RS256\",\"kid\":\"es\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"alg\":\"HS256\",\"kid\":\"es\"}", PARLEY_TOKEN_ALGORITHM);
    header("{\"alg\":\"ES256\",\"kid\":\"rs\"}", PARLEY_TOKEN_ALGORITHM);
}

static void the_key_is_named_and_known(void **state)
{
    char long_kid[1200];
    snprintf(long_kid, sizeof long_kid, "{\"alg\":\"HS256\",\"kid\":\"%01000d\"}", 1);
    header(long_kid, PARLEY_TOKEN_KEY);
    header("{\"alg\":\"HS256\"}", PARLEY_TOKEN_KEY);
    header("{\"alg\":\"HS256\",\"kid\":\"\"}", PARLEY_TOKEN_KEY);
    header("{\"alg\":\"HS256\",\"kid\":\"hz\"}", PARLEY_TOKEN_KEY);
    header("{\"alg\":\"HS256\",\"kid\":\"HS\"}", PARLEY_TOKEN_KEY);
    header("{\"alg\":\"HS256\",\"kid\":\"hs2\"}", PARLEY_TOKEN_KEY);
    header("{\"alg\":\"HS256\",\"kid\":1}", PARLEY_TOKEN_KEY);
    header("{\"alg\":\"HS256\",\"kid\":\"../../hs\"}", PARLEY_TOKEN_KEY);
    header("{\"alg\":\"HS256\",\"kid\":\"hs' or '1'='1\"}", PARLEY_TOKEN_KEY);
    header("{\"alg\":\"HS256\",\"kid\":\"https://keys.example/hs\"}", PARLEY_TOKEN_KEY);
    header("{\"alg\":\"HS256\",\"kid\":\"hs\\u0000\"}", PARLEY_UNAUTHENTICATED);
}

static void a_token_brings_no_key_and_no_extensions(void **state)
{
    header("{\"alg\":\"HS256\",\"kid\":\"hs\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}", PARLEY_TOKEN_KEY);
    header("{\"alg\":\"HS256\",\"kid\":\"hs\",\"jku\":\"https://x.example/\"}", PARLEY_TOKEN_KEY);
    header("{\"alg\":\"HS256\",\"kid\":\"hs\",\"x5u\":\"https://x.example/\"}", PARLEY_TOKEN_KEY);
    header("{\"alg\":\"HS256\",\"kid\":\"hs\",\"x5c\":[]}", PARLEY_TOKEN_KEY);
    header("{\"alg\":\"HS256\",\"kid\":\"hs\",\"x5t#S256\":\"\"}", PARLEY_TOKEN_KEY);
    header("{\"alg\":\"HS256\",\"kid\":\"hs\",\"crit\":[\"exp\"]}", PARLEY_UNAUTHENTICATED);
    header("{\"alg\":\"HS256\",\"kid\":\"hs\",\"b64\":false}", PARLEY_UNAUTHENTICATED);
    header("{\"alg\":\"HS256\",\"alg\":\"HS256\",\"kid\":\"hs\"}", PARLEY_UNAUTHENTICATED);
    header("[\"HS256\"]", PARLEY_UNAUTHENTICATED);
    header("\"HS256\"", PARLEY_UNAUTHENTICATED);
    header("{\"alg\":\"HS256\",\"kid\":\"hs\"} {}", PARLEY_UNAUTHENTICATED);
    header("{\"alg\":\"HS256\",\"kid\":\"hs\"", PARLEY_UNAUTHENTICATED);
    header("{}", PARLEY_TOKEN_ALGORITHM);
    header("\xff", PARLEY_UNAUTHENTICATED);
}

static void a_public_key_is_no_shared_secret(void **state)
{
    char claims[256];
    struct buf jwk, token;
    buf_init(&jwk, 8192);
    jws_key_json(rs_private, false, &jwk);
    snprintf(claims, sizeof claims, "{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":%lld}", (long long)now_s + 60);
    sign_with(&token, "{\"alg\":\"HS256\",\"kid\":\"rs\"}", claims, buf_span(&jwk));
    assert_int_equal(verify(table, buf_span(&token)), PARLEY_TOKEN_ALGORITHM);
    buf_done(&token);
    sign_with(&token, header_hs, claims, buf_span(&jwk));
    assert_int_equal(verify(table, buf_span(&token)), PARLEY_UNAUTHENTICATED);
    buf_done(&token);
    buf_done(&jwk);
}

static void claims(const char *format, int64_t number, parley_status expected)
{
    char json[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(json, sizeof json, format, (long long)number);
#pragma GCC diagnostic pop
    parley_status st = verify_signed(header_hs, json);
    if (st != expected)
        fail_msg("%s: %s, not %s", json, status_name(st), status_name(expected));
}

static void times_are_held_to(void **state)
{
    const char *exp = "{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":%lld}";
    claims(exp, now_s + 60, PARLEY_OK);
    claims(exp, now_s - 59, PARLEY_OK);
    claims(exp, now_s - 60, PARLEY_TOKEN_EXPIRED);
    claims(exp, 0, PARLEY_TOKEN_EXPIRED);
    claims(exp, -1, PARLEY_UNAUTHENTICATED);
    claims(exp, INT64_MAX, PARLEY_UNAUTHENTICATED);
    claims(exp, now_s + 86400, PARLEY_OK);
    claims(exp, now_s + 86401, PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\"}", 0, PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":\"%lld\"}", now_s + 60, PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":%lld.5}", now_s + 60, PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":null}", 0, PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":9223372036854775808}", 0, PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000001,\"exp\":1800000002}", 0, PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000100,\"nbf\":%lld}", now_s + 60, PARLEY_OK);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000100,\"nbf\":%lld}", now_s + 61, PARLEY_TOKEN_NOT_YET);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000100,\"nbf\":\"%lld\"}", now_s, PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000100,\"iat\":%lld}", now_s + 61, PARLEY_TOKEN_NOT_YET);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000100,\"iat\":%lld}", now_s - 86301,
           PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000100,\"iat\":%lld}", now_s - 86300, PARLEY_OK);
}

static void the_audience_is_ours(void **state)
{
    const struct {
        const char *aud;
        parley_status expected;
    } cases[] = {
        {"\"aud\":\"parley\",", PARLEY_OK},
        {"\"aud\":[\"other\",\"parley\"],", PARLEY_OK},
        {"", PARLEY_TOKEN_AUDIENCE},
        {"\"aud\":\"\",", PARLEY_TOKEN_AUDIENCE},
        {"\"aud\":\"Parley\",", PARLEY_TOKEN_AUDIENCE},
        {"\"aud\":\"parle\",", PARLEY_TOKEN_AUDIENCE},
        {"\"aud\":\"parley2\",", PARLEY_TOKEN_AUDIENCE},
        {"\"aud\":[],", PARLEY_TOKEN_AUDIENCE},
        {"\"aud\":[\"other\"],", PARLEY_TOKEN_AUDIENCE},
        {"\"aud\":[[\"parley\"]],", PARLEY_TOKEN_AUDIENCE},
        {"\"aud\":{\"parley\":1},", PARLEY_TOKEN_AUDIENCE},
        {"\"aud\":1,", PARLEY_TOKEN_AUDIENCE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[256];
        snprintf(json, sizeof json, "{%s\"sub\":\"ana\",\"exp\":1800000060}", cases[i].aud);
        parley_status st = verify_signed(header_hs, json);
        if (st != cases[i].expected)
            fail_msg("%s: %s", json, status_name(st));
    }
}

static void the_issuer_is_held_to_when_one_is_set(void **state)
{
    struct jws_table *strict = new_table("https://id.example");
    struct jws_key *key;
    struct buf token;
    assert_int_equal(jws_key_secret(span_str(secret), &key), PARLEY_OK);
    assert_int_equal(jws_key_set_id(key, span_str("hs")), PARLEY_OK);
    assert_int_equal(jws_table_add(strict, app, &key), PARLEY_OK);
    const char *good = "{\"aud\":\"parley\",\"iss\":\"https://id.example\",\"sub\":\"ana\",\"exp\":1800000060}";
    const char *bad = "{\"aud\":\"parley\",\"iss\":\"https://id.example.evil\",\"sub\":\"ana\",\"exp\":1800000060}";
    sign_with(&token, header_hs, good, span_str(secret));
    assert_int_equal(verify(strict, buf_span(&token)), PARLEY_OK);
    buf_done(&token);
    sign_with(&token, header_hs, bad, span_str(secret));
    assert_int_equal(verify(strict, buf_span(&token)), PARLEY_UNAUTHENTICATED);
    buf_done(&token);
    jws_table_free(&strict);
}

static void subjects_names_and_traits_have_a_form(void **state)
{
    char json[1024];
    const char *more[] = {
        "\"sub\":\"\"",
        "\"sub\":1",
        "\"sub\":null",
        "\"sub\":\"a\\nb\"",
        "\"sub\":\"a\\u007f\"",
        "\"sub\":\"ana\",\"sub\":\"bea\"",
        "\"sub\":\"ana\",\"name\":1",
        "\"sub\":\"ana\",\"name\":\"a\\tb\"",
        "\"sub\":\"ana\",\"language\":\"a-language-tag-far-too-long-to-be-one\"",
        "\"sub\":\"ana\",\"traits\":[]",
        "\"nothing\":1",
    };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        snprintf(json, sizeof json, "{\"aud\":\"parley\",\"exp\":1800000060,%s}", more[i]);
        if (verify_signed(header_hs, json) != PARLEY_UNAUTHENTICATED)
            fail_msg("taken: %s", json);
    }
    snprintf(json, sizeof json, "{\"aud\":\"parley\",\"exp\":1800000060,\"sub\":\"%0128d\"}", 1);
    assert_int_equal(verify_signed(header_hs, json), PARLEY_OK);
    snprintf(json, sizeof json, "{\"aud\":\"parley\",\"exp\":1800000060,\"sub\":\"%0129d\"}", 1);
    assert_int_equal(verify_signed(header_hs, json), PARLEY_UNAUTHENTICATED);
}

static void traits_are_handed_on(void **state)
{
    const struct jws_claims *found;
    const char *why;
    struct buf token;
    sign_with(&token, header_hs,
              "{\"aud\":\"parley\",\"exp\":1800000060,\"sub\":\"ana\",\"traits\":{\"tier\":\"gold\",\"n\":[1,2]}}",
              span_str(secret));
    assert_int_equal(jws_verify(table, buf_span(&token), now_s * 1000, &found, &why), PARLEY_OK);
    assert_string_equal(found->traits, "{\"tier\":\"gold\",\"n\":[1,2]}");
    assert_string_equal(found->name, "");
    buf_done(&token);
}

static void claims_that_are_no_object_are_refused(void **state)
{
    char deep[2100];
    memset(deep, '[', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(verify_signed(header_hs, deep), PARLEY_UNAUTHENTICATED);
    assert_int_equal(verify_signed(header_hs, "[]"), PARLEY_UNAUTHENTICATED);
    assert_int_equal(verify_signed(header_hs, "null"), PARLEY_UNAUTHENTICATED);
    assert_int_equal(verify_signed(header_hs, "ana"), PARLEY_UNAUTHENTICATED);
    assert_int_equal(verify_signed(header_hs, ""), PARLEY_UNAUTHENTICATED);
}

static void expect_refused(struct span token, const char *what)
{
    if (verify(table, token) != PARLEY_UNAUTHENTICATED)
        fail_msg("taken: %s", what);
}

static void other_forms_of_a_good_token_are_refused(void **state)
{
    struct buf token, changed;
    mint(es_private, &token);
    buf_init(&changed, 1 << 16);
    const char *dot = memrchr(token.ptr, '.', token.len);
    size_t head = (size_t)(dot - token.ptr);

    expect_refused(span_of(token.ptr, 0), "nothing");
    expect_refused(span_of(token.ptr, head), "two parts");
    expect_refused(span_of(token.ptr, head + 1), "an empty signature");
    expect_refused(span_of(token.ptr, token.len - 1), "a signature cut short");
    const char *const added[] = {"=", "A", "AA", ".", ".e30", " ", "\n"};
    for (size_t i = 0; i < sizeof added / sizeof *added; i++) {
        buf_clear(&changed);
        buf_add_span(&changed, buf_span(&token));
        buf_add_str(&changed, added[i]);
        expect_refused(buf_span(&changed), added[i]);
    }
    buf_clear(&changed);
    buf_add_char(&changed, ' ');
    buf_add_span(&changed, buf_span(&token));
    expect_refused(buf_span(&changed), "a blank before");
    buf_done(&token);
    buf_done(&changed);
}

/* Each single bit of the token matters; also the last two, which base64url would ignore. */
static void no_bit_may_differ(void **state)
{
    struct buf token;
    mint(es_private, &token);
    for (size_t i = 0; i < token.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            token.ptr[i] ^= (char)(1 << bit);
            parley_status st = verify(table, buf_span(&token));
            if (st == PARLEY_OK)
                fail_msg("taken with bit %d of byte %zu changed", bit, i);
            token.ptr[i] ^= (char)(1 << bit);
        }
    }
    assert_int_equal(verify(table, buf_span(&token)), PARLEY_OK);
    buf_done(&token);
}

static void expect_signature_refused(const struct jws_key *key, const void *bytes, size_t n, const char *what)
{
    struct buf token;
    mint(key, &token);
    token.len = (size_t)((char *)memrchr(token.ptr, '.', token.len) + 1 - token.ptr);
    crypto_base64url(span_of(bytes, n), &token);
    expect_refused(buf_span(&token), what);
    buf_done(&token);
}

static void signatures_have_the_length_and_range_of_their_algorithm(void **state)
{
    static const uint8_t der[] = {0x30, 0x44, 0x02, 0x20};
    uint8_t bytes[512] = {0};
    expect_signature_refused(es_private, bytes, 64, "r = s = 0");
    memset(bytes, 0xff, sizeof bytes);
    expect_signature_refused(es_private, bytes, 64, "r, s beyond the order");
    expect_signature_refused(es_private, bytes, 63, "63 bytes");
    expect_signature_refused(es_private, bytes, 65, "65 bytes");
    memcpy(bytes, der, sizeof der);
    expect_signature_refused(es_private, bytes, 70, "DER");
    memset(bytes, 0, sizeof bytes);
    expect_signature_refused(rs_private, bytes, 256, "RSA of zeros");
    expect_signature_refused(rs_private, bytes, 255, "RSA, short");
    expect_signature_refused(rs_private, bytes, 257, "RSA, long");
    expect_signature_refused(rs_private, bytes, 32, "RSA of a digest's length");
}

static void a_signature_with_bytes_behind_it_is_refused(void **state)
{
    struct buf token, signature;
    mint(es_private, &token);
    buf_init(&signature, 256);
    char *dot = memrchr(token.ptr, '.', token.len);
    struct span text = span_of(dot + 1, token.len - (size_t)(dot + 1 - token.ptr));
    assert_int_equal(crypto_unbase64url(text, &signature), PARLEY_OK);
    buf_add_char(&signature, 'x');
    expect_signature_refused(es_private, signature.ptr, signature.len, "one byte more");
    buf_add_char(&signature, 'x');
    expect_signature_refused(es_private, signature.ptr, signature.len, "two bytes more");
    buf_done(&token);
    buf_done(&signature);
}

static void a_token_of_another_key_is_refused(void **state)
{
    struct jws_key *stranger;
    struct buf token;
    assert_int_equal(jws_key_generate(JWS_ES256, &stranger), PARLEY_OK);
    assert_int_equal(jws_key_set_id(stranger, span_str("es")), PARLEY_OK);
    mint(stranger, &token);
    expect_refused(buf_span(&token), "a stranger's signature");
    buf_done(&token);
    jws_key_free(&stranger);
}

static void tokens_have_a_greatest_length(void **state)
{
    char *padded = malloc(8000);
    snprintf(padded, 8000, "{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000060,\"more\":\"%04000d\"}", 1);
    assert_int_equal(verify_signed(header_hs, padded), PARLEY_TOO_BIG);
    snprintf(padded, 8000, "{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000060,\"more\":\"%02900d\"}", 1);
    assert_int_equal(verify_signed(header_hs, padded), PARLEY_OK);
    free(padded);
}

static void a_table_has_a_kid_once_and_wants_one(void **state)
{
    struct jws_key *key;
    assert_int_equal(jws_key_secret(span_str(secret), &key), PARLEY_OK);
    assert_int_equal(jws_table_add(table, app, &key), PARLEY_INVALID);
    assert_null(key);
    assert_int_equal(jws_key_secret(span_str(secret), &key), PARLEY_OK);
    assert_int_equal(jws_key_set_id(key, span_str("hs")), PARLEY_OK);
    assert_int_equal(jws_table_add(table, app, &key), PARLEY_CONFLICT);
    assert_null(key);
}

static void expect_no_key(const char *jwk)
{
    struct jws_key *key;
    const char *why = NULL;
    if (jws_key_parse(span_str(jwk), &key, &why) != PARLEY_INVALID)
        fail_msg("taken as a key: %s", jwk);
    assert_non_null(why);
}

static void weak_or_broken_keys_are_refused(void **state)
{
    expect_no_key("");
    expect_no_key("[]");
    expect_no_key("{}");
    expect_no_key("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}");
    expect_no_key("{\"kty\":\"oct\",\"k\":\"c2hvcnQ\"}");
    expect_no_key("{\"kty\":\"oct\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"}");
    expect_no_key("{\"kty\":\"oct\",\"alg\":\"HS512\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}");
    expect_no_key("{\"kty\":\"oct\",\"alg\":\"RS256\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}");
    expect_no_key("{\"kty\":\"oct\",\"kid\":\"a b\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}");
    expect_no_key("{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"}");
    expect_no_key("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                  "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1\"}");
    expect_no_key("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                  "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI6a0\"}");
    expect_no_key("{\"kty\":\"RSA\",\"n\":\"u1W_A\",\"e\":\"AQAB\"}");
}

static void rsa_keys_are_long_and_their_exponent_is_sound(void **state)
{
    uint8_t modulus[256];
    struct buf jwk;
    memset(modulus, 0xff, sizeof modulus);
    buf_init(&jwk, 8192);
    buf_add_str(&jwk, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"");
    crypto_base64url(span_of(modulus, 128), &jwk);
    buf_add(&jwk, "\"}", 3);
    expect_no_key(jwk.ptr);
    buf_clear(&jwk);
    modulus[0] = 0x7f; /* 2047 bits */
    buf_add_str(&jwk, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"");
    crypto_base64url(span_of(modulus, 256), &jwk);
    buf_add(&jwk, "\"}", 3);
    expect_no_key(jwk.ptr);
    buf_clear(&jwk);
    modulus[0] = 0xff;
    buf_add_str(&jwk, "{\"kty\":\"RSA\",\"e\":\"AQ\",\"n\":\"");
    crypto_base64url(span_of(modulus, 256), &jwk);
    buf_add(&jwk, "\"}", 3);
    expect_no_key(jwk.ptr);
    buf_done(&jwk);
}

static void a_private_key_survives_its_own_json(void **state)
{
    struct jws_key *again;
    const char *why;
    struct buf json, token;
    buf_init(&json, 8192);
    jws_key_json(rs_private, true, &json);
    assert_int_equal(jws_key_parse(buf_span(&json), &again, &why), PARLEY_OK);
    assert_string_equal(jws_key_id(again), "rs");
    assert_int_equal(jws_key_algorithm(again), JWS_RS256);
    mint(again, &token);
    assert_int_equal(verify(table, buf_span(&token)), PARLEY_OK);
    buf_clear(&json);
    jws_key_json(rs_private, false, &json);
    buf_add_char(&json, '\0');
    assert_null(strstr(json.ptr, "\"d\""));
    buf_done(&json);
    buf_done(&token);
    jws_key_free(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_minted_is_good_until_it_expires),
        cmocka_unit_test(published_tokens_have_the_right_signature),
        cmocka_unit_test(a_token_without_a_signature_is_told_what_is_wrong_with_it),
        cmocka_unit_test(the_algorithm_must_be_the_one_of_the_key),
        cmocka_unit_test(the_key_is_named_and_known),
        cmocka_unit_test(a_token_brings_no_key_and_no_extensions),
        cmocka_unit_test(a_public_key_is_no_shared_secret),
        cmocka_unit_test(times_are_held_to),
        cmocka_unit_test(the_audience_is_ours),
        cmocka_unit_test(the_issuer_is_held_to_when_one_is_set),
        cmocka_unit_test(subjects_names_and_traits_have_a_form),
        cmocka_unit_test(traits_are_handed_on),
        cmocka_unit_test(claims_that_are_no_object_are_refused),
        cmocka_unit_test(other_forms_of_a_good_token_are_refused),
        cmocka_unit_test(no_bit_may_differ),
        cmocka_unit_test(signatures_have_the_length_and_range_of_their_algorithm),
        cmocka_unit_test(a_signature_with_bytes_behind_it_is_refused),
        cmocka_unit_test(a_token_of_another_key_is_refused),
        cmocka_unit_test(tokens_have_a_greatest_length),
        cmocka_unit_test(a_table_has_a_kid_once_and_wants_one),
        cmocka_unit_test(weak_or_broken_keys_are_refused),
        cmocka_unit_test(rsa_keys_are_long_and_their_exponent_is_sound),
        cmocka_unit_test(a_private_key_survives_its_own_json),
    };
    return cmocka_run_group_tests(tests, make_table, free_table);
}
