/* MessagePack from peers that mean no good: every format family, every truncation, every lie about a length. */
#include "tests/support/value_equal.h"
#include "tests/unit/protocol/random_value.h"
#include "tests/unit/protocol/support.h"

#include <stdlib.h>

static struct arena arena;
static struct wire_error error;

static parley_status read_bytes(struct span bytes, struct value *out)
{
    arena_reset(&arena);
    /* an exact copy on the heap, so that the sanitizer sees every byte read too far */
    char *copy = malloc(bytes.len ? bytes.len : 1);
    memcpy(copy, bytes.ptr, bytes.len);
    struct value ignored;
    parley_status st = wire_msgpack_read(&arena, span_of(copy, bytes.len), &roomy, &ignored, &error);
    free(copy);
    if (st == PARLEY_OK && out)
        assert_status(wire_msgpack_read(&arena, bytes, &roomy, out, &error), PARLEY_OK);
    return st;
}

struct family {
    const char *name;
    struct span bytes;
    parley_status expected;
};

#define OF(name, literal, expected)                                                                                    \
    {                                                                                                                  \
        name, {literal, sizeof literal - 1}, expected                                                                  \
    }

static const struct family families[] = {
    OF("positive fixint", "\x7f", PARLEY_OK),
    OF("fixmap", "\x81\xa1k\x01", PARLEY_OK),
    OF("fixarray", "\x92\x01\x02", PARLEY_OK),
    OF("fixstr", "\xa3yes", PARLEY_OK),
    OF("nil", "\xc0", PARLEY_OK),
    OF("never used", "\xc1", PARLEY_MALFORMED),
    OF("false", "\xc2", PARLEY_OK),
    OF("true", "\xc3", PARLEY_OK),
    OF("bin8, an id",
       "\xc4\x10"
       "0123456789abcdef",
       PARLEY_OK),
    OF("bin8, no id", "\xc4\x02xy", PARLEY_INVALID),
    OF("bin16, an id",
       "\xc5\x00\x10"
       "0123456789abcdef",
       PARLEY_OK),
    OF("bin32, an id",
       "\xc6\x00\x00\x00\x10"
       "0123456789abcdef",
       PARLEY_OK),
    OF("ext8", "\xc7\x01\x05x", PARLEY_INVALID),
    OF("ext16", "\xc8\x00\x01\x05x", PARLEY_INVALID),
    OF("ext32", "\xc9\x00\x00\x00\x01\x05x", PARLEY_INVALID),
    OF("float32", "\xca\x3f\x00\x00\x00", PARLEY_OK),
    OF("float64", "\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00", PARLEY_OK),
    OF("uint8", "\xcc\xff", PARLEY_OK),
    OF("uint16", "\xcd\xff\xff", PARLEY_OK),
    OF("uint32", "\xce\xff\xff\xff\xff", PARLEY_OK),
    OF("uint64", "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", PARLEY_OK),
    OF("uint64 above int64", "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", PARLEY_INVALID),
    OF("int8", "\xd0\x80", PARLEY_OK),
    OF("int16", "\xd1\x80\x00", PARLEY_OK),
    OF("int32", "\xd2\x80\x00\x00\x00", PARLEY_OK),
    OF("int64", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", PARLEY_OK),
    OF("fixext1", "\xd4\x05x", PARLEY_INVALID),
    OF("fixext2", "\xd5\x05xx", PARLEY_INVALID),
    OF("fixext4", "\xd6\xff\x65\x00\x00\x00", PARLEY_INVALID),
    OF("fixext8", "\xd7\x05xxxxxxxx", PARLEY_INVALID),
    OF("fixext16", "\xd8\x05xxxxxxxxxxxxxxxx", PARLEY_INVALID),
    OF("str8", "\xd9\x03yes", PARLEY_OK),
    OF("str16", "\xda\x00\x03yes", PARLEY_OK),
    OF("str32", "\xdb\x00\x00\x00\x03yes", PARLEY_OK),
    OF("array16", "\xdc\x00\x02\x01\x02", PARLEY_OK),
    OF("array32", "\xdd\x00\x00\x00\x02\x01\x02", PARLEY_OK),
    OF("map16", "\xde\x00\x01\xa1k\x01", PARLEY_OK),
    OF("map32", "\xdf\x00\x00\x00\x01\xa1k\x01", PARLEY_OK),
    OF("negative fixint", "\xe0", PARLEY_OK),
};

enum { FAMILIES = sizeof families / sizeof *families };

static void every_family_is_read_or_refused_by_name(void **state)
{
    for (int i = 0; i < FAMILIES; i++) {
        parley_status st = read_bytes(families[i].bytes, NULL);
        if (st != families[i].expected)
            fail_msg("%s: %s, %s", families[i].name, status_name(st), error.text);
    }
}

static void every_family_cut_short_is_malformed(void **state)
{
    for (int i = 0; i < FAMILIES; i++)
        for (size_t len = 0; len < families[i].bytes.len; len++)
            if (read_bytes(span_of(families[i].bytes.ptr, len), NULL) != PARLEY_MALFORMED)
                fail_msg("%s at %zu bytes: %s", families[i].name, len, error.text);
}

static void bytes_after_the_value_are_malformed(void **state)
{
    for (int i = 0; i < FAMILIES; i++) {
        char longer[64] = {0};
        memcpy(longer, families[i].bytes.ptr, families[i].bytes.len);
        parley_status st = read_bytes(span_of(longer, families[i].bytes.len + 1), NULL);
        assert_true(st == PARLEY_MALFORMED || (st == PARLEY_INVALID && families[i].expected == PARLEY_INVALID));
    }
}

static void the_largest_length_costs_nothing(void **state)
{
    const struct span headers[] = {
        BYTES("\xc4\xff"),
        BYTES("\xc5\xff\xff"),
        BYTES("\xc6\xff\xff\xff\xff"),
        BYTES("\xc7\xff\x01"),
        BYTES("\xc8\xff\xff\x01"),
        BYTES("\xc9\xff\xff\xff\xff\x01"),
        BYTES("\xd9\xff"),
        BYTES("\xda\xff\xff"),
        BYTES("\xdb\xff\xff\xff\xff"),
        BYTES("\xdc\xff\xff"),
        BYTES("\xdd\xff\xff\xff\xff"),
        BYTES("\xde\xff\xff"),
        BYTES("\xdf\xff\xff\xff\xff"),
        BYTES("\xdd\x00\xff\xff\xff\xc0"),
        BYTES("\xdf\x00\xff\xff\xff\xc0"),
        BYTES("\xbf"),
        BYTES("\x9f"),
        BYTES("\x8f"),
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct arena small;
        arena_init(&small, 4096);
        assert_status(wire_msgpack_read(&small, headers[i], &roomy, &(struct value){0}, &error), PARLEY_MALFORMED);
        assert_int_equal(small.held, 0);
        assert_int_equal(wire_msgpack_skip(headers[i]), 0);
        arena_done(&small);
    }
}

static void nested_array_headers_that_lie_cost_nothing(void **state)
{
    char bytes[31 * 3];
    for (int i = 0; i < 31; i++)
        memcpy(bytes + 3 * i, "\xdc\xff\xff", 3);
    struct arena small;
    arena_init(&small, 4096);
    assert_int_not_equal(wire_msgpack_read(&small, span_of(bytes, sizeof bytes), &roomy, &(struct value){0}, &error),
                         PARLEY_OK);
    assert_int_equal(small.held, 0);
    arena_done(&small);
}

static parley_status read_nested(size_t depth)
{
    char *bytes = malloc(depth + 1);
    memset(bytes, 0x91, depth);
    bytes[depth] = 1;
    parley_status st = read_bytes(span_of(bytes, depth + 1), NULL);
    assert_int_equal(wire_msgpack_skip(span_of(bytes, depth + 1)), depth + 1);
    free(bytes);
    return st;
}

static void nesting_ends_at_the_limit(void **state)
{
    assert_status(read_nested(LIMIT_DEPTH_MESSAGE), PARLEY_OK);
    assert_status(read_nested(LIMIT_DEPTH_MESSAGE + 1), PARLEY_TOO_DEEP);
    assert_status(read_nested(33), PARLEY_TOO_DEEP);
    assert_status(read_nested(10000), PARLEY_TOO_DEEP);
    assert_status(read_nested(1000000), PARLEY_TOO_DEEP);
}

static void values_are_counted(void **state)
{
    char bytes[3 + LIMIT_NODES + 1] = {(char)0xdc};
    memset(bytes + 3, 1, LIMIT_NODES + 1);
    for (int extra = -1; extra < 1; extra++) {
        size_t count = (size_t)(LIMIT_NODES + extra);
        bytes[1] = (char)(count >> 8);
        bytes[2] = (char)count;
        assert_status(read_bytes(span_of(bytes, 3 + count), NULL), extra < 0 ? PARLEY_OK : PARLEY_TOO_MANY);
    }
}

static void refused(struct span bytes, parley_status expected, const char *path)
{
    assert_status(read_bytes(bytes, NULL), expected);
    assert_string_equal(error.path, path);
    assert_true(strlen(error.text) > 8);
}

static void refusals_say_where(void **state)
{
    refused(BYTES("\x81\xa4"
                  "data\x81\xa4"
                  "body\x81\xa4text\xa3\xff\xfe\xfd"),
            PARLEY_MALFORMED, "data.body.text");
    refused(BYTES("\x81\xa4"
                  "data\x92\x01\x81\xa1x\xa2\x00z"),
            PARLEY_INVALID, "data[1].x");
    refused(BYTES("\x81\xa1x\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"), PARLEY_INVALID, "x"); /* NaN */
    refused(BYTES("\x81\xa1x\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"), PARLEY_INVALID, "x"); /* infinity */
    refused(BYTES("\x81\xa1x\xcb\xff\xf0\x00\x00\x00\x00\x00\x00"), PARLEY_INVALID, "x");
    refused(BYTES("\x81\xa1x\xca\x7f\xc0\x00\x00"), PARLEY_INVALID, "x");
    refused(BYTES("\x81\xa1x\xcb\x00\x00\x00\x00\x00\x00\x00\x01"), PARLEY_INVALID, "x"); /* 5e-324 */
    refused(BYTES("\x81\xa1x\xcb\x44\x4b\x1a\xe4\xd6\xe2\xef\x50"), PARLEY_INVALID, "x"); /* 1e21 */
    refused(BYTES("\x82\xa1x\x01\xa1x\x01"), PARLEY_INVALID, "x");
    refused(BYTES("\x81\xa1y\x82\xa1x\x01\xa1x\x02"), PARLEY_INVALID, "y.x");
    refused(BYTES("\x81\x01\x01"), PARLEY_INVALID, "");
    refused(BYTES("\x81\xc0\x01"), PARLEY_INVALID, "");
    refused(BYTES("\x81\xa1\xff\x01"), PARLEY_MALFORMED, "?");
    refused(BYTES("\x81\xa3"
                  "a\nb\xd4\x01x"),
            PARLEY_INVALID, "???");
}

static void lone_surrogates_and_overlong_forms_are_no_utf8(void **state)
{
    const struct span bad[] = {BYTES("\xa3\xed\xa0\x80"), BYTES("\xa2\xc0\xaf"), BYTES("\xa3\xe0\x80\xaf"),
                               BYTES("\xa4\xf8\x88\x80\x80")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_status(read_bytes(bad[i], NULL), PARLEY_MALFORMED);
}

static void numbers_read_as_what_they_are(void **state)
{
    static const struct {
        struct span bytes;
        int64_t expected;
    } rows[] = {
        {{"\xd3\xff\xff\xff\xff\xff\xff\xff\xff", 9}, -1},
        {{"\xcf\0\0\0\0\0\0\0\x01", 9}, 1},
        {{"\xd0\x80", 2}, -128},
        {{"\xd1\x80\x00", 3}, -32768},
        {{"\xd2\x80\0\0\0", 5}, INT32_MIN},
        {{"\xd3\x80\0\0\0\0\0\0\0", 9}, INT64_MIN},
        {{"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9}, INT64_MAX},
        {{"\xcb\x40\x45\0\0\0\0\0\0", 9}, 42},
        {{"\xca\xc0\0\0\0", 5}, -2},
        {{"\xcb\x80\0\0\0\0\0\0\0", 9}, 0},
        {{"\xcb\x43\x3f\xff\xff\xff\xff\xff\xff", 9}, 9007199254740991},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct value v;
        assert_status(read_bytes(rows[i].bytes, &v), PARLEY_OK);
        assert_int_equal(v.type, VALUE_INT);
        assert_int_equal(v.integer, rows[i].expected);
    }
}

static void what_is_written_reads_the_same_and_is_skipped_whole(void **state)
{
    struct chance c = {2};
    struct buf out;
    struct arena trees;
    buf_init(&out, 1 << 22);
    arena_init(&trees, 1 << 26);
    const struct wire_limits limits = {.depth = 8, .nodes = 1 << 20};
    for (int i = 0; i < 1000; i++) {
        struct value v = random_map(&c, &trees, 5), back;
        buf_clear(&out);
        wire_msgpack_put_value(&out, &v);
        assert_status(out.status, PARLEY_OK);
        assert_int_equal(wire_msgpack_skip(buf_span(&out)), out.len);
        assert_status(wire_msgpack_read(&trees, buf_span(&out), &limits, &back, &error), PARLEY_OK);
        assert_true(value_equal(&v, &back));
        for (int cut = 0; cut < 20 && out.len > 1; cut++) {
            size_t len = chance_below(&c, out.len);
            assert_status(wire_msgpack_read(&trees, span_of(out.ptr, len), &limits, &back, &error), PARLEY_MALFORMED);
        }
        arena_reset(&trees);
    }
    buf_done(&out);
    arena_done(&trees);
}

static void random_bytes_never_do_harm(void **state)
{
    struct chance c = {3};
    for (int i = 0; i < 200000; i++) {
        char bytes[64];
        size_t len = chance_below(&c, sizeof bytes);
        for (size_t k = 0; k < len; k++)
            bytes[k] = (char)(chance_below(&c, 3) ? chance_next(&c) : 0x80 + chance_below(&c, 64));
        read_bytes(span_of(bytes, len), NULL);
        assert_true(wire_msgpack_skip(span_of(bytes, len)) <= len);
    }
}

static void a_full_arena_is_said_and_no_more(void **state)
{
    char bytes[2000] = "\xdc\x07\x00";
    memset(bytes + 3, 0x90, 0x700);
    for (size_t room = 0; room < 100000; room += 997) {
        struct arena small;
        arena_init(&small, room);
        parley_status st = wire_msgpack_read(&small, span_of(bytes, 3 + 0x700), &roomy, &(struct value){0}, &error);
        assert_true(st == PARLEY_NOMEM || room > 80000);
        arena_done(&small);
    }
}

static void an_id_is_found_in_a_frame_that_is_bad_further_on(void **state)
{
    int64_t id = 0;
    assert_true(wire_msgpack_peek_int(BYTES("\x82\xa2id\x07\xa4"
                                            "data\xc1"),
                                      span_str("id"), &id));
    assert_int_equal(id, 7);
    assert_true(wire_msgpack_peek_int(BYTES("\x82\xa4"
                                            "data\xd4\x01x\xa2id\xcc\xc8"),
                                      span_str("id"), &id));
    assert_int_equal(id, 200);
    const struct span none[] = {BYTES(""),
                                BYTES("\x90"),
                                BYTES("\x81\xa4"
                                      "data\x01"),
                                BYTES("\x82\xa4"
                                      "data\xc1\xa2id\x07"),
                                BYTES("\x81\xa2id"),
                                BYTES("\x81\xa2id\xa1x"),
                                BYTES("\x81\xa2i"),
                                BYTES("\x81\x01\x01"),
                                BYTES("\x81\xdb\xff\xff\xff\xff")};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(wire_msgpack_peek_int(none[i], span_str("id"), &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_is_read_or_refused_by_name),
        cmocka_unit_test(every_family_cut_short_is_malformed),
        cmocka_unit_test(bytes_after_the_value_are_malformed),
        cmocka_unit_test(the_largest_length_costs_nothing),
        cmocka_unit_test(nested_array_headers_that_lie_cost_nothing),
        cmocka_unit_test(nesting_ends_at_the_limit),
        cmocka_unit_test(values_are_counted),
        cmocka_unit_test(refusals_say_where),
        cmocka_unit_test(lone_surrogates_and_overlong_forms_are_no_utf8),
        cmocka_unit_test(numbers_read_as_what_they_are),
        cmocka_unit_test(what_is_written_reads_the_same_and_is_skipped_whole),
        cmocka_unit_test(random_bytes_never_do_harm),
        cmocka_unit_test(a_full_arena_is_said_and_no_more),
        cmocka_unit_test(an_id_is_found_in_a_frame_that_is_bad_further_on),
    };
    arena_init(&arena, 1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
