/* How languages count and write. */
#include "tests/unit/unit.h"

#include "server/flow/locale.h"

#include <stdio.h>

static void each_language_counts_in_its_own_forms(void **state)
{
    static const struct {
        const char *language;
        double n;
        const char *form;
    } counts[] = {
        {"en", 1, "one"},   {"en", 0, "other"},   {"en", 1.5, "other"}, {"de-AT", 1, "one"}, {"fr", 0, "one"},
        {"fr", 1.5, "one"}, {"fr", 2, "other"},   {"pt-BR", 1, "one"},  {"ja", 1, "other"},  {"ru", 1, "one"},
        {"ru", 21, "one"},  {"ru", 11, "many"},   {"ru", 3, "few"},     {"ru", 13, "many"},  {"ru", 5, "many"},
        {"pl", 1, "one"},   {"pl", 21, "many"},   {"pl", 22, "few"},    {"pl", 12, "many"},  {"cs", 3, "few"},
        {"cs", 5, "other"}, {"ar", 0, "zero"},    {"ar", 1, "one"},     {"ar", 2, "two"},    {"ar", 7, "few"},
        {"ar", 50, "many"}, {"ar", 100, "other"}, {"he", 2, "two"},     {"xx", 1, "one"},    {"", 2, "other"}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (strcmp(locale_plural(span_str(counts[i].language), counts[i].n), counts[i].form) != 0)
            fail_msg("%s %g is %s", counts[i].language, counts[i].n,
                     locale_plural(span_str(counts[i].language), counts[i].n));
}

static void is(struct buf *b, const char *expected)
{
    buf_add_char(b, '\0');
    assert_string_equal(b->ptr, expected);
    buf_done(b);
    buf_init(b, 4096);
}

static void numbers_money_and_days_are_written_as_people_do(void **state)
{
    struct buf b;
    struct span en = span_str("en-GB"), de = span_str("de"), fr = span_str("fr"), none = span_str("tlh");
    buf_init(&b, 4096);
    locale_number(en, 1234567.5, 2, &b);
    is(&b, "1,234,567.50");
    locale_number(de, -1234, 0, &b);
    is(&b, "-1.234");
    locale_number(de, -0.001, 1, &b);
    is(&b, "0,0");
    locale_number(fr, 12345, 0, &b);
    is(&b, "12\u202f345");
    locale_number(none, 999, 0, &b);
    is(&b, "999");
    locale_money(en, -2.5, span_str("USD"), &b);
    is(&b, "-$2.50");
    locale_money(de, 1000, span_str("JPY"), &b);
    is(&b, "1.000\u00a0¥");
    locale_money(de, 1, span_str("KWD"), &b);
    is(&b, "1,000\u00a0KWD");
    locale_date(span_str("es"), 2026, 3, 1, &b);
    is(&b, "1 de marzo de 2026");
    locale_date(none, 2026, 3, 1, &b);
    is(&b, "2026-03-01");
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_language_counts_in_its_own_forms),
        cmocka_unit_test(numbers_money_and_days_are_written_as_people_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
