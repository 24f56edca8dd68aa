/* server/base/suggest: the nearest word, and none when nothing is near. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "server/base/suggest.h"

static void counts_inserts_deletes_replacements_and_swaps(void **state)
{
    assert_int_equal(suggest_distance("listen", "listen"), 0);
    assert_int_equal(suggest_distance("listn", "listen"), 1);
    assert_int_equal(suggest_distance("listten", "listen"), 1);
    assert_int_equal(suggest_distance("lispen", "listen"), 1);
    assert_int_equal(suggest_distance("lisetn", "listen"), 1);
    assert_int_equal(suggest_distance("", "listen"), 6);
    assert_int_equal(suggest_distance("kitten", "sitting"), 3);
}

static void very_long_words_stay_within_the_rows(void **state)
{
    char word[4096];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_int_equal(suggest_distance(word, "listen"), 64);
    assert_int_equal(suggest_distance(word, word), 0);
}

static void offers_the_nearest_and_nothing_when_all_are_far(void **state)
{
    struct suggest s;
    suggest_init(&s, "serv");
    suggest_offer(&s, "version");
    suggest_offer(&s, "server");
    suggest_offer(&s, "serve");
    assert_string_equal(s.best, "serve");

    suggest_init(&s, "zebra");
    suggest_offer(&s, "listen");
    assert_null(s.best);
}

static void a_word_that_does_not_last_is_kept_while_it_is_the_best(void **state)
{
    char word[8];
    struct suggest s;
    suggest_init(&s, "serve");
    static const char *const words[] = {"swerve", "serves", "verse", "zebra"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        snprintf(word, sizeof word, "%s", words[i]);
        suggest_offer_copy(&s, span_str(word));
        memset(word, 'x', sizeof word);
    }
    assert_string_equal(s.best, "swerve"); /* the first of those that are as near */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_inserts_deletes_replacements_and_swaps),
        cmocka_unit_test(very_long_words_stay_within_the_rows),
        cmocka_unit_test(offers_the_nearest_and_nothing_when_all_are_far),
        cmocka_unit_test(a_word_that_does_not_last_is_kept_while_it_is_the_best),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
