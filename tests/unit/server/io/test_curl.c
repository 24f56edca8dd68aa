/* Fetches against a worker of our own, and what must never be reached. */
#include "server/base/mem.h"
#include "server/io/address.h"
#include "server/io/curl.h"
#include "server/io/loop.h"
#include "tests/unit/server/io/rig.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct fetcher_config OPEN = {.allow_http = true, .allow_private = true};
static const struct fetcher_config GUARDED = {.allow_http = true};

/* What came of one fetch. */
struct result {
    struct loop *loop;
    struct fetcher *fetcher;
    int calls;
    parley_status st;
    int status;
    char *body;
    char type[64];
};

static void finish(struct result *r)
{
    fetcher_stop(r->fetcher);
    loop_stop(r->loop);
}

static void on_done(void *arg, parley_status st, const struct fetch_answer *answer)
{
    struct result *r = arg;
    r->calls++;
    r->st = st;
    if (answer) {
        r->status = answer->status;
        r->body = mem_span(answer->body);
        snprintf(r->type, sizeof r->type, "%s", answer->content_type);
    }
}

static void stop_later(void *arg)
{
    finish(arg);
}

static void on_done_stop(void *arg, parley_status st, const struct fetch_answer *answer)
{
    static struct loop_timer timer; /* not from inside the callback */
    struct result *r = arg;
    on_done(arg, st, answer);
    loop_timer_start_exact(r->loop, &timer, 0, stop_later, r);
}

/* Runs a loop until the fetch is done; a request that is refused at once has no calls. */
static struct result fetch(const struct fetcher_config *config, const struct fetch_request *request)
{
    struct result r = {.loop = loop_new()};
    r.fetcher = fetcher_new(r.loop, config);
    parley_status st = fetch_start(r.fetcher, request, on_done_stop, &r);
    if (st == PARLEY_OK)
        loop_run(r.loop);
    else
        r.st = st;
    fetcher_free(&r.fetcher);
    loop_free(&r.loop);
    return r;
}

static const char *url_of(const struct rig *rig, const char *path)
{
    static char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", rig_port(rig), path);
    return url;
}

static void an_answer_comes_back_with_status_type_and_body(void **state)
{
    struct fetch_header headers[] = {{"Authorization", span_str("Bearer x")}, {0}};
    struct result r = fetch(
        &OPEN,
        &(struct fetch_request){.url = url_of(*state, "/seen?after=1"), .headers = headers, .body = span_str("hello")});
    assert_int_equal(r.calls, 1);
    assert_int_equal(r.st, PARLEY_OK);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.type, "text/plain");
    assert_string_equal(r.body, "POST /seen x= after=1 auth=Bearer x body=5");
    mem_free(r.body);
}

static void a_status_of_failure_is_an_answer(void **state)
{
    struct result r = fetch(&OPEN, &(struct fetch_request){.url = url_of(*state, "/nothing")});
    assert_int_equal(r.st, PARLEY_OK);
    assert_int_equal(r.status, 404);
    mem_free(r.body);
}

static void an_answer_beyond_its_limit_is_given_up(void **state)
{
    struct result r = fetch(&OPEN, &(struct fetch_request){.url = url_of(*state, "/big")});
    assert_int_equal(r.st, PARLEY_TOO_BIG);
    assert_int_equal(r.calls, 1);
}

static void an_answer_that_does_not_come_is_a_timeout(void **state)
{
    struct result r = fetch(&OPEN, &(struct fetch_request){.url = url_of(*state, "/later"), .timeout_ms = 30});
    assert_int_equal(r.st, PARLEY_TIMEOUT);
}

/* Takes one connection, reads what is asked, and hangs up. */
static void *hang_up(void *arg)
{
    char asked[1024];
    int connection = accept(*(int *)arg, NULL, NULL);
    ssize_t n = read(connection, asked, sizeof asked);
    close(connection);
    return n > 0 ? arg : NULL;
}

static void a_connection_that_breaks_is_uncertain(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_t thread;
    char url[64];
    void *asked;
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(pthread_create(&thread, NULL, hang_up, &listener), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(at.sin_port));
    struct result r = fetch(&OPEN, &(struct fetch_request){.url = url, .method = "POST"});
    pthread_join(thread, &asked);
    close(listener);
    assert_non_null(asked);
    assert_int_equal(r.st, PARLEY_UNCERTAIN);
}

static void nobody_there_is_unavailable(void **state)
{
    struct result r = fetch(&OPEN, &(struct fetch_request){.url = "http://127.0.0.1:1/"});
    assert_int_equal(r.st, PARLEY_UNAVAILABLE);
}

static void a_header_cannot_bring_another(void **state)
{
    struct fetch_header headers[] = {{"X-A", span_str("a\r\nX-B: b")}, {0}};
    struct result r = fetch(&OPEN, &(struct fetch_request){.url = url_of(*state, "/echo"), .headers = headers});
    assert_int_equal(r.st, PARLEY_INVALID);
    assert_int_equal(r.calls, 0);
}

static void what_is_under_way_at_the_end_is_canceled(void **state)
{
    struct result r = {.loop = loop_new()};
    r.fetcher = fetcher_new(r.loop, &OPEN);
    struct fetch_request request = {.url = url_of(*state, "/later")};
    assert_int_equal(fetch_start(r.fetcher, &request, on_done, &r), PARLEY_OK);
    struct loop_timer timer = {0};
    loop_timer_start_exact(r.loop, &timer, 20, stop_later, &r);
    loop_run(r.loop);
    assert_int_equal(r.calls, 1);
    assert_int_equal(r.st, PARLEY_CANCELED);
    fetcher_free(&r.fetcher);
    loop_free(&r.loop);
}

static void more_than_may_be_under_way_is_busy(void **state)
{
    struct result r = {.loop = loop_new()};
    struct fetcher_config config = OPEN;
    config.in_flight_max = 1;
    r.fetcher = fetcher_new(r.loop, &config);
    struct fetch_request request = {.url = url_of(*state, "/later")};
    assert_int_equal(fetch_start(r.fetcher, &request, on_done_stop, &r), PARLEY_OK);
    assert_int_equal(fetch_start(r.fetcher, &request, on_done, &r), PARLEY_BUSY);
    loop_run(r.loop);
    assert_int_equal(r.st, PARLEY_OK);
    mem_free(r.body);
    fetcher_free(&r.fetcher);
    loop_free(&r.loop);
}

static void what_is_inside_is_not_reached_under_any_name(void **state)
{
    static const char *const urls[] = {
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.0.0.1/",
        "http://0/",
        "http://localhost/",

        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://10.0.0.1/",
        "http://169.254.169.254/",
        "http://192.168.0.1/",
        "http://172.31.255.255/",
        "http://100.64.0.1/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://1.1.1.1:8080/",
        "https://1.1.1.1:80/",
        "https://1.1.1.1:22/",
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct result r = fetch(&GUARDED, &(struct fetch_request){.url = urls[i]});
        if (r.st != PARLEY_DENIED)
            fail_msg("%s: %s", urls[i], status_name(r.st));
    }
}

static void what_is_no_web_address_is_invalid(void **state)
{
    static const char *const urls[] = {
        "",
        "nothing",
        "ftp://a.example/",
        "file:///etc/passwd",
        "gopher://a.example/",
        "https://user@a.example/",
        "https://user:secret@a.example/",
        "https://a b.example/",
        "//a.example/",
        "https://",
    };
    struct fetcher_config https_only = {0};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct result r = fetch(&GUARDED, &(struct fetch_request){.url = urls[i]});
        if (r.st != PARLEY_INVALID || r.calls)
            fail_msg("%s: %s", urls[i], status_name(r.st));
    }
    assert_int_equal(fetch(&https_only, &(struct fetch_request){.url = "http://1.1.1.1/"}).st, PARLEY_INVALID);
}

static void the_edges_of_the_special_blocks_are_known(void **state)
{
    static const struct {
        const char *text;
        bool is_public;
    } edges[] = {
        {"9.255.255.255", true},
        {"10.0.0.0", false},
        {"10.255.255.255", false},
        {"11.0.0.0", true},
        {"100.63.255.255", true},
        {"100.64.0.0", false},
        {"100.127.255.255", false},
        {"100.128.0.0", true},
        {"126.255.255.255", true},
        {"127.255.255.255", false},
        {"128.0.0.1", true},
        {"169.253.255.255", true},
        {"169.255.0.0", true},
        {"172.15.255.255", true},
        {"172.16.0.0", false},
        {"172.32.0.0", true},
        {"192.0.0.255", false},
        {"192.0.1.0", true},
        {"192.167.255.255", true},
        {"192.169.0.0", true},
        {"198.17.255.255", true},
        {"198.19.255.255", false},
        {"198.20.0.0", true},
        {"223.255.255.255", true},
        {"224.0.0.0", false},
        {"240.0.0.0", false},
        {"255.255.255.255", false},
        {"2000::1", true},
        {"2001:1ff:ffff::", false},
        {"2001:200::", true},
        {"2001:db8::1", false},
        {"2001:db9::1", true},
        {"2606:4700::1111", true},
        {"::ffff:8.8.8.8", true},
        {"::ffff:10.0.0.1", false},
        {"64:ff9b::808:808", true},
        {"64:ff9b:1::808:808", false},
        {"2002:808:808::", true},
        {"2002:a00:1::", false},
        {"fbff::1", true},
        {"fc00::", false},
        {"fdff::", false},
        {"fe80::", false},
        {"febf::", false},
        {"fec0::", false},
        {"ff02::1", false},
        {"::8.8.8.8", false},
        {"100::1", false},
        {"100:0:0:1::", true},
        {"", false},
        {"a.example", false},
        {"1.2.3", false},
    };
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
        if (address_text_is_public(edges[i].text) != edges[i].is_public)
            fail_msg("%s", edges[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_RIG(an_answer_comes_back_with_status_type_and_body),
        ON_RIG(a_status_of_failure_is_an_answer),
        ON_RIG(an_answer_beyond_its_limit_is_given_up),
        ON_RIG(an_answer_that_does_not_come_is_a_timeout),
        cmocka_unit_test(a_connection_that_breaks_is_uncertain),
        cmocka_unit_test(nobody_there_is_unavailable),
        ON_RIG(a_header_cannot_bring_another),
        ON_RIG(what_is_under_way_at_the_end_is_canceled),
        ON_RIG(more_than_may_be_under_way_is_busy),
        cmocka_unit_test(what_is_inside_is_not_reached_under_any_name),
        cmocka_unit_test(what_is_no_web_address_is_invalid),
        cmocka_unit_test(the_edges_of_the_special_blocks_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
