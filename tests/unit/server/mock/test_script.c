/* Scripts of `parley mock`: what they say, and where they are wrong. */
#include "server/mock/script.h"

#include "tests/unit/unit.h"

#include <stdio.h>

static struct script script;
static struct script_error error;

static void read_well(const char *text)
{
    if (script_read(&script, span_str(text), &error) != PARLEY_OK)
        fail_msg("%d: %s", error.line, error.text);
}

static void expect_wrong(const char *text, int line, const char *words)
{
    assert_int_equal(script_read(&script, span_str(text), &error), PARLEY_INVALID);
    assert_int_equal(error.line, line);
    if (!strstr(error.text, words))
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
}

static void those_that_come_with_it_can_be_read(void **state)
{
    for (const struct builtin *b = builtins; b->name; b++) {
        struct span about = builtin_about(b);
        if (script_read(&script, span_str(b->text), &error) != PARLEY_OK)
            fail_msg("%s:%d: %s", b->name, error.line, error.text);
        assert_in_range(about.len, 10, 90);
        assert_ptr_equal(builtin_find(b->name), b);
    }
    assert_null(builtin_find("none"));
}

static void settings_are_kept(void **state)
{
    read_well("# a comment\n\n  history 40\nchatter 300ms 20\nbeacon 1m # and here\necho no\n");
    assert_int_equal(script.history, 40);
    assert_int_equal(script.chatter_ms, 300);
    assert_int_equal(script.chatter_count, 20);
    assert_int_equal(script.beacon_ms, 60000);
    assert_false(script.echo);
    assert_int_equal(script.count, 0);
    read_well("");
    assert_true(script.echo);
}

static void rules_say_when_and_what(void **state)
{
    read_well("on request post 1 in 5: refuse busy 200ms\n"
              "on push head each 3: head -2\n"
              "on answer first 2: late 300ms\n"
              "on open from 4: close 4003 too many\n"
              "every 2s first 3: say hello: there\n");
    const struct rule *r = script.rules;
    assert_int_equal(script.count, 5);
    assert_true(r[0].event == ON_REQUEST && r[0].type == FRAME_post && r[0].which == WHICH_ONE_IN && r[0].n == 5);
    assert_true(r[0].action == ACT_REFUSE && r[0].status == PARLEY_BUSY && r[0].ms == 200);
    assert_true(r[1].event == ON_PUSH && r[1].type == FRAME_push_head && r[1].action == ACT_HEAD && r[1].amount == -2);
    assert_true(r[2].event == ON_ANSWER && r[2].type == FRAME_none && r[2].action == ACT_LATE && r[2].ms == 300);
    assert_true(r[3].event == ON_OPEN && r[3].action == ACT_CLOSE && r[3].amount == 4003);
    assert_string_equal(r[3].text, "too many");
    assert_true(r[4].event == ON_EVERY && r[4].period_ms == 2000 && r[4].action == ACT_SAY);
    assert_string_equal(r[4].text, "hello: there");
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
    expect_wrong("echo no\nwhen post: cut\n", 2, "begins with");
    expect_wrong("on reply: cut", 1, "no event");
    expect_wrong("on request psot: cut", 1, "psot");
    expect_wrong("on request post 1 of 5: cut", 1, "1 in 5");
    expect_wrong("on request post each 0: cut", 1, "at least 1");
    expect_wrong("on request post: crash", 1, "no action");
    expect_wrong("on request post: twice", 1, "cannot be done here");
    expect_wrong("on push item: head +2", 1, "cannot be done here");
    expect_wrong("on push item: refuse busy", 1, "cannot be done here");
    expect_wrong("on request post: refuse bsuy", 1, "bsuy");
    expect_wrong("on request post: close 42", 1, "a close code is");
    expect_wrong("on request post: close 5000", 1, "4999");
    expect_wrong("on answer: late soon", 1, "late 3");
    expect_wrong("every 0s: cut", 1, "0 ms");
    expect_wrong("every 3: cut", 1, "no time");
    expect_wrong("chatter 300ms 20 30", 1, "too much");
    expect_wrong("on open: cut now", 1, "too much");
    expect_wrong("every 1s: say", 1, "say what");
    expect_wrong("beacon 99999999999999999999s", 1, "no time");
}

static int fired(enum rule_event event, enum frame_type type, int times)
{
    int n = 0;
    for (int i = 0; i < times; i++)
        n += script_match(&script, event, type, 7) != NULL;
    return n;
}

static void a_rule_counts_what_it_names(void **state)
{
    read_well("on request post each 3: cut\n");
    assert_int_equal(fired(ON_REQUEST, FRAME_range, 9), 0);
    assert_int_equal(fired(ON_ANSWER, FRAME_post, 9), 0);
    assert_int_equal(fired(ON_REQUEST, FRAME_post, 9), 3);
    read_well("on request first 2: cut\non request from 4: lose\n");
    assert_int_equal(script_match(&script, ON_REQUEST, FRAME_post, 7)->action, ACT_CUT);
    assert_int_equal(script_match(&script, ON_REQUEST, FRAME_range, 7)->action, ACT_CUT);
    assert_null(script_match(&script, ON_REQUEST, FRAME_post, 7));
    assert_int_equal(script_match(&script, ON_REQUEST, FRAME_post, 7)->action, ACT_LOSE);
}

static void chance_takes_about_its_share(void **state)
{
    int n = 0;
    uint32_t chance = 1;
    read_well("on request 1 in 4: cut\n");
    for (int i = 0; i < 4000; i++)
        n += script_match(&script, ON_REQUEST, FRAME_post, (chance = chance * 1664525 + 1013904223) >> 8) != NULL;
    assert_in_range(n, 800, 1200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_come_with_it_can_be_read),
        cmocka_unit_test(settings_are_kept),
        cmocka_unit_test(rules_say_when_and_what),
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(a_rule_counts_what_it_names),
        cmocka_unit_test(chance_takes_about_its_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
