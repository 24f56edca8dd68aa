/* The table of results, and the small things beside it: buf, uuid, encodings. */
#include "tests/unit/protocol/support.h"

static const parley_status all[] = {
#define STATUS(name, number, wire, close, http, again, text) PARLEY_##name,
#include "protocol/status.def"
#undef STATUS
};

enum { COUNT = sizeof all / sizeof *all };

static void every_status_has_its_own_name_that_leads_back(void **state)
{
    for (int i = 0; i < COUNT; i++) {
        const char *name = status_name(all[i]);
        assert_int_equal(status_of_name(name, strlen(name)), all[i]);
        assert_true(strlen(status_text(all[i])) >= 4);
    }
    assert_int_equal(status_of_name("some_day", 8), PARLEY_INTERNAL);
    assert_int_equal(status_of_name("", 0), PARLEY_INTERNAL);
    assert_string_equal(status_name((parley_status)999), "unknown");
    assert_non_null(status_text((parley_status)999));
}

static void what_may_be_repeated_never_closes_for_good(void **state)
{
    for (int i = 0; i < COUNT; i++) {
        int close = status_close_code(all[i]);
        bool known = (close >= 1000 && close <= 1013) || (close >= 4000 && close <= 4999);
        assert_true(known);
        if (status_again(all[i]))
            assert_in_range(close, 1000, 4499);
        assert_in_range(status_http_code(all[i]), 200, 599);
    }
    assert_int_equal(status_close_code((parley_status)999), 1011);
    assert_int_equal(status_http_code((parley_status)999), 500);
    assert_false(status_again((parley_status)999));
}

static void ids_are_read_as_they_are_written(void **state)
{
    struct uuid id, back;
    char text[UUID_TEXT + 1];
    for (int i = 0; i < 16; i++)
        id.b[i] = (uint8_t)(i * 17 + 3);
    uuid_format(id, text);
    assert_string_equal(text, "03142536-4758-697a-8b9c-adbecfe0f102");
    assert_status(uuid_parse(span_str(text), &back), PARLEY_OK);
    assert_true(uuid_equal(id, back));
    assert_status(uuid_parse(span_str("03142536-4758-697A-8B9C-ADBECFE0F102"), &back), PARLEY_OK);
    assert_true(uuid_equal(id, back));
}

static void what_is_no_id_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "03142536-4758-697a-8b9c-adbecfe0f10",
                                      "03142536-4758-697a-8b9c-adbecfe0f1022",
                                      "03142536x4758-697a-8b9c-adbecfe0f102",
                                      "03142536-4758-697a-8b9c-adbecfe0f10g",
                                      "0314253604758-697a-8b9c-adbecfe0f102",
                                      "{3142536-4758-697a-8b9c-adbecfe0f102"};
    struct uuid id;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_status(uuid_parse(span_str(bad[i]), &id), PARLEY_BAD_ID);
}

static void made_ids_carry_version_variant_and_time(void **state)
{
    static const uint8_t random[10] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, digest[16] = {1, 2, 3};
    char text[UUID_TEXT + 1];
    struct uuid seven = uuid_v7(0x018cc251f400, random), eight = uuid_v8(digest);
    uuid_format(seven, text);
    assert_string_equal(text, "018cc251-f400-7fff-bfff-ffffffffffff");
    assert_int_equal(uuid_version(seven), 7);
    assert_int_equal(uuid_version(eight), 8);
    assert_int_equal(eight.b[8] >> 6, 2);
    assert_true(uuid_equal(eight, uuid_v8(digest)));
    assert_true(uuid_compare(uuid_v7(1, random), uuid_v7(2, random)) < 0);
    assert_true(uuid_hash(seven) != uuid_hash(eight));
    assert_true(uuid_is_nil((struct uuid){{0}}));
}

static void a_buf_stops_at_its_maximum_and_says_so(void **state)
{
    struct buf b;
    buf_init(&b, 300);
    for (int i = 0; i < 30; i++)
        buf_add_str(&b, "0123456789");
    assert_status(b.status, PARLEY_OK);
    assert_int_equal(b.len, 300);
    buf_add_char(&b, 'x');
    assert_status(b.status, PARLEY_TOO_BIG);
    assert_int_equal(b.len, 300);
    assert_null(buf_reserve(&b, 1));
    buf_clear(&b);
    buf_printf(&b, "%d-%s", 42, "x");
    assert_status(b.status, PARLEY_OK);
    assert_span(buf_span(&b), "42-x");
    buf_done(&b);
    assert_int_equal(b.max, 300);
}

static void each_encoding_has_its_subprotocol(void **state)
{
    assert_string_equal(encoding_subprotocol(ENCODING_MSGPACK), "parley.v1.msgpack");
    assert_string_equal(encoding_subprotocol(ENCODING_JSON), "parley.v1.json");
}

static void long_paths_and_texts_are_cut_not_overrun(void **state)
{
    static char long_text[1000];
    memset(long_text, 'k', sizeof long_text - 1);
    struct wire_path path[40];
    for (int i = 0; i < 40; i++)
        path[i] = (struct wire_path){
            .up = i ? &path[i - 1] : NULL, .key = i % 2 ? span_str(long_text) : (struct span){0}, .index = SIZE_MAX};
    struct wire_error error;
    assert_status(wire_refuse(&error, PARLEY_INVALID, &path[39], "%s", long_text), PARLEY_INVALID);
    assert_int_equal(strlen(error.text), WIRE_TEXT_MAX - 1);
    assert_in_range(strlen(error.path), 100, WIRE_PATH_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_own_name_that_leads_back),
        cmocka_unit_test(what_may_be_repeated_never_closes_for_good),
        cmocka_unit_test(ids_are_read_as_they_are_written),
        cmocka_unit_test(what_is_no_id_is_refused),
        cmocka_unit_test(made_ids_carry_version_variant_and_time),
        cmocka_unit_test(a_buf_stops_at_its_maximum_and_says_so),
        cmocka_unit_test(each_encoding_has_its_subprotocol),
        cmocka_unit_test(long_paths_and_texts_are_cut_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
