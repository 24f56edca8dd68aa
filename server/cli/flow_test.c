/* parley flow test: transcripts, each played calmly and then with crashes. */
#include "server/cli/cli.h"
#include "server/cli/files.h"
#include "server/cli/flow_tools.h"
#include "server/flow/transcript.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 1 << 20, PATH_ROOM = 1024, FILES_MAX = 1000 };

struct testing {
    struct cli *cli;
    int passed, failed;
    bool crash;
};

/* ---- one transcript ---- */

/* What goes wrong in the worlds in which a dialogue is played, the calm one first. */
static const struct world {
    enum memory_crash crash;
    const char *name;
} worlds[] = {{MEMORY_CRASH_NEVER, NULL},
              {MEMORY_CRASH_BEFORE_EVENT, "a crash before each step"},
              {MEMORY_CRASH_BEFORE_COMMIT, "a crash before each step is stored"},
              {MEMORY_CRASH_AFTER_COMMIT, "a crash after each step is stored"},
              {MEMORY_STALE_COMMIT, "each step refused once"}};

static void save_actual(const char *path, const struct world *world, struct span actual)
{
    char name[PATH_ROOM];
    snprintf(name, sizeof name, "%.*s.actual.chat", (int)(strlen(path) - strlen(".chat")), path);
    FILE *f = fopen(name, "we");
    if (!f)
        return;
    bool ok = !world->name || fprintf(f, "# as it was with %s\n", world->name) > 0;
    ok = fwrite(actual.ptr, 1, actual.len, f) == actual.len && ok;
    if (fclose(f) == 0 && ok)
        fprintf(stderr, "  the dialogue as it was: %s\n", name);
}

/* transcript_done(result) in any case. */
static bool play_in(const struct world *world, struct transcript *chat, struct transcript_result *result)
{
    chat->crash = world->crash;
    if (transcript_play(chat, result))
        return true;
    if (world->name)
        fprintf(stderr, "%s: with %s it comes out differently\n", chat->path, world->name);
    fprintf(stderr, "%.*s", SPAN_ARG(buf_span(&result->report)));
    save_actual(chat->path, world, buf_span(&result->actual));
    return false;
}

static void play(struct testing *t, struct transcript *chat)
{
    size_t lines = 0;
    int64_t steps = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < (t->crash ? sizeof worlds / sizeof *worlds : 1); i++) {
        struct transcript_result result;
        ok = play_in(&worlds[i], chat, &result);
        lines = result.lines;
        steps = result.steps;
        transcript_done(&result);
    }
    if (ok && t->crash)
        printf("%s   %zu lines   ok   (and again with a crash before each of %lld steps: ok)\n", chat->path, lines,
               (long long)steps);
    else
        printf("%s   %zu lines   %s\n", chat->path, lines, ok ? "ok" : "FAILED");
    *(ok ? &t->passed : &t->failed) += 1;
}

/* The one that it names, or that its first words start. */
static int find_flow(const char *path, struct span text, char out[PATH_ROOM])
{
    struct span name = transcript_flow(text), line = transcript_begins(text);
    if (name.len ? flow_find(name, path, out, PATH_ROOM) : flow_find_start(line, path, out, PATH_ROOM))
        return CLI_OK;
    if (name.len)
        return cli_fail(CLI_NOT_FOUND, "%s: there is no %.*s.lua beside it, above it or in flows/", path,
                        SPAN_ARG(name));
    return cli_fail(CLI_PROBLEMS,
                    "%s: no line says which flow it tests, as in  flow order-status, and none starts by  %.*s", path,
                    SPAN_ARG(line));
}

static int test_file(struct testing *t, const char *path)
{
    struct flow_source source = {0};
    struct buf text;
    char flow_path[PATH_ROOM];
    buf_init(&text, TEXT_MAX);
    int code = files_read(path, &text);
    if (code == CLI_OK)
        code = find_flow(path, buf_span(&text), flow_path);
    if (code == CLI_OK)
        code = flow_source_read(flow_path, &source);
    if (code == CLI_OK)
        play(t, &(struct transcript){
                    .path = path, .text = buf_span(&text), .flow_path = flow_path, .flow = buf_span(&source.text)});
    else
        t->failed++;
    buf_done(&text);
    buf_done(&source.text);
    return code;
}

/* ---- which ---- */

static void test_one(void *arg, const char *path)
{
    size_t len = strlen(path), actual = strlen(".actual.chat");
    if (len <= actual || strcmp(path + len - actual, ".actual.chat") != 0)
        test_file(arg, path);
}

static void test_path(struct testing *t, const char *path)
{
    if (!flow_each_file(path, ".chat", test_one, t))
        test_file(t, path);
}

int flow_test(struct cli *cli)
{
    struct testing t = {.cli = cli, .crash = !cli_has(cli, "no-crash")};
    for (int i = 0; i < cli_operand_count(cli); i++)
        test_path(&t, cli_operand(cli, i));
    if (cli_operand_count(cli) == 0)
        test_path(&t, "tests");
    printf("%d passed, %d failed\n", t.passed, t.failed);
    if (t.passed + t.failed == 0)
        return cli_fail(CLI_NOT_FOUND, "no transcripts: there is no *.chat in tests/");
    return t.failed ? CLI_PROBLEMS : CLI_OK;
}
