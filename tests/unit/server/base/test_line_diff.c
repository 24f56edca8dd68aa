/* Differences by line: what is written leads from one text to the other, and is as short as can be where that is known.
 */
#include "tests/unit/unit.h"

#include "server/base/line_diff.h"
#include "server/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static char *diff_of(const char *from, const char *to)
{
    struct buf out;
    buf_init(&out, 16 << 20);
    bool differs = line_diff(span_str(from), span_str(to), &out);
    assert_int_equal(differs, out.len > 0);
    buf_add_char(&out, '\0');
    assert_int_equal(out.status, PARLEY_OK);
    char *text = mem_text(out.ptr);
    buf_done(&out);
    return text;
}

static const char *line_end(const char *at)
{
    const char *newline = strchr(at, '\n');
    assert_non_null(newline);
    return newline + 1;
}

/* Follows the hunks; whatever they say of `from` must be so. */
static char *patched(const char *from, const char *hunks)
{
    struct buf out;
    int line = 1;
    buf_init(&out, 16 << 20);
    while (*hunks) {
        int start = 0;
        assert_int_equal(sscanf(hunks, "@@ -%d,", &start), 1);
        for (hunks = line_end(hunks); line < start; line++, from = line_end(from))
            buf_add_span(&out, span_of(from, (size_t)(line_end(from) - from)));
        for (; *hunks && *hunks != '@'; hunks = line_end(hunks)) {
            struct span words = span_of(hunks + 1, (size_t)(line_end(hunks) - hunks) - 1);
            if (*hunks != '-')
                buf_add_span(&out, words);
            if (*hunks == '+')
                continue;
            assert_true(span_equal(words, span_of(from, (size_t)(line_end(from) - from))));
            from += words.len;
            line++;
        }
    }
    buf_add_str(&out, from);
    buf_add_char(&out, '\0');
    char *text = mem_text(out.ptr);
    buf_done(&out);
    return text;
}

static void judge(const char *from, const char *to)
{
    char *hunks = diff_of(from, to), *result = patched(from, hunks);
    assert_string_equal(result, to);
    mem_free(result);
    mem_free(hunks);
}

static void a_change_is_shown_with_the_lines_around_it(void **state)
{
    char *hunks = diff_of("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n");
    assert_string_equal(hunks, "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
    mem_free(hunks);
    hunks = diff_of("a\nb\nc\n", "a\nb\nc\n");
    assert_string_equal(hunks, "");
    mem_free(hunks);
    hunks = diff_of("", "a\n");
    assert_string_equal(hunks, "@@ -1,0 +1,1 @@\n+a\n");
    mem_free(hunks);
}

static void changes_far_from_each_other_are_hunks_of_their_own(void **state)
{
    char *hunks = diff_of("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n");
    assert_string_equal(hunks, "@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
    mem_free(hunks);
    hunks = diff_of("a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n");
    assert_non_null(strstr(hunks, "@@ -1,8 +1,8 @@"));
    mem_free(hunks);
}

/* Few different lines, so that much is alike in many ways. */
static void what_is_written_leads_from_any_text_to_any_other(void **state)
{
    unsigned seed = 7;
    for (int n = 0; n < 3000; n++) {
        char from[128] = "", to[128] = "";
        for (int i = (int)(seed % 40); i > 0; i--, seed = seed * 1103515245 + 12345)
            snprintf(from + strlen(from), 4, "%c\n", 'a' + (int)(seed >> 16) % 3);
        for (int i = (int)((seed >> 8) % 40); i > 0; i--, seed = seed * 1103515245 + 12345)
            snprintf(to + strlen(to), 4, "%c\n", 'a' + (int)(seed >> 16) % 3);
        judge(from, to);
        seed = seed * 1103515245 + 12345;
    }
}

static void texts_that_have_nothing_in_common_differ_in_all(void **state)
{
    struct buf from, to;
    buf_init(&from, 1 << 20);
    buf_init(&to, 1 << 20);
    for (int i = 0; i < 3000; i++) {
        buf_printf(&from, "from %d\n", i);
        buf_printf(&to, "to %d\n", i);
    }
    buf_add_char(&from, '\0');
    buf_add_char(&to, '\0');
    judge(from.ptr, to.ptr);
    buf_done(&from);
    buf_done(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_shown_with_the_lines_around_it),
        cmocka_unit_test(changes_far_from_each_other_are_hunks_of_their_own),
        cmocka_unit_test(what_is_written_leads_from_any_text_to_any_other),
        cmocka_unit_test(texts_that_have_nothing_in_common_differ_in_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
