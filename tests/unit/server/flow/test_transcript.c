/* Transcripts: what is as expected passes in every world, and what is not is named with its line. */
#include "tests/unit/unit.h"

#include "server/flow/transcript.h"

#include <stdio.h>

static const char greeting[] = "flow { id = 'g', title = 'G' }\n"
                               "local name = ask { id = 'name', text = 'Name?', timeout = '1h' }\n"
                               "if not name then\n"
                               "  return handoff { queue = 'help', summary = 'no name given' }\n"
                               "end\n"
                               "say('Hello ' .. name .. '.')\n"
                               "say { text = 'Tea?', choices = { 'Yes', 'No' } }\n";

/* True when it passed; what was wrong in `report`. */
static bool play(const char *flow, const char *text, enum memory_crash crash, char report[1024])
{
    struct transcript t = {
        .path = "t.chat", .text = span_str(text), .flow_path = "g.lua", .flow = span_str(flow), .crash = crash};
    struct transcript_result result;
    bool ok = transcript_play(&t, &result);
    snprintf(report, 1024, "%.*s", (int)result.report.len, result.report.len ? result.report.ptr : "");
    transcript_done(&result);
    return ok;
}

static void what_is_expected_passes_in_every_world(void **state)
{
    static const char text[] = "# a greeting\n"
                               "flow g\n"
                               "> hi   # the first words\n"
                               "< Name?\n"
                               "crash\n"
                               "> Ann\n"
                               "< Hello *\n"
                               "< Tea? [Yes] *\n"
                               "expect context.name == \"Ann\"\n"
                               "expect context.name ~ \"nn\"\n"
                               "expect context.age == null\n"
                               "expect context.name != 5\n"
                               "expect state == ended\n"
                               "expect step == 2";
    char report[1024];
    for (int crash = MEMORY_CRASH_NEVER; crash <= MEMORY_STALE_COMMIT; crash++)
        if (!play(greeting, text, (enum memory_crash)crash, report))
            fail_msg("world %d: %s", crash, report);
    assert_true(play(greeting, "> x\n< Name?\nadvance 1h\nhandoff queue=help summary~\"no name\"\nresolve", 0, report));
    assert_true(play(greeting, "> x\n< Name?\nescape\nhandoff why=customer\nresolve by=Mira\n< Name?", 0, report));
}

static void pictures_and_files_are_said_in_every_world(void **state)
{
    static const char flow[] =
        "flow { id = 'g', title = 'G' }\n"
        "say { text = 'This is us.', image = 'us.png', alt = 'Four people', choices = { 'Ah' } }\n"
        "ask 'The terms?'\n"
        "say { file = 'terms.pdf', name = 'Our terms.pdf', text = 'Here they are.' }\n"
        "say { card = { title = 'A card', image = 'us.png' } }\n"
        "local fine, why = pcall(say, { file = started.text .. '.txt' })\n"
        "ask 'And?'\n"
        "say(fine and 'sent' or why)\n"
        "--@file us.png image/png 9 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
        "--@file terms.pdf application/pdf 7 ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
    static const char text[] = "> x\n< media \"us.png\" Four people\n< This is us. [Ah]\n< The terms?\n> yes\n"
                               "< Here they are.\n< media \"Our terms.pdf\"\n< card \"A card\"\n< And?\n> x\n"
                               "< *say: the file 'x.txt' was not published with the flow*\nexpect state == ended\n";
    char report[1024];
    for (int crash = MEMORY_CRASH_NEVER; crash <= MEMORY_STALE_COMMIT; crash++)
        if (!play(flow, text, (enum memory_crash)crash, report))
            fail_msg("world %d: %s", crash, report);
}

/* What is said to nobody is there when they are back, in its order, and nothing happens twice. */
static void a_customer_who_goes_away_finds_what_was_said(void **state)
{
    static const char flow[] = "flow { id = 'd', title = 'D' }\n"
                               "say('Wait.')\n"
                               "wait '1h'\n"
                               "say('An hour.')\n"
                               "if not ask { text = 'Still there?', timeout = '1h' } then\n"
                               "  handoff { queue = 'help' }\n"
                               "end\n"
                               "say('Bye.')\n";
    static const char text[] = "> hi\n< Wait.\noffline\nadvance 1h\nadvance 1h\nexpect state == handoff\n"
                               "online\n< An hour.\n< Still there?\nhandoff queue=help\n"
                               "offline\nresolve\nexpect state == ended\nonline\n< Bye.\n";
    char report[1024];
    for (int crash = MEMORY_CRASH_NEVER; crash <= MEMORY_STALE_COMMIT; crash++)
        if (!play(flow, text, (enum memory_crash)crash, report))
            fail_msg("world %d: %s", crash, report);
}

/* Else a run that is rebuilt would not meet it again. */
static void too_many_messages_cannot_be_caught(void **state)
{
    static const char flow[] = "flow { id = 'g', title = 'G' }\nlocal n = 0\n"
                               "for i = 1, 60 do if pcall(say, 'x') then n = n + 1 end end\n"
                               "ask 'And?'\nsay(n .. ' times')\n";
    char report[1024];
    assert_true(play(flow, "> x\n< Something went wrong *\nhandoff why=failed\nexpect error == E404", 0, report));
}

static void what_is_not_expected_is_named_with_its_line(void **state)
{
    static const struct {
        const char *text, *report;
    } wrong[] = {
        {"> x\n< Nmae?", "t.chat:2: < Nmae?\n  expected  Nmae?\n  got       Name?\n  said by   g.lua:2\n"},
        {"> x\n< Name?\n< More?", "t.chat:3: < More?\n  expected  More?\n  got       nothing\n"},
        {"> x\n> y", "t.chat:2: > y\n  expected  nothing more to be said before this\n  got       Name?\n"},
        {"> x\n", "t.chat:1: (the end)\n  expected  nothing more"},
        {"> x\n< Name?\n> Ann\n< Hello Ann\n", "expected  Hello Ann\n  got       Hello Ann.\n  said by   g.lua:6\n"},
        {"> x\n< Name?\nadvance 1h\nhandoff queue=other\n", "got       handoff queue=help why=flow summary=\"no name"},
        {"> x\n< Name?\nexpect state == ended\n", "expected  state == ended\n  got       \"waiting\"\n"},
        {"> x\n< Name?\nexpect color == 1\n", "no such thing"},
        {"> x\n< Name?\nexpect state is 1\n", "no comparison"},
        {"advance 1h\n", "has not started yet"},
        {"> x\n< Name?\nshout\n", "no line of a transcript"},
        {"> x\n< Name?\nadvance soon\n", "'soon' is no duration"},
        {"> x\n< Name?\n> [Yes]\n", "there is nothing to tap"},
        {"> x\n< Name?\n> A\n< *\n< *\n> [Maybe]\n", "there is no [Maybe] to tap"},
        {"> x\n< Name?\nresolve\n", "no person has this conversation"},
        {"> x\n< Name?\nprocess refund step=x\n", "no process of type 'refund'"},
        {"> x\n< Name?\nform {}\n", "no form to fill in"},
        {"context [1]\n", "expected a map as JSON"},
        {"> x\n< Name?\naccept\n", "nobody waits for a person"},
        {"hours care mon 9\n", "\"mon 9\" is no part of opening hours"},
        {"hours care Mars/Crater mon 9-17\n", "is no part of opening hours"},
        {"queue care waiting=many\n", "each a number"},
        {"> x\noffline\n< Name?\n", "nothing more to be said before this"},
        {"> x\n< Name?\noffline\n> Ann\n", "the customer is offline: write  online  first"},
        {"> x\n< Name?\noffline\nadvance 1h\nhandoff queue=help\n",
         "got       nothing\n  the customer is offline, and sees what is said once they are  online\n"},
        {"> x\n< Name?\noffline\nadvance 1h\n", "(the end)\n  expected  nothing more"},
        {"> x\n< Name?\nonline\n", "the customer is not offline"},
        {"offline\n", "has not started yet"},
    };
    char report[1024];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(play(greeting, wrong[i].text, MEMORY_CRASH_NEVER, report));
        if (!strstr(report, wrong[i].report))
            fail_msg("%s\ngave\n%s", wrong[i].text, report);
    }
}

static void a_flow_that_fails_says_where(void **state)
{
    char report[1024];
    assert_false(play("flow { id = 'b', title = 'B' }\nask '?'\nsay(nil .. 'x')", "> a\n< ?\n> b\n< fine", 0, report));
    assert_non_null(strstr(report, "the flow failed: g.lua:3: "));
    assert_false(play("flow {", "> a", MEMORY_CRASH_NEVER, report));
    assert_non_null(strstr(report, "[E101]"));
}

static void what_happens_is_refused_when_it_is_no_function_or_too_much(void **state)
{
    static const char *const flows[][2] = {
        {"flow { id = 'b', title = 'B' }\non.escape(5)", "'handler' must be a function, got an integer [E203]"},
        {"flow { id = 'b', title = 'B' }\nlocal f = function() end\nfor i = 1, 17 do on.event('e' .. i, f) end",
         "a flow may have 16 functions for what happens [E204]"},
        {"flow { id = 'b', title = 'B', escape = { queue = 'q', match = '(' } }", "'match': "},
        {"flow { id = 'b', title = 'B' }\non.idle('1s', function() error('inside') end)\nask '?'", "g.lua:2: inside"},
    };
    char report[1024];
    for (size_t i = 0; i < sizeof flows / sizeof *flows; i++) {
        assert_false(play(flows[i][0], "> a\n< never said", 0, report));
        if (i == 3)
            assert_false(play(flows[i][0], "> a\n< ?\nadvance 1s\n< never said", 0, report));
        if (!strstr(report, flows[i][1]))
            fail_msg("%s\ngave\n%s", flows[i][0], report);
    }
}

/* What begins meanwhile is held as tightly as everything else, and pcall around it or in it changes nothing. */
static void what_happens_has_the_limits_of_a_run(void **state)
{
    static const char *const bodies[][2] = {
        {"while true do end", "[E401]"},
        {"pcall(function() while true do end end)", "[E401]"},
        {"local t = {} for i = 1, 400000 do t = { t } end", "[E402]"},
        {"local function deep() return 1 + deep() end deep()", "[E402]"},
        {"for i = 1, 60 do say('x') end", "[E404]"},
        {"local t = setmetatable({}, { __index = function(t, k) return t[k .. 'x'] end }) local y = t.x", "[E"},
        {"error({})", "[E501]"},
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        char flow[512], report[1024];
        snprintf(flow, sizeof flow,
                 "flow { id = 'b', title = 'B' }\non.topic('go', function() %s end)\npcall(function() ask '?' end)",
                 bodies[i][0]);
        assert_false(play(flow, "> a\n< ?\n> go\n< never said", 0, report));
        if (!strstr(report, bodies[i][1]) || !strstr(report, "g.lua:2"))
            fail_msg("%s\ngave\n%s", bodies[i][0], report);
    }
}

/* Every topic may be interrupted by another one, up to a depth; then words are what they always are. */
static void topics_within_topics_have_an_end(void **state)
{
    static const char flow[] = "flow { id = 't', title = 'T' }\n"
                               "for i = 1, 12 do\n"
                               "  on.topic('^t' .. i .. '$', function() ask('in ' .. i) end)\n"
                               "end\n"
                               "ask '?'\n";
    static const char text[] =
        "> a\n< ?\n> t1\n< in 1\n> t2\n< in 2\n> t3\n< in 3\n> t4\n< in 4\n> t5\n< in 5\n"
        "> t6\n< in 6\n> t7\n< in 7\n> t8\n< in 8\n> t9\n< in 7\n> t7\n< in 6\nexpect state == waiting";
    char report[1024];
    for (int crash = MEMORY_CRASH_NEVER; crash <= MEMORY_STALE_COMMIT; crash++)
        if (!play(flow, text, (enum memory_crash)crash, report))
            fail_msg("world %d: %s", crash, report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_expected_passes_in_every_world),
        cmocka_unit_test(pictures_and_files_are_said_in_every_world),
        cmocka_unit_test(a_customer_who_goes_away_finds_what_was_said),
        cmocka_unit_test(too_many_messages_cannot_be_caught),
        cmocka_unit_test(what_is_not_expected_is_named_with_its_line),
        cmocka_unit_test(a_flow_that_fails_says_where),
        cmocka_unit_test(what_happens_is_refused_when_it_is_no_function_or_too_much),
        cmocka_unit_test(what_happens_has_the_limits_of_a_run),
        cmocka_unit_test(topics_within_topics_have_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
