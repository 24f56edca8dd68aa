/* Kinds of items and their bodies. What single fields may be is in test_frame_cases. */
#include "tests/unit/protocol/support.h"

#include "protocol/item.h"

static struct arena arena;
static struct wire_error error;

static struct value body_of(const char *text)
{
    struct value v;
    assert_status(wire_json_read(&arena, span_str(text), &roomy, &v, &error), PARLEY_OK);
    return v;
}

static void kinds_have_number_name_audience_and_posters(void **state)
{
    const struct item_row *text = item_row(item_kind_of(span_str("text")));
    assert_int_equal(text->kind, ITEM_text);
    assert_int_equal(text->audience, audience_public);
    assert_int_equal(text->posters, POSTER_CUSTOMER | POSTER_AGENT | POSTER_BOT | POSTER_BACKEND);
    assert_int_equal(item_row(ITEM_note)->audience, audience_staff);
    assert_int_equal(item_row(ITEM_opened)->posters, 0);
    assert_null(item_row(63));
    assert_int_equal(item_kind_of(span_str("Text")), ITEM_none);
    assert_int_equal(item_kind_of(span_str("form_answer")), ITEM_form_answer);
    assert_int_equal(item_kind_of(span_str("")), ITEM_none);
    assert_string_equal(item_kind_name(ITEM_resolved), "resolved");
}

static void kinds_that_move_the_state_are_known_by_number(void **state)
{
    for (int kind = 0; kind < 256; kind++)
        if (item_row(kind))
            assert_int_equal(item_moves(kind), item_row(kind)->moves);
    assert_true(item_moves(200));
    assert_false(item_moves(ITEM_none));
}

static void unknown_fields_are_kept_in_the_canonical_form(void **state)
{
    struct value v = body_of("{\"text\":\"hi\",\"x_app\":{\"b\":1,\"a\":[1.0]},\"language\":null}");
    assert_status(item_validate_body(ITEM_text, &v, &error), PARLEY_OK);
    struct buf out;
    buf_init(&out, 4096);
    item_canonical(&v, &out);
    assert_span(buf_span(&out), "{\"text\":\"hi\",\"x_app\":{\"a\":[1],\"b\":1},\"language\":null}");
    buf_done(&out);
}

static void a_kind_that_nobody_knows_is_named(void **state)
{
    struct value v = body_of("{}");
    assert_status(item_validate_body(63, &v, &error), PARLEY_UNKNOWN_KIND);
    assert_string_equal(error.path, "data.kind");
}

static void lists_inside_a_body_are_checked(void **state)
{
    struct value v = body_of("{\"title\":\"t\",\"fields\":[{\"id\":\"a\",\"label\":\"A\",\"type\":\"choice\","
                             "\"options\":[{\"value\":\"x\"}]}]}");
    assert_status(item_validate_body(ITEM_form, &v, &error), PARLEY_INVALID);
    assert_string_equal(error.path, "data.body.fields[0].options[0].label");
}

static void size_counts_in_the_canonical_form(void **state)
{
    struct value v = body_of("{\"text\":\"hi\"}"), filler;
    struct value_member members[2] = {v.members[0], {.key = span_str("x_filler")}};
    static char bytes[LIMIT_BODY];
    memset(bytes, '\n', sizeof bytes); /* two bytes each in JSON */
    size_t room = (LIMIT_BODY - strlen("{\"text\":\"hi\",\"x_filler\":\"\"}")) / 2;
    for (size_t extra = 0; extra < 2; extra++) {
        filler = value_text(span_of(bytes, room + extra));
        members[1].value = filler;
        v.members = members;
        v.count = 2;
        assert_status(item_validate_body(ITEM_text, &v, &error), extra ? PARLEY_TOO_BIG : PARLEY_OK);
    }
}

static void bodies_of_our_own_are_written_canonical(void **state)
{
    struct buf out;
    buf_init(&out, 4096);
    struct frame_joined_body joined = {.session = {{0}}, .epoch = 3, .agent = {{1}}, .name = span_str("Mia")};
    item_put_body(&out, ITEM_joined, &joined);
    assert_span(buf_span(&out), "{\"name\":\"Mia\",\"agent\":\"01000000-0000-0000-0000-000000000000\",\"epoch\":3,"
                                "\"session\":\"00000000-0000-0000-0000-000000000000\"}");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_have_number_name_audience_and_posters),
        cmocka_unit_test(kinds_that_move_the_state_are_known_by_number),
        cmocka_unit_test(unknown_fields_are_kept_in_the_canonical_form),
        cmocka_unit_test(a_kind_that_nobody_knows_is_named),
        cmocka_unit_test(lists_inside_a_body_are_checked),
        cmocka_unit_test(size_counts_in_the_canonical_form),
        cmocka_unit_test(bodies_of_our_own_are_written_canonical),
    };
    arena_init(&arena, 1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
