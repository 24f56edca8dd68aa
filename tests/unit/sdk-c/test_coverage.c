/* Stretches of numbers. */
#include "tests/unit/unit.h"

#include "sdk-c/src/coverage.h"

#include <stdlib.h>

static void starts_empty(void **state)
{
    struct coverage c = {0};
    struct stretch hole;
    assert_false(coverage_has(&c, 1));
    assert_int_equal(coverage_top(&c), 0);
    assert_false(coverage_hole(&c, 10, &hole));
    coverage_done(&c);
}

static void joins_what_touches(void **state)
{
    struct coverage c = {0};
    assert_int_equal(coverage_add(&c, 0, 1), PARLEY_OK);
    assert_int_equal(coverage_add(&c, 1, 4), PARLEY_OK); /* 2 and 3 are not for this reader */
    assert_int_equal(c.len, 1);
    assert_true(coverage_has(&c, 3));
    assert_false(coverage_has(&c, 5));
    coverage_done(&c);
}

static void names_the_newest_hole(void **state)
{
    struct coverage c = {0};
    struct stretch hole;
    coverage_add(&c, 10, 12);
    coverage_add(&c, 19, 20);
    coverage_add(&c, 29, 30);
    assert_true(coverage_hole(&c, 35, &hole));
    assert_int_equal(hole.low, 30);
    assert_int_equal(hole.high, 35);
    assert_true(coverage_hole(&c, 30, &hole));
    assert_int_equal(hole.low, 20);
    assert_int_equal(hole.high, 29);
    coverage_add(&c, 20, 29);
    assert_true(coverage_hole(&c, 30, &hole));
    assert_int_equal(hole.low, 12);
    assert_int_equal(hole.high, 19);
    coverage_add(&c, 5, 25);
    assert_false(coverage_hole(&c, 30, &hole)); /* below the floor nothing is missing */
    assert_int_equal(coverage_floor(&c), 5);
    coverage_done(&c);
}

/* The newest hole up to `head`, by looking at every number. */
static bool plain_hole(const bool *plain, int head, struct stretch *out)
{
    int floor = 1, high = head;
    while (floor < 200 && !plain[floor])
        floor++;
    while (high > floor && plain[high])
        high--;
    int low = high;
    while (low > floor && !plain[low])
        low--;
    *out = (struct stretch){.low = low, .high = high};
    return high > floor;
}

static void agrees_with_a_plain_set(void **state)
{
    struct stretch hole = {0}, found = {0};
    bool plain[200] = {0};
    struct coverage c = {0};
    srand(5);
    for (int i = 0; i < 400; i++) {
        int low = rand() % 190, high = low + 1 + rand() % 6;
        assert_int_equal(coverage_add(&c, low, high), PARLEY_OK);
        for (int n = low + 1; n <= high; n++)
            plain[n] = true;
        for (int n = 1; n < 200; n++)
            assert_int_equal(coverage_has(&c, n), plain[n]);
        for (int n = 1; n < 200; n++) {
            assert_int_equal(coverage_hole(&c, n, &found), plain_hole(plain, n, &hole));
            if (plain_hole(plain, n, &hole))
                assert_memory_equal(&found, &hole, sizeof hole);
        }
        for (size_t s = 1; s < c.len; s++)
            assert_true(c.at[s - 1].high < c.at[s].low);
        if (i % 40 == 39) {
            coverage_done(&c);
            memset(plain, 0, sizeof plain);
        }
    }
    coverage_done(&c);
}

static void has_a_limit(void **state)
{
    struct coverage c = {0};
    parley_status st = PARLEY_OK;
    int64_t n = 0;
    for (; st == PARLEY_OK; n += 10)
        st = coverage_add(&c, n, n + 1);
    assert_int_equal(st, PARLEY_LIMIT);
    assert_int_equal(c.len, COVERAGE_MAX);
    assert_int_equal(coverage_add(&c, 1, 2), PARLEY_OK); /* it can still be joined */
    coverage_done(&c);
}

static void forgets_what_is_old(void **state)
{
    struct coverage c = {0};
    coverage_add(&c, 0, 10);
    coverage_add(&c, 20, 30);
    coverage_cut(&c, 25);
    assert_int_equal(c.len, 1);
    assert_false(coverage_has(&c, 25));
    assert_true(coverage_has(&c, 26));
    coverage_cut(&c, 30);
    assert_int_equal(c.len, 0);
    coverage_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty),          cmocka_unit_test(joins_what_touches),
        cmocka_unit_test(names_the_newest_hole), cmocka_unit_test(agrees_with_a_plain_set),
        cmocka_unit_test(has_a_limit),           cmocka_unit_test(forgets_what_is_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
