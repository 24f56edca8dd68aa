/* The plan of repeats. What is sent, and when, is tested against a real receiver in e2e/test_push.py. */
#include "server/route/push.h"
#include "tests/unit/unit.h"

static void waits_grow_from_seconds_to_a_day(void **state)
{
    static const int64_t plan_s[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
    for (int i = 0; i < 9; i++) {
        assert_int_equal(push_next_ms(i + 1, 500), plan_s[i] * 1000);
        assert_int_equal(push_next_ms(i + 1, 0), plan_s[i] * 800);
        assert_in_range(push_next_ms(i + 1, 999), plan_s[i] * 1199, plan_s[i] * 1200);
    }
}

static void after_the_tenth_attempt_there_is_none(void **state)
{
    assert_int_equal(push_next_ms(10, 500), 0);
    assert_int_equal(push_next_ms(1000, 0), 0);
    assert_int_equal(push_next_ms(0, 0), 0);
    assert_true(push_next_ms(9, UINT32_MAX) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_grow_from_seconds_to_a_day),
        cmocka_unit_test(after_the_tenth_attempt_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
