/* Opening hours: days, dates, spans over midnight and over the change of clocks. */
#include "tests/unit/unit.h"

#include "server/base/hours.h"

static int64_t at(int month, int day, int hour, int minute)
{
    return zone_days(2026, month, day) * ZONE_DAY_S + hour * 3600 + minute * 60;
}

static struct hours read(const char *text, const char *zone)
{
    struct hours h;
    char why[HOURS_WHY_MAX] = "";
    if (!hours_read(span_str(text), span_str(zone), &h, why))
        fail_msg("%s: %s", text, why);
    return h;
}

static void what_is_no_hours_is_refused_with_the_part(void **state)
{
    static const char *const wrong[] = {"",
                                        "mon",
                                        "mon 9",
                                        "mon 9:00-25:00",
                                        "mon 9:60-10:00",
                                        "monday 9-17",
                                        "mon-xyz 9-17",
                                        "13-01 closed",
                                        "2026-02-30 closed",
                                        "2026-12-24",
                                        "mon 9-17,,",
                                        "mon 9-17 closed",
                                        "mon 24:00-25:00",
                                        "mon 1-2 3-4 5-6 7-8 9-10",
                                        "mon 9-17; tue 9-17"};
    struct hours h;
    char why[HOURS_WHY_MAX];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (hours_read(span_str(wrong[i]), span_str("UTC"), &h, why))
            fail_msg("taken: %s", wrong[i]);
    assert_false(hours_read(span_str("mon 9-17, tue 9:00-x"), span_str(""), &h, why));
    assert_string_equal(why, "\"tue 9:00-x\" is no part of opening hours");
    assert_false(hours_read(span_str("mon 9-17"), span_str("Mars/Crater"), &h, why));
    assert_non_null(strstr(why, "Mars/Crater"));
}

/* 5 January 2026 is a Monday. */
static void the_week_and_its_exceptions(void **state)
{
    struct hours h = read("mon-fri 9:00-12:30 13:30-17, Sat 10-14, 01-06 closed, 2026-01-07 8:00-9:00", "");
    assert_false(hours_open(&h, at(1, 5, 8, 59)));
    assert_true(hours_open(&h, at(1, 5, 9, 0)));
    assert_true(hours_open(&h, at(1, 5, 12, 29)));
    assert_false(hours_open(&h, at(1, 5, 12, 30)));
    assert_int_equal(hours_next(&h, at(1, 5, 12, 30)), at(1, 5, 13, 30));
    assert_int_equal(hours_next(&h, at(1, 5, 17, 0)), at(1, 7, 8, 0)); /* Tuesday is a holiday */
    assert_int_equal(hours_next(&h, at(1, 7, 9, 0)), at(1, 8, 9, 0));
    assert_int_equal(hours_next(&h, at(1, 10, 14, 0)), at(1, 12, 9, 0)); /* over Sunday */
    assert_int_equal(hours_next(&h, at(1, 5, 10, 0)), at(1, 5, 10, 0));
    h = read("2020-01-01 9-17", "UTC");
    assert_int_equal(hours_next(&h, at(1, 1, 0, 0)), -1);
    h = read("fri-mon 0-24", "UTC");
    assert_true(hours_open(&h, at(1, 4, 23, 59)) && hours_open(&h, at(1, 5, 0, 0)));
    assert_false(hours_open(&h, at(1, 6, 0, 0)));
}

static void nights_and_the_change_of_clocks(void **state)
{
    struct hours h = read("daily 22:00-6:00, 2026-03-28 closed", "Europe/Berlin");
    assert_true(hours_open(&h, at(1, 5, 21, 0))); /* 22:00 there */
    assert_true(hours_open(&h, at(1, 6, 4, 59)));
    assert_false(hours_open(&h, at(1, 6, 5, 0)));
    assert_true(hours_open(&h, at(3, 28, 4, 0))); /* the night that began on the 27th */
    assert_false(hours_open(&h, at(3, 28, 22, 0)));
    assert_int_equal(hours_next(&h, at(3, 28, 12, 0)), at(3, 29, 20, 0)); /* summer time by then */
    h = read("daily 2:30-5:00", "Europe/Berlin");
    assert_int_equal(hours_next(&h, at(3, 28, 12, 0)), at(3, 29, 1, 30));   /* no clock shows 2:30 that night */
    assert_int_equal(hours_next(&h, at(10, 24, 12, 0)), at(10, 25, 0, 30)); /* the first of two */
    h = read("mon 9-17", "Pacific/Auckland");
    assert_true(hours_open(&h, at(1, 4, 20, 0))); /* Monday there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_hours_is_refused_with_the_part),
        cmocka_unit_test(the_week_and_its_exceptions),
        cmocka_unit_test(nights_and_the_change_of_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
