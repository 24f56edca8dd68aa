/* Drives a server as many clients would, and prints what it saw as one JSON object.
 *
 *   loadgen PORT TOKENS pairs  [--window N | --rate N] [--seconds N] [--server PID] [--postgres PID]
 *   loadgen PORT TOKENS resume [--at-once N] [--items N] [--have FILE] [--recap] [--seconds N] [--server PID]
 *                              [--postgres PID]
 *   loadgen PORT TOKENS storm  [--at-once N] [--have FILE]
 *   loadgen PORT TOKENS hold   [--tls]
 *
 * TOKENS is a file with one customer's token a line.
 * pairs: each customer on two devices; one posts 200-byte items, the other must get all of them, in order and once.
 *        --window keeps so many outstanding, --rate offers so many a second at random moments, timed from when each
 *        was due. The device that posts follows nothing, as in the peers that this is compared with.
 * resume: connects, says hello, gets `items` items, leaves; again and again, so many at once. Without --seconds once
 *        for each token, and prints the conversations, a line each, as --have reads them.
 * storm: everybody once, staying; the time until the last has its welcome.
 * hold:  everybody, one after the other; says so and stays until its input ends. */
#include "tests/bench/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options opt = {.seconds = 0, .at_once = 16, .items = -1};

static void read_tokens(const char *path)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    FILE *f = fopen(path, "re");
    if (!f)
        die("%s cannot be read", path);
    while ((len = getline(&line, &room, f)) > 1) {
        line[len - 1] = '\0';
        opt.tokens = realloc(opt.tokens, (size_t)(opt.n + 1) * sizeof *opt.tokens);
        opt.tokens[opt.n++] = strdup(line);
    }
    free(line);
    fclose(f);
}

static void read_option(char **at)
{
    const struct {
        const char *name;
        int *value;
    } numbers[] = {{"--window", &opt.window},    {"--rate", &opt.rate},   {"--seconds", &opt.seconds},
                   {"--at-once", &opt.at_once},  {"--items", &opt.items}, {"--server", &opt.server},
                   {"--postgres", &opt.postgres}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(at[0], numbers[i].name) && at[1]) {
            *numbers[i].value = atoi(at[1]);
            return;
        }
    if (strcmp(at[0], "--have") != 0 || !at[1])
        die("what is %s?", at[0]);
    opt.have = at[1];
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {{"pairs", measure_pairs}, {"resume", measure_resumes}, {"storm", measure_storm}, {"hold", hold}};
    if (argc < 4)
        die("usage: loadgen PORT TOKENS pairs|resume|storm|hold [OPTIONS]");
    opt.port = atoi(argv[1]);
    read_tokens(argv[2]);
    for (int i = 4; i < argc; i++) {
        if (!strcmp(argv[i], "--tls"))
            opt.tls = true;
        else if (!strcmp(argv[i], "--recap"))
            opt.recap = true;
        else
            read_option(&argv[i++]);
    }
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(argv[3], modes[i].name)) {
            modes[i].run();
            return 0;
        }
    die("there is no %s", argv[3]);
}
