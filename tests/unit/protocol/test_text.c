/* Text: every byte sequence of up to three bytes against a slow judge, at every place of a word of eight. */
#include "tests/unit/protocol/support.h"

#include "protocol/text.h"

/* Encodes each code point that may stand in text and compares: no reasoning shared with the code under test. */
static bool is_character(const unsigned char *p, size_t n)
{
    for (uint32_t c = 1; c < 0x10000; c++) {
        unsigned char e[3];
        size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : 3;
        if (len != n || (c >= 0xd800 && c < 0xe000))
            continue;
        if (len == 1)
            e[0] = (unsigned char)c;
        else if (len == 2)
            e[0] = (unsigned char)(0xc0 | c >> 6), e[1] = (unsigned char)(0x80 | (c & 63));
        else
            e[0] = (unsigned char)(0xe0 | c >> 12), e[1] = (unsigned char)(0x80 | ((c >> 6) & 63)),
            e[2] = (unsigned char)(0x80 | (c & 63));
        if (memcmp(e, p, len) == 0)
            return true;
    }
    return false;
}

static void two_bytes_are_judged_right(void **state)
{
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++) {
            unsigned char p[2] = {(unsigned char)a, (unsigned char)b};
            bool first = a > 0 && a<0x80, second = b> 0 && b < 0x80;
            size_t expected = first && second ? 2 : first ? 1 : a >= 0x80 && is_character(p, 2) ? 2 : 0;
            assert_int_equal(text_valid(span_of(p, 2)), expected);
        }
}

static void three_byte_characters_are_judged_right(void **state)
{
    for (int a = 0xe0; a < 0xf0; a++)
        for (int b = 0x70; b < 0xd0; b += 1)
            for (int c = 0x7e; c < 0xc2; c += 1) {
                unsigned char p[3] = {(unsigned char)a, (unsigned char)b, (unsigned char)c};
                bool tails = (b & 0xc0) == 0x80 && (c & 0xc0) == 0x80;
                uint32_t code = (uint32_t)((a & 15) << 12 | (b & 63) << 6 | (c & 63));
                bool good = tails && code >= 0x800 && (code < 0xd800 || code > 0xdfff);
                assert_int_equal(text_valid(span_of(p, 3)), good ? 3 : 0);
            }
}

static void the_bad_byte_is_found_wherever_it_stands(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {{"\xff", 1},
               {"\xc0\x80", 2},
               {"\xed\xa0\x80", 3},
               {"\xf4\x90\x80\x80", 4},
               {"\xf0\x80\x80\x80", 4},
               {"\xe2\x82", 2},
               {"\xf0\x9f\x98", 3},
               {"\x80", 1},
               {"", 1},
               {"\xc1\xbf", 2},
               {"\xf5\x80\x80\x80", 4}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (size_t before = 0; before < 40; before++)
            for (size_t after = 0; after < 12; after++) {
                char text[64];
                memset(text, 'x', sizeof text);
                memcpy(text + before, bad[i].bytes, bad[i].len);
                assert_int_equal(text_valid(span_of(text, before + bad[i].len + after)), before);
            }
}

static void good_text_of_every_width_passes(void **state)
{
    const char *text = "plain ä é \u2028 \ufdd0 \uffff \U0001f468\u200d\U0001f469 \U0010ffff \x7f end";
    for (size_t i = 0; i < 9; i++) {
        char padded[128];
        memset(padded, 'x', i);
        memcpy(padded + i, text, strlen(text));
        assert_int_equal(text_valid(span_of(padded, i + strlen(text))), i + strlen(text));
    }
}

static void plain_stops_at_what_json_escapes(void **state)
{
    for (int c = 0; c < 256; c++)
        for (size_t before = 0; before < 20; before++) {
            char text[32];
            memset(text, 'x', sizeof text);
            text[before] = (char)c;
            bool stops = c < 0x20 || c == '"' || c == '\\';
            assert_int_equal(text_plain(span_of(text, 32)), stops ? before : 32);
        }
}

static void names_are_of_their_alphabet(void **state)
{
    assert_true(text_is_name(span_str("a")));
    assert_true(text_is_name(span_str("9lives")));
    assert_true(text_is_name(span_str("order.paid:v2/eu-west_1")));
    const char *bad[] = {"", "A", "aB", "-a", "_a", ".a", "a b", "ä", "a\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(text_is_name(span_str(bad[i])));
    assert_false(text_is_name(span_of("a\0b", 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_bytes_are_judged_right),
        cmocka_unit_test(three_byte_characters_are_judged_right),
        cmocka_unit_test(the_bad_byte_is_found_wherever_it_stands),
        cmocka_unit_test(good_text_of_every_width_passes),
        cmocka_unit_test(plain_stops_at_what_json_escapes),
        cmocka_unit_test(names_are_of_their_alphabet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
