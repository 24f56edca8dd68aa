/* parley mock: a server for the makers of apps, in memory, that misbehaves as a script says. */
#include "server/mock/mock.h"

#include "server/base/mem.h"
#include "server/base/suggest.h"
#include "server/cli/cli.h"
#include "server/cli/out.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { PORT = 8310, WHO_MAX = 64 };

static int list(struct cli *cli)
{
    struct out *out = out_table(cli, (const char *const[]){"script", "what it does", NULL});
    for (const struct builtin *b = builtins; b->name; b++) {
        char *about = mem_span(builtin_about(b));
        out_text(out, b->name);
        out_text(out, about);
        mem_free(about);
    }
    out_end(&out);
    return CLI_OK;
}

static int unknown(const char *name)
{
    struct suggest s;
    suggest_init(&s, name);
    for (const struct builtin *b = builtins; b->name; b++)
        suggest_offer(&s, b->name);
    if (s.best)
        return cli_fail(CLI_NOT_FOUND, "there is no script %s, and no such file; did you mean %s?", name, s.best);
    return cli_fail(CLI_NOT_FOUND, "there is no script %s, and no such file; see `parley mock --list`", name);
}

static int show(const char *name)
{
    const struct builtin *b = builtin_find(name);
    if (!b)
        return unknown(name);
    fputs(b->text, stdout);
    return CLI_OK;
}

/* A whole file; NULL when it cannot be read or is longer than a script may be. */
static char *read_file(const char *path)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return NULL;
    char *text = mem_alloc(SCRIPT_MAX + 1);
    size_t n = fread(text, 1, SCRIPT_MAX + 1, f);
    bool whole = !ferror(f) && n <= SCRIPT_MAX;
    fclose(f);
    if (whole && n < SCRIPT_MAX)
        text[n] = '\0';
    else
        mem_free(text);
    return whole && n < SCRIPT_MAX ? text : NULL;
}

static int read_script(const char *name, struct script *out)
{
    const struct builtin *b = builtin_find(name);
    char *text = b ? mem_text(b->text) : read_file(name);
    struct script_error error;
    if (!text)
        return unknown(name);
    parley_status st = script_read(out, span_str(text), &error);
    mem_free(text);
    return st == PARLEY_OK ? CLI_OK : cli_fail(CLI_PROBLEMS, "%s:%d: %s", name, error.line, error.text);
}

static bool number(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    *out = n;
    return *text >= '0' && *text <= '9' && !*end && n <= max;
}

struct listening {
    struct cli *cli;
    const char *script, *address;
    uint64_t seed;
};

static void ready(void *arg, uint16_t port)
{
    struct listening *l = arg;
    const char *address = strchr(l->address, ':') ? "[::1]" : l->address;
    if (cli_json(l->cli)) {
        printf("{\"k\":\"ready\",\"n\":0,\"url\":\"ws://%s:%u/v1/ws\",\"script\":", address, port);
        out_json_text(l->script);
        printf(",\"seed\":%llu}\n", (unsigned long long)l->seed);
    } else {
        printf("parley mock: everything in memory, nothing is checked; for tests of apps alone\n\n"
               "  Clients   ws://%s:%u/v1/ws\n"
               "  Token     any text is one: `ana` and `ana.2` are two tokens of ana; a JWT is its `sub`'s\n"
               "  Script    %s, seed %llu\n\n",
               address, port, l->script, (unsigned long long)l->seed);
    }
    fflush(stdout);
}

static int run(struct cli *cli, const struct script *script, uint64_t port, struct listening *l)
{
    struct mock_options options = {.address = l->address, .port = (uint16_t)port, .seed = l->seed};
    options.json = cli_json(cli);
    options.ready = ready;
    options.arg = l;
    parley_status st = mock_run(script, &options);
    if (st == PARLEY_TAKEN)
        return cli_fail(CLI_CONFLICT, "port %llu is in use; give another with --port", (unsigned long long)port);
    return st == PARLEY_OK ? CLI_OK : cli_fail(CLI_FAILED, "cannot listen on %s: %s", l->address, status_text(st));
}

static int serve(struct cli *cli)
{
    struct listening l = {.cli = cli, .script = cli_flag_or(cli, "script", "calm")};
    struct script script;
    uint64_t port = PORT;
    l.address = cli_flag_or(cli, "address", "127.0.0.1");
    if (cli_has(cli, "port") && !number(cli_flag(cli, "port"), 65535, &port))
        return cli_fail(CLI_USAGE, "--port %s is no port", cli_flag(cli, "port"));
    if (cli_has(cli, "seed") && !number(cli_flag(cli, "seed"), UINT32_MAX, &l.seed))
        return cli_fail(CLI_USAGE, "--seed %s is no number", cli_flag(cli, "seed"));
    if (!cli_has(cli, "seed") && getrandom(&l.seed, 2, 0) != 2)
        l.seed = 1;
    int code = read_script(l.script, &script);
    return code == CLI_OK ? run(cli, &script, port, &l) : code;
}

static int mock(struct cli *cli)
{
    if (cli_has(cli, "list"))
        return list(cli);
    if (cli_has(cli, "show"))
        return show(cli_flag(cli, "show"));
    return serve(cli);
}

const struct verb mock_verbs[] = {
    {.name = "mock",
     .operands = "",
     .summary = "a server that misbehaves by a script, to test an app against",
     .examples = "parley mock                                   # a calm one: a bot that answers\n"
                 "parley mock --list                            # what else there is\n"
                 "parley mock --script storm --seed 7           # the same troubles each time\n"
                 "parley mock --show drop > mine.mock           # a script of your own, from one that there is\n"
                 "parley mock --script mine.mock --json > log.jsonl\n"
                 "parley chat --server ws://127.0.0.1:8310/v1/ws --token ana.jwt",
     .notes =
         "Everything is in memory and gone at the end; no Postgres, no tokens to sign: any text is a token. What was\n"
         "stored stands in the journal on stdout, and must be what your app shows in the end. Say choices, form, "
         "card,\n"
         "location or custom and the bot posts one, unknown for a kind of the future; say person and an agent comes,\n"
         "and bye to be through.\n"
         "\n"
         "A script is lines of text:\n"
         "  history 40                          so many items are there already\n"
         "  chatter 300ms 20                    something is said so often, twenty times; app there or not\n"
         "  beacon 1s                           heads are told so often\n"
         "  echo no                             the bot says nothing\n"
         "  on request post 1 in 5: cut         cut, close CODE, silence, lose, refuse STATUS [TIME]\n"
         "  on answer post each 3: twice        these but refuse, and twice, late 3, late 300ms, torn, half, head +3\n"
         "  on push item first 2: lose          the same\n"
         "  on open from 4: silence             accepts, and says nothing\n"
         "  every 3s: cut    after 1s: drain 200ms    by the clock of each connection; say TEXT too\n"
         "The first line that fits acts. server/mock/README.md tells the rest.",
     .prints_data = true,
     .flags = {{"script", "NAME|FILE", "what goes wrong; calm when not given", false},
               {"list", NULL, "the scripts that come with the program", false},
               {"show", "NAME", "print one of them", false},
               {"port", "PORT", "8310 when not given; 0 takes a free one", false},
               {"address", "ADDRESS", "127.0.0.1 when not given; for a phone on your network, 0.0.0.0", false},
               {"seed", "N", "chance begins here; the same script and app meet the same troubles", false}},
     .run = mock},
    {0},
};
