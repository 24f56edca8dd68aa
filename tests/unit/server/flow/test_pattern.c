/* Compiled patterns that are kept, and the limit of what one call may do with one. */
#include "server/flow/pattern_cache.h"
#include "tests/unit/unit.h"

#include <stdio.h>

static const struct pattern *get(struct pattern_cache *cache, int n)
{
    char text[16], why[PATTERN_WHY_MAX];
    const struct pattern *p = NULL;
    int len = snprintf(text, sizeof text, "^n%d$", n);
    assert_int_equal(pattern_get(cache, span_of(text, (size_t)len), &p, why), PARLEY_OK);
    return p;
}

static bool fits(const struct pattern *p, const char *text)
{
    struct pattern_match m = {.work = 0};
    return pattern_search(p, span_str(text), 0, &m) == PARLEY_OK;
}

static void patterns_are_kept_until_others_need_the_room(void **state)
{
    struct pattern_cache cache = {0};
    char why[PATTERN_WHY_MAX];
    const struct pattern *first = get(&cache, 1), *none = NULL;
    assert_ptr_equal(get(&cache, 1), first);
    for (int n = 2; n <= PATTERNS_KEPT; n++)
        assert_true(fits(get(&cache, n), n == 9 ? "n9" : "n1") == (n == 9));
    assert_ptr_equal(pattern_cached(&cache, span_str("^n1$")), first);
    assert_true(fits(get(&cache, PATTERNS_KEPT + 1), "n17"));
    assert_null(pattern_cached(&cache, span_str("^n1$")));
    assert_non_null(pattern_cached(&cache, span_str("^n2$")));
    assert_int_equal(pattern_get(&cache, span_str("("), &none, why), PARLEY_INVALID);
    assert_null(none);
    assert_non_null(pattern_cached(&cache, span_str("^n2$")));
    pattern_cache_done(&cache);
}

static void searches_of_one_call_have_one_limit(void **state)
{
    char text[1001], why[PATTERN_WHY_MAX];
    struct pattern *p;
    struct pattern_match m = {.work = 0};
    memset(text, 'a', 1000);
    text[1000] = '\0';
    assert_int_equal(pattern_new(span_str("a+?[bc]"), &p, why), PARLEY_OK); /* from each of them to the end */
    assert_int_equal(pattern_search(p, span_str(text), 900, &m), PARLEY_NOT_FOUND);
    size_t once = m.work;
    assert_true(once > 100 * 100 / 2);
    assert_int_equal(pattern_search(p, span_str(text), 900, &m), PARLEY_NOT_FOUND);
    assert_int_equal(m.work, 2 * once);
    parley_status st = PARLEY_NOT_FOUND;
    while (st == PARLEY_NOT_FOUND)
        st = pattern_search(p, span_str(text), 900, &m);
    assert_int_equal(st, PARLEY_LIMIT);
    m.work = 0;
    assert_int_equal(pattern_search(p, span_str(text), 0, &m), PARLEY_LIMIT);
    pattern_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_are_kept_until_others_need_the_room),
        cmocka_unit_test(searches_of_one_call_have_one_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
