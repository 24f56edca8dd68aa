/* The pages on errors: one for each code, whose wrong example has that error and whose right one has none. With --write
 * FILE all of them are written there. */
#include "tests/unit/unit.h"

#include "server/base/mem.h"
#include "server/flow/attach.h"
#include "server/flow/bundle.h"
#include "server/flow/check.h"
#include "server/flow/host_memory.h"
#include "server/flow/page.h"

#include <stdio.h>
#include <stdlib.h>

#define FLOW "flow { id = \"example\", title = \"Example\" }\n"

enum { ANSWERS = 1200, LONG = 4000, ROOM = 1 << 19, FIRST_ANSWER = 3 };

static const char *const others[] = {"identity", "another-flow"};

/* The files that stand beside the example; what is longer is too long. */
static const struct {
    const char *name, *begins;
    int64_t bytes;
} files[] = {{"logo.png", "\x89PNG\r\n\x1a\n", 900}, {"terms.pdf", "%PDF", 70000}, {"film.mp4", "", 30 << 20}};

static void add_files(struct buf *out)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        bundle_add_said(out, &(struct bundle_said){
                                 .name = span_str(files[i].name),
                                 .type = span_str(attach_type(span_str(files[i].name))),
                                 .bytes = files[i].bytes,
                                 .sha256 = span_str("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
                             });
}

static void judge_said(const struct flow_said *said, char code[5])
{
    struct flow_error error = {.code = "E113"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(said->name, files[i].name) == 0 &&
            attach_judge(span_str(said->name), span_str(files[i].begins), files[i].bytes, &error) == PARLEY_OK)
            return;
    memcpy(code, error.code, 5);
}

/* A whole flow of the example, with the flows that it may call and the files that it may send; how long it is alone. */
static size_t build(struct buf *out, struct span example, bool many)
{
    bool bare = memmem(example.ptr, example.len, "--@no flow", 10) || (example.len && *example.ptr == '\033') ||
                strncmp(example.ptr, "flow { id = \"a\"", 15) == 0 ||
                strncmp(example.ptr, "flow { id = \"hello\"", 19) == 0;
    buf_init(out, ROOM);
    buf_add_str(out, bare ? "" : FLOW);
    for (int i = 0; i < (many ? LONG : 1); i++) {
        buf_add_span(out, example);
        buf_add_char(out, '\n');
    }
    size_t alone = out->len;
    for (size_t i = 0; i < 2; i++)
        bundle_add(out, span_str(others[i]), span_str(FLOW "return 'Ana'\n"));
    add_files(out);
    return alone;
}

/* What the checker says of it first; nothing: "". */
static void check(struct span source, char code[5])
{
    const struct flow_known known = {(const char *const[]){"shop", NULL}, (const char *const[]){"shop", NULL},
                                     (const char *const[]){"orders", NULL}};
    struct flow_findings *found = mem_alloc(sizeof *found);
    flow_check_source("example.lua", source, found);
    if (found->count == 0)
        flow_check_uses(found, &known, found);
    memcpy(code, found->errors[0].code, 5);
    for (size_t i = 0; i < found->call_count; i++)
        if (strcmp(found->calls[i].name, others[0]) != 0 && strcmp(found->calls[i].name, others[1]) != 0)
            memcpy(code, "E109", 5);
    for (size_t i = 0; i < found->said_count; i++)
        judge_said(&found->said[i], code);
    mem_free(found);
}

/* What it ends with when it is played. */
static void play(struct span source, struct span then, char code[5])
{
    struct memory_options options = {.limits = flow_limits_default};
    struct host_memory *host = host_memory_new(&options);
    struct flow_error error = {0};
    if (host_memory_use(host, "example.lua", source, &error) != PARLEY_OK) {
        memcpy(code, error.code, 5);
        host_memory_free(&host);
        return;
    }
    host_memory_stub(
        host, &(struct memory_stub){
                  .method = (char *)"GET", .url = (char *)"*", .status = 200, .why = (char *)"", .body = (char *)"{}"});
    host_memory_start(host, "Hello");
    if (memmem(source.ptr, source.len, "--@erased", 9)) {
        host_memory_say(host, "yes");
        host_memory_erase(host, FIRST_ANSWER);
        host_memory_crash(host);
    }
    if (then.len) {
        host_memory_say(host, "yes");
        host_memory_crash(host);
        assert_int_equal(host_memory_use(host, "example.lua", then, &error), PARLEY_OK);
    }
    for (int i = 0; i < ANSWERS && host_memory_state(host) == FLOW_WAITING; i++)
        host_memory_say(host, "yes");
    const struct flow_error *failed = host_memory_error(host);
    memcpy(code, failed ? failed->code : "", failed ? 5 : 1);
    host_memory_free(&host);
}

static void judge(const struct flow_page *page, const char *example, char code[5])
{
    const char *then = strstr(example, "--@then\n");
    struct span first = span_of(example, then ? (size_t)(then - example) : strlen(example));
    struct buf source, next;
    size_t alone = build(&source, first, strcmp(page->code, "E103") == 0 && example == page->wrong);
    build(&next, span_str(then ? then + strlen("--@then\n") : ""), false);
    check(span_of(source.ptr, alone), code);
    if (code[0] == '\0')
        play(buf_span(&source), then ? buf_span(&next) : span_of("", 0), code);
    buf_done(&source);
    buf_done(&next);
}

static void every_error_has_a_page_whose_examples_are_true(void **state)
{
    for (size_t i = 0; i < flow_page_count(); i++) {
        struct flow_page page = flow_page_at(i);
        char code[5];
        if (!page.wrong)
            fail_msg("%s has no page: write an example into server/flow/pages.def", page.code);
        judge(&page, page.wrong, code);
        if (strcmp(code, page.code) != 0)
            fail_msg("the wrong example of %s gives '%s'", page.code, code);
        judge(&page, page.right, code);
        if (code[0])
            fail_msg("the right example of %s gives %s", page.code, code);
    }
}

static void a_page_is_shown_by_its_code_alone(void **state)
{
    struct buf page;
    buf_init(&page, 1 << 14);
    assert_false(flow_page_print("E999", &page));
    assert_int_equal(page.len, 0);
    assert_true(flow_page_print("E204", &page));
    assert_true(memmem(page.ptr, page.len, "choices = { \"Too small\" }", 25));
    buf_done(&page);
}

static void the_reference_is_up_to_date(void **state)
{
    static char is[1 << 18];
    struct buf wanted;
    buf_init(&wanted, 1 << 18);
    flow_pages_markdown(&wanted);
    FILE *file = fopen("server/flow/ERRORS.md", "r");
    size_t n = file ? fread(is, 1, sizeof is, file) : 0;
    if (file)
        fclose(file);
    if (n != wanted.len || memcmp(is, wanted.ptr, n) != 0)
        fail_msg(
            "server/flow/ERRORS.md is not what the tables say: build/asan/test_page --write server/flow/ERRORS.md");
    buf_done(&wanted);
}

static int write_to(const char *path)
{
    struct buf pages;
    buf_init(&pages, 1 << 18);
    flow_pages_markdown(&pages);
    FILE *file = fopen(path, "w");
    bool ok = file && fwrite(pages.ptr, 1, pages.len, file) == pages.len;
    ok = file && fclose(file) == 0 && ok;
    buf_done(&pages);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_to(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_page_whose_examples_are_true),
        cmocka_unit_test(a_page_is_shown_by_its_code_alone),
        cmocka_unit_test(the_reference_is_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
