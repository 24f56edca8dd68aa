/* Commands are looked up in the order of their list, by as many letters as were typed. */
#include "server/cli/command.h"

#include "server/cli/term.h"

#include <string.h>

void command_run(const struct command_list *list, struct term *term, void *arg, char *line)
{
    size_t n = strcspn(line, " ");
    char *rest = line + n + strspn(line + n, " ");
    for (size_t i = 0; n > 0 && i < list->count; i++) {
        if (strncmp(list->commands[i].name, line, n) == 0) {
            list->commands[i].run(arg, rest);
            return;
        }
    }
    term_line(term, TONE_BAD, "  /%.*s is nothing I know; /help lists what there is", (int)n, line);
}

void command_help(const struct command_list *list, struct term *term)
{
    for (size_t i = 0; i < list->count; i++)
        term_line(term, TONE_DIM, "  %-22s %s", list->commands[i].usage, list->commands[i].help);
}
