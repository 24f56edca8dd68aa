/* Tokens from files, keys, passwords and the demo of `parley dev`. */
#include "server/cli/sign_in.h"

#include "protocol/frame.h"
#include "protocol/wire_json.h"
#include "server/base/clock.h"
#include "server/base/conf.h"
#include "server/base/mem.h"
#include "server/cli/cli.h"
#include "server/cli/files.h"
#include "server/cli/out.h"
#include "server/cli/state.h"
#include "server/cli/term.h"
#include "server/io/crypto.h"
#include "server/io/curl_once.h"
#include "server/io/jws.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_MAX = 65536, SECRET_MAX = 1024, TOKEN_MAX = 8192, TTL_MS = 8 * 3600 * 1000 };

static const char default_url[] = "ws://127.0.0.1:8300/v1/ws";

void sign_in_done(struct sign_in *s)
{
    if (s->token)
        crypto_wipe(s->token, strlen(s->token));
    mem_free(s->url);
    mem_free(s->token);
    mem_free(s->device);
    mem_free(s->name);
    *s = (struct sign_in){0};
}

/* A path in the state of `parley dev`, if there is such a file. */
static bool demo_file(const char *name, char out[PATH_MAX])
{
    char *dir = NULL;
    struct buf why;
    buf_init(&why, SECRET_MAX);
    bool found = state_dir(&dir, &why) == PARLEY_OK;
    if (found)
        snprintf(out, PATH_MAX, "%s/%s", dir, name);
    buf_done(&why);
    mem_free(dir);
    return found && access(out, R_OK) == 0;
}

/* All of a file, or of standard input for "-", without the line ends that follow it. */
static int read_secret(const char *path, struct buf *out)
{
    int code = files_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, out);
    while (out->len && isspace((unsigned char)out->ptr[out->len - 1]))
        out->len--;
    buf_add(out, "", 1);
    if (code == CLI_OK && out->len <= 1)
        return cli_fail(CLI_FAILED, "%s is empty", path);
    return code;
}

static int token_from_file(const char *path, struct sign_in *s)
{
    struct buf text;
    buf_init(&text, TOKEN_MAX);
    int code = read_secret(path, &text);
    if (code == CLI_OK)
        s->token = mem_text(text.ptr);
    buf_done(&text);
    return code;
}

/* --- HTTP --- */

bool sign_in_http_url(const char *url, const char *path, char *out, size_t size)
{
    bool tls = strncmp(url, "wss://", 6) == 0;
    if (!tls && strncmp(url, "ws://", 5) != 0)
        return false;
    const char *host = url + (tls ? 6 : 5);
    int n = snprintf(out, size, "http%s://%.*s%s", tls ? "s" : "", (int)strcspn(host, "/?#"), host, path);
    return n > 0 && (size_t)n < size;
}

static const char *host_of(const char *url)
{
    const char *host = strstr(url, "://");
    return host ? host + 3 : url;
}

/* What is told to an address goes over no network, or is encrypted; or the user trusts the network. */
static bool may_be_told(struct cli *cli, const char *url)
{
    static const char *const here[] = {"127.0.0.1", "localhost", "[::1]"};
    const char *host = host_of(url);
    bool fine = strncmp(url, "wss://", 6) == 0 || cli_has(cli, "plain");
    for (size_t i = 0; !fine && i < sizeof here / sizeof *here; i++) {
        size_t len = strlen(here[i]);
        fine = strncmp(host, here[i], len) == 0 && strchr(":/?#", host[len]);
    }
    return fine;
}

static int refused(int http, const struct value *answer)
{
    const struct value *error = value_find(answer, "error");
    const struct value *text = error && error->type == VALUE_MAP ? value_find(error, "text") : NULL;
    enum cli_exit code = http == 401 || http == 403 ? CLI_DENIED : http == 404 ? CLI_NOT_FOUND : CLI_FAILED;
    if (text && text->type == VALUE_TEXT)
        return cli_fail(code, "the server says: %.*s", SPAN_ARG(text->text));
    return cli_fail(code, "the server answers %d", http);
}

static int read_answer(int http, struct span body, struct sign_in *s)
{
    static const struct wire_limits limits = {.depth = 8, .nodes = 1000};
    struct wire_error error;
    struct arena arena;
    struct value answer;
    arena_init(&arena, 4 * ANSWER_MAX);
    int code = CLI_OK;
    if (wire_json_read(&arena, body, &limits, &answer, &error) != PARLEY_OK || answer.type != VALUE_MAP)
        code = cli_fail(CLI_FAILED, "that server does not speak Parley (it answers %d); is the address right?", http);
    else if (http != 200 && http != 201)
        code = refused(http, &answer);
    const struct value *token = code == CLI_OK ? value_find(&answer, "token") : NULL;
    if (code == CLI_OK && (!token || token->type != VALUE_TEXT))
        code = cli_fail(CLI_FAILED, "the server's answer has no token");
    const struct value *device = code == CLI_OK ? value_find(&answer, "device") : NULL;
    if (code == CLI_OK)
        s->token = mem_span(token->text);
    if (device && device->type == VALUE_TEXT)
        s->device = mem_span(device->text);
    arena_done(&arena);
    return code;
}

/* The token that an HTTP call of the server gives for what is known. */
static int token_from_server(struct cli *cli, const char *path, struct span json, struct sign_in *s)
{
    char url[1024], why[CURL_WHY];
    int http = 0;
    struct buf answer;
    if (!sign_in_http_url(s->url, path, url, sizeof url))
        return cli_fail(CLI_USAGE, "%s is no ws:// or wss:// address", s->url);
    if (!may_be_told(cli, s->url))
        return cli_fail(CLI_USAGE, "%s would show secrets to the network; use wss://, or --plain if you trust it",
                        s->url);
    buf_init(&answer, ANSWER_MAX);
    parley_status st = curl_post_once(url, s->ca_file, json, &http, &answer, why);
    int code = st == PARLEY_OK ? read_answer(http, buf_span(&answer), s)
                               : cli_fail(CLI_UNREACHABLE, "cannot reach %s: %s; is the server running?", url, why);
    if (answer.ptr)
        crypto_wipe(answer.ptr, answer.cap);
    buf_done(&answer);
    return code;
}

/* --- customers --- */

static int token_of_guest(struct cli *cli, const char *key, struct sign_in *s)
{
    struct buf json;
    buf_init(&json, SECRET_MAX);
    buf_add_str(&json, "{\"key\":");
    wire_json_put_text(&json, span_str(key));
    buf_add_char(&json, '}');
    int code = token_from_server(cli, "/v1/guests", buf_span(&json), s);
    buf_done(&json);
    return code;
}

static int token_by_key(struct cli *cli, const char *path, const char *sub, const char *name, struct sign_in *s)
{
    const struct conf *conf = cli_conf(cli);
    struct jws_key *key = NULL;
    if (!conf)
        return CLI_USAGE;
    int code = files_read_key(path, &key);
    if (code != CLI_OK)
        return code;
    int64_t now = clock_ms(), ttl = conf->auth.max_ttl_ms < TTL_MS ? conf->auth.max_ttl_ms : TTL_MS;
    struct jws_draft draft = {.audience = conf->auth.audience, .issuer = conf->auth.issuer, .sub = sub, .name = name};
    draft.issued_ms = now;
    draft.expires_ms = now + ttl;
    struct buf token;
    buf_init(&token, TOKEN_MAX);
    if (jws_mint(key, &draft, &token) == PARLEY_OK)
        s->token = mem_span(buf_span(&token));
    else
        code = cli_fail(CLI_FAILED, "cannot sign with %s; is it a private key with a `kid`?", path);
    buf_done(&token);
    jws_key_free(&key);
    return code;
}

/* "ana" is Ana to her friends. */
static char *pretty_name(const char *name)
{
    char *pretty = mem_text(name);
    pretty[0] = (char)toupper((unsigned char)pretty[0]);
    return pretty;
}

/* A guest's token is good on its device alone; the folder of --keep knows which one it was. */
static int take_device(struct cli *cli, struct sign_in *s)
{
    const char *device = cli_flag(cli, "device");
    struct uuid id;
    if (device && uuid_parse(span_str(device), &id) != PARLEY_OK)
        return cli_fail(CLI_USAGE, "--device needs an id of 36 lower-case characters, not `%.64s`", device);
    if (!device && strncmp(s->token, "pg_", 3) == 0 && !cli_has(cli, "keep"))
        return cli_fail(CLI_USAGE, "a guest's token is good on one device alone: give --device ID, "
                                   "as POST /v1/guests answered it");
    s->device = device ? mem_text(device) : NULL;
    return CLI_OK;
}

static int as_customer(struct cli *cli, struct sign_in *s)
{
    char path[PATH_MAX];
    const char *sub = cli_flag(cli, "sub"), *name = cli_flag(cli, "name"), *key = cli_flag(cli, "key");
    if (cli_has(cli, "token")) {
        s->name = mem_text(name ? name : "you");
        int code = token_from_file(cli_flag(cli, "token"), s);
        return code == CLI_OK ? take_device(cli, s) : code;
    }
    if (cli_has(cli, "guest")) {
        s->name = mem_text(name ? name : "guest");
        return token_of_guest(cli, cli_flag(cli, "guest"), s);
    }
    if (key && !sub && !name)
        return cli_fail(CLI_USAGE, "--key needs --sub ID or --name NAME: whom shall the token name?");
    if (!key && !demo_file("demo.jwk", path))
        return cli_fail(CLI_USAGE, "who are you? Give --token FILE, --guest KEYID or --key FILE with --sub ID; "
                                   "with `parley dev` started in this folder, --name NAME is enough");
    if (!sub)
        sub = name ? name : "ana";
    s->name = pretty_name(name ? name : sub);
    return token_by_key(cli, key ? key : path, sub, s->name, s);
}

static void choose_url(struct cli *cli, struct sign_in *s)
{
    const char *url = cli_flag(cli, "server");
    char path[PATH_MAX];
    struct buf demo;
    buf_init(&demo, SECRET_MAX);
    if (!url && demo_file("demo.url", path) && read_secret(path, &demo) == CLI_OK)
        url = demo.ptr; /* where `parley dev` of this folder listens, or did */
    s->url = mem_text(url ? url : default_url);
    buf_done(&demo);
    s->ca_file = cli_flag(cli, "ca");
}

int sign_in_customer(struct cli *cli, struct sign_in *out)
{
    struct sign_in s = {0};
    choose_url(cli, &s);
    int code = as_customer(cli, &s);
    if (code == CLI_OK)
        *out = s;
    else
        sign_in_done(&s);
    return code;
}

/* --- staff --- */

/* The first password of a demo agent; lines are "email role password". */
static bool demo_password(const char *email, char *out, size_t size)
{
    char path[PATH_MAX], line[SECRET_MAX], who[256], role[64], password[64];
    FILE *file = demo_file("demo.agents", path) ? fopen(path, "re") : NULL;
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file))
        found = sscanf(line, "%255s %63s %63s", who, role, password) == 3 && strcmp(who, email) == 0;
    if (file)
        fclose(file);
    if (found)
        snprintf(out, size, "%s", password);
    crypto_wipe(line, sizeof line);
    return found;
}

static int password_from_file(const char *path, char *out, size_t size)
{
    struct buf text;
    buf_init(&text, SECRET_MAX);
    int code = read_secret(path, &text);
    if (code == CLI_OK)
        snprintf(out, size, "%s", text.ptr);
    buf_done(&text);
    return code;
}

static int find_password(struct cli *cli, const char *email, char *out, size_t size)
{
    if (cli_has(cli, "password-file"))
        return password_from_file(cli_flag(cli, "password-file"), out, size);
    if (demo_password(email, out, size))
        return CLI_OK;
    char question[300];
    snprintf(question, sizeof question, "Password of %.200s: ", email);
    if (cli_json(cli) || !term_ask_secret(question, out, size))
        return cli_fail(CLI_USAGE, "no password; give --password-file FILE (- reads standard input)");
    return CLI_OK;
}

/* wanted: the password from now on; NULL: they only sign in. */
static int ask_server(struct cli *cli, const char *email, const char *password, const char *wanted, struct sign_in *s)
{
    struct buf json;
    buf_init(&json, 4 * SECRET_MAX);
    buf_add_str(&json, "{\"email\":");
    wire_json_put_text(&json, span_str(email));
    buf_add_str(&json, ",\"password\":");
    wire_json_put_text(&json, span_str(password));
    if (wanted) {
        buf_add_str(&json, ",\"new\":");
        wire_json_put_text(&json, span_str(wanted));
    }
    buf_add_char(&json, '}');
    int code = token_from_server(cli, wanted ? "/v1/password" : "/v1/login", buf_span(&json), s);
    crypto_wipe(json.ptr, json.cap);
    buf_done(&json);
    return code;
}

static int token_of_agent(struct cli *cli, const char *email, struct sign_in *s)
{
    char password[SECRET_MAX] = "";
    int code = find_password(cli, email, password, sizeof password);
    if (code == CLI_OK)
        code = ask_server(cli, email, password, NULL, s);
    crypto_wipe(password, sizeof password);
    return code;
}

static int find_new_password(struct cli *cli, char *out, size_t size)
{
    char again[SECRET_MAX] = "";
    int code = CLI_OK;
    if (cli_has(cli, "new-file"))
        return password_from_file(cli_flag(cli, "new-file"), out, size);
    if (cli_json(cli) || !term_ask_secret("New password: ", out, size) ||
        !term_ask_secret("The same once more: ", again, sizeof again))
        code = cli_fail(CLI_USAGE, "no new password; give --new-file FILE (- reads standard input)");
    else if (strcmp(out, again) != 0)
        code = cli_fail(CLI_USAGE, "the two are not the same; nothing is changed");
    crypto_wipe(again, sizeof again);
    return code;
}

int sign_in_change_password(struct cli *cli)
{
    static const char *const columns[] = {"email", NULL};
    char password[SECRET_MAX] = "", wanted[SECRET_MAX] = "";
    const char *email = cli_flag(cli, "login");
    struct sign_in s = {0};
    if (!email)
        return cli_fail(CLI_USAGE, "who are you? Give --login EMAIL");
    choose_url(cli, &s);
    int code = find_password(cli, email, password, sizeof password);
    if (code == CLI_OK)
        code = find_new_password(cli, wanted, sizeof wanted);
    if (code == CLI_OK)
        code = ask_server(cli, email, password, wanted, &s);
    if (code == CLI_OK) {
        struct out *out = out_one(cli, columns);
        out_text(out, email);
        out_end(&out);
        cli_say(cli, "\nThe password is changed; whoever was signed in with the old one is signed out.");
    }
    crypto_wipe(password, sizeof password);
    crypto_wipe(wanted, sizeof wanted);
    sign_in_done(&s);
    return code;
}

int sign_in_agent(struct cli *cli, struct sign_in *out)
{
    struct sign_in s = {0};
    const char *email = cli_flag_or(cli, "login", "kim@example.com");
    char path[PATH_MAX];
    int code;
    choose_url(cli, &s);
    s.name = mem_text(email);
    if (cli_has(cli, "token"))
        code = token_from_file(cli_flag(cli, "token"), &s);
    else if (!cli_has(cli, "login") && !demo_file("demo.agents", path))
        code = cli_fail(CLI_USAGE, "who are you? Give --login EMAIL, or --token FILE");
    else
        code = token_of_agent(cli, email, &s);
    if (code == CLI_OK)
        *out = s;
    else
        sign_in_done(&s);
    return code;
}
