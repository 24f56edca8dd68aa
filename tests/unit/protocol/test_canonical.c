/* The canonical form, and what it becomes: the same tree by every way through both encodings. */
#include "tests/support/value_equal.h"
#include "tests/unit/protocol/random_value.h"
#include "tests/unit/protocol/support.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

static struct arena arena;
static struct buf out, other;
static struct wire_error error;
static const struct wire_limits limits = {.depth = 8, .nodes = 1 << 20};

static struct span canonical_of(const char *text)
{
    struct value v;
    arena_reset(&arena);
    assert_status(wire_json_read(&arena, span_str(text), &limits, &v, &error), PARLEY_OK);
    buf_clear(&out);
    wire_json_put_value(&out, &v);
    return buf_span(&out);
}

static void keys_are_in_jsonbs_order_and_spaces_go(void **state)
{
    assert_span(canonical_of("{ \"b\" : 1 , \"aa\" : [ 1 , 2 ] , \"a\" : { } }"), "{\"a\":{},\"b\":1,\"aa\":[1,2]}");
}

static void numbers_have_one_form(void **state)
{
    assert_span(canonical_of("[1.0,-0,-0.0,0e9,1e2,1E-1,2.50]"), "[1,0,0,0,100,0.1,2.5]");
    assert_span(canonical_of("[0.000001,1e-6,1.5e-6,123456.789]"), "[0.000001,0.000001,0.0000015,123456.789]");
    assert_span(canonical_of("[9007199254740991.0,9007199254740992.0,1e20,-1.5e20]"),
                "[9007199254740991,9007199254740992.0,100000000000000000000.0,-150000000000000000000.0]");
    assert_span(canonical_of("[9223372036854775807,-9223372036854775808]"),
                "[9223372036854775807,-9223372036854775808]");
    assert_span(canonical_of("[0.1,0.30000000000000004,5e-5]"), "[0.1,0.30000000000000004,0.00005]");
}

static void text_has_one_form(void **state)
{
    assert_span(canonical_of("[\"\\u0041\\/\\u00e9\\ud83d\\ude00\\u2028\\u007f\"]"),
                "[\"A/\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8\x7f\"]");
    assert_span(canonical_of("[\"\\u0008\\u000c\\u000a\\u000d\\u0009\\u0001\\u001f\\u0022\\u005c\"]"),
                "[\"\\b\\f\\n\\r\\t\\u0001\\u001f\\\"\\\\\"]");
}

/* As jsonb prints it: a space after ':' and ',' outside text. */
static void spaced(struct buf *to, struct span json)
{
    bool quoted = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        buf_add_char(to, c);
        if (quoted && c == '\\')
            buf_add_char(to, json.ptr[++i]);
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == ':' || c == ','))
            buf_add_char(to, ' ');
    }
}

static void assert_reads_as(struct span msgpack, const struct value *v)
{
    struct value back;
    assert_status(wire_msgpack_read(&arena, msgpack, &limits, &back, &error), PARLEY_OK);
    assert_true(value_equal(v, &back));
}

static void every_way_leads_to_the_same_tree(void **state)
{
    struct chance c = {5};
    struct buf jsonb;
    buf_init(&jsonb, 1 << 22);
    for (int i = 0; i < 3000; i++) {
        struct value v = random_map(&c, &arena, 5), back;
        buf_clear(&out);
        wire_json_put_value(&out, &v);
        assert_int_equal(wire_json_size(&v, true), out.len);
        assert_true(wire_json_size(&v, false) >= out.len);
        assert_int_equal(wire_json_skip(buf_span(&out)), out.len);
        assert_status(wire_json_read(&arena, buf_span(&out), &limits, &back, &error), PARLEY_OK);
        assert_true(value_equal(&v, &back));

        buf_clear(&other);
        wire_json_to_msgpack(&other, buf_span(&out));
        assert_status(other.status, PARLEY_OK);
        assert_reads_as(buf_span(&other), &v);

        buf_clear(&jsonb);
        spaced(&jsonb, buf_span(&out));
        struct buf *again = &other;
        buf_clear(again);
        wire_json_to_msgpack(again, buf_span(&jsonb));
        assert_reads_as(buf_span(again), &v);
        buf_clear(again);
        wire_json_put_compact(again, buf_span(&jsonb));
        assert_true(span_equal(buf_span(again), buf_span(&out)));

        buf_clear(again);
        wire_msgpack_put_value(again, &v);
        assert_reads_as(buf_span(again), &v);
        arena_reset(&arena);
    }
    buf_done(&jsonb);
}

static void transcoding_gives_the_shortest_messagepack(void **state)
{
    struct chance c = {6};
    for (int i = 0; i < 1000; i++) {
        struct value v = random_map(&c, &arena, 4);
        buf_clear(&out);
        wire_json_put_value(&out, &v);
        buf_clear(&other);
        wire_json_to_msgpack(&other, buf_span(&out));
        buf_clear(&out);
        wire_msgpack_put_value(&out, &v);
        assert_true(span_equal(buf_span(&out), buf_span(&other)));
        arena_reset(&arena);
    }
}

static void containers_of_every_size_class_are_transcoded(void **state)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 65535, 65536};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct value v, back;
        value_array(&arena, sizes[i], &v);
        while (v.count < sizes[i])
            value_push(&v, value_int(v.count % 100));
        buf_clear(&out);
        wire_json_put_value(&out, &v);
        buf_clear(&other);
        wire_json_to_msgpack(&other, buf_span(&out));
        assert_status(wire_msgpack_read(&arena, buf_span(&other), &limits, &back, &error), PARLEY_OK);
        assert_true(value_equal(&v, &back));
        arena_reset(&arena);
    }
}

static void bad_text_is_not_transcoded_and_never_overrun(void **state)
{
    const char *text = "{\"a\": [1.5, \"\\u00e9\\n\\\"\", true, false, null, -12], \"bb\": {}}";
    for (size_t len = 0; len < strlen(text); len++) {
        char *copy = malloc(len ? len : 1);
        memcpy(copy, text, len);
        buf_clear(&out);
        wire_json_to_msgpack(&out, span_of(copy, len));
        assert_status(out.status, PARLEY_MALFORMED);
        buf_clear(&out);
        wire_json_put_compact(&out, span_of(copy, len));
        assert_true(out.len <= len);
        free(copy);
    }
    static const char *const bad[] = {"{}x", "{\"a\" 1}", "{1:1}",      "[1 2]",        "[",
                                      "x",   "[tru]",     "{\"a\":1,}", "{\"a\":1,:2}", "[\"\\"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf_clear(&out);
        wire_json_to_msgpack(&out, span_str(bad[i]));
        assert_status(out.status, PARLEY_MALFORMED);
    }
}

static void a_full_buffer_is_said(void **state)
{
    const char *text = "{\"a\": [1.5, \"\\u00e9\\n\", true, false, null, -12, 0,0,0,0,0,0,0,0,0,0,0,0], \"bb\": \"some "
                       "text of forty bytes and a few\"}";
    buf_clear(&out);
    wire_json_to_msgpack(&out, span_str(text));
    size_t whole = out.len;
    for (size_t room = 0; room < whole; room++) {
        struct buf small;
        buf_init(&small, room);
        wire_json_to_msgpack(&small, span_str(text));
        assert_status(small.status, PARLEY_TOO_BIG);
        buf_done(&small);
    }
}

static size_t significant_digits(const char *number)
{
    size_t digits = 0, zeros = 0;
    for (const char *p = number + strspn(number, "-0."); *p; p++) {
        if (*p == '.')
            continue;
        zeros = *p == '0' ? zeros + 1 : 0;
        digits++;
    }
    return digits - zeros;
}

static void doubles_read_back_the_same_in_the_fewest_digits(void **state)
{
    struct chance c = {7};
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = chance_next(&c);
        double v;
        memcpy(&v, &bits, sizeof v);
        v = ldexp(frexp(v, &(int){0}), (int)chance_below(&c, 88) - 18);
        if (!isfinite(v) || !(fabs(v) >= 1e-6))
            continue;
        buf_clear(&out);
        wire_json_put_real(&out, v);
        buf_add_char(&out, '\0');
        assert_true(strtod(out.ptr, NULL) == v);
        assert_null(strpbrk(out.ptr, "eE+,"));
        char shortest[40];
        size_t fewest = 1;
        while (snprintf(shortest, sizeof shortest, "%.*e", (int)fewest - 1, v), strtod(shortest, NULL) != v)
            fewest++;
        assert_int_equal(significant_digits(out.ptr), fewest);
    }
}

/* Makes a locale with a decimal comma, which the host of the SDK may have set. */
static bool set_comma_locale(const char *folder)
{
    char command[256];
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", folder);
    return system(command) == 0 && setenv("LOCPATH", folder, 1) == 0 && setlocale(LC_NUMERIC, "de_DE.UTF-8");
}

static void the_locale_of_the_host_changes_nothing(void **state)
{
    char folder[] = "/tmp/parley-locale-XXXXXX", command[128];
    assert_non_null(mkdtemp(folder));
    bool set = set_comma_locale(folder);
    struct span text = canonical_of("[1.5,0.25,0.1]");
    buf_clear(&other);
    wire_json_to_msgpack(&other, BYTES("[1.5]"));
    char point = *localeconv()->decimal_point;
    setlocale(LC_NUMERIC, "C");
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);

    assert_int_equal(point, set ? ',' : '.'); /* without Debian's package `locales` this checks the default only */
    assert_span(text, "[1.5,0.25,0.1]");
    assert_span(buf_span(&other), "\x91\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_in_jsonbs_order_and_spaces_go),
        cmocka_unit_test(numbers_have_one_form),
        cmocka_unit_test(text_has_one_form),
        cmocka_unit_test(every_way_leads_to_the_same_tree),
        cmocka_unit_test(transcoding_gives_the_shortest_messagepack),
        cmocka_unit_test(containers_of_every_size_class_are_transcoded),
        cmocka_unit_test(bad_text_is_not_transcoded_and_never_overrun),
        cmocka_unit_test(a_full_buffer_is_said),
        cmocka_unit_test(doubles_read_back_the_same_in_the_fewest_digits),
        cmocka_unit_test(the_locale_of_the_host_changes_nothing),
    };
    arena_init(&arena, 1 << 26);
    buf_init(&out, 1 << 22);
    buf_init(&other, 1 << 22);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    buf_done(&out);
    buf_done(&other);
    return failed;
}
