/* See the header. */
#include "server/cli/sitting.h"

#include "server/cli/cli.h"
#include "server/cli/pipe.h"
#include "server/cli/sign_in.h"
#include "server/cli/term.h"

#include <stdlib.h>

enum { TICK_MS = 1000 };

static bool may_leave(const struct sitting *s, bool ended)
{
    return *s->quit || (ended && *s->been_online && parley_outbox_count(s->client) == 0);
}

bool sitting_run(const struct sitting *s, const struct sign_in *who)
{
    bool ended = false, interrupted = false;
    if (term_is_interactive(s->term))
        term_line(s->term, TONE_DIM, "%s at %s - /help tells what you can do", who->name, who->url);
    parley_connect(s->client);
    while (!interrupted && !may_leave(s, ended)) {
        s->prompt(s->arg);
        enum term_news news = term_wait(s->term, parley_event_fd(s->client), TICK_MS);
        if (news == TERM_LINE) {
            char *line = term_take_line(s->term);
            s->line(s->arg, line);
            free(line);
        }
        ended = ended || news == TERM_END;
        interrupted = news == TERM_INTERRUPT;
        s->events(s->arg);
    }
    return interrupted;
}

int sitting_verb(struct cli *cli, int (*sign_in)(struct cli *cli, struct sign_in *out),
                 int (*talk)(struct cli *cli, parley_client *client, const struct sign_in *who))
{
    struct sign_in who;
    parley_client *client;
    int code = sign_in(cli, &who);
    if (code != CLI_OK)
        return code;
    code = pipe_client(cli, &who, &client);
    if (code == CLI_OK) {
        code = cli_json(cli) ? pipe_run(client, !cli_has(cli, "keep")) : talk(cli, client, &who);
        parley_client_free(client);
    }
    sign_in_done(&who);
    return code;
}
