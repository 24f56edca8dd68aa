/* Which flow begins, by what each says of itself; and how that is read from its source. */
#include "server/flow/json.h"
#include "server/flow/start.h"
#include "server/flow/starts.h"
#include "tests/unit/unit.h"

#define ABOUT "flow { id = 'x', title = 'X', start = "

static const struct {
    const char *source, *start;
} sources[] = {
    {"flow { id = 'x', title = 'X' }", "{}"},
    {ABOUT "{ button = 'Track' } }", "{\"button\":{\"\":\"Track\"}}"},
    {ABOUT "{ fallback = true } }", "{\"fallback\":true}"},
    {ABOUT "{ fallback = false } }", "{}"},
    {ABOUT "{ match = 'a' } }", "{\"match\":[\"a\"]}"},
    {ABOUT "{ match = { 'a', 'b' } } }", "{\"match\":[\"a\",\"b\"]}"},
    {ABOUT "{ match = { 'a', x } } }", "{\"match\":[\"a\"]}"},
    {ABOUT "x }", "{}"},
    {ABOUT "{ button = 'go' } }\ntexts { de = { go = 'Los' }, en = { go = 'Go', no = 'No' } }",
     "{\"button\":{\"de\":\"Los\",\"en\":\"Go\"}}"},
    {ABOUT "{ button = 'Go' } }\ntexts { en = { go = 'go on' } }", "{\"button\":{\"\":\"Go\"}}"},
    {ABOUT "{ button = 'go' } }\ntexts { en = { go = { one = 'One', other = 'More' } } }",
     "{\"button\":{\"\":\"go\"}}"},
    {ABOUT "{ button = 'A' } }\nflow { id = 'y', title = 'Y', start = { button = 'B' } }", "{\"button\":{\"\":\"A\"}}"},
    {ABOUT "{ button = 'A' } }\n--@flow other\nflow { id = 'y', title = 'Y', start = { fallback = true } }\n",
     "{\"button\":{\"\":\"A\"}}"},
    {"if true then x() end\n" ABOUT "{ button = 'A' } }", "{\"button\":{\"\":\"A\"}}"},
    {"flow { id = 'x', title = 'X', language = 'de', start = { button = 'Los' } }",
     "{\"button\":{\"\":\"Los\"},\"language\":\"de\"}"},
    {"flow { id = 'x', title = 'X', language = 'de', start = { fallback = true } }", "{\"fallback\":true}"},
    {ABOUT "{ event = 'a.b', where = { n = 5 } } }", "{\"event\":[\"a.b\"],\"where\":{\"n\":5}}"},
    {ABOUT "{ event = { 'a', 'b' } } }", "{\"event\":[\"a\",\"b\"]}"},
    {"this is not Lua", "{}"},
};

static void what_a_flow_says_of_its_start_is_read_without_running_it(void **state)
{
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct arena arena;
        arena_init(&arena, 1 << 20);
        struct span text = start_text(&arena, span_str(sources[i].source));
        if (!span_is(text, sources[i].start))
            print_error("of row %zu it is %.*s\n", i, SPAN_ARG(text));
        assert_true(span_is(text, sources[i].start));
        arena_done(&arena);
    }
}

static void a_button_is_shown_in_a_language_that_it_has(void **state)
{
    static const struct {
        const char *start, *language, *button;
    } cases[] = {
        {"{}", "en", ""},
        {"{\"match\":[\"a\"]}", "en", ""},
        {"{\"button\":{\"\":\"Go\"}}", "de", "Go"},
        {"{\"button\":{\"de\":\"Los\",\"en\":\"Go\"}}", "en", "Go"},
        {"{\"button\":{\"de\":\"Los\",\"en\":\"Go\"}}", "en-GB", "Go"},
        {"{\"button\":{\"de\":\"Los\",\"en\":\"Go\"},\"language\":\"en\"}", "fr", "Go"},
        {"{\"button\":{\"de\":\"Los\",\"en\":\"Go\"},\"language\":\"en\"}", "", "Go"},
        {"{\"button\":{\"de\":\"Los\",\"en\":\"Go\"}}", "", "Los"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        struct value start;
        arena_init(&arena, 1 << 16);
        assert_int_equal(json_read(&arena, span_str(cases[i].start), &start), PARLEY_OK);
        assert_true(span_is(start_button(&start, span_str(cases[i].language)), cases[i].button));
        arena_done(&arena);
    }
}

static const struct {
    const char *name, *start;
} flows[] = {
    {"any", "{\"fallback\":true}"},
    {"big", "{\"event\":[\"paid\",\"sent\"],\"where\":{\"big\":true,\"n\":5}}"},
    {"bomb", "{\"match\":[\"^(a+)+$\",\"^(b+)+$\"]}"},
    {"less", "{\"fallback\":true,\"match\":[\"[unclosed\",\"(?i)track\"]}"},
    {"orders", "{\"button\":{\"\":\"Track an order\"},\"match\":[\"order\",\"track\"]}"},
    {"quoted", "{\"button\":{\"\":\"a\\\\E.*\\\\Qb\\\\\",\"de\":\"Größe (x|y)\"}}"},
    {"sent", "{\"event\":[\"sent\"]}"},
    {"silent", "{}"},
    {"twice", "{\"button\":{\"en\":\"track an ORDER\",\"ar\":\"تتبع\"}}"},
};

static struct starts *all(void)
{
    struct starts *starts = starts_new();
    for (size_t i = 0; i < sizeof flows / sizeof *flows; i++) {
        struct arena arena;
        struct value start;
        arena_init(&arena, 1 << 20);
        assert_int_equal(json_read(&arena, span_str(flows[i].start), &start), PARLEY_OK);
        starts_add(starts, span_str(flows[i].name), &start);
        arena_done(&arena);
    }
    return starts;
}

static void assert_name(const char *name, const char *expected)
{
    if (expected && name)
        assert_string_equal(name, expected);
    else
        assert_ptr_equal(name, expected);
}

static void a_button_is_before_a_pattern_and_the_first_name_before_others(void **state)
{
    static const struct {
        const char *words, *flow;
    } cases[] = {
        {"Track an order", "orders"},
        {" \ttRACK AN ORDER\n ", "orders"},
        {"my order", "orders"},
        {"Track it", "less"},
        {"I track it", "less"},
        {"an Order", NULL},
        {"تتبع", "twice"},
        {"gRÖSSE (X|y)", NULL},
        {"gRÖßE (X|y)", "quoted"},
        {"Größe x", NULL},
        {"a\\E.*\\Qb\\", "quoted"},
        {"axxb", NULL},
        {"", NULL},
        {"\xff", NULL},
        {"nothing of it", NULL},
    };
    struct starts *starts = all();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_name(starts_by_words(starts, span_str(cases[i].words), NULL, NULL), cases[i].flow);
    assert_name(starts_by_button(starts, span_str("my order"), NULL, NULL), NULL);
    assert_name(starts_otherwise(starts, NULL, NULL), "any");
    starts_free(&starts);
}

static void an_event_begins_the_first_flow_that_it_has_all_for(void **state)
{
    static const struct {
        const char *type, *data, *flow;
    } cases[] = {
        {"sent", "{}", "sent"},
        {"sent", "{\"big\":true,\"n\":5.0,\"more\":1}", "big"},
        {"sent", "{\"big\":true,\"n\":6}", "sent"},
        {"paid", "{\"big\":true,\"n\":5}", "big"},
        {"paid", "{\"big\":true}", NULL},
        {"Sent", "{}", NULL},
        {"", "{}", NULL},
    };
    struct starts *starts = all();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        struct value data;
        arena_init(&arena, 1 << 16);
        assert_int_equal(json_read(&arena, span_str(cases[i].data), &data), PARLEY_OK);
        assert_name(starts_by_event(starts, span_str(cases[i].type), &data, NULL, NULL), cases[i].flow);
        arena_done(&arena);
    }
    starts_free(&starts);
}

static bool is_not(const void *arg, struct span name)
{
    return !span_is(name, arg);
}

static void a_flow_that_may_not_begin_leaves_it_to_the_next(void **state)
{
    struct starts *starts = all();
    assert_name(starts_by_words(starts, span_str("track an order"), is_not, "orders"), "twice");
    assert_name(starts_by_words(starts, span_str("I track it"), is_not, "less"), "orders");
    assert_name(starts_by_words(starts, span_str("my order"), is_not, "orders"), NULL);
    assert_name(starts_otherwise(starts, is_not, "any"), "less");
    starts_free(&starts);
}

static void what_takes_too_long_or_is_too_long_begins_nothing(void **state)
{
    static char words[20000];
    struct starts *starts = all();
    memset(words, 'a', 4000);
    memcpy(words + 4000, "! order", 8);
    assert_name(starts_by_words(starts, span_str(words), NULL, NULL), "orders");
    memset(words, 'b', sizeof words - 1);
    assert_name(starts_by_words(starts, span_str(words), NULL, NULL), NULL);
    starts_free(&starts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_flow_says_of_its_start_is_read_without_running_it),
        cmocka_unit_test(a_button_is_shown_in_a_language_that_it_has),
        cmocka_unit_test(a_button_is_before_a_pattern_and_the_first_name_before_others),
        cmocka_unit_test(an_event_begins_the_first_flow_that_it_has_all_for),
        cmocka_unit_test(a_flow_that_may_not_begin_leaves_it_to_the_next),
        cmocka_unit_test(what_takes_too_long_or_is_too_long_begins_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
