/* Lines in, lines out. */
#include "server/cli/pipe.h"

#include "server/base/clock.h"
#include "server/cli/cli.h"
#include "server/cli/out.h"
#include "server/cli/sign_in.h"
#include "server/cli/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINGER_MS = 10000 };

struct piping {
    parley_client *client;
    struct term *term;
    bool quit;
    int64_t ended_at; /* of the input; 0: not yet */
    int code;
    int calls; /* that await their REPLY */
};

int pipe_client(struct cli *cli, const struct sign_in *who, parley_client **out)
{
    parley_config config;
    parley_config_init(&config, sizeof config);
    config.url = who->url;
    config.token = who->token;
    config.device = who->device;
    config.ca_file = who->ca_file;
    config.folder = cli_flag(cli, "keep");
    config.user = "chat"; /* a folder is one person's */
    config.app_name = "parley-cli";
    config.app_version = PARLEY_VERSION;
    config.flags =
        (cli_has(cli, "plain") ? PARLEY_ALLOW_PLAIN : 0) | (cli_has(cli, "wire-json") ? PARLEY_WIRE_JSON : 0);
    parley_status st = parley_client_new(&config, out);
    if (st == PARLEY_INVALID)
        return cli_fail(CLI_USAGE, "%s is no ws:// or wss:// address", who->url);
    if (config.folder && (st == PARLEY_DENIED || st == PARLEY_TAKEN))
        return cli_fail(CLI_FAILED, "cannot keep anything in %s: %s", config.folder,
                        st == PARLEY_TAKEN ? "another chat does" : "it cannot be written");
    if (st == PARLEY_DENIED)
        return cli_fail(CLI_USAGE, "%s would show the token to the network; use wss://, or --plain if you trust it",
                        who->url);
    if (st == PARLEY_NOT_FOUND)
        return cli_fail(CLI_NOT_FOUND, "cannot read %s", who->ca_file);
    return st == PARLEY_OK ? CLI_OK : cli_fail(CLI_FAILED, "cannot start the client: %s", parley_status_text(st));
}

int pipe_exit_code(int32_t state, parley_status reason)
{
    if (state == PARLEY_STATE_NEEDS_TOKEN)
        return CLI_DENIED;
    if (state == PARLEY_STATE_BLOCKED)
        return reason == PARLEY_DENIED || reason == PARLEY_SIGNED_OUT ? CLI_DENIED : CLI_FAILED;
    return CLI_OK;
}

/* What could not be done, in words. */
static void say_refused(const char *line, parley_status st)
{
    const char *wrong = parley_call_json_error();
    printf("{\"event\":\"refused\",\"line\":");
    out_json_text(line);
    printf(",\"status\":");
    out_json_text(parley_status_name(st));
    printf(",\"text\":");
    out_json_text(*wrong ? wrong : parley_status_text(st));
    puts("}");
    fflush(stdout);
}

static void take_line(struct piping *p, char *line)
{
    uint64_t call = 0;
    if (strstr(line, "\"quit\"") && strlen(line) < 32) {
        p->quit = true;
        return;
    }
    if (!*line)
        return;
    parley_status st = parley_call_json(p->client, line, &call);
    if (st != PARLEY_OK) {
        say_refused(line, st);
    } else if (call) {
        printf("{\"event\":\"called\",\"call\":%llu}\n", (unsigned long long)call);
        p->calls++;
    }
}

static void take_events(struct piping *p)
{
    parley_event *e;
    while ((e = parley_next_event(p->client, 0))) {
        puts(parley_event_json(e));
        if (parley_event_type(e) == PARLEY_EVENT_REPLY && parley_event_call(e))
            p->calls--;
        if (parley_event_type(e) == PARLEY_EVENT_STATE)
            p->code = pipe_exit_code(parley_event_state(e), parley_event_status(e));
        parley_event_free(e);
    }
    fflush(stdout);
}

static bool is_done(const struct piping *p)
{
    if (p->quit)
        return true;
    if (!p->ended_at)
        return false;
    bool idle = parley_outbox_count(p->client) == 0 && p->calls <= 0;
    return idle || p->code != CLI_OK || clock_mono_ms() - p->ended_at > LINGER_MS;
}

int pipe_run(parley_client *client, bool hold)
{
    struct piping p = {.client = client, .term = term_open(false)};
    parley_connect(client);
    term_hold(p.term, hold);
    while (!is_done(&p)) {
        enum term_news news = term_wait(p.term, parley_event_fd(client), p.ended_at ? 200 : -1);
        if (news == TERM_LINE) {
            char *line = term_take_line(p.term);
            take_line(&p, line);
            free(line);
        } else if (news == TERM_END && !p.ended_at) {
            p.ended_at = clock_mono_ms();
        } else if (news == TERM_INTERRUPT) {
            p.quit = true;
            p.code = CLI_INTERRUPTED;
        }
        take_events(&p);
        if (parley_state(client) == PARLEY_STATE_ONLINE || p.code != CLI_OK)
            term_hold(p.term, false);
    }
    take_events(&p);
    bool unsent = parley_outbox_count(client) > 0;
    term_close(&p.term);
    return p.code != CLI_OK ? p.code : unsent && !p.quit ? CLI_UNREACHABLE : CLI_OK;
}
