/* The command line as the verb sees it: getopt_long over the flags of the verb's table entry. */
#include "server/cli/cli.h"

#include "server/base/conf.h"
#include "server/base/mem.h"
#include "server/base/suggest.h"
#include "server/cli/flow_tools.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FLAGS_MAX = VERB_FLAGS_MAX + 5, PROBLEMS_MAX = 1 << 16, MESSAGE_MAX = 4096 };

struct given {
    const char *name;
    const char *value;
};

struct cli {
    const struct verb *verb;
    struct verb_flag flags[FLAGS_MAX + 1]; /* the verb's and those that every verb has */
    struct given *given;
    size_t given_count;
    char **operands;
    int operand_count;
    const struct conf *conf; /* NULL until asked for */
    char **presets;
    size_t preset_count;
};

/* Names that others chose end up in messages: no escape sequence of theirs reaches the terminal. */
static void tame(char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\n' && *text != '\t') || *text == 0x7f)
            *text = '?';
}

int cli_fail(enum cli_exit code, const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tame(text);
    fflush(stdout);
    fprintf(stderr, "parley: %s\n", text);
    return (int)code;
}

void cli_say(const struct cli *cli, const char *format, ...)
{
    if (cli_json(cli))
        return;
    fflush(stdout);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static const struct verb_flag *flag_named(const struct cli *cli, const char *name)
{
    for (const struct verb_flag *f = cli->flags; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

const char *cli_flag_at(const struct cli *cli, const char *flag, size_t i)
{
    assert(flag_named(cli, flag));
    for (size_t g = 0; g < cli->given_count; g++)
        if (strcmp(cli->given[g].name, flag) == 0 && i-- == 0)
            return cli->given[g].value;
    return NULL;
}

const char *cli_flag(const struct cli *cli, const char *flag)
{
    return cli_flag_at(cli, flag, 0);
}

const char *cli_flag_or(const struct cli *cli, const char *flag, const char *otherwise)
{
    const char *value = cli_flag(cli, flag);
    return value ? value : otherwise;
}

bool cli_has(const struct cli *cli, const char *flag)
{
    return cli_flag(cli, flag) != NULL;
}

const char *cli_operand(const struct cli *cli, int i)
{
    return i < cli->operand_count ? cli->operands[i] : NULL;
}

int cli_operand_count(const struct cli *cli)
{
    return cli->operand_count;
}

bool cli_json(const struct cli *cli)
{
    return cli->verb->prints_data && cli_has(cli, "json");
}

bool cli_color(const struct cli *cli)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0) && !cli_has(cli, "no-color");
}

/* Those of a file begin with file and line, as editors like it; the others with our name. */
static void say_problems(struct span text)
{
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) + 1 : text.len;
        bool line = strncmp(text.ptr, "--set ", 6) == 0;
        fprintf(stderr, "%s%.*s", line ? "parley: " : "", (int)len, text.ptr);
        text = span_of(text.ptr + len, text.len - len);
    }
}

const struct conf *cli_conf(struct cli *cli)
{
    assert(cli->verb->uses_conf);
    if (cli->conf)
        return cli->conf;
    const char **sets = mem_array(cli->preset_count + cli->given_count + 1, sizeof *sets);
    size_t n = 0;
    struct buf problems;
    for (size_t i = 0; i < cli->preset_count; i++)
        sets[n++] = cli->presets[i];
    for (size_t i = 0; cli_flag_at(cli, "set", i); i++)
        sets[n++] = cli_flag_at(cli, "set", i);
    buf_init(&problems, PROBLEMS_MAX);
    cli->conf =
        conf_load(&(struct conf_source){.file = cli_flag(cli, "config"), .sets = sets, .env = environ}, &problems);
    fflush(stdout);
    say_problems(buf_span(&problems));
    buf_done(&problems);
    mem_free(sets);
    return cli->conf;
}

void cli_preset(struct cli *cli, const char *key, const char *value)
{
    size_t size = strlen(key) + strlen(value) + 2;
    char *set = mem_alloc(size);
    snprintf(set, size, "%s=%s", key, value);
    cli->presets = mem_resize(cli->presets, (cli->preset_count + 1) * sizeof *cli->presets);
    cli->presets[cli->preset_count++] = set;
    conf_free(&cli->conf);
}

static void collect_flags(struct cli *cli)
{
    static const struct verb_flag conf_flags[] = {{.name = "config", .value = "FILE"},
                                                  {.name = "set", .value = "SECTION.KEY=VALUE", .many = true}};
    size_t n = 0;
    while (n < VERB_FLAGS_MAX && cli->verb->flags[n].name) {
        cli->flags[n] = cli->verb->flags[n];
        n++;
    }
    if (cli->verb->uses_conf) {
        cli->flags[n++] = conf_flags[0];
        cli->flags[n++] = conf_flags[1];
    }
    if (cli->verb->prints_data)
        cli->flags[n++] = (struct verb_flag){.name = "json"};
    cli->flags[n++] = (struct verb_flag){.name = "no-color"};
    cli->flags[n++] = (struct verb_flag){.name = "help"};
}

static int refuse_flag(const struct cli *cli, const char *typed)
{
    char name[64];
    struct suggest s;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(typed, "="), typed);
    suggest_init(&s, name + strspn(name, "-"));
    for (const struct verb_flag *f = cli->flags; f->name; f++)
        suggest_offer(&s, f->name);
    if (s.best)
        return cli_fail(CLI_USAGE, "`parley %s` has no flag %s; did you mean --%s?", cli->verb->name, name, s.best);
    return cli_fail(CLI_USAGE, "`parley %s` has no flag %s; see `parley %s --help`", cli->verb->name, name,
                    cli->verb->name);
}

static int keep_flag(struct cli *cli, const struct verb_flag *flag, const char *value)
{
    if (!flag->many && cli_flag(cli, flag->name))
        return cli_fail(CLI_USAGE, "--%s is given twice", flag->name);
    cli->given = mem_resize(cli->given, (cli->given_count + 1) * sizeof *cli->given);
    cli->given[cli->given_count++] = (struct given){.name = flag->name, .value = value ? value : ""};
    return CLI_OK;
}

static const struct verb_flag *flag_lettered(const struct cli *cli, int letter)
{
    for (const struct verb_flag *f = cli->flags; f->name; f++)
        if (verb_letter(cli->verb, f->name) == letter)
            return f;
    return NULL;
}

/* For getopt: `:` first, and behind each that takes a value. */
static void collect_letters(const struct cli *cli, char out[2 * FLAGS_MAX + 2])
{
    size_t n = 0;
    out[n++] = ':';
    for (const struct verb_flag *f = cli->flags; f->name; f++) {
        if (!verb_letter(cli->verb, f->name))
            continue;
        out[n++] = *f->name;
        if (f->value)
            out[n++] = ':';
    }
    out[n] = '\0';
}

static int parse_flags(struct cli *cli, int argc, char **argv)
{
    struct option options[FLAGS_MAX + 1] = {0};
    char letters[2 * FLAGS_MAX + 2];
    collect_letters(cli, letters);
    for (size_t i = 0; cli->flags[i].name; i++)
        options[i] = (struct option){.name = cli->flags[i].name, .has_arg = cli->flags[i].value ? 1 : 0, .val = 256};
    opterr = 0;
    optind = 1;
    for (;;) {
        int at = 0;
        int got = getopt_long(argc, argv, letters, options, &at);
        int st = CLI_OK;
        if (got == -1)
            break;
        if (got == ':')
            return cli_fail(CLI_USAGE, "%s needs a value; see `parley %s --help`", argv[optind - 1], cli->verb->name);
        else if (got == '?' && optopt == 256)
            return cli_fail(CLI_USAGE, "%s: this flag takes no value", argv[optind - 1]);
        else if (got == '?')
            return refuse_flag(cli, argv[optind - 1]);
        else
            st = keep_flag(cli, got == 256 ? &cli->flags[at] : flag_lettered(cli, got), optarg);
        if (st != CLI_OK)
            return st;
    }
    cli->operands = argv + optind;
    cli->operand_count = argc - optind;
    return CLI_OK;
}

static int check_operands(const struct cli *cli)
{
    const struct verb *verb = cli->verb;
    assert(cli->operands);
    if (cli->operand_count < verb->operands_min)
        return cli_fail(CLI_USAGE, "`parley %s` needs %s; see `parley %s --help`", verb->name, verb->operands,
                        verb->name);
    if (cli->operand_count > verb->operands_max)
        return cli_fail(CLI_USAGE, "`parley %s` takes no operand `%.64s`; see `parley %s --help`", verb->name,
                        cli->operands[verb->operands_max], verb->name);
    return CLI_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
    collect_flags(cli);
    int st = parse_flags(cli, argc, argv);
    if (st != CLI_OK)
        return st;
    if (cli_has(cli, "help")) {
        verb_help(cli->verb);
        return CLI_OK;
    }
    st = check_operands(cli);
    if (st != CLI_OK)
        return st;
    return cli->verb->run(cli);
}

enum { FAMILY_MAX = 64 };

/* How many of the first words name a family, and its name: 2 and "app keys" of `app keys --help`. */
static int find_family(int argc, char **argv, char name[static FAMILY_MAX])
{
    char words[FAMILY_MAX] = "";
    int found = 0;
    for (int i = 0; i < argc && argv[i][0] != '-'; i++) {
        size_t len = strlen(words);
        snprintf(words + len, sizeof words - len, "%s%s", i ? " " : "", argv[i]);
        if (verb_is_family(words)) {
            memcpy(name, words, sizeof words);
            found = i + 1;
        }
    }
    return found;
}

/* `parley help VERB` is `parley VERB --help`; `parley help E204` is a page on an error of a flow. */
static bool help_of(int argc, char **argv)
{
    int words;
    char family[FAMILY_MAX];
    const struct verb *verb = verb_find(argc, argv, &words);
    if (argc == 1 && flow_help_page(argv[0]))
        return true;
    if (verb)
        verb_help(verb);
    else if (find_family(argc, argv, family) == argc)
        verb_family_help(family);
    else
        return false;
    return true;
}

static int no_verb(int argc, char **argv)
{
    if (argc == 0) {
        verb_overview(false);
        return CLI_USAGE;
    }
    bool all = argc > 1 && strcmp(argv[1], "all") == 0;
    if (argc > 1 && !all && strcmp(argv[0], "help") == 0)
        return help_of(argc - 1, argv + 1) ? CLI_OK : no_verb(argc - 1, argv + 1);
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0 || strcmp(argv[0], "help") == 0) {
        verb_overview(all);
        return CLI_OK;
    }
    char family[FAMILY_MAX] = "";
    int words = find_family(argc, argv, family);
    if (words && (words == argc || argv[words][0] == '-')) {
        verb_family_help(family);
        return words < argc && strcmp(argv[words], "--help") == 0 ? CLI_OK : CLI_USAGE;
    }
    const char *near = verb_suggest(argc, argv), *space = words ? " " : "";
    if (near)
        return cli_fail(CLI_USAGE, "no verb `%s%s%.64s`; did you mean `parley %s`?", family, space, argv[words], near);
    return cli_fail(CLI_USAGE, "no verb `%s%s%.64s`; `parley %s%s--help` lists them", family, space, argv[words],
                    family, space);
}

int cli_main(int argc, char **argv)
{
    static char *version[] = {"version"};
    int words = 0, st;
    setlocale(LC_CTYPE, "");
    argc--;
    argv++;
    if (argc > 0 && strcmp(argv[0], "--version") == 0) {
        argc = 1;
        argv = version;
    }
    struct cli cli = {.verb = verb_find(argc, argv, &words)};
    if (cli.verb)
        st = run(&cli, argc - words + 1, argv + words - 1);
    else
        st = no_verb(argc, argv);
    mem_free(cli.given);
    for (size_t i = 0; i < cli.preset_count; i++)
        mem_free(cli.presets[i]);
    mem_free(cli.presets);
    conf_free(&cli.conf);
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_fail(CLI_FAILED, "cannot write to standard output: %s", strerror(errno));
    return st;
}
