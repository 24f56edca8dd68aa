/* The verbs of the one program. A verb is an entry of a table: name, operands, flags, examples and what runs; help,
 * suggestions and the checks of the command line come from it. Single thread. */
#ifndef SERVER_CLI_VERB_H
#define SERVER_CLI_VERB_H

#include <stdbool.h>
#include <stddef.h>

struct cli;

enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_NOT_FOUND = 3,
    CLI_DENIED = 4,
    CLI_UNREACHABLE = 5,
    CLI_CONFLICT = 6,
    CLI_PROBLEMS = 7, /* a check ran and found something */
    CLI_INTERRUPTED = 130,
};

struct verb_flag {
    const char *name;  /* without dashes */
    const char *value; /* what help calls its value; NULL for a switch */
    const char *help;
    bool many; /* may be given more than once */
};

enum { VERB_FLAGS_MAX = 14 };

struct verb {
    const char *name;     /* as typed: "app keys add" */
    const char *operands; /* as usage shows them, "APP [NAME]"; "" for none */
    int operands_min, operands_max;
    const char *summary;  /* one line, starts lower-case */
    const char *examples; /* whole commands, one a line */
    const char *notes;    /* more for --help, or NULL */
    bool uses_conf;       /* takes --config and --set */
    bool prints_data;     /* takes --json */
    bool hidden;          /* not in the overview */
    const char *letters;  /* first letters of flags that may be given as -x; NULL: none but -h */
    struct verb_flag flags[VERB_FLAGS_MAX];
    int (*run)(struct cli *cli); /* a cli_exit */
};

/* Tables that end in an entry without a name, one a family, a file each. */
extern const struct verb dev_verbs[];
extern const struct verb serve_verbs[];
extern const struct verb chat_verbs[];
extern const struct verb desk_verbs[];
extern const struct verb mock_verbs[];
extern const struct verb status_verbs[];
extern const struct verb config_verbs[];
extern const struct verb db_verbs[];
extern const struct verb app_verbs[];
extern const struct verb token_verbs[];
extern const struct verb queue_verbs[];
extern const struct verb flow_verbs[];
extern const struct verb process_type_verbs[];
extern const struct verb agent_verbs[];
extern const struct verb role_verbs[];
extern const struct verb bot_verbs[];
extern const struct verb key_verbs[];
extern const struct verb version_verbs[];
extern const struct verb testpg_verbs[];

/* The x of a flag that may be given as -x; 0: it may not. */
char verb_letter(const struct verb *verb, const char *flag);

/* All families in the order of the overview, ended by NULL. */
extern const struct verb *const verb_families[];

/* The verb with the longest name that argv starts with; *out_words is how many words that took. NULL when none. */
const struct verb *verb_find(int argc, char **argv, int *out_words);

/* Whether verbs begin with these words: `app`, `app keys`. */
bool verb_is_family(const char *words);

/* What `parley --help`, `parley app` and `parley app add --help` print. */
void verb_overview(bool everything);
void verb_family_help(const char *words);
void verb_help(const struct verb *verb);

/* The nearest verb to what was typed, or NULL when nothing is near. */
const char *verb_suggest(int argc, char **argv);

#endif
