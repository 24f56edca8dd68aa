/* Zones and days, compared with the C library, which reads the machine's own files. */
#include "tests/unit/unit.h"

#include "server/base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void days_and_dates_are_each_others_reverse(void **state)
{
    assert_int_equal(zone_days(1970, 1, 1), 0);
    assert_int_equal(zone_days(2024, 2, 29), 19782);
    assert_int_equal(zone_date(0).weekday, 4);
    for (int64_t day = -800000; day < 800000; day += 97) {
        struct zone_date d = zone_date(day);
        time_t t = (time_t)day * ZONE_DAY_S;
        struct tm tm;
        gmtime_r(&t, &tm);
        assert_int_equal(zone_days(d.year, d.month, d.day), day);
        assert_int_equal(d.year, tm.tm_year + 1900);
        assert_int_equal(d.month, tm.tm_mon + 1);
        assert_int_equal(d.day, tm.tm_mday);
        assert_int_equal(d.weekday, tm.tm_wday);
    }
}

static const char *const names[] = {
    "UTC",          "Europe/Berlin",  "Europe/Dublin",    "Europe/London",     "America/New_York",    "America/Nuuk",
    "Asia/Kolkata", "Asia/Kathmandu", "Asia/Jerusalem",   "Australia/Sydney",  "Australia/Lord_Howe", "Africa/Cairo",
    "Asia/Tehran",  "Asia/Gaza",      "Pacific/Auckland", "Pacific/Chatham",   "America/Santiago",    "America/Havana",
    "Asia/Tokyo",   "Pacific/Apia",   "America/Caracas",  "America/Sao_Paulo", "America/St_Johns",    "Asia/Beirut"};

static bool read_zone(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    if (access(path, R_OK) != 0)
        return false; /* a machine without zones, or with other names */
    setenv("TZ", name, 1);
    tzset();
    return true;
}

/* Each zone's next three years hour by hour; every moment is found again from its clock unless that shows it twice. */
static void clocks_go_as_the_c_librarys(void **state)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct zone z;
        if (!zone_find(span_str(names[i]), &z))
            fail_msg("%s is not there", names[i]);
        if (!read_zone(names[i]))
            continue;
        for (int64_t t = 1798761600; t < 1798761600 + 3 * 366 * (int64_t)ZONE_DAY_S; t += 1800) {
            struct tm tm;
            time_t moment = (time_t)t;
            localtime_r(&moment, &tm);
            if (zone_ahead_s(&z, t) != tm.tm_gmtoff)
                fail_msg("%s at %lld is %d ahead, not %ld", names[i], (long long)t, zone_ahead_s(&z, t), tm.tm_gmtoff);
            int64_t clock = t + tm.tm_gmtoff, again = zone_utc_s(&z, clock);
            assert_true(again <= t && again + zone_ahead_s(&z, again) == clock);
        }
    }
    unsetenv("TZ");
    tzset();
}

static void a_moment_that_no_clock_shows_is_after_the_change(void **state)
{
    struct zone z;
    assert_true(zone_find(span_str("Europe/Berlin"), &z));
    int64_t gap = zone_days(2026, 3, 29) * ZONE_DAY_S + 9000; /* 2:30, when 2:00 became 3:00 */
    assert_int_equal(zone_utc_s(&z, gap), zone_days(2026, 3, 29) * ZONE_DAY_S + 5400);
    assert_false(zone_find(span_str("Europe/Atlantis"), &z));
    assert_false(zone_find(span_str("Europe"), &z));
    assert_false(zone_find(span_str(""), &z));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_and_dates_are_each_others_reverse),
        cmocka_unit_test(clocks_go_as_the_c_librarys),
        cmocka_unit_test(a_moment_that_no_clock_shows_is_after_the_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
