/* server/base/conf: where values come from, and that whatever is wrong is said, all at once, with its place. */
#include "tests/unit/unit.h"

#include "server/base/conf.h"
#include "server/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROBLEMS_MAX = 1 << 16 };

static char folder[] = "/tmp/parley-conf-XXXXXX";

static const char *path_in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    FILE *f = fopen(path_in_folder(name), "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path_in_folder(name), mode), 0);
}

static const struct conf *load(const char *text, char *const *env, const char *const *sets, struct buf *problems)
{
    buf_init(problems, PROBLEMS_MAX);
    return conf_load(&(struct conf_source){.file = "parley.conf", .text = span_str(text), .env = env, .sets = sets},
                     problems);
}

static const struct conf *load_good(const char *text, char *const *env, const char *const *sets)
{
    struct buf problems;
    const struct conf *conf = load(text, env, sets, &problems);
    if (!conf)
        fail_msg("refused: %.*s", SPAN_ARG(buf_span(&problems)));
    buf_done(&problems);
    return conf;
}

static void expect_problems(const char *text, char *const *env, const char *const *sets, const char *expected)
{
    struct buf problems;
    const struct conf *conf = load(text, env, sets, &problems);
    assert_null(conf);
    buf_add_char(&problems, '\0');
    assert_string_equal(problems.ptr, expected);
    buf_done(&problems);
}

static size_t row_of(const char *section, const char *name)
{
    for (size_t i = 0; i < conf_key_count(); i++)
        if (strcmp(conf_key(i)->section, section) == 0 && strcmp(conf_key(i)->name, name) == 0)
            return i;
    fail_msg("no key %s.%s", section, name);
    return 0;
}

static void expect_text(void (*print)(const struct conf *, size_t, struct buf *), const struct conf *conf,
                        const char *section, const char *name, const char *expected)
{
    struct buf out;
    buf_init(&out, PROBLEMS_MAX);
    print(conf, row_of(section, name), &out);
    buf_add_char(&out, '\0');
    assert_string_equal(out.ptr, expected);
    buf_done(&out);
}

static void without_anything_the_defaults_hold(void **state)
{
    const struct conf *conf = load_good("", NULL, NULL);
    assert_int_equal(conf->server.listen.count, 1);
    assert_string_equal(conf->server.listen.at[0], "127.0.0.1:8300");
    assert_int_equal(conf->server.hello_timeout_ms, 10000);
    assert_int_equal(conf->flows.memory_limit_bytes, 8 << 20);
    assert_int_equal(conf->agents.login_rate.count, 5);
    assert_int_equal(conf->agents.login_rate.per_ms, 60000);
    assert_int_equal(conf->database.migrate, CONF_MIGRATE_AUTO);
    assert_int_equal(conf->log.level, LOG_INFO);
    assert_int_equal(conf->log.format, CONF_LOG_FORMAT_AUTO);
    assert_true(conf->auth.guests);
    assert_string_equal(conf->database.url, "");
    conf_free(&conf);
    assert_null(conf);
}

static void flag_beats_environment_beats_file_beats_default(void **state)
{
    char *env[] = {"PARLEY_SERVER_WORKERS=3", "PARLEY_LOG_LEVEL=warn", "HOME=/", NULL};
    const char *sets[] = {"server.workers=4", NULL};
    const struct conf *conf = load_good("[server]\nworkers = 2\n[log]\nlevel = error\nformat = json\n", env, sets);
    assert_int_equal(conf->server.workers, 4);
    assert_int_equal(conf->log.level, LOG_WARN);
    assert_int_equal(conf->log.format, LOG_JSON);
    expect_text(conf_origin, conf, "server", "workers",
                "--set server.workers (env PARLEY_SERVER_WORKERS says 3) (parley.conf:2 says 2)");
    expect_text(conf_origin, conf, "log", "format", "parley.conf:5");
    expect_text(conf_origin, conf, "server", "listen", "default");
    expect_text(conf_value, conf, "server", "workers", "4");
    conf_free(&conf);
}

static void comments_lists_spaces_and_a_byte_order_mark_are_understood(void **state)
{
    const struct conf *conf = load_good("\xef\xbb\xbf# first\n; second\n\n  [server]  \n"
                                        "listen=127.0.0.1:1 ,  [::1]:2,*:3 ; fourth\r\n",
                                        NULL, NULL);
    assert_int_equal(conf->server.listen.count, 3);
    assert_string_equal(conf->server.listen.at[0], "127.0.0.1:1");
    assert_string_equal(conf->server.listen.at[1], "[::1]:2");
    assert_string_equal(conf->server.listen.at[2], "*:3");
    conf_free(&conf);
}

static void unknown_names_are_refused_with_a_suggestion(void **state)
{
    char *env[] = {"PARLEY_SERVER_LISTN=x", "PARLEY_SERVICE_HOST=10.0.0.1", "PARLEY_CONFIG=", NULL};
    const char *sets[] = {"server.worker=1", "sever.workers=1", "workers", NULL};
    expect_problems("[servr]\nlisten=1\n[server]\nlistn = 1\naudience = x\nzzzzzz = 1\n[qqqqqqqq]\n", env, sets,
                    "parley.conf:1: unknown section [servr]; did you mean [server]?\n"
                    "parley.conf:4: unknown key `listn` in [server]; did you mean `listen`?\n"
                    "parley.conf:5: unknown key `audience` in [server]; it belongs to [auth]\n"
                    "parley.conf:6: unknown key `zzzzzz` in [server]; `parley config keys` lists all\n"
                    "parley.conf:7: unknown section [qqqqqqqq]; `parley config keys` lists all\n"
                    "env PARLEY_SERVER_LISTN: no such key; did you mean PARLEY_SERVER_LISTEN?\n"
                    "--set server.worker: unknown key; did you mean `workers`?\n"
                    "--set sever.workers: unknown section; did you mean `server`?\n"
                    "--set workers: not section.key=value\n");
}

static void all_mistakes_come_at_once_with_their_lines(void **state)
{
    expect_problems("listen = 1\n[server]\nlisten 1\nworkers = many\nworkers = 2\n[log\n", NULL, NULL,
                    "parley.conf:1: `listen` stands before any [section]\n"
                    "parley.conf:3: not `key = value`, [section] or a comment\n"
                    "parley.conf:4: server.workers needs a whole number, not `many`\n"
                    "parley.conf:5: `workers` is given twice in [server], first in line 4\n"
                    "parley.conf:6: this section has no closing bracket\n");
}

struct bad {
    const char *set;
    const char *needs;
};

static const struct bad bad_values[] = {
    {"server.workers=-1", "needs 0 to 256, not `-1`"},
    {"server.workers=257", "needs 0 to 256, not `257`"},
    {"server.workers=2x", "needs a whole number, not `2x`"},
    {"server.workers= 2", "needs a whole number, not ` 2`"},
    {"server.workers=", "needs a whole number, not ``"},
    {"server.workers=2.0", "needs a whole number, not `2.0`"},
    {"server.workers=0x10", "needs a whole number, not `0x10`"},
    {"server.workers=+1", "needs a whole number, not `+1`"},
    {"server.max_connections=0", "needs 1 to 1000000, not `0`"},
    {"server.max_connections=9223372036854775808", "needs a whole number, not `9223372036854775808`"},
    {"server.max_connections=-9223372036854775809", "needs a whole number, not `-9223372036854775809`"},
    {"server.hello_timeout=10", "needs a duration like 500ms, 30s, 10m, 24h or 5d, not `10`"},
    {"server.hello_timeout=10 s", "needs a duration like 500ms, 30s, 10m, 24h or 5d, not `10 s`"},
    {"server.hello_timeout=-5s", "needs a duration like 500ms, 30s, 10m, 24h or 5d, not `-5s`"},
    {"server.hello_timeout=5sec", "needs a duration like 500ms, 30s, 10m, 24h or 5d, not `5sec`"},
    {"server.hello_timeout=1.5s", "needs a duration like 500ms, 30s, 10m, 24h or 5d, not `1.5s`"},
    {"server.hello_timeout=10S", "needs a duration like 500ms, 30s, 10m, 24h or 5d, not `10S`"},
    {"server.hello_timeout=200000000000000000d",
     "needs a duration like 500ms, 30s, 10m, 24h or 5d, not `200000000000000000d`"},
    {"server.hello_timeout=0", "needs 100ms to 10m, not `0`"},
    {"server.hello_timeout=11m", "needs 100ms to 10m, not `11m`"},
    {"flows.memory_limit=8MB", "needs a size like 4096, 64K, 8M or 1G, not `8MB`"},
    {"flows.memory_limit=8m", "needs a size like 4096, 64K, 8M or 1G, not `8m`"},
    {"flows.memory_limit=99999999999G", "needs a size like 4096, 64K, 8M or 1G, not `99999999999G`"},
    {"flows.memory_limit=1", "needs 65536 to 268435456 bytes, not `1`"},
    {"agents.login_rate=5", "needs a rate like 5/m, not `5`"},
    {"agents.login_rate=0/m", "needs a rate like 5/m, not `0/m`"},
    {"agents.login_rate=5/w", "needs a rate like 5/m, not `5/w`"},
    {"server.trusted_proxies=10.0.0.0/8,proxy", "needs networks like 10.0.0.0/8, not `proxy`"},
    {"auth.guests=maybe", "needs yes or no, not `maybe`"},
    {"auth.guests=Yes", "needs yes or no, not `Yes`"},
    {"auth.audience=", "needs 1 to 256 bytes, not 0"},
    {"auth.master_key=abc", "needs 64 hex digits; make some with `openssl rand -hex 32`"},
    {"log.level=loud", "needs one of debug|info|warn|error, not `loud`"},
    {"log.level=inf", "needs one of debug|info|warn|error, not `inf`"},
    {"log.level=debug|info", "needs one of debug|info|warn|error, not `debug|info`"},
    {"server.listen=", "needs an address; without one nobody could connect"},
    {"server.listen=localhost", "needs addresses like 127.0.0.1:8300, not `localhost`"},
    {"server.listen=:8300", "needs addresses like 127.0.0.1:8300, not `:8300`"},
    {"server.listen=127.0.0.1:65536", "needs addresses like 127.0.0.1:8300, not `127.0.0.1:65536`"},
    {"server.listen=127.0.0.1:8300,nowhere", "needs addresses like 127.0.0.1:8300, not `nowhere`"},
    {"server.listen=a b:1", "needs addresses like 127.0.0.1:8300, not `a b:1`"},
    {"metrics.listen=x:y", "needs an address like 127.0.0.1:8300, not `x:y`"},
    {"server.public_url=ftp://x", "needs a URL like https://host/path, not `ftp://x`"},
    {"server.public_url=https://", "needs a URL like https://host/path, not `https://`"},
    {"server.public_url=https://u:p@host/", "needs a URL like https://host/path, not `https://u:p@host/`"},
    {"server.public_url=https://a b", "needs a URL like https://host/path, not `https://a b`"},
    {"push.url=https://push.example/", "needs push.secret or push.secret_file as well, to sign with"},
    {"tls.key=/no/such/key.pem", "needs a file that this user may read, not `/no/such/key.pem`"},
    {"database.url_file=/no/such/file", "names /no/such/file: there is no such file"},
    {"database.url_file=/tmp", "names /tmp: not a file"},
};

static void bad_values_are_refused_by_name(void **state)
{
    for (size_t i = 0; i < sizeof bad_values / sizeof *bad_values; i++) {
        const struct bad *bad = &bad_values[i];
        const char *sets[] = {bad->set, NULL};
        char expected[512];
        struct buf problems;
        const struct conf *conf = load("", NULL, sets, &problems);
        int key = (int)strcspn(bad->set, "=");
        snprintf(expected, sizeof expected, "--set %.*s: %.*s %s\n", key, bad->set, key, bad->set, bad->needs);
        assert_null(conf);
        if (problems.len < strlen(expected) || memcmp(problems.ptr, expected, strlen(expected)) != 0)
            fail_msg("%s: expected %s got %.*s", bad->set, expected, SPAN_ARG(buf_span(&problems)));
        buf_done(&problems);
    }
}

static void an_overridden_bad_value_is_still_a_mistake(void **state)
{
    const char *sets[] = {"server.workers=2", NULL};
    expect_problems("[server]\nworkers = x\n", NULL, sets,
                    "parley.conf:2: server.workers needs a whole number, not `x`\n");
}

static void certificate_and_key_come_together(void **state)
{
    write_file("c.pem", "x", 0600);
    char text[512];
    snprintf(text, sizeof text, "[tls]\ncertificate = %s\n", path_in_folder("c.pem"));
    expect_problems(text, NULL, NULL, "parley.conf:2: tls.certificate needs tls.key as well\n");
}

static void a_secret_may_stand_in_a_file_of_its_own(void **state)
{
    char text[512];
    write_file("url", "postgresql://parley:canary@db:5432/parley\n", 0600);
    snprintf(text, sizeof text, "[database]\nurl_file = %s\n", path_in_folder("url"));
    const struct conf *conf = load_good(text, NULL, NULL);
    assert_string_equal(conf->database.url, "postgresql://parley:canary@db:5432/parley");
    expect_text(conf_value, conf, "database", "url", "postgresql://***@db:5432/***");
    expect_text(conf_origin, conf, "database", "url", "parley.conf:2");
    conf_free(&conf);
}

static void a_higher_layer_wins_whichever_form_it_uses(void **state)
{
    char text[512];
    char *env[] = {"PARLEY_DATABASE_URL=host=db password=canary", NULL};
    write_file("url", "postgresql://other/", 0600);
    snprintf(text, sizeof text, "[database]\nurl_file = %s\n", path_in_folder("url"));
    const struct conf *conf = load_good(text, env, NULL);
    assert_string_equal(conf->database.url, "host=db password=canary");
    expect_text(conf_value, conf, "database", "url", "***");
    conf_free(&conf);
}

static void secrets_given_twice_or_readable_by_all_are_refused(void **state)
{
    char text[512], expected[1024];
    write_file("url", "postgresql://other/", 0604);
    write_file("empty", "\n", 0600);
    snprintf(text, sizeof text, "[database]\nurl = postgresql://a/\nurl_file = %s\n", path_in_folder("url"));
    expect_problems(text, NULL, NULL, "parley.conf:3: database.url_file and database.url are both given; keep one\n");

    snprintf(text, sizeof text, "[database]\nurl_file = %s\n", path_in_folder("url"));
    snprintf(expected, sizeof expected,
             "parley.conf:2: database.url_file names %s: can be read by everybody; chmod 600 it\n",
             path_in_folder("url"));
    expect_problems(text, NULL, NULL, expected);

    snprintf(text, sizeof text, "[database]\nurl_file = %s\n", path_in_folder("empty"));
    snprintf(expected, sizeof expected, "parley.conf:2: database.url_file names %s: is empty\n",
             path_in_folder("empty"));
    expect_problems(text, NULL, NULL, expected);
}

static void a_relative_path_in_a_file_is_beside_that_file(void **state)
{
    struct buf problems;
    buf_init(&problems, PROBLEMS_MAX);
    write_file("url", "postgresql://beside/\n", 0600);
    write_file("beside.conf", "[database]\nurl_file = url\n", 0600);
    const struct conf *conf = conf_load(&(struct conf_source){.file = path_in_folder("beside.conf")}, &problems);
    assert_non_null(conf);
    assert_string_equal(conf->database.url, "postgresql://beside/");
    assert_string_equal(conf_file(conf), path_in_folder("beside.conf"));
    conf_free(&conf);
    buf_done(&problems);
}

static void a_file_that_all_may_read_holds_no_secret(void **state)
{
    char expected[512];
    struct buf problems;
    buf_init(&problems, PROBLEMS_MAX);
    write_file("beside.conf", "[database]\nurl = postgresql://parley:canary@db/parley\n", 0644);
    assert_null(conf_load(&(struct conf_source){.file = path_in_folder("beside.conf")}, &problems));
    snprintf(expected, sizeof expected,
             "%s:2: database.url is a secret, and everybody may read this file; chmod 600 it\n",
             path_in_folder("beside.conf"));
    buf_add_char(&problems, '\0');
    assert_string_equal(problems.ptr, expected);

    buf_clear(&problems);
    write_file("beside.conf", "[database]\nurl = postgresql://parley@db/parley\n", 0644);
    const struct conf *conf = conf_load(&(struct conf_source){.file = path_in_folder("beside.conf")}, &problems);
    assert_non_null(conf);
    conf_free(&conf);
    buf_done(&problems);
}

static void expect_file_problem(const char *path, const char *what)
{
    char expected[512];
    struct buf problems;
    buf_init(&problems, PROBLEMS_MAX);
    assert_null(conf_load(&(struct conf_source){.file = path}, &problems));
    buf_add_char(&problems, '\0');
    snprintf(expected, sizeof expected, "%s: %s\n", path, what);
    assert_string_equal(problems.ptr, expected);
    buf_done(&problems);
}

static void files_that_are_no_configuration_are_refused(void **state)
{
    expect_file_problem("/no/such/parley.conf", "there is no such file");
    expect_file_problem("/tmp", "not a file");
    write_file("big", "", 0600);
    assert_int_equal(truncate(path_in_folder("big"), 1 << 30), 0);
    expect_file_problem(path_in_folder("big"), "far too big for what it should hold");
}

static void zero_bytes_and_endless_lines_are_refused(void **state)
{
    static const char binary[] = "[server]\nworkers\0 = 2\n";
    char *line = malloc(5002);
    struct buf problems;
    buf_init(&problems, PROBLEMS_MAX);
    assert_null(
        conf_load(&(struct conf_source){.file = "parley.conf", .text = span_of(binary, sizeof binary - 1)}, &problems));
    memset(line, 'x', 5000);
    memcpy(line + 5000, "\n", 2);
    assert_null(conf_load(&(struct conf_source){.file = "parley.conf", .text = span_str(line)}, &problems));
    buf_add_char(&problems, '\0');
    assert_string_equal(problems.ptr, "parley.conf:2: not text: it has a zero byte\n"
                                      "parley.conf:1: longer than 4000 bytes\n");
    buf_done(&problems);
    free(line);
}

static void comparing_names_what_needs_a_restart(void **state)
{
    const struct conf *now = load_good("[server]\nworkers=1\n[routing]\ngrace=1s\n", NULL, NULL);
    const struct conf *next = load_good("[server]\nworkers=2\n[routing]\ngrace=2s\n[log]\nlevel=warn\n", NULL, NULL);
    struct buf out;
    buf_init(&out, PROBLEMS_MAX);
    conf_compare(now, next, &out);
    buf_add_char(&out, '\0');
    assert_string_equal(out.ptr, "server.workers, log.level");
    buf_done(&out);
    conf_free(&now);
    conf_free(&next);
}

static void taking_over_changes_only_what_may_change(void **state)
{
    const struct conf *now = load_good("[server]\nworkers=1\n[routing]\ngrace=1s\n", NULL, NULL);
    const struct conf *next = load_good(
        "[server]\nworkers=2\nallowed_origins=https://a.example\n[routing]\ngrace=2s\n[log]\nlevel=warn\n", NULL, NULL);
    struct conf own = *now;
    conf_take(&own, next);
    assert_int_equal(own.routing.grace_ms, 2000);
    assert_int_equal(own.server.allowed_origins.count, 1);
    assert_int_equal(own.server.workers, 1);
    assert_int_equal(own.log.level, now->log.level);
    conf_free(&now);
    conf_free(&next);
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"c.pem", "url", "empty", "beside.conf", "big"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(path_in_folder(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_anything_the_defaults_hold),
        cmocka_unit_test(flag_beats_environment_beats_file_beats_default),
        cmocka_unit_test(comments_lists_spaces_and_a_byte_order_mark_are_understood),
        cmocka_unit_test(unknown_names_are_refused_with_a_suggestion),
        cmocka_unit_test(all_mistakes_come_at_once_with_their_lines),
        cmocka_unit_test(bad_values_are_refused_by_name),
        cmocka_unit_test(an_overridden_bad_value_is_still_a_mistake),
        cmocka_unit_test(certificate_and_key_come_together),
        cmocka_unit_test(a_secret_may_stand_in_a_file_of_its_own),
        cmocka_unit_test(a_higher_layer_wins_whichever_form_it_uses),
        cmocka_unit_test(secrets_given_twice_or_readable_by_all_are_refused),
        cmocka_unit_test(a_relative_path_in_a_file_is_beside_that_file),
        cmocka_unit_test(a_file_that_all_may_read_holds_no_secret),
        cmocka_unit_test(files_that_are_no_configuration_are_refused),
        cmocka_unit_test(zero_bytes_and_endless_lines_are_refused),
        cmocka_unit_test(comparing_names_what_needs_a_restart),
        cmocka_unit_test(taking_over_changes_only_what_may_change),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
