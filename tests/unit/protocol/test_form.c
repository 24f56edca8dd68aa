/* Which fields are shown, and which files are accepted. */
#include "tests/unit/protocol/support.h"

#include "protocol/form.h"

static struct arena arena;
static struct wire_error error;

static struct value value_of(const char *text)
{
    struct value v;
    assert_status(wire_json_read(&arena, span_str(text), &roomy, &v, &error), PARLEY_OK);
    return v;
}

static const char fields[] =
    "{\"fields\":[{\"id\":\"why\"},{\"id\":\"sure\",\"show_if\":[{\"field\":\"why\",\"is\":\"broken\"},"
    "{\"field\":\"why\",\"is\":\"lost\"}]},{\"id\":\"photo\",\"show_if\":[{\"field\":\"sure\",\"is\":\"true\"},"
    "{\"field\":\"why\",\"is\":\"broken\"}]},{\"id\":\"last\",\"show_if\":[{\"field\":\"later\",\"is\":\"x\"}]}]}";

static uint64_t shown(const char *values)
{
    struct value form = value_of(fields), said = value_of(values);
    return form_shown(value_find(&form, "fields"), &said);
}

static void conditions_on_one_field_are_alternatives(void **state)
{
    assert_int_equal(shown("{}"), 1);
    assert_int_equal(shown("{\"why\":\"size\"}"), 1);
    assert_int_equal(shown("{\"why\":\"broken\"}"), 3);
    assert_int_equal(shown("{\"why\":\"lost\"}"), 3);
}

static void all_the_fields_that_are_named_must_agree(void **state)
{
    assert_int_equal(shown("{\"why\":\"broken\",\"sure\":true}"), 7);
    assert_int_equal(shown("{\"why\":\"lost\",\"sure\":true}"), 3);
    assert_int_equal(shown("{\"why\":\"broken\",\"sure\":false}"), 3);
    assert_int_equal(shown("{\"why\":\"broken\",\"sure\":1}"), 3);
}

static void what_is_not_shown_agrees_to_nothing(void **state)
{
    struct value form =
        value_of("{\"fields\":[{\"id\":\"a\"},{\"id\":\"b\",\"show_if\":[{\"field\":\"a\",\"is\":\"x\"}]},"
                 "{\"id\":\"c\",\"show_if\":[{\"field\":\"b\",\"is\":\"y\"}]}]}");
    struct value said = value_of("{\"b\":\"y\"}"), all = value_of("{\"a\":\"x\",\"b\":\"y\"}");
    assert_int_equal(form_shown(value_find(&form, "fields"), &said), 1);
    assert_int_equal(form_shown(value_find(&form, "fields"), &all), 7);
}

static void a_field_further_down_agrees_to_nothing(void **state)
{
    assert_int_equal(shown("{\"later\":\"x\"}"), 1);
}

static void files_are_accepted_by_their_type(void **state)
{
    static const struct {
        const char *accept, *type;
        bool is;
    } rows[] = {{"", "a/b", true},
                {"image/*", "image/png", true},
                {"image/*", "Image/PNG", true},
                {"image/*", "imagery/png", false},
                {"image/*", "text/plain", false},
                {"text/plain, image/png", "image/png", true},
                {"text/plain,image/png", "image/pn", false},
                {"text/plain,image/png", "image/png2", false},
                {"text/plain", "text/plain; charset=utf-8", true},
                {"*/*", "a/b", true},
                {",", "a/b", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (form_accepts(span_str(rows[i].accept), span_str(rows[i].type)) != rows[i].is)
            fail_msg("%s of %s", rows[i].type, rows[i].accept);
}

static int setup(void **state)
{
    arena_init(&arena, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    arena_done(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_on_one_field_are_alternatives),
        cmocka_unit_test(all_the_fields_that_are_named_must_agree),
        cmocka_unit_test(what_is_not_shown_agrees_to_nothing),
        cmocka_unit_test(a_field_further_down_agrees_to_nothing),
        cmocka_unit_test(files_are_accepted_by_their_type),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
