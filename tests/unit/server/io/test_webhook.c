/* Signatures as receivers' own libraries compute them, and secrets that are none. */
#include "server/io/webhook.h"
#include "tests/unit/unit.h"

#define OLD "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define NEW "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static void assert_signature(const char *secrets, const char *id, int64_t at, const char *body, const char *expected)
{
    struct buf out;
    buf_init(&out, 256);
    assert_int_equal(webhook_sign(secrets, span_str(id), at, span_str(body), &out), PARLEY_OK);
    assert_true(span_is(buf_span(&out), expected));
    buf_done(&out);
}

static void signs_id_time_and_body(void **state)
{
    assert_signature(OLD, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}",
                     "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void while_the_secret_changes_both_sign(void **state)
{
    assert_signature(NEW " " OLD, "one", 1, "{}",
                     "v1,SJWxXeXKWbMIQ3NsWVAuxK2rwdmHDSnamptYt/hkKOA= "
                     "v1,PyXG7Q61NwQI83MN5VmR4MANime8pWISXFy27XDFxM8=");
}

static void what_is_no_secret_signs_nothing(void **state)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "whsec_",
                                      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
                                      "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                      "whsec_c2hvcnQ=",
                                      OLD " nonsense",
                                      OLD " " NEW " " OLD};
    struct buf out;
    buf_init(&out, 256);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(webhook_secret_ok(bad[i]));
        assert_int_equal(webhook_sign(bad[i], span_str("one"), 1, span_str("{}"), &out), PARLEY_INVALID);
    }
    assert_int_equal(out.len, 0);
    assert_true(webhook_secret_ok(OLD));
    assert_true(webhook_secret_ok(" " NEW "  " OLD));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_id_time_and_body),
        cmocka_unit_test(while_the_secret_changes_both_sign),
        cmocka_unit_test(what_is_no_secret_signs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
