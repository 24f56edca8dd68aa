/* What is typed behind a slash in `parley chat` and `parley desk`: "NAME REST", where NAME may be cut short. */
#ifndef SERVER_CLI_COMMAND_H
#define SERVER_CLI_COMMAND_H

#include <stddef.h>

struct term;

struct command {
    const char *name;
    void (*run)(void *arg, char *rest); /* rest may be written to */
    const char *usage, *help;
};

struct command_list {
    const struct command *commands; /* the first that fits is meant */
    size_t count;
};

/* Runs what the line names, or says that there is no such thing. */
void command_run(const struct command_list *list, struct term *term, void *arg, char *line);

/* A line each. */
void command_help(const struct command_list *list, struct term *term);

#endif
