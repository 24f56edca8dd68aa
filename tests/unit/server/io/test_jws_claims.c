/* server/io/jws: what a token claims: for whom, by whom, about whom, and when. */
#include "tests/unit/server/io/tokens.h"

#include "tests/unit/unit.h"

#include <stdio.h>

static void claims(const char *format, int64_t number, parley_status expected)
{
    char json[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(json, sizeof json, format, (long long)number);
#pragma GCC diagnostic pop
    parley_status st = tokens_verify_signed(tokens_header, json);
    if (st != expected)
        fail_msg("%s: %s, not %s", json, status_name(st), status_name(expected));
}

static void times_are_held_to(void **state)
{
    const char *exp = "{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":%lld}";
    claims(exp, TOKENS_NOW_S + 60, PARLEY_OK);
    claims(exp, TOKENS_NOW_S - 59, PARLEY_OK);
    claims(exp, TOKENS_NOW_S - 60, PARLEY_TOKEN_EXPIRED);
    claims(exp, 0, PARLEY_TOKEN_EXPIRED);
    claims(exp, -1, PARLEY_UNAUTHENTICATED);
    claims(exp, INT64_MAX, PARLEY_UNAUTHENTICATED);
    claims(exp, TOKENS_NOW_S + 86400, PARLEY_OK);
    claims(exp, TOKENS_NOW_S + 86401, PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\"}", 0, PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":\"%lld\"}", TOKENS_NOW_S + 60, PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":%lld.5}", TOKENS_NOW_S + 60, PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":null}", 0, PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":9223372036854775808}", 0, PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000001,\"exp\":1800000002}", 0, PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000100,\"nbf\":%lld}", TOKENS_NOW_S + 60, PARLEY_OK);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000100,\"nbf\":%lld}", TOKENS_NOW_S + 61,
           PARLEY_TOKEN_NOT_YET);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000100,\"nbf\":\"%lld\"}", TOKENS_NOW_S,
           PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000100,\"iat\":%lld}", TOKENS_NOW_S + 61,
           PARLEY_TOKEN_NOT_YET);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000100,\"iat\":%lld}", TOKENS_NOW_S - 86301,
           PARLEY_UNAUTHENTICATED);
    claims("{\"aud\":\"parley\",\"sub\":\"ana\",\"exp\":1800000100,\"iat\":%lld}", TOKENS_NOW_S - 86300, PARLEY_OK);
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
        parley_status st = tokens_verify_signed(tokens_header, json);
        if (st != cases[i].expected)
            fail_msg("%s: %s", json, status_name(st));
    }
}

static void the_issuer_is_held_to_when_one_is_set(void **state)
{
    struct jws_table *strict = tokens_table("https://id.example");
    struct jws_key *key;
    struct buf token;
    assert_int_equal(jws_key_secret(span_str(tokens_secret), &key), PARLEY_OK);
    assert_int_equal(jws_key_set_id(key, span_str("hs")), PARLEY_OK);
    assert_int_equal(jws_table_add(strict, app, &key), PARLEY_OK);
    const char *good = "{\"aud\":\"parley\",\"iss\":\"https://id.example\",\"sub\":\"ana\",\"exp\":1800000060}";
    const char *bad = "{\"aud\":\"parley\",\"iss\":\"https://id.example.evil\",\"sub\":\"ana\",\"exp\":1800000060}";
    tokens_sign(&token, tokens_header, good, span_str(tokens_secret));
    assert_int_equal(tokens_verify(strict, buf_span(&token)), PARLEY_OK);
    buf_done(&token);
    tokens_sign(&token, tokens_header, bad, span_str(tokens_secret));
    assert_int_equal(tokens_verify(strict, buf_span(&token)), PARLEY_UNAUTHENTICATED);
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
        if (tokens_verify_signed(tokens_header, json) != PARLEY_UNAUTHENTICATED)
            fail_msg("taken: %s", json);
    }
    snprintf(json, sizeof json, "{\"aud\":\"parley\",\"exp\":1800000060,\"sub\":\"%0128d\"}", 1);
    assert_int_equal(tokens_verify_signed(tokens_header, json), PARLEY_OK);
    snprintf(json, sizeof json, "{\"aud\":\"parley\",\"exp\":1800000060,\"sub\":\"%0129d\"}", 1);
    assert_int_equal(tokens_verify_signed(tokens_header, json), PARLEY_UNAUTHENTICATED);
}

static void traits_are_handed_on(void **state)
{
    const struct jws_claims *found;
    const char *why;
    struct buf token;
    tokens_sign(&token, tokens_header,
                "{\"aud\":\"parley\",\"exp\":1800000060,\"sub\":\"ana\",\"traits\":{\"tier\":\"gold\",\"n\":[1,2]}}",
                span_str(tokens_secret));
    assert_int_equal(jws_verify(tokens, buf_span(&token), TOKENS_NOW_S * 1000, &found, &why), PARLEY_OK);
    assert_string_equal(found->traits, "{\"tier\":\"gold\",\"n\":[1,2]}");
    assert_string_equal(found->name, "");
    buf_done(&token);
}

static void claims_that_are_no_object_are_refused(void **state)
{
    char deep[2100];
    memset(deep, '[', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(tokens_verify_signed(tokens_header, deep), PARLEY_UNAUTHENTICATED);
    assert_int_equal(tokens_verify_signed(tokens_header, "[]"), PARLEY_UNAUTHENTICATED);
    assert_int_equal(tokens_verify_signed(tokens_header, "null"), PARLEY_UNAUTHENTICATED);
    assert_int_equal(tokens_verify_signed(tokens_header, "ana"), PARLEY_UNAUTHENTICATED);
    assert_int_equal(tokens_verify_signed(tokens_header, ""), PARLEY_UNAUTHENTICATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_held_to),
        cmocka_unit_test(the_audience_is_ours),
        cmocka_unit_test(the_issuer_is_held_to_when_one_is_set),
        cmocka_unit_test(subjects_names_and_traits_have_a_form),
        cmocka_unit_test(traits_are_handed_on),
        cmocka_unit_test(claims_that_are_no_object_are_refused),
    };
    return cmocka_run_group_tests(tests, tokens_setup, tokens_teardown);
}
