/* What the app reports: what of it never leaves, what is sent when, and what is kept. */
#include "tests/unit/sdk-c/fake.h"

#include "protocol/wire_json.h"

#include <stdio.h>

static char sent[4096];

/* --- masks --- */

static const char *masked(const struct mask *mask, const char *key, const char *json)
{
    static char out[1024];
    static const struct wire_limits limits = {.depth = 16, .nodes = 256};
    struct arena arena;
    struct buf text;
    struct value v;
    struct wire_error error;
    arena_init(&arena, 1 << 20);
    buf_init(&text, sizeof out);
    assert_int_equal(wire_json_read(&arena, span_str(json), &limits, &v, &error), PARLEY_OK);
    assert_int_equal(mask_value(mask, &arena, span_str(key), &v), PARLEY_OK);
    wire_json_put_value(&text, &v);
    snprintf(out, sizeof out, "%.*s", SPAN_ARG(buf_span(&text)));
    buf_done(&text);
    arena_done(&arena);
    return out;
}

static void what_is_built_in_is_masked(void **state)
{
    static const char *const pairs[][2] = {
        {"pay 4111 1111 1111 1111 now", "pay [card] now"},
        {"4111-1111-1111-1111", "[card]"},
        {"4111111111111112", "4111111111111112"}, /* no card: it does not add up */
        {"A4111111111111111", "A4111111111111111"},
        {"order 123456789012", "order 123456789012"},
        {"DE89 3704 0044 0532 0130 00 please", "[iban] please"},
        {"gb82west12345698765432", "[iban]"},
        {"DE89370400440532013001", "DE89370400440532013001"},
        {"mail ana.b+c@mail.example.com, or", "mail [email], or"},
        {"a@b", "a@b"},
        {"user@host.", "user@host."},
        {"+49 151 2345678", "[phone]"},
        {"call (030) 1234567!", "call [phone]!"},
        {"0151/2345678", "[phone]"},
        {"01-02-2024 and 2024-02-01", "01-02-2024 and 2024-02-01"},
        {"Order A123456", "Order A123456"},
        {"", ""},
    };
    struct mask mask;
    mask_init(&mask);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char json[128], expected[128];
        snprintf(json, sizeof json, "[\"%s\"]", pairs[i][0]);
        snprintf(expected, sizeof expected, "[\"%s\"]", pairs[i][1]);
        assert_string_equal(masked(&mask, "objects", json), expected);
    }
}

static void names_say_what_is_secret(void **state)
{
    struct mask mask;
    mask_init(&mask);
    assert_string_equal(
        masked(&mask, "form", "{\"Pass-Word\":\"x\",\"api_key\":{\"a\":1},\"pin\":7,\"spin\":8,\"cvv2\":1}"),
        "{\"pin\":\"[secret]\",\"cvv2\":\"[secret]\",\"spin\":8,\"api_key\":\"[secret]\",\"Pass-Word\":\"[secret]\"}");
    assert_string_equal(masked(&mask, "userPassword", "[1]"), "\"[secret]\"");
    assert_string_equal(masked(&mask, "n", "{\"card\":4111111111111111,\"count\":41}"),
                        "{\"card\":\"[card]\",\"count\":41}");
    assert_string_equal(masked(&mask, "n", "{\"a@b.de\":1,\"c@d.de\":2}"), "{\"[email]\":2}");
    assert_string_equal(masked(&mask, "token", "{}"), "\"[secret]\"");
}

static void an_app_has_classes_of_its_own(void **state)
{
    struct mask mask;
    mask_init(&mask);
    assert_int_equal(mask_set(&mask, span_str("customer"), span_str("kunde *_nr"), span_str("CU-###@?")), PARLEY_OK);
    assert_string_equal(
        masked(&mask, "x", "{\"t\":\"cu-123ab, CU-12345 CU-123abc\",\"kunde\":1,\"haus_nr\":2}"),
        "{\"t\":\"[customer], CU-12345 CU-123abc\",\"kunde\":\"[customer]\",\"haus_nr\":\"[customer]\"}");
    assert_int_equal(mask_set(&mask, span_str("phone"), (struct span){0}, (struct span){0}), PARLEY_OK);
    assert_string_equal(masked(&mask, "x", "[\"+49 151 2345678\"]"), "[\"+49 151 2345678\"]");
    assert_int_equal(mask_set(&mask, span_str("A b"), (struct span){0}, (struct span){0}), PARLEY_INVALID);
    char name[16];
    for (int i = 0; mask.count < MASK_CLASSES_MAX; i++) {
        snprintf(name, sizeof name, "c%d", i);
        assert_int_equal(mask_set(&mask, span_str(name), (struct span){0}, span_str("#")), PARLEY_OK);
    }
    assert_int_equal(mask_set(&mask, span_str("more"), (struct span){0}, (struct span){0}), PARLEY_LIMIT);
    assert_int_equal(mask_set(&mask, span_str("customer"), (struct span){0}, (struct span){0}), PARLEY_OK);
}

/* --- what is sent --- */

/* The context that goes out next, as JSON; NULL when none does. */
static const char *next(struct fake *f, int64_t ms)
{
    struct buf text;
    fake_advance(f, ms);
    while (fake_next(f))
        if (f->request.type == FRAME_context_put) {
            buf_init(&text, sizeof sent);
            wire_json_put_value(&text, f->request.context_put.context.value);
            snprintf(sent, sizeof sent, "%.*s", SPAN_ARG(buf_span(&text)));
            buf_done(&text);
            fake_reply(f, context_stored, .changed = true);
            return sent;
        }
    return NULL;
}

static void set(struct fake *f, const char *key, const char *json)
{
    assert_int_equal(parley_context_set(f->client, NULL, key, json), PARLEY_OK);
}

static void it_is_masked_gathered_and_sent_once(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    set(f, "screen", "\"Pay\"");
    set(f, "form", "{\"mail\":\"ana@example.com\",\"password\":\"x\"}");
    assert_string_equal(next(f, 1000),
                        "{\"form\":{\"mail\":\"[email]\",\"password\":\"[secret]\"},\"screen\":\"Pay\"}");
    set(f, "form", "{\"mail\":\"bob@example.com\",\"password\":\"y\"}"); /* the same once it is masked */
    set(f, "screen", "\"Pay\"");
    assert_null(next(f, 5000));
    assert_int_equal(
        parley_call_json(f->client, "{\"type\":\"context.put\",\"data\":{\"context\":{\"pin\":\"1\"}}}", NULL),
        PARLEY_OK);
    assert_string_equal(next(f, 0), "{\"pin\":\"[secret]\"}");
    assert_int_equal(parley_context_mask(f->client, "order", NULL, "A######"), PARLEY_OK);
    set(f, "form", "\"A123456\"");
    assert_non_null(strstr(next(f, 1000), "\"[order]\""));
}

static void screens_between_two_sendings_are_in_the_trail(void **state)
{
    struct fake *f = *state;
    char name[16];
    fake_online(f, 0, 0);
    assert_int_equal(parley_context_set(f->client, NULL, "trail", "[]"), PARLEY_INVALID);
    set(f, "screen", "\"Home\"");
    assert_string_equal(next(f, 1000), "{\"screen\":\"Home\"}");
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "\"S%d\"", i);
        set(f, "screen", name);
        set(f, "screen", name);
    }
    assert_non_null(next(f, 1000));
    assert_null(strstr(sent, "\"S8\""));
    assert_non_null(strstr(sent, "\"trail\":[{\"at\":"));
    assert_non_null(strstr(sent, "\"screen\":\"S9\"}"));
    assert_non_null(strstr(sent, "\"screen\":\"S28\"}]"));
    assert_non_null(strstr(sent, "\"screen\":\"S29\""));
    assert_null(next(f, 5000));
}

static void it_is_kept_and_sent_by_the_next_process(void **state)
{
    struct fake *f = *state;
    set(f, "screen", "\"Cart\"");
    set(f, "gone", "1");
    set(f, "gone", NULL);
    fake_restart(f);
    fake_online(f, 0, 0);
    assert_string_equal(next(f, 0), "{\"screen\":\"Cart\"}");
    fake_restart(f);
    fake_online(f, 0, 0);
    assert_null(next(f, 5000)); /* once */
    set(f, "screen", "\"Cart\"");
    assert_null(next(f, 5000));
    set(f, "screen", "\"Pay\"");
    assert_non_null(next(f, 1000));
    assert_non_null(strstr(sent, "\"Cart\""));
    assert_int_equal(parley_sign_out(f->client), PARLEY_OK);
    fake_restart(f);
    fake_online(f, 0, 0);
    assert_null(next(f, 5000));
}

static void what_is_too_much_is_refused_at_once(void **state)
{
    struct fake *f = *state;
    static char big[40002];
    memset(big, 'x', sizeof big - 1);
    big[0] = big[sizeof big - 2] = '"';
    set(f, "a", big);
    assert_int_equal(parley_context_set(f->client, NULL, "b", big), PARLEY_TOO_BIG);
    set(f, "a", "\"small\"");
    set(f, "b", big);
    fake_online(f, 0, 0);
    assert_non_null(next(f, 1000));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_setup_kept, fake_teardown_kept)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_built_in_is_masked),        cmocka_unit_test(names_say_what_is_secret),
        cmocka_unit_test(an_app_has_classes_of_its_own),     CASE(it_is_masked_gathered_and_sent_once),
        CASE(screens_between_two_sendings_are_in_the_trail), CASE(it_is_kept_and_sent_by_the_next_process),
        CASE(what_is_too_much_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
