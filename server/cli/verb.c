/* The list of verb families, and everything that is said about a verb from its table entry. */
#include "server/cli/verb.h"

#include "server/base/suggest.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
const struct verb *const verb_families[] = {
    dev_verbs,
    serve_verbs,
    chat_verbs,
    desk_verbs,
    mock_verbs,
    status_verbs,
    config_verbs,
    db_verbs,
    app_verbs,
    token_verbs,
    queue_verbs,
    flow_verbs,
    process_type_verbs,
    agent_verbs,
    role_verbs,
    bot_verbs,
    key_verbs,
    version_verbs,
    testpg_verbs,
    NULL,
};
/* clang-format on */

#define EACH_VERB(verb)                                                                                                \
    for (const struct verb *const *family = verb_families; *family; family++)                                          \
        for (const struct verb *verb = *family; verb->name; verb++)

/* How many words of argv spell the name; 0 when they do not. */
static int words_matched(const char *name, int argc, char **argv)
{
    int words = 0;
    while (*name) {
        size_t len = strcspn(name, " ");
        if (words == argc || strlen(argv[words]) != len || memcmp(argv[words], name, len) != 0)
            return 0;
        name += len + (name[len] == ' ');
        words++;
    }
    return words;
}

const struct verb *verb_find(int argc, char **argv, int *out_words)
{
    const struct verb *found = NULL;
    int most = 0;
    EACH_VERB(verb)
    {
        int words = words_matched(verb->name, argc, argv);
        if (words > most) {
            most = words;
            found = verb;
        }
    }
    if (found)
        *out_words = most;
    return found;
}

static void print_line(const struct verb *verb)
{
    char head[80];
    snprintf(head, sizeof head, "%s%s%s", verb->name, *verb->operands ? " " : "", verb->operands);
    if (strlen(head) <= 26)
        printf("  %-27s %s\n", head, verb->summary);
    else
        printf("  %s\n  %-27s %s\n", head, "", verb->summary);
}

/* Prints one, and returns what follows it. */
static const char *print_example(const char *line)
{
    size_t len = strcspn(line, "\n");
    printf("  %.*s\n", (int)len, line);
    return line + len + (line[len] == '\n');
}

static void print_examples(const char *examples)
{
    while (*examples)
        examples = print_example(examples);
}

void verb_overview(bool everything)
{
    printf("parley - in-app messaging between customers, bots and agents, with a history that never ends\n\n");
    printf("Examples:\n");
    print_examples("parley dev                          # everything, on a private Postgres: try it\n"
                   "parley serve --config parley.conf   # the daemon, on your Postgres\n");
    printf("\nVerbs:\n");
    EACH_VERB(verb)
    {
        if (everything || !verb->hidden)
            print_line(verb);
    }
    printf("\n`parley VERB --help` has examples and flags of each.\n");
}

static bool belongs(const struct verb *verb, const char *family)
{
    size_t len = strlen(family);
    return strncmp(verb->name, family, len) == 0 && verb->name[len] == ' ';
}

bool verb_is_family(const char *words)
{
    EACH_VERB(verb)
    {
        if (belongs(verb, words))
            return true;
    }
    return false;
}

void verb_family_help(const char *words)
{
    printf("Examples:\n");
    EACH_VERB(verb)
    {
        if (belongs(verb, words))
            (void)print_example(verb->examples);
    }
    printf("\nVerbs of `parley %s`:\n", words);
    EACH_VERB(verb)
    {
        if (belongs(verb, words))
            print_line(verb);
    }
}

char verb_letter(const struct verb *verb, const char *flag)
{
    bool has = strcmp(flag, "help") == 0 || (verb->letters && strchr(verb->letters, *flag));
    return has ? *flag : '\0';
}

static void print_flag(char letter, const char *name, const char *value, const char *help)
{
    char head[64], also[] = {'-', letter, ',', ' ', '\0'};
    snprintf(head, sizeof head, "%s--%s%s%s", letter ? also : "", name, value ? " " : "", value ? value : "");
    printf("  %-27s %s\n", head, help);
}

void verb_help(const struct verb *verb)
{
    printf("parley %s - %s\n\nExamples:\n", verb->name, verb->summary);
    print_examples(verb->examples);
    printf("\nUsage: parley %s%s%s [flags]\n", verb->name, *verb->operands ? " " : "", verb->operands);
    if (verb->notes)
        printf("\n%s\n", verb->notes);
    printf("\nFlags:\n");
    for (const struct verb_flag *f = verb->flags; f < verb->flags + VERB_FLAGS_MAX && f->name; f++)
        print_flag(verb_letter(verb, f->name), f->name, f->value, f->help);
    if (verb->uses_conf) {
        print_flag(0, "config", "FILE", "read this file, not PARLEY_CONFIG or ./parley.conf");
        print_flag(0, "set", "SECTION.KEY=VALUE", "set one key; wins over file and environment");
    }
    if (verb->prints_data)
        print_flag(0, "json", NULL, "print JSON, for programs");
    print_flag(0, "no-color", NULL, "no colours; so does the variable NO_COLOR");
    print_flag(0, "help", NULL, "this page");
}

/* As many of the typed words as the name has, as one text. */
static void join_words(const char *name, int argc, char **argv, char *out, size_t size)
{
    int words = 1;
    for (const char *p = name; *p; p++)
        words += *p == ' ';
    out[0] = '\0';
    for (int i = 0; i < words && i < argc && argv[i][0] != '-'; i++) {
        size_t len = strlen(out);
        snprintf(out + len, size - len, "%s%s", i ? " " : "", argv[i]);
    }
}

const char *verb_suggest(int argc, char **argv)
{
    const char *best = NULL;
    unsigned distance = 0;
    EACH_VERB(verb)
    {
        char typed[128];
        struct suggest s;
        join_words(verb->name, argc, argv, typed, sizeof typed);
        suggest_init(&s, typed);
        suggest_offer(&s, verb->name);
        if (!verb->hidden && s.best && (!best || s.distance < distance)) {
            best = s.best;
            distance = s.distance;
        }
    }
    return best;
}
