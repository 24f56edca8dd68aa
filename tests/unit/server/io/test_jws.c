/* server/io/jws: headers and signatures. Every token is either good or refused with the status that says why. */
#include "tests/unit/server/io/tokens.h"

#include "server/io/crypto.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

static void expect_minted_is_good(const struct jws_key *key)
{
    const struct jws_claims *claims;
    const char *why;
    struct buf token;
    tokens_mint(key, &token);
    for (int again = 0; again < 2; again++) { /* the second time from memory */
        assert_int_equal(jws_verify(tokens, buf_span(&token), TOKENS_NOW_S * 1000, &claims, &why), PARLEY_OK);
        assert_string_equal(claims->sub, "ana");
        assert_string_equal(claims->name, "Ana Lima");
        assert_string_equal(claims->language, "pt");
        assert_string_equal(claims->traits, "{}");
        assert_string_equal(claims->kid, jws_key_id(key));
        assert_true(claims->expires_ms == (TOKENS_NOW_S + 3600) * 1000);
        assert_true(uuid_equal(claims->app, app));
    }
    assert_int_equal(jws_verify(tokens, buf_span(&token), (TOKENS_NOW_S + 3659) * 1000, &claims, &why), PARLEY_OK);
    assert_int_equal(jws_verify(tokens, buf_span(&token), (TOKENS_NOW_S + 3660) * 1000, &claims, &why),
                     PARLEY_TOKEN_EXPIRED);
    assert_int_equal(jws_verify(tokens, buf_span(&token), (TOKENS_NOW_S - 61) * 1000, &claims, &why),
                     PARLEY_TOKEN_NOT_YET);
    buf_done(&token);
}

static void what_is_minted_is_good_until_it_expires(void **state)
{
    struct jws_key *hs;
    assert_int_equal(jws_key_secret(span_str(tokens_secret), &hs), PARLEY_OK);
    assert_int_equal(jws_key_set_id(hs, span_str("hs")), PARLEY_OK);
    expect_minted_is_good(es_private);
    expect_minted_is_good(rs_private);
    expect_minted_is_good(hs);
    jws_key_free(&hs);
}

static void expect_subject(int i)
{
    const struct jws_claims *found;
    const char *why;
    char claims[128], sub[16];
    struct buf token;
    snprintf(sub, sizeof sub, "c%d", i);
    snprintf(claims, sizeof claims, "{\"aud\":\"parley\",\"sub\":\"%s\",\"exp\":%lld}", sub,
             (long long)TOKENS_NOW_S + 60);
    tokens_sign(&token, tokens_header, claims, span_str(tokens_secret));
    assert_int_equal(jws_verify(tokens, buf_span(&token), TOKENS_NOW_S * 1000, &found, &why), PARLEY_OK);
    assert_string_equal(found->sub, sub);
    buf_done(&token);
}

/* More than are remembered, so that newcomers take the places of others; then the youngest, which are still there. */
static void of_many_tokens_each_has_its_own_claims(void **state)
{
    for (int i = 0; i < 6000; i++)
        expect_subject(i);
    for (int i = 5999; i >= 0; i--)
        expect_subject(i);
}

static void header(const char *json, parley_status expected)
{
    char claims[256];
    snprintf(claims, sizeof claims, "{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":%lld}", (long long)TOKENS_NOW_S + 60);
    parley_status st = tokens_verify_signed(json, claims);
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
        assert_int_equal(jws_verify(tokens, span_str(cases[i].token), TOKENS_NOW_S * 1000, &claims, &why),
                         cases[i].status);
}

static void the_algorithm_must_be_the_one_of_the_key(void **state)
{
    header(tokens_header, PARLEY_OK);
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
    snprintf(claims, sizeof claims, "{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":%lld}", (long long)TOKENS_NOW_S + 60);
    tokens_sign(&token, "{\"alg\":\"HS256\",\"kid\":\"rs\"}", claims, buf_span(&jwk));
    assert_int_equal(tokens_verify(tokens, buf_span(&token)), PARLEY_TOKEN_ALGORITHM);
    buf_done(&token);
    tokens_sign(&token, tokens_header, claims, buf_span(&jwk));
    assert_int_equal(tokens_verify(tokens, buf_span(&token)), PARLEY_UNAUTHENTICATED);
    buf_done(&token);
    buf_done(&jwk);
}

static void expect_refused(struct span token, const char *what)
{
    if (tokens_verify(tokens, token) != PARLEY_UNAUTHENTICATED)
        fail_msg("taken: %s", what);
}

static void other_forms_of_a_good_token_are_refused(void **state)
{
    struct buf token, changed;
    tokens_mint(es_private, &token);
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
    tokens_mint(es_private, &token);
    for (size_t i = 0; i < token.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            token.ptr[i] ^= (char)(1 << bit);
            parley_status st = tokens_verify(tokens, buf_span(&token));
            if (st == PARLEY_OK)
                fail_msg("taken with bit %d of byte %zu changed", bit, i);
            token.ptr[i] ^= (char)(1 << bit);
        }
    }
    assert_int_equal(tokens_verify(tokens, buf_span(&token)), PARLEY_OK);
    buf_done(&token);
}

static void expect_signature_refused(const struct jws_key *key, const void *bytes, size_t n, const char *what)
{
    struct buf token;
    tokens_mint(key, &token);
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
    tokens_mint(es_private, &token);
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
    tokens_mint(stranger, &token);
    expect_refused(buf_span(&token), "a stranger's signature");
    buf_done(&token);
    jws_key_free(&stranger);
}

static void tokens_have_a_greatest_length(void **state)
{
    char *padded = malloc(8000);
    snprintf(padded, 8000, "{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000060,\"more\":\"%02300d\"}", 1);
    assert_int_equal(tokens_verify_signed(tokens_header, padded), PARLEY_TOO_BIG);
    snprintf(padded, 8000, "{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000060,\"more\":\"%02100d\"}", 1);
    assert_int_equal(tokens_verify_signed(tokens_header, padded), PARLEY_OK);
    free(padded);
}

static void a_table_has_a_kid_once_and_wants_one(void **state)
{
    struct jws_key *key;
    assert_int_equal(jws_key_secret(span_str(tokens_secret), &key), PARLEY_OK);
    assert_int_equal(jws_table_add(tokens, app, &key), PARLEY_INVALID);
    assert_null(key);
    assert_int_equal(jws_key_secret(span_str(tokens_secret), &key), PARLEY_OK);
    assert_int_equal(jws_key_set_id(key, span_str("hs")), PARLEY_OK);
    assert_int_equal(jws_table_add(tokens, app, &key), PARLEY_CONFLICT);
    assert_null(key);
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
    tokens_mint(again, &token);
    assert_int_equal(tokens_verify(tokens, buf_span(&token)), PARLEY_OK);
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
        cmocka_unit_test(of_many_tokens_each_has_its_own_claims),
        cmocka_unit_test(a_token_without_a_signature_is_told_what_is_wrong_with_it),
        cmocka_unit_test(the_algorithm_must_be_the_one_of_the_key),
        cmocka_unit_test(the_key_is_named_and_known),
        cmocka_unit_test(a_token_brings_no_key_and_no_extensions),
        cmocka_unit_test(a_public_key_is_no_shared_secret),
        cmocka_unit_test(other_forms_of_a_good_token_are_refused),
        cmocka_unit_test(no_bit_may_differ),
        cmocka_unit_test(signatures_have_the_length_and_range_of_their_algorithm),
        cmocka_unit_test(a_signature_with_bytes_behind_it_is_refused),
        cmocka_unit_test(a_token_of_another_key_is_refused),
        cmocka_unit_test(tokens_have_a_greatest_length),
        cmocka_unit_test(a_table_has_a_kid_once_and_wants_one),
        cmocka_unit_test(a_private_key_survives_its_own_json),
    };
    return cmocka_run_group_tests(tests, tokens_setup, tokens_teardown);
}
