/* Kinds of answers: how people write them, and what a script gets. */
#include "tests/unit/unit.h"

#include "server/flow/input.h"

#include <stdio.h>

struct answer {
    const char *kind, *said;
    const char *read; /* as the script gets it; NULL: refused */
};

static const struct answer answers[] = {
    {"number", "12", "12"},
    {"number", "-3", "-3"},
    {"number", "+4.0", "4"},
    {"number", "3,25", "3.25"},
    {"number", "0", "0"},
    {"number", "1.", NULL},
    {"number", ".5", NULL},
    {"number", "1,5,6", NULL},
    {"number", "1e9", NULL},
    {"number", "0x10", NULL},
    {"number", "nan", NULL},
    {"number", "twelve", NULL},
    {"number", "12 apples", NULL},
    {"number", "99999999999999999999", NULL},
    {"number", "-", NULL},
    {"date", "2024-02-29", "2024-02-29"},
    {"date", "29.2.2024", "2024-02-29"},
    {"date", "1.12.1999", "1999-12-01"},
    {"date", "2023-02-29", NULL},
    {"date", "2024-13-01", NULL},
    {"date", "2024-00-10", NULL},
    {"date", "31.4.2024", NULL},
    {"date", "2024-1", NULL},
    {"date", "24-02-29", NULL},
    {"date", "2024.02.29", NULL},
    {"date", "tomorrow", NULL},
    {"date", "2024-02-29 ", NULL},
    {"email", "ann@mail.example", "ann@mail.example"},
    {"email", "a.b+c@x.y.example", "a.b+c@x.y.example"},
    {"email", "ann", NULL},
    {"email", "@mail.example", NULL},
    {"email", "ann@mail", NULL},
    {"email", "ann@mail.e", NULL},
    {"email", "ann@.example", NULL},
    {"email", "a b@mail.example", NULL},
    {"email", "a@b@mail.example", NULL},
    {"email", "<ann@mail.example>", NULL},
    {"phone", "+49 (30) 123-45", "+493012345"},
    {"phone", "030/12345", "03012345"},
    {"phone", "12", NULL},
    {"phone", "+", NULL},
    {"phone", "call me", NULL},
    {"phone", "123456789012345678", NULL},
    {"phone", "12345+6", NULL},
    {"text", "anything", "anything"},
    {"text", "", NULL},
    {"boolean", "true", NULL},
};

static void shown(const struct value *v, char out[64])
{
    if (v->type == VALUE_INT)
        snprintf(out, 64, "%lld", (long long)v->integer);
    else if (v->type == VALUE_REAL)
        snprintf(out, 64, "%g", v->real);
    else
        snprintf(out, 64, "%.*s", SPAN_ARG(v->text));
}

static void answers_are_read_as_people_write_them(void **state)
{
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const struct answer *a = &answers[i];
        struct value said = value_text(span_str(a->said)), read;
        struct arena arena;
        char text[64];
        arena_init(&arena, 1 << 16);
        bool fits = input_read(input_of(span_str(a->kind)), &said, &arena, &read);
        if (fits)
            shown(&read, text);
        if (fits != (a->read != NULL) || (fits && strcmp(text, a->read) != 0))
            fail_msg("%s \"%s\" gave %s", a->kind, a->said, fits ? text : "nothing");
        arena_done(&arena);
    }
}

static void what_an_app_sends_as_a_number_or_a_yes_is_taken(void **state)
{
    struct value read, number = {.type = VALUE_REAL, .real = 1.5}, yes = value_bool(true);
    struct arena arena;
    arena_init(&arena, 1 << 16);
    assert_true(input_read(INPUT_NUMBER, &number, &arena, &read));
    assert_true(read.real == 1.5);
    assert_true(input_read(INPUT_BOOLEAN, &yes, &arena, &read));
    assert_true(read.boolean);
    assert_false(input_read(INPUT_DATE, &number, &arena, &read));
    assert_false(input_read(INPUT_NUMBER, &yes, &arena, &read));
    assert_int_equal(input_of(span_str("color")), INPUTS);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read_as_people_write_them),
        cmocka_unit_test(what_an_app_sends_as_a_number_or_a_yes_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
