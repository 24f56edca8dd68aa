/* server/io/crypto and server/io/sodium against published vectors, and what must be refused. */
#include "tests/unit/unit.h"

#include "server/base/clock.h"
#include "server/io/crypto.h"
#include "server/io/sodium.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect_hex(const uint8_t *bytes, size_t n, const char *expected)
{
    char hex[129];
    crypto_hex(span_of(bytes, n), hex);
    assert_string_equal(hex, expected);
}

static void digests_are_those_of_fips_180_and_rfc_4231(void **state)
{
    uint8_t digest[CRYPTO_DIGEST];
    crypto_sha256(span_str("abc"), digest);
    expect_hex(digest, sizeof digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256(span_of(NULL, 0), digest);
    expect_hex(digest, sizeof digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    crypto_hmac_sha256(span_str("Jefe"), span_str("what do ya want for nothing?"), digest);
    expect_hex(digest, sizeof digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void pieces_give_the_digest_of_the_whole(void **state)
{
    uint8_t whole[CRYPTO_DIGEST], pieces[CRYPTO_DIGEST];
    struct crypto_hash *hash = crypto_hash_new();
    crypto_hash_add(hash, span_str("hello, "));
    crypto_hash_add(hash, span_str(""));
    crypto_hash_add(hash, span_str("world"));
    crypto_hash_done(&hash, pieces);
    assert_null(hash);
    crypto_sha256(span_str("hello, world"), whole);
    assert_memory_equal(whole, pieces, sizeof whole);
    hash = crypto_hash_new();
    crypto_hash_done(&hash, NULL);
    crypto_hash_done(&hash, NULL);
}

static void equality_looks_at_length_and_every_byte(void **state)
{
    assert_true(crypto_equal(span_str("secret"), span_str("secret")));
    assert_false(crypto_equal(span_str("secret"), span_str("secreT")));
    assert_false(crypto_equal(span_str("Secret"), span_str("secret")));
    assert_false(crypto_equal(span_str("secret"), span_str("secrets")));
    assert_true(crypto_equal(span_of(NULL, 0), span_str("")));
}

static void hex_takes_exactly_its_digits(void **state)
{
    uint8_t bytes[2] = {7, 7};
    assert_int_equal(crypto_unhex(span_str("00fF"), bytes, 2), PARLEY_OK);
    assert_int_equal(bytes[1], 255);
    assert_int_equal(crypto_unhex(span_str("00f"), bytes, 2), PARLEY_INVALID);
    assert_int_equal(crypto_unhex(span_str("00fff"), bytes, 2), PARLEY_INVALID);
    assert_int_equal(crypto_unhex(span_str("11g0"), bytes, 2), PARLEY_INVALID);
    assert_int_equal(bytes[0], 0);
}

static void expect_base64(const char *plain, const char *text, const char *url)
{
    struct buf out;
    buf_init(&out, 256);
    crypto_base64(span_str(plain), &out);
    assert_true(span_is(buf_span(&out), text));
    buf_clear(&out);
    crypto_base64url(span_str(plain), &out);
    assert_true(span_is(buf_span(&out), url));
    buf_clear(&out);
    assert_int_equal(crypto_unbase64(span_str(text), &out), PARLEY_OK);
    assert_true(span_is(buf_span(&out), plain));
    buf_clear(&out);
    assert_int_equal(crypto_unbase64url(span_str(url), &out), PARLEY_OK);
    assert_true(span_is(buf_span(&out), plain));
    buf_done(&out);
}

static void base64_is_that_of_rfc_4648(void **state)
{
    expect_base64("", "", "");
    expect_base64("f", "Zg==", "Zg");
    expect_base64("fo", "Zm8=", "Zm8");
    expect_base64("foo", "Zm9v", "Zm9v");
    expect_base64("foob", "Zm9vYg==", "Zm9vYg");
    expect_base64("fooba", "Zm9vYmE=", "Zm9vYmE");
    expect_base64("foobar", "Zm9vYmFy", "Zm9vYmFy");
    expect_base64("\xfb\xff\xbf", "+/+/", "-_-_");
}

static void base64_has_one_form_only(void **state)
{
    static const char *const bad_url[] = {"Z",    "Zg==", "Zh",    "Zm9", "Zm9v\n", " Zm9v",
                                          "Zm9*", "+/+/", "Zm9vY", "Z=",  "Zm8=",   "Zm9vYmF/"};
    static const char *const bad_std[] = {
        "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "-_-_", "=", "====", "Zm=v", "Zg==Zg=="};
    struct buf out;
    buf_init(&out, 256);
    buf_add_str(&out, "kept");
    for (size_t i = 0; i < sizeof bad_url / sizeof *bad_url; i++)
        if (crypto_unbase64url(span_str(bad_url[i]), &out) != PARLEY_INVALID)
            fail_msg("taken as base64url: %s", bad_url[i]);
    for (size_t i = 0; i < sizeof bad_std / sizeof *bad_std; i++)
        if (crypto_unbase64(span_str(bad_std[i]), &out) != PARLEY_INVALID)
            fail_msg("taken as base64: %s", bad_std[i]);
    assert_true(span_is(buf_span(&out), "kept"));
    buf_done(&out);
}

static void what_is_sealed_opens_with_key_and_subject_only(void **state)
{
    uint8_t key[CRYPTO_KEY], other[CRYPTO_KEY];
    struct buf sealed, again, plain;
    buf_init(&sealed, 256);
    buf_init(&again, 256);
    buf_init(&plain, 256);
    crypto_random(key, sizeof key);
    crypto_random(other, sizeof other);
    assert_int_equal(crypto_seal(key, span_str("kid-1"), span_str("a shared secret"), &sealed), PARLEY_OK);
    assert_int_equal(crypto_seal(key, span_str("kid-1"), span_str("a shared secret"), &again), PARLEY_OK);
    assert_int_equal(sealed.len, 15 + CRYPTO_SEAL_EXTRA);
    assert_false(span_equal(buf_span(&sealed), buf_span(&again)));

    assert_int_equal(crypto_open(key, span_str("kid-1"), buf_span(&sealed), &plain), PARLEY_OK);
    assert_true(span_is(buf_span(&plain), "a shared secret"));
    buf_clear(&plain);
    assert_int_equal(crypto_open(key, span_str("kid-2"), buf_span(&sealed), &plain), PARLEY_UNAUTHENTICATED);
    assert_int_equal(crypto_open(other, span_str("kid-1"), buf_span(&sealed), &plain), PARLEY_UNAUTHENTICATED);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.ptr[i] ^= 1;
        assert_int_equal(crypto_open(key, span_str("kid-1"), buf_span(&sealed), &plain), PARLEY_UNAUTHENTICATED);
        sealed.ptr[i] ^= 1;
        assert_int_equal(crypto_open(key, span_str("kid-1"), span_of(sealed.ptr, i), &plain), PARLEY_UNAUTHENTICATED);
    }
    assert_int_equal(plain.len, 0);
    buf_done(&sealed);
    buf_done(&again);
    buf_done(&plain);
}

static void nothing_can_be_sealed(void **state)
{
    uint8_t key[CRYPTO_KEY] = {1};
    struct buf sealed, plain;
    buf_init(&sealed, 256);
    buf_init(&plain, 256);
    assert_int_equal(crypto_seal(key, span_of(NULL, 0), span_of(NULL, 0), &sealed), PARLEY_OK);
    assert_int_equal(crypto_open(key, span_of(NULL, 0), buf_span(&sealed), &plain), PARLEY_OK);
    assert_int_equal(plain.len, 0);
    buf_done(&sealed);
    buf_done(&plain);
}

static void ids_are_of_version_7_and_differ(void **state)
{
    struct uuid a = crypto_uuid7(), b = crypto_uuid7();
    assert_int_equal(uuid_version(a), 7);
    assert_false(uuid_equal(a, b));
}

static void tokens_have_prefix_and_length_and_differ(void **state)
{
    char a[CRYPTO_TOKEN + 1], b[CRYPTO_TOKEN + 1];
    crypto_token("pk_", a);
    crypto_token("pk_", b);
    assert_int_equal(strlen(a), CRYPTO_TOKEN);
    assert_memory_equal(a, "pk_", 3);
    assert_string_not_equal(a, b);
}

static void passwords_verify_and_others_do_not(void **state)
{
    char hash[SODIUM_HASH];
    bool again = true;
    assert_int_equal(sodium_password_hash(span_str("correct horse"), hash), PARLEY_OK);
    assert_memory_equal(hash, "$argon2id$v=19$m=65536,t=3,p=1$", 31);
    assert_int_equal(sodium_password_verify(span_str("correct horse"), hash, &again), PARLEY_OK);
    assert_false(again);
    assert_int_equal(sodium_password_verify(span_str("correct horsf"), hash, &again), PARLEY_UNAUTHENTICATED);
    assert_int_equal(sodium_password_verify(span_str(""), hash, &again), PARLEY_UNAUTHENTICATED);
    assert_int_equal(sodium_password_verify(span_str("correct horse"), "no hash", &again), PARLEY_UNAUTHENTICATED);
}

static void passwords_have_a_length(void **state)
{
    char hash[SODIUM_HASH], long_one[SODIUM_PASSWORD_MAX + 1];
    bool again;
    memset(long_one, 'x', sizeof long_one);
    assert_int_equal(sodium_password_hash(span_str("elevenchars"), hash), PARLEY_INVALID);
    assert_int_equal(sodium_password_hash(span_of(long_one, sizeof long_one), hash), PARLEY_TOO_BIG);
    assert_int_equal(sodium_password_hash(span_of(long_one, sizeof long_one - 1), hash), PARLEY_OK);
    assert_int_equal(sodium_password_verify(span_of(long_one, sizeof long_one), hash, &again), PARLEY_UNAUTHENTICATED);
}

/* As OWASP's floor was: t=2, m=19 MiB, of "correct horse". */
static void old_costs_ask_to_be_hashed_anew(void **state)
{
    bool again = false;
    const char *hash = "$argon2id$v=19$m=19456,t=2,p=1$vGcl+Uo18ShI0I6xzGFxXQ$"
                       "blmbVebeBqD1UTpH3jUQ9A47Dvo9Qzf8CeLhmZk89BE";
    assert_int_equal(sodium_password_verify(span_str("correct horse"), hash, &again), PARLEY_OK);
    assert_true(again);
}

static void an_unknown_account_takes_as_long_as_a_known_one(void **state)
{
    char hash[SODIUM_HASH];
    bool again;
    int64_t known = 0, unknown = 0;
    assert_int_equal(sodium_password_hash(span_str("correct horse"), hash), PARLEY_OK);
    for (int i = 0; i < 3; i++) {
        int64_t start = clock_mono_us();
        assert_int_equal(sodium_password_verify(span_str("wrong password"), hash, &again), PARLEY_UNAUTHENTICATED);
        int64_t middle = clock_mono_us();
        assert_int_equal(sodium_password_verify(span_str("wrong password"), NULL, &again), PARLEY_UNAUTHENTICATED);
        known += middle - start;
        unknown += clock_mono_us() - middle;
    }
    assert_true(unknown * 4 > known && known * 4 > unknown);
}

static int run(const char *command)
{
    return system(command);
}

static char folder[] = "/tmp/parley-tls-XXXXXX";

static const char *in_folder(const char *name)
{
    static char paths[2][128];
    static int turn;
    turn = !turn;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
    return paths[turn];
}

static void expect_tls(const char *certificate, const char *key, int64_t now_ms, parley_status st, const char *why)
{
    struct buf out;
    buf_init(&out, 1024);
    assert_int_equal(crypto_check_tls(in_folder(certificate), in_folder(key), now_ms, &out), st);
    buf_add_char(&out, '\0');
    if (*why ? !strstr(out.ptr, why) : out.ptr[0] != '\0')
        fail_msg("expected \"%s\" in \"%s\"", why, out.ptr);
    buf_done(&out);
}

static void certificates_and_keys_are_looked_at_before_they_are_used(void **state)
{
    char command[1024];
    int64_t now = clock_ms(), day = 86400000;
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof command,
             "cd %s && for n in a b; do openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "
             "$n.key -out $n.pem -days 100 -subj /CN=$n 2>openssl.log; done && chmod 600 a.key && chmod 644 b.key && "
             "openssl ec -in a.key -aes256 -passout pass:x -out locked.key 2>openssl.log && echo no >text.pem",
             folder);
    assert_int_equal(run(command), 0);

    expect_tls("a.pem", "a.key", now, PARLEY_OK, "");
    expect_tls("a.pem", "a.key", now + 90 * day, PARLEY_OK, "expires within 14 days");
    expect_tls("a.pem", "a.key", now + 101 * day, PARLEY_INVALID, "a.pem has expired");
    expect_tls("a.pem", "a.key", now - 10 * day, PARLEY_INVALID, "a.pem is not valid yet");
    expect_tls("a.pem", "b.key", now, PARLEY_INVALID, "is not the key of");
    expect_tls("b.pem", "b.key", now, PARLEY_INVALID, "b.key can be read by everybody");
    expect_tls("text.pem", "a.key", now, PARLEY_INVALID, "text.pem holds no certificate");
    expect_tls("a.pem", "text.pem", now, PARLEY_INVALID, "text.pem holds no private key");
    expect_tls("a.pem", "locked.key", now, PARLEY_INVALID, "without a passphrase");
    expect_tls("none.pem", "a.key", now, PARLEY_INVALID, "none.pem holds no certificate");

    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(run(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_fips_180_and_rfc_4231),
        cmocka_unit_test(pieces_give_the_digest_of_the_whole),
        cmocka_unit_test(equality_looks_at_length_and_every_byte),
        cmocka_unit_test(hex_takes_exactly_its_digits),
        cmocka_unit_test(base64_is_that_of_rfc_4648),
        cmocka_unit_test(base64_has_one_form_only),
        cmocka_unit_test(what_is_sealed_opens_with_key_and_subject_only),
        cmocka_unit_test(nothing_can_be_sealed),
        cmocka_unit_test(ids_are_of_version_7_and_differ),
        cmocka_unit_test(tokens_have_prefix_and_length_and_differ),
        cmocka_unit_test(passwords_verify_and_others_do_not),
        cmocka_unit_test(passwords_have_a_length),
        cmocka_unit_test(old_costs_ask_to_be_hashed_anew),
        cmocka_unit_test(an_unknown_account_takes_as_long_as_a_known_one),
        cmocka_unit_test(certificates_and_keys_are_looked_at_before_they_are_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
