/* parley status: asks the operators' listener of a running daemon; containers call it as their health check. */
#include "server/cli/cli.h"
#include "server/cli/out.h"

#include "server/base/conf.h"
#include "server/io/curl_once.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_MAX = 65536 };

/* From here the daemon is on this machine, whatever address it listens on. */
static void readyz_url(const char *listen, char *out, size_t size)
{
    const char *colon = strrchr(listen, ':'), *port = colon ? colon + 1 : listen;
    int host = colon ? (int)(colon - listen) : 0;
    bool any = host == 0 || (host == 1 && *listen == '*') || strncmp(listen, "0.0.0.0:", 8) == 0 ||
               strncmp(listen, "[::]:", 5) == 0;
    snprintf(out, size, "http://%.*s:%s/readyz?verbose", any ? 9 : host, any ? "127.0.0.1" : listen, port);
}

static int print_answer(struct cli *cli, int http, struct buf *answer)
{
    static const char *const columns[] = {"ready", "checks", NULL};
    buf_add(answer, "", 1);
    if (cli_json(cli)) {
        struct out *out = out_one(cli, columns);
        out_bool(out, http == 200);
        out_text(out, answer->ptr);
        out_end(&out);
    } else {
        fputs(answer->ptr, stdout);
    }
    return http == 200 ? CLI_OK : CLI_PROBLEMS;
}

static int status(struct cli *cli)
{
    char url[512], why[CURL_WHY];
    struct buf answer;
    int http, code;
    const struct conf *conf = cli_conf(cli);
    if (!conf)
        return CLI_USAGE;
    if (!*conf->metrics.listen)
        return cli_fail(CLI_USAGE, "metrics.listen is empty: this daemon answers no operators");
    readyz_url(conf->metrics.listen, url, sizeof url);
    buf_init(&answer, ANSWER_MAX);
    if (curl_get_once(url, &http, &answer, why) == PARLEY_OK)
        code = print_answer(cli, http, &answer);
    else
        code = cli_fail(CLI_UNREACHABLE, "no daemon answers on %s: %s", conf->metrics.listen, why);
    buf_done(&answer);
    return code;
}

const struct verb status_verbs[] = {
    {.name = "status",
     .operands = "",
     .summary = "whether the daemon on this machine is ready",
     .examples = "parley status\nparley status --json",
     .notes = "Exit code 0 when it is ready, 7 when it is not, 5 when none answers.",
     .uses_conf = true,
     .prints_data = true,
     .run = status},
    {0},
};
