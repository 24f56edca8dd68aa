/* The connection: when it tries, when it waits, and when it must not try at all. */
#include "tests/unit/sdk-c/fake.h"

#include "sdk-c/src/url.h"

#include <stdio.h>

static void expect_states(struct fake *f, int32_t a, int32_t b)
{
    fake_expect_state(f, a, PARLEY_OK);
    fake_expect_state(f, b, PARLEY_OK);
}

static void goes_online(void **state)
{
    struct fake *f = *state;
    assert_int_equal(parley_state(f->client), PARLEY_STATE_IDLE);
    fake_online(f, 0, 0);
    expect_states(f, PARLEY_STATE_CONNECTING, PARLEY_STATE_SYNCING);
    fake_expect_state(f, PARLEY_STATE_ONLINE, PARLEY_OK);
    assert_string_equal(parley_event_text(f->event, "was"), "syncing");
    parley_event *e = fake_event(f, PARLEY_EVENT_WELCOME);
    assert_string_equal(parley_event_text(e, "role"), "customer");
}

static void waits_longer_each_time(void **state)
{
    struct fake *f = *state;
    int64_t longest = 0, shortest = BACKOFF_MAX_MS;
    f->refuse_open = true;
    parley_connect(f->client);
    fake_step(f);
    for (int i = 1; i <= 40; i++) {
        assert_int_equal(f->opens, i);
        parley_event *e;
        int64_t wait = -1;
        while ((e = fake_event(f, PARLEY_EVENT_STATE)))
            if (parley_event_state(e) == PARLEY_STATE_BACKOFF)
                wait = parley_event_int(e, "retry_in_ms", -1);
        assert_in_range(wait, 0, i < 7 ? BACKOFF_FIRST_MS << (i - 1) : BACKOFF_MAX_MS);
        longest = wait > longest ? wait : longest;
        shortest = i > 7 && wait < shortest ? wait : shortest;
        assert_int_equal(parley_step_due(f->client), wait);
        if (wait > 0)
            fake_advance(f, wait - 1);
        assert_int_equal(f->opens, i);
        fake_advance(f, wait > 0 ? 1 : 0);
    }
    assert_true(longest > BACKOFF_MAX_MS / 2); /* the jitter uses all of its room */
    assert_true(shortest < BACKOFF_MAX_MS / 4);
}

static void gives_up_on_a_server_that_does_not_answer(void **state)
{
    struct fake *f = *state;
    parley_connect(f->client);
    fake_step(f);
    fake_advance(f, LINK_CONNECT_MS);
    assert_int_not_equal(f->close_code, 0);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_BACKOFF);
    fake_advance(f, 500);
    fake_open(f);
    fake_advance(f, LINK_HELLO_MS);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_BACKOFF);
}

static void asks_for_a_token(void **state)
{
    struct fake *f = *state;
    parley_connect(f->client);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_refuse(f, PARLEY_TOKEN_EXPIRED, 0);
    expect_states(f, PARLEY_STATE_CONNECTING, PARLEY_STATE_SYNCING);
    fake_expect_state(f, PARLEY_STATE_NEEDS_TOKEN, PARLEY_TOKEN_EXPIRED);
    fake_advance(f, 3600000); /* a refused token never loops */
    parley_network_changed(f->client, 1);
    parley_set_foreground(f->client, 0);
    parley_set_foreground(f->client, 1);
    parley_connect(f->client);
    parley_close(f->client);
    parley_connect(f->client);
    fake_step(f);
    assert_int_equal(f->opens, 1);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_NEEDS_TOKEN);
    assert_int_equal(parley_set_token(f->client, "another"), PARLEY_OK);
    fake_open(f);
    assert_true(span_is(fake_expect(f, FRAME_hello)->hello.token, "another"));
}

/* An app that answers needs_token with what it has at hand, again and again. */
static void a_refused_token_is_not_offered_twice(void **state)
{
    struct fake *f = *state;
    parley_connect(f->client);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_refuse(f, PARLEY_TOKEN_EXPIRED, 0);
    assert_int_equal(parley_set_token(f->client, "a-token"), PARLEY_TOKEN_EXPIRED);
    fake_advance(f, 3600000);
    assert_int_equal(f->opens, 1);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_NEEDS_TOKEN);
    assert_int_equal(parley_set_token(f->client, "another"), PARLEY_OK);
    fake_open(f);
    assert_true(span_is(fake_expect(f, FRAME_hello)->hello.token, "another"));
}

/* A back end whose clock is wrong: each of its tokens is a new one, and none is good. */
static void tokens_that_are_refused_in_a_row_are_offered_ever_more_slowly(void **state)
{
    struct fake *f = *state;
    char token[16];
    int64_t began = f->now;
    parley_connect(f->client);
    for (int i = 1; i <= 20; i++) {
        while (!f->asked)
            fake_advance(f, 100);
        fake_open(f);
        fake_expect(f, FRAME_hello);
        fake_refuse(f, PARLEY_TOKEN_NOT_YET, 0);
        assert_int_equal(parley_state(f->client), PARLEY_STATE_NEEDS_TOKEN);
        snprintf(token, sizeof token, "token-%d", i);
        assert_int_equal(parley_set_token(f->client, token), PARLEY_OK);
        fake_step(f);
        if (i == 1)
            assert_true(f->asked); /* the first one goes at once */
    }
    assert_true(f->now - began > 2 * BACKOFF_MAX_MS);
    while (!f->asked)
        fake_advance(f, 100);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_welcome(f, 0, 0);
    fake_close(f, 4004); /* one that was good ends: what follows it is not kept waiting */
    assert_int_equal(parley_set_token(f->client, "fresh"), PARLEY_OK);
    fake_step(f);
    assert_true(f->asked);
}

static void obeys_close_codes(void **state)
{
    static const struct {
        int code;
        int32_t state;
        parley_status reason;
    } rows[] = {
        {1000, PARLEY_STATE_BACKOFF, PARLEY_CLOSED},
        {1006, PARLEY_STATE_BACKOFF, PARLEY_CLOSED},
        {1011, PARLEY_STATE_BACKOFF, PARLEY_INTERNAL},
        {1012, PARLEY_STATE_BACKOFF, PARLEY_DRAINING},
        {4001, PARLEY_STATE_BACKOFF, PARLEY_SLOW},
        {4003, PARLEY_STATE_BACKOFF, PARLEY_RATE_LIMITED},
        {4004, PARLEY_STATE_NEEDS_TOKEN, PARLEY_TOKEN_EXPIRED},
        {4499, PARLEY_STATE_BACKOFF, PARLEY_CLOSED},
        {4500, PARLEY_STATE_BLOCKED, PARLEY_MALFORMED},
        {4501, PARLEY_STATE_NEEDS_TOKEN, PARLEY_UNAUTHENTICATED},
        {4502, PARLEY_STATE_BLOCKED, PARLEY_DENIED},
        {4503, PARLEY_STATE_BLOCKED, PARLEY_REPLACED},
        {4506, PARLEY_STATE_BLOCKED, PARLEY_SIGNED_OUT},
        {4999, PARLEY_STATE_BLOCKED, PARLEY_CLOSED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fake fake, *f = &fake;
        fake_start(f, 0);
        fake_online(f, 0, 0);
        expect_states(f, PARLEY_STATE_CONNECTING, PARLEY_STATE_SYNCING);
        fake_expect_state(f, PARLEY_STATE_ONLINE, PARLEY_OK);
        fake_close(f, rows[i].code);
        fake_expect_state(f, rows[i].state, rows[i].reason);
        fake_advance(f, 60000);
        assert_int_equal(f->opens, rows[i].state == PARLEY_STATE_BACKOFF ? 2 : 1);
        fake_stop(f);
    }
}

static void comes_back_when_the_server_said(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    fake_push(f, drain, .reconnect_in_ms = 4000);
    parley_send_text(f->client, NULL, "still works", NULL);
    fake_expect(f, FRAME_post);
    fake_close(f, 1012);
    fake_advance(f, 3999);
    assert_int_equal(f->opens, 1);
    fake_advance(f, 1000);
    assert_int_equal(f->opens, 2);
}

static void leaves_a_draining_server(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    fake_advance(f, 10000);
    fake_push(f, drain, .reconnect_in_ms = 4000);
    fake_advance(f, 4000);
    assert_int_equal(f->opens, 2);
}

static void waits_as_long_as_it_is_told(void **state)
{
    struct fake *f = *state;
    parley_connect(f->client);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_refuse(f, PARLEY_BUSY, 20000);
    fake_advance(f, 19999);
    assert_int_equal(f->opens, 1);
    fake_advance(f, 10000);
    assert_int_equal(f->opens, 2);
}

/* The server's wish counts more than the app's hurry: all its phones come to the front when it is back. */
static void hurries_no_more_than_the_server_wants(void **state)
{
    struct fake *f = *state;
    parley_connect(f->client);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_refuse(f, PARLEY_BUSY, 20000);
    for (int i = 0; i < 6; i++) {
        parley_set_foreground(f->client, 0);
        parley_set_foreground(f->client, 1);
        parley_network_changed(f->client, 0);
        parley_network_changed(f->client, 1);
        fake_advance(f, 3000);
    }
    assert_int_equal(f->opens, 1);
    fake_advance(f, 2000 + BACKOFF_FIRST_MS); /* and the jitter */
    assert_int_equal(f->opens, 2);
}

static void no_number_of_the_servers_is_too_large(void **state)
{
    struct fake fake, *f = &fake;
    fake_start(f, 0);
    parley_connect(f->client);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_refuse(f, PARLEY_BUSY, INT64_MAX);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_BACKOFF);
    fake_advance(f, 3600000 - 1);
    assert_int_equal(f->opens, 1);
    fake_advance(f, 3600000); /* nobody meant for ever */
    fake_open(f);
    fake_expect(f, FRAME_hello);
    struct frame_thread main = {.conversation = fake_main, .topic = span_str("main")};
    fake_reply(f, welcome, .me = fake_me, .role = role_customer, .time = 0, .has_expires_at = true,
               .expires_at = INT64_MAX, .ping_ms = INT64_MAX, .server = span_str("fake"), .threads = &main,
               .threads_count = 1);
    parley_send_text(f->client, NULL, "hello", NULL);
    fake_find(f, FRAME_post);
    fake_refuse(f, PARLEY_UNAVAILABLE, INT64_MAX);
    assert_int_equal(parley_push_register(f->client, "fcm", "t"), PARLEY_OK);
    fake_find(f, FRAME_push_set);
    fake_refuse(f, PARLEY_UNAVAILABLE, INT64_MAX);
    fake_push(f, token_expiring, .expires_at = INT64_MAX);
    fake_push(f, drain, .reconnect_in_ms = INT64_MAX);
    fake_advance(f, 1000);
    assert_true(parley_step_due(f->client) >= 0);
    fake_close(f, 1012);
    fake_advance(f, 2 * 3600000);
    assert_true(f->asked);
    fake_stop(f);
}

static void sleeps_in_the_background(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    parley_set_foreground(f->client, 0);
    fake_advance(f, 29999);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_ONLINE);
    fake_advance(f, 1);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_SUSPENDED);
    assert_int_equal(parley_step_due(f->client), -1); /* nothing wakes the processor */
    parley_set_foreground(f->client, 1);
    fake_step(f);
    assert_int_equal(f->opens, 2);
}

static void tries_at_once_when_a_network_comes(void **state)
{
    struct fake *f = *state;
    f->refuse_open = true;
    parley_connect(f->client);
    fake_step(f);
    for (int i = 0; i < 8; i++)
        fake_advance(f, 30000);
    int opens = f->opens;
    fake_advance(f, 3000);
    parley_network_changed(f->client, 0);
    fake_advance(f, 60000);
    assert_in_range(f->opens, opens, opens + 1);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_SUSPENDED);
    opens = f->opens;
    parley_network_changed(f->client, 1);
    fake_step(f);
    assert_int_equal(f->opens, opens + 1);
    for (int i = 0; i < 20; i++) { /* a flapping network is no reason to hammer */
        parley_network_changed(f->client, 1);
        fake_advance(f, 10);
    }
    assert_in_range(f->opens, opens + 1, opens + 2);
}

static void notices_silence(void **state)
{
    struct fake *f = *state;
    fake_online(f, 3, 1);
    fake_advance(f, 1000);
    fake_expect(f, FRAME_mark_set);
    fake_reply(f, done);
    fake_advance(f, 25000 * 3 / 2);
    const struct frame *r = fake_expect(f, FRAME_range); /* asks, and learns the head by the way */
    assert_int_equal(r->range.after, 3);
    fake_answer_range(f, 4);
    fake_expect_item(f, 1, true);
    fake_expect_item(f, 2, true);
    fake_expect_item(f, 3, true);
    fake_expect_item(f, 4, true);
    fake_advance(f, 25000 * 3 / 2);
    fake_find(f, FRAME_range);
    fake_advance(f, LINK_PROBE_MS);
    assert_false(f->is_open);
    while (fake_event(f, PARLEY_EVENT_STATE) && parley_event_state(f->event) != PARLEY_STATE_BACKOFF)
        ;
    assert_int_equal(parley_event_status(f->event), PARLEY_TIMEOUT);
}

static void doubts_the_socket_after_sleep(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    parley_set_foreground(f->client, 0);
    fake_advance(f, 20000);
    parley_set_foreground(f->client, 1);
    fake_expect(f, FRAME_range);
    fake_advance(f, LINK_DOUBT_MS);
    assert_false(f->is_open);
}

static void renews_its_token(void **state)
{
    struct fake *f = *state;
    parley_connect(f->client);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_reply(f, welcome, .me = fake_me, .role = role_agent, .time = 1000000, .has_expires_at = true,
               .expires_at = 1000000 + 600000, .ping_ms = 25000, .server = span_str("fake"));
    fake_expect_no(f, PARLEY_EVENT_TOKEN_EXPIRING);
    for (int t = 0; t < 540000; t += 20000) {
        fake_push(f, head, .heads = NULL);
        fake_advance(f, 20000);
    }
    assert_int_equal(parley_event_int(fake_event(f, PARLEY_EVENT_TOKEN_EXPIRING), "expires_at", 0), 1600000);
    parley_set_token(f->client, "fresh");
    assert_true(span_is(fake_find(f, FRAME_auth)->auth.token, "fresh"));
    fake_reply(f, auth_ok, .has_expires_at = false);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_ONLINE);
}

/* Connects as a guest with a pg_ token and one post without its answer. */
static void come_as_guest(struct fake *f)
{
    assert_int_equal(parley_set_token(f->client, "pg_one"), PARLEY_OK);
    parley_connect(f->client);
    fake_open(f);
    assert_true(span_is(fake_expect(f, FRAME_hello)->hello.token, "pg_one"));
    struct frame_thread main = {.conversation = fake_main, .topic = span_str("main")};
    fake_reply(f, welcome, .me = fake_me, .role = role_guest, .time = 1, .ping_ms = 25000, .server = span_str("fake"),
               .threads = &main, .threads_count = 1);
    parley_send_text(f->client, NULL, "as a guest", NULL);
    fake_expect(f, FRAME_post);
    assert_int_equal(parley_set_token(f->client, "a-jwt"), PARLEY_OK);
    parley_send_text(f->client, NULL, "after", NULL);
}

static void a_guest_becomes_a_customer(void **state)
{
    struct fake *f = *state;
    struct uuid ann = {.b = {7, 7}}, home = {.b = {8, 8}};
    char text[37];
    come_as_guest(f);
    int64_t post = f->request.id;
    fake_expect(f, FRAME_none); /* not before everything is answered, and nothing is said in between */
    f->request.id = post;
    fake_reply(f, posted, .seq = 1, .at = 1);
    assert_true(span_is(fake_expect(f, FRAME_auth)->auth.token, "a-jwt"));
    fake_expect(f, FRAME_none);
    fake_event(f, PARLEY_EVENT_WELCOME);
    f->request.id = post + 1;
    fake_reply(f, auth_ok, .has_me = true, .me = ann, .has_main = true, .main = home);
    uuid_format(ann, text);
    assert_non_null(fake_event(f, PARLEY_EVENT_WELCOME));
    assert_string_equal(parley_event_text(f->event, "me"), text);
    assert_string_equal(parley_event_text(f->event, "role"), "customer");
    assert_memory_equal(fake_find(f, FRAME_subscribe)->subscribe.conversation.b, home.b, 16);
    fake_reply(f, ranged, .thread = {.conversation = home, .topic = span_str("main")});
    uuid_format(home, text);
    assert_non_null(fake_event(f, PARLEY_EVENT_CONVERSATION));
    assert_string_equal(parley_event_text(f->event, "conversation"), text);
    parley_send_text(f->client, NULL, "as ann", NULL);
    while (fake_next(f) && f->request.type == FRAME_post)
        post = memcmp(f->request.post.conversation.b, home.b, 16) == 0 ? -1 : post;
    assert_int_equal(post, -1); /* what has no conversation named goes to the new main one */
}

static void a_sign_in_whose_answer_was_lost_is_made_good(void **state)
{
    struct fake *f = *state;
    come_as_guest(f);
    fake_reply(f, posted, .seq = 1, .at = 1);
    fake_expect(f, FRAME_auth);
    assert_true(span_is(fake_again(f, 1006)->hello.token, "pg_one"));
    fake_refuse(f, PARLEY_UNAUTHENTICATED, 0);
    fake_open(f); /* at once */
    assert_true(span_is(fake_expect(f, FRAME_hello)->hello.token, "a-jwt"));
    fake_refuse(f, PARLEY_TOKEN_KEY, 0);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_NEEDS_TOKEN);
}

static void stays_closed(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    parley_close(f->client);
    fake_step(f);
    assert_int_equal(f->close_code, 1000);
    fake_advance(f, 3600000);
    parley_set_foreground(f->client, 1);
    parley_network_changed(f->client, 1);
    fake_step(f);
    assert_int_equal(f->opens, 1);
    parley_connect(f->client);
    fake_step(f);
    assert_int_equal(f->opens, 2);
}

static void drops_a_server_that_talks_nonsense(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    parley_transport_received(f->client, f->socket, (const uint8_t *)"\xc1", 1);
    fake_step(f);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_BACKOFF);
    assert_int_equal(parley_transport_received(f->client, 99, (const uint8_t *)"\xc1", 1), PARLEY_OK); /* an old one */
    parley_transport_closed(f->client, f->socket + 5, 4500, NULL);
    fake_step(f);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_BACKOFF);
}

static int wakes;

static void count_wake(void *user)
{
    wakes++;
}

static void wakes_once_for_many_events(void **state)
{
    struct fake *f = *state;
    wakes = 0;
    parley_set_wakeup(f->client, count_wake, NULL);
    fake_online(f, 3, 1);
    assert_int_equal(wakes, 1);
    while (fake_event(f, PARLEY_EVENT_ITEM))
        ;
    fake_push_item(f, 4);
    assert_int_equal(wakes, 2);
}

static void reads_addresses(void **state)
{
    struct url url;
    assert_int_equal(url_parse("ws://127.0.0.1:8300/v1/ws", &url), PARLEY_OK);
    assert_string_equal(url.host, "127.0.0.1");
    assert_int_equal(url.port, 8300);
    assert_true(url_is_local(&url));
    assert_int_equal(url_parse("ws://127.example.com/", &url), PARLEY_OK);
    assert_false(url_is_local(&url));
    assert_int_equal(url_parse("wss://chat.example", &url), PARLEY_OK);
    assert_int_equal(url.port, 443);
    assert_string_equal(url.path, "/v1/ws");
    assert_int_equal(url_parse("ws://[::1]:80/x?y=1", &url), PARLEY_OK);
    assert_string_equal(url.host, "::1");
    static const char *const bad[] = {"http://x",   "ws://",      "ws://x:0/", "ws://x:99999/",
                                      "ws://u@x/",  "ws://x/a b", "ws://[::1", "ws://[::1]x",
                                      "ws://x:8o/", "ws://:80/",  "",          "wss:/x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(url_parse(bad[i], &url), PARLEY_INVALID);
}

/* What hello could not carry would look like a server that does not want this client. */
static void what_hello_cannot_carry_is_refused_at_once(void **state)
{
    static char long_text[LIMIT_TOKEN + 2];
    parley_config config;
    parley_client *client = NULL;
    const char **const texts[] = {&config.token, &config.locale, &config.time_zone, &config.app_name,
                                  &config.app_version};
    memset(long_text, 'x', sizeof long_text - 1);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (int which = 0; which < 2; which++) {
            parley_config_init(&config, sizeof config);
            config.url = "wss://chat.example/v1/ws";
            *texts[i] = which ? long_text : "\xff";
            assert_int_equal(parley_client_new(&config, &client), PARLEY_INVALID);
            assert_null(client);
        }
    }
}

static void empty_text_is_none(void **state)
{
    struct fake *f = *state;
    parley_config config;
    parley_config_init(&config, sizeof config);
    config.url = "wss://chat.example/v1/ws";
    config.token = config.locale = config.time_zone = config.app_name = config.app_version = "";
    config.flags = PARLEY_HOST_DRIVEN;
    parley_client_free(f->client);
    assert_int_equal(parley_client_new(&config, &f->client), PARLEY_OK);
    parley_connect(f->client);
    fake_expect_state(f, PARLEY_STATE_NEEDS_TOKEN, PARLEY_UNAUTHENTICATED);
    assert_null(f->client->settings.app_name);
}

static void checks_its_configuration(void **state)
{
    parley_config config;
    parley_client *client = NULL;
    parley_config_init(&config, sizeof config);
    config.token = "x";
    assert_int_equal(parley_client_new(&config, &client), PARLEY_INVALID);
    config.url = "ws://chat.example/v1/ws"; /* a token in the clear over a network */
    assert_int_equal(parley_client_new(&config, &client), PARLEY_DENIED);
    config.url = "wss://chat.example/v1/ws";
    config.device = "x";
    assert_int_equal(parley_client_new(&config, &client), PARLEY_INVALID);
    config.device = NULL;
    config.page = 0;
    assert_int_equal(parley_client_new(&config, &client), PARLEY_INVALID);
    config.page = 50;
    config.size = sizeof config + 8;
    assert_int_equal(parley_client_new(&config, &client), PARLEY_LIMIT);
    assert_null(client);
    parley_client_free(NULL);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(goes_online),
        WITH(waits_longer_each_time),
        WITH(gives_up_on_a_server_that_does_not_answer),
        WITH(asks_for_a_token),
        WITH(a_refused_token_is_not_offered_twice),
        WITH(tokens_that_are_refused_in_a_row_are_offered_ever_more_slowly),
        cmocka_unit_test(obeys_close_codes),
        WITH(comes_back_when_the_server_said),
        WITH(leaves_a_draining_server),
        WITH(waits_as_long_as_it_is_told),
        WITH(hurries_no_more_than_the_server_wants),
        cmocka_unit_test(no_number_of_the_servers_is_too_large),
        WITH(sleeps_in_the_background),
        WITH(tries_at_once_when_a_network_comes),
        WITH(notices_silence),
        WITH(doubts_the_socket_after_sleep),
        WITH(renews_its_token),
        WITH(a_guest_becomes_a_customer),
        WITH(a_sign_in_whose_answer_was_lost_is_made_good),
        WITH(stays_closed),
        WITH(drops_a_server_that_talks_nonsense),
        WITH(wakes_once_for_many_events),
        cmocka_unit_test(reads_addresses),
        cmocka_unit_test(checks_its_configuration),
        cmocka_unit_test(what_hello_cannot_carry_is_refused_at_once),
        WITH(empty_text_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
