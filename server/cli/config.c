/* parley config: is it right, what is in force and why, and which keys there are. */
#include "server/cli/cli.h"
#include "server/cli/out.h"

#include "server/base/clock.h"
#include "server/base/conf.h"
#include "server/io/crypto.h"
#include "server/io/webhook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1 << 16 };

static char *text_of(const struct conf *conf, size_t key, void (*print)(const struct conf *, size_t, struct buf *))
{
    struct buf out;
    buf_init(&out, TEXT_MAX);
    print(conf, key, &out);
    buf_add(&out, "", 1);
    return out.ptr;
}

static int check(struct cli *cli)
{
    const struct conf *conf = cli_conf(cli);
    struct buf why;
    if (!conf)
        return CLI_PROBLEMS;
    buf_init(&why, TEXT_MAX);
    parley_status st = PARLEY_OK;
    if (*conf->tls.certificate)
        st = crypto_check_tls(conf->tls.certificate, conf->tls.key, clock_ms(), &why);
    if (why.len)
        fprintf(stderr, "tls: %.*s\n", SPAN_ARG(buf_span(&why)));
    buf_done(&why);
    if (st != PARLEY_OK)
        return CLI_PROBLEMS;
    if (*conf->push.url && !webhook_secret_ok(conf->push.secret)) {
        fprintf(stderr, "push.secret: needs whsec_ and base64 of 24 to 64 bytes\n");
        return CLI_PROBLEMS;
    }
    printf("ok: %s\n", conf_file(conf) ? conf_file(conf) : "no file; defaults, environment and flags");
    return CLI_OK;
}

static void print_ini(const struct conf *conf, bool with_origin)
{
    const char *section = "";
    for (size_t i = 0; i < conf_key_count(); i++) {
        const struct conf_key *key = conf_key(i);
        char *value = text_of(conf, i, conf_value), *origin = text_of(conf, i, conf_origin);
        if (strcmp(section, key->section) != 0)
            printf("%s[%s]\n", *section ? "\n" : "", key->section);
        section = key->section;
        if (with_origin)
            printf("%s = %s   # %s\n", key->name, value, origin);
        else
            printf("%s = %s\n", key->name, value);
        free(value);
        free(origin);
    }
}

static int print(struct cli *cli)
{
    static const char *const columns[] = {"key", "value", "origin", NULL};
    const struct conf *conf = cli_conf(cli);
    if (!conf)
        return CLI_USAGE;
    if (!cli_json(cli)) {
        print_ini(conf, cli_has(cli, "origin"));
        return CLI_OK;
    }
    struct out *out = out_table(cli, columns);
    for (size_t i = 0; i < conf_key_count(); i++) {
        char name[80], *value = text_of(conf, i, conf_value), *origin = text_of(conf, i, conf_origin);
        snprintf(name, sizeof name, "%s.%s", conf_key(i)->section, conf_key(i)->name);
        out_text(out, name);
        out_text(out, value);
        out_text(out, origin);
        free(value);
        free(origin);
    }
    out_end(&out);
    return CLI_OK;
}

static void print_markdown(void)
{
    const char *section = "";
    for (size_t i = 0; i < conf_key_count(); i++) {
        const struct conf_key *key = conf_key(i);
        if (strcmp(section, key->section) != 0)
            printf(
                "%s### [%s]\n\n%s\n\n| key | type | default | applies | meaning |\n| --- | --- | --- | --- | --- |\n",
                *section ? "\n" : "", key->section, conf_section_doc(key->section));
        section = key->section;
        printf("| `%s` | %s | %s%s%s | %s | %s |\n", key->name, key->type, *key->standard ? "`" : "", key->standard,
               *key->standard ? "`" : "", key->reload ? "on reload" : "at start", key->doc);
    }
}

static int keys(struct cli *cli)
{
    static const char *const columns[] = {"key", "type", "default", "applies", "meaning", NULL};
    if (cli_has(cli, "markdown")) {
        print_markdown();
        return CLI_OK;
    }
    struct out *out = out_table(cli, columns);
    for (size_t i = 0; i < conf_key_count(); i++) {
        const struct conf_key *key = conf_key(i);
        char name[80];
        snprintf(name, sizeof name, "%s.%s", key->section, key->name);
        out_text(out, name);
        out_text(out, key->choices ? key->choices : key->type);
        out_text(out, key->standard);
        out_text(out, key->reload ? "on reload" : "at start");
        out_text(out, key->doc);
    }
    out_end(&out);
    return CLI_OK;
}

const struct verb config_verbs[] = {
    {.name = "config check",
     .operands = "",
     .summary = "whether the configuration is right; every mistake at once",
     .examples = "parley config check\nparley config check --config /etc/parley/parley.conf",
     .notes = "Exit code 7 when something is wrong; every other verb that needs the configuration then exits with 2.",
     .uses_conf = true,
     .run = check},
    {.name = "config print",
     .operands = "",
     .summary = "the values in force; secrets masked",
     .examples = "parley config print --origin\nPARLEY_LOG_LEVEL=debug parley config print --json",
     .uses_conf = true,
     .prints_data = true,
     .flags = {{"origin", NULL, "where each value comes from", false}},
     .run = print},
    {.name = "config keys",
     .operands = "",
     .summary = "every key with type, default and meaning",
     .examples = "parley config keys\nparley config keys --markdown",
     .prints_data = true,
     .flags = {{"markdown", NULL, "as tables for a page", false}},
     .run = keys},
    {0},
};
