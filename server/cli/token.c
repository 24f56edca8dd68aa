/* parley token mint: what an app's server does for a customer who signed in, for trials and scripts. */
#include "server/cli/cli.h"
#include "server/cli/files.h"
#include "server/cli/out.h"

#include "server/base/clock.h"
#include "server/base/conf.h"
#include "server/base/conf_value.h"
#include "server/io/jws.h"

#include <stdio.h>

enum { TOKEN_MAX = 8192 };

static int print_token(struct cli *cli, struct buf *token, int64_t expires_ms)
{
    static const char *const columns[] = {"token", "expires_at", NULL};
    buf_add(token, "", 1);
    if (!cli_json(cli)) {
        puts(token->ptr);
        return CLI_OK;
    }
    struct out *out = out_one(cli, columns);
    out_text(out, token->ptr);
    out_int(out, expires_ms);
    out_end(&out);
    return CLI_OK;
}

static int mint_with(struct cli *cli, const struct conf *conf, const struct jws_key *key)
{
    int64_t ttl_ms, now_ms = clock_ms();
    struct buf token;
    if (!*jws_key_id(key))
        return cli_fail(CLI_FAILED, "%s has no `kid`, by which the server would know it", cli_flag(cli, "key"));
    if (conf_parse_time(cli_flag_or(cli, "ttl", "1h"), &ttl_ms) != PARLEY_OK || ttl_ms < 1000)
        return cli_fail(CLI_USAGE, "--ttl needs a duration like 10m, 1h or 1d");
    if (ttl_ms > conf->auth.max_ttl_ms)
        return cli_fail(CLI_USAGE, "--ttl is longer than auth.max_ttl, which a server with this configuration refuses");
    const struct jws_draft draft = {.audience = cli_flag_or(cli, "aud", conf->auth.audience),
                                    .issuer = cli_flag_or(cli, "iss", conf->auth.issuer),
                                    .sub = cli_flag(cli, "sub"),
                                    .name = cli_flag(cli, "name"),
                                    .language = cli_flag(cli, "language"),
                                    .issued_ms = now_ms,
                                    .expires_ms = now_ms + ttl_ms};
    buf_init(&token, TOKEN_MAX);
    parley_status st = jws_mint(key, &draft, &token);
    int code = st == PARLEY_OK ? print_token(cli, &token, draft.expires_ms)
                               : cli_fail(CLI_FAILED, "cannot sign with this key; is it the private half?");
    buf_done(&token);
    return code;
}

static int mint(struct cli *cli)
{
    const struct conf *conf = cli_conf(cli);
    struct jws_key *key = NULL;
    if (!conf)
        return CLI_USAGE;
    if (!cli_has(cli, "key") || !cli_has(cli, "sub") || !*cli_flag(cli, "sub"))
        return cli_fail(CLI_USAGE, "`parley token mint` needs --key FILE and --sub ID; see `parley token mint --help`");
    int code = files_read_key(cli_flag(cli, "key"), &key);
    if (code == CLI_OK)
        code = mint_with(cli, conf, key);
    jws_key_free(&key);
    return code;
}

const struct verb token_verbs[] = {
    {.name = "token mint",
     .operands = "",
     .summary = "sign a token for a customer, as your app's server would",
     .examples = "parley token mint --key shop.jwk --sub ana --name Ana --ttl 1h\n"
                 "TOKEN=$(parley token mint --key shop.jwk --sub ana)",
     .uses_conf = true,
     .prints_data = true,
     .flags = {{"key", "FILE", "the private JWK, from `parley app keys add`", false},
               {"sub", "ID", "who: your own id of the customer", false},
               {"name", "TEXT", "their name", false},
               {"language", "TAG", "their language, as in pt-BR", false},
               {"ttl", "TIME", "how long it lives; 1h when not given", false},
               {"aud", "TEXT", "else auth.audience", false},
               {"iss", "TEXT", "else auth.issuer", false}},
     .run = mint},
    {0},
};
