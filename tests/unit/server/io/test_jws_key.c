/* server/io/jws_key: only sound keys are taken, and they verify what others have signed. */
#include "tests/unit/unit.h"

#include "server/io/crypto.h"
#include "server/io/jws.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_tokens_have_the_right_signature),
        cmocka_unit_test(weak_or_broken_keys_are_refused),
        cmocka_unit_test(rsa_keys_are_long_and_their_exponent_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
