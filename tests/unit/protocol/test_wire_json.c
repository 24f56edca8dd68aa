/* JSON from peers that mean no good. */
#include "tests/unit/protocol/random_value.h"
#include "tests/unit/protocol/support.h"

#include <stdlib.h>

static struct arena arena;
static struct wire_error error;

static parley_status read_span(struct span text, struct value *out)
{
    arena_reset(&arena);
    /* an exact copy on the heap, so that the sanitizer sees every byte read too far */
    char *copy = malloc(text.len ? text.len : 1);
    memcpy(copy, text.ptr, text.len);
    parley_status st = wire_json_read(&arena, span_of(copy, text.len), &roomy, out, &error);
    free(copy);
    return st;
}

static parley_status read_text(const char *text, struct value *out)
{
    return read_span(span_str(text), out);
}

static void refused(const char *text, parley_status expected, const char *path)
{
    struct value v;
    parley_status st = read_text(text, &v);
    if (st != expected || strcmp(st ? error.path : "", path) != 0)
        fail_msg("%s: %s at \"%s\" (%s), not %s at \"%s\"", text, status_name(st), error.path, error.text,
                 status_name(expected), path);
    assert_true(strlen(error.text) > 8);
}

static void what_is_no_json_is_malformed(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "{]",
        "[}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\"::1}",
        "[1]]",
        "[1][2]",
        "{}{}",
        "{} x",
        "[tru]",
        "[nul]",
        "[True]",
        "[truefalse]",
        "[+1]",
        "[01]",
        "[-01]",
        "[-]",
        "[1.]",
        "[.5]",
        "[1e]",
        "[1e+]",
        "[1.e1]",
        "[0x10]",
        "[1_000]",
        "[--1]",
        "[1-]",
        "[1.2.3]",
        "[1e2.5]",
        "[NaN]",
        "[Infinity]",
        "[-Infinity]",
        "[\"a]",
        "[\"\\\"]",
        "[\"\\x41\"]",
        "[\"\\u12\"]",
        "[\"\\u12g4\"]",
        "[\"\\",
        "[\"\\u",
        "[\"\\U0041\"]",
        "[\"\t\"]",
        "[\"\n\"]",
        "[\"\x1f\"]",
        "[\"\xff\"]",
        "[\"\xc0\xaf\"]",
        "[\"\xed\xa0\x80\"]",
        "[\"\xf4\x90\x80\x80\"]",
        "\xef\xbb\xbf{}",
        "[1] // x",
        "/* x */ [1]",
        "[1]#",
        "[\f1]",
        "1",
        "\"text\"",
        "null",
        "true",
        "[\"a\",\n4\n,1,",
        "[1,\n1\n,1",
        "[*]",
        "[a\n]",
        "[\\u000A\"\"]",
        "{\"a\":\"b\"}/**/",
        "{\"x\", null}",
        "{:1}",
        "[:]",
        "[\"x\":1]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct value v;
        if (read_text(bad[i], &v) != PARLEY_MALFORMED)
            fail_msg("%s: %s", bad[i], error.text);
    }
    assert_status(read_span(span_of("[\"a\0b\"]", 7), &(struct value){0}), PARLEY_MALFORMED);
    assert_status(read_span(span_of("[1]\0", 4), &(struct value){0}), PARLEY_MALFORMED);
}

static void what_is_json_is_read(void **state)
{
    static const char *const good[] = {
        "{}",
        "[]",
        " { } ",
        "\t[\n]\r\n",
        "[1]",
        "[-1]",
        "[0]",
        "[-0]",
        "[0.0]",
        "[-0.0]",
        "[1.0]",
        "[1e2]",
        "[1E+2]",
        "[100e-2]",
        "[0e5]",
        "[0.000001]",
        "[1e-6]",
        "[9.99e20]",
        "[999999999999999900000.0]",
        "[9223372036854775807]",
        "[-9223372036854775808]",
        "[true,false,null]",
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
        "[\"\\u0041\\u00e9\\u2028\\uffff\"]",
        "[\"\\ud83d\\ude00\"]",
        "[\"\\uD83D\\uDE00\"]",
        "[\"\x7f\"]",
        "[\"\xf0\x9f\x98\x80\"]",
        "{\"\":1}",
        "{\"a\":{\"a\":{}}}",
        "[[],[[]],{}]",
        "[\"\\u0001\"]",
        "[0.00000000000000000000000000000000000000000000000000000]",
        "[1000000000000000000000000e-5]",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct value v;
        if (read_text(good[i], &v) != PARLEY_OK)
            fail_msg("%s: %s", good[i], error.text);
    }
}

static void what_the_model_has_no_place_for_is_refused_with_its_path(void **state)
{
    refused("{\"data\":{\"x\":[1,1e131071]}}", PARLEY_INVALID, "data.x[1]");
    refused("{\"x\":1e400}", PARLEY_INVALID, "x");
    refused("{\"x\":-1e21}", PARLEY_INVALID, "x");
    refused("{\"x\":999999999999999999999.9}", PARLEY_INVALID, "x");
    refused("{\"x\":9.9e-7}", PARLEY_INVALID, "x");
    refused("{\"x\":0.00000099}", PARLEY_INVALID, "x");
    refused("{\"x\":1e-400}", PARLEY_INVALID, "x");
    refused("{\"x\":1e99999999999999999999}", PARLEY_INVALID, "x");
    refused("{\"x\":1e-99999999999999999999}", PARLEY_INVALID, "x");
    refused("{\"x\":9223372036854775808}", PARLEY_INVALID, "x");
    refused("{\"x\":-9223372036854775809}", PARLEY_INVALID, "x");
    refused("{\"x\":123456789012345678901234567890}", PARLEY_INVALID, "x");
    refused("{\"data\":{\"body\":{\"text\":\"a\\u0000b\"}}}", PARLEY_INVALID, "data.body.text");
    refused("{\"x\":[\"\\ud800\"]}", PARLEY_INVALID, "x[0]");
    refused("{\"x\":[\"a\",\"\\udc00\"]}", PARLEY_INVALID, "x[1]");
    refused("{\"x\":\"\\ud800\\u0041\"}", PARLEY_INVALID, "x");
    refused("{\"x\":\"\\ud800\\ud800\\udc00\"}", PARLEY_INVALID, "x");
    refused("{\"\\ud800\":1}", PARLEY_INVALID, "?????\?");
    refused("{\"a\":1,\"a\":2}", PARLEY_INVALID, "");
    refused("{\"a\":1,\"\\u0061\":2}", PARLEY_INVALID, "");
}

static char *nested(size_t depth)
{
    char *text = malloc(2 * depth + 1);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
    return text;
}

static void nesting_ends_at_the_limit(void **state)
{
    static const size_t depths[] = {LIMIT_DEPTH_MESSAGE, LIMIT_DEPTH_MESSAGE + 1, 100, 2048, 2049, 10000, 100000};
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        struct value v;
        char *text = nested(depths[i]);
        assert_status(read_text(text, &v), i == 0 ? PARLEY_OK : PARLEY_TOO_DEEP);
        assert_int_equal(wire_json_skip(span_str(text)), 2 * depths[i]);
        text[depths[i]] = '\0'; /* never closed */
        assert_status(read_text(text, &v), i == 0 ? PARLEY_MALFORMED : PARLEY_TOO_DEEP);
        free(text);
    }
}

static void values_are_counted_as_in_messagepack(void **state)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    for (int extra = -1; extra < 1; extra++) {
        struct value v;
        buf_clear(&out);
        buf_add_char(&out, '{');
        for (int i = 0; i < LIMIT_NODES + extra; i++)
            buf_printf(&out, "%s\"k%d\":%d", i ? "," : "", i, i);
        buf_add_char(&out, '}');
        assert_status(read_span(buf_span(&out), &v), extra < 0 ? PARLEY_OK : PARLEY_TOO_MANY);
    }
    buf_done(&out);
}

static void every_truncation_is_malformed(void **state)
{
    const char *text = "{\"id\":12,\"type\":\"post\",\"data\":{\"a\":[1.5,-3e2,\"\\u00e9\\n\",true,null],\"b\":{}}}";
    struct value v;
    assert_status(read_text(text, &v), PARLEY_OK);
    for (size_t len = 0; len < strlen(text); len++)
        assert_status(read_span(span_of(text, len), &v), PARLEY_MALFORMED);
}

static void integral_numbers_read_as_integers_however_they_are_written(void **state)
{
    static const char *const ones[] = {"[1]", "[1.0]", "[1e0]", "[10e-1]", "[0.1e1]", "[1.000000000000000000]"};
    for (size_t i = 0; i < sizeof ones / sizeof *ones; i++) {
        struct value v;
        assert_status(read_text(ones[i], &v), PARLEY_OK);
        assert_int_equal(v.items[0].type, VALUE_INT);
        assert_int_equal(v.items[0].integer, 1);
    }
}

static void large_integers_are_exact(void **state)
{
    struct value v;
    assert_status(read_text("[9007199254740993,-9223372036854775808]", &v), PARLEY_OK);
    assert_int_equal(v.items[0].integer, 9007199254740993);
    assert_int_equal(v.items[1].integer, INT64_MIN);
}

static void random_text_never_does_harm(void **state)
{
    static const char alphabet[] = "{}[]\",:\\u0dD8cC19.eE+-tfn \n\x01\xc3\xa9";
    struct chance c = {4};
    for (int i = 0; i < 100000; i++) {
        char text[48];
        struct value v;
        size_t len = chance_below(&c, sizeof text);
        for (size_t k = 0; k < len; k++)
            text[k] = alphabet[chance_below(&c, sizeof alphabet)];
        read_span(span_of(text, len), &v);
        assert_true(wire_json_skip(span_of(text, len)) <= len);
        wire_json_peek_int(span_of(text, len), span_str("id"), &(int64_t){0});
    }
}

static void a_full_arena_is_said_and_no_more(void **state)
{
    const char *text = "{\"a\":[[],[],{\"k\":\"some text\"},[],[]],\"b\":\"more text\"}";
    for (size_t room = 0; room < 9000; room += 16) {
        struct arena small;
        struct value v;
        arena_init(&small, room);
        parley_status st = wire_json_read(&small, span_str(text), &roomy, &v, &error);
        assert_true(st == (room < 300 ? PARLEY_NOMEM : st) && (st == PARLEY_OK || st == PARLEY_NOMEM));
        arena_done(&small);
    }
}

static void an_id_is_found_in_a_frame_that_is_bad_further_on(void **state)
{
    int64_t id = 0;
    assert_true(wire_json_peek_int(span_str("{\"id\":7,\"data\":"), span_str("id"), &id));
    assert_int_equal(id, 7);
    assert_true(
        wire_json_peek_int(span_str(" { \"data\" : {\"id\":1,\"x\":[\"}\"]} , \"id\" : -8 }"), span_str("id"), &id));
    assert_int_equal(id, -8);
    static const char *const none[] = {"",
                                       "[",
                                       "{",
                                       "{\"id\"",
                                       "{\"id\":",
                                       "{\"id\":\"7\"}",
                                       "{\"id\":7.5}",
                                       "{\"id\":99999999999999999999}",
                                       "{\"data\":[,\"id\":7}",
                                       "{\"a\":1}",
                                       "{\"a\":\"x}",
                                       "{7:7}",
                                       "{\"\":1"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(wire_json_peek_int(span_str(none[i]), span_str("id"), &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_json_is_malformed),
        cmocka_unit_test(what_is_json_is_read),
        cmocka_unit_test(what_the_model_has_no_place_for_is_refused_with_its_path),
        cmocka_unit_test(nesting_ends_at_the_limit),
        cmocka_unit_test(values_are_counted_as_in_messagepack),
        cmocka_unit_test(every_truncation_is_malformed),
        cmocka_unit_test(integral_numbers_read_as_integers_however_they_are_written),
        cmocka_unit_test(large_integers_are_exact),
        cmocka_unit_test(random_text_never_does_harm),
        cmocka_unit_test(a_full_arena_is_said_and_no_more),
        cmocka_unit_test(an_id_is_found_in_a_frame_that_is_bad_further_on),
    };
    arena_init(&arena, 1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
