/* What arrives: each item once, in order, and nothing missing. */
#include "tests/unit/sdk-c/fake.h"

static void tells_the_first_page(void **state)
{
    struct fake *f = *state;
    fake_online(f, 60, 11);
    parley_event *e = fake_event(f, PARLEY_EVENT_CONVERSATION);
    assert_string_equal(parley_event_text(e, "topic"), "main");
    assert_int_equal(parley_event_int(e, "head", 0), 60);
    fake_expect_items(f, 11, 60, true);
    e = fake_event(f, PARLEY_EVENT_SYNCED);
    assert_int_equal(parley_event_seq(e), 60);
    fake_expect(f, FRAME_none); /* what is older waits for the user */
}

static void shows_an_item(void **state)
{
    struct fake *f = *state;
    fake_online(f, 1, 1);
    parley_event *e = fake_event(f, PARLEY_EVENT_ITEM);
    assert_string_equal(parley_event_text(e, "item.body.text"), "1");
    assert_string_equal(parley_event_text(e, "item.role"), "agent");
    assert_string_equal(parley_event_text(e, "conversation"), "01010101-0101-7001-8001-010101010101");
    assert_int_equal(parley_event_int(e, "mine", -1), 0);
    assert_null(parley_event_text(e, "item.body.nothing"));
    assert_null(parley_event_text(e, "item.seq"));
    assert_int_equal(parley_event_count(e, "item.body"), 1);
    assert_string_equal(parley_event_key(e, "item.body", 0), "text");
    assert_non_null(strstr(parley_event_json(e), "\"event\":\"item\""));
}

static void tells_live_items_once(void **state)
{
    struct fake *f = *state;
    fake_online(f, 2, 1);
    fake_push_item(f, 3);
    fake_push_item(f, 3);
    fake_push_item(f, 2);
    fake_push_item(f, 4);
    fake_expect_items(f, 1, 4, true);
    fake_expect_no(f, PARLEY_EVENT_ITEM);
}

static void skips_numbers_that_are_not_for_it(void **state)
{
    struct fake *f = *state;
    fake_online(f, 2, 1);
    struct frame_item item = fake_item(6);
    item.prev = 2; /* 3, 4 and 5 are notes among staff */
    fake_push(f, item, .conversation = fake_main, .item = item);
    fake_expect_item(f, 1, true);
    fake_expect_item(f, 2, true);
    fake_expect_item(f, 6, true);
    fake_expect(f, FRAME_none);
    item = (struct frame_item){.seq = 7, .prev = 6}; /* a bare number */
    fake_push(f, item, .conversation = fake_main, .item = item);
    fake_expect_no(f, PARLEY_EVENT_ITEM);
    fake_push_item(f, 8);
    fake_expect_item(f, 8, true);
}

static void loads_older_items_to_the_start(void **state)
{
    struct fake *f = *state;
    fake_online(f, 60, 31);
    fake_expect_items(f, 31, 60, true);
    uint64_t call = 0;
    assert_int_equal(parley_load_older(f->client, NULL, 20, &call), PARLEY_OK);
    assert_int_equal(fake_expect(f, FRAME_range)->range.before, 31);
    fake_answer_range(f, 60);
    fake_expect_items(f, 11, 30, false);
    parley_event *e = fake_event(f, PARLEY_EVENT_REPLY);
    assert_int_equal(parley_event_call(e), call);
    assert_int_equal(parley_event_int(e, "data.start", -1), 0);
    assert_int_equal(parley_load_older(f->client, NULL, 20, &call), PARLEY_OK);
    fake_expect(f, FRAME_range);
    fake_answer_range(f, 60);
    e = fake_event(f, PARLEY_EVENT_REPLY);
    assert_int_equal(parley_event_int(e, "data.start", -1), 1);
}

static void opens_the_main_conversation_of_a_new_customer(void **state)
{
    struct fake *f = *state;
    parley_connect(f->client);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_reply(f, welcome, .me = fake_me, .role = role_guest, .ping_ms = 25000, .server = span_str("fake"));
    assert_int_equal(parley_leave_queue(f->client, NULL, NULL), PARLEY_WRONG_STATE);
    const struct frame *r = fake_expect(f, FRAME_conversation_open);
    assert_true(span_is(r->conversation_open.topic, "main"));
    fake_reply(f, ranged, .thread = {.conversation = fake_main, .topic = span_str("main"), .head = 0});
    assert_non_null(fake_event(f, PARLEY_EVENT_CONVERSATION));
    assert_int_equal(parley_event_seq(fake_event(f, PARLEY_EVENT_SYNCED)), 0);
    assert_int_equal(parley_leave_queue(f->client, NULL, NULL), PARLEY_OK);
}

static void tells_that_it_received(void **state)
{
    struct fake *f = *state;
    fake_online(f, 3, 1);
    fake_advance(f, MARK_DELAY_MS);
    const struct frame *r = fake_expect(f, FRAME_mark_set);
    assert_int_equal(r->mark_set.delivered, 3);
    assert_false(r->mark_set.has_read);
    fake_reply(f, done);
    assert_int_equal(parley_mark_read(f->client, NULL, 99), PARLEY_OK); /* no more than there is */
    fake_advance(f, MARK_DELAY_MS);
    r = fake_expect(f, FRAME_mark_set);
    assert_int_equal(r->mark_set.read, 3);
    fake_advance(f, 5000);
    fake_expect(f, FRAME_none);
}

static void forgets_who_typed(void **state)
{
    struct fake *f = *state;
    fake_online(f, 1, 1);
    fake_push(f, typing, .conversation = fake_main, .participant = fake_agent, .role = role_agent, .on = true);
    assert_int_equal(parley_event_int(fake_event(f, PARLEY_EVENT_TYPING), "on", -1), 1);
    fake_advance(f, TYPING_LASTS_MS - 1);
    fake_expect_no(f, PARLEY_EVENT_TYPING);
    fake_advance(f, 1);
    assert_int_equal(parley_event_int(fake_event(f, PARLEY_EVENT_TYPING), "on", -1), 0);
}

static void types_at_most_every_three_seconds(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    for (int i = 0; i < 60; i++) {
        parley_typing(f->client, NULL, 1);
        fake_advance(f, 100);
    }
    fake_expect(f, FRAME_typing);
    fake_expect(f, FRAME_typing);
    fake_expect(f, FRAME_none);
    parley_typing(f->client, NULL, 0);
    assert_false(fake_expect(f, FRAME_typing)->typing.on);
}

static void sends_the_context_when_it_changed(void **state)
{
    struct fake *f = *state;
    assert_int_equal(parley_context_set(f->client, NULL, "screen", "\"cart\""), PARLEY_OK); /* before any connection */
    assert_int_equal(parley_context_set(f->client, NULL, "items", "[1, 2.0]"), PARLEY_OK);
    assert_int_equal(parley_context_set(f->client, NULL, "bad", "[1"), PARLEY_MALFORMED);
    fake_online(f, 0, 0);
    fake_advance(f, CONTEXT_DELAY_MS);
    const struct frame *r = fake_expect(f, FRAME_context_put);
    const struct value *context = r->context_put.context.value;
    assert_true(span_is(value_find(context, "screen")->text, "cart"));
    assert_int_equal(value_find(context, "items")->count, 2);
    fake_reply(f, context_stored, .changed = true);
    parley_context_set(f->client, NULL, "screen", "\"cart\"");
    fake_advance(f, 5000);
    fake_expect(f, FRAME_none);
    parley_context_set(f->client, NULL, "items", NULL);
    fake_advance(f, 5000);
    assert_int_equal(fake_expect(f, FRAME_context_put)->context_put.context.value->count, 1);
    fake_reply(f, context_stored, .changed = true);
    parley_context_set(f->client, NULL, "screen", "\"help\"");
    parley_send_text(f->client, NULL, "why?", NULL);
    fake_expect(f, FRAME_context_put); /* what is said belongs to it */
    fake_expect(f, FRAME_post);
}

static void push_moving(struct fake *f, int64_t seq, const char *kind, const char *body)
{
    struct frame_item item = fake_item(seq);
    item.kind = span_str(kind);
    item.body.json = span_str(body);
    item.role = role_system;
    fake_push(f, item, .conversation = fake_main, .item = item);
}

static void expect_service(struct fake *f, const char *state, const char *agent)
{
    parley_event *e = fake_event(f, PARLEY_EVENT_SERVICE);
    assert_non_null(e);
    const char *told = parley_event_text(e, "service.state"), *name = parley_event_text(e, "service.agent_name");
    assert_string_equal(told ? told : "none", state);
    assert_string_equal(name ? name : "", agent);
}

static void follows_who_serves(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    expect_service(f, "none", "");
    push_moving(f, 1, "opened", "{\"epoch\":1,\"session\":\"02020202-0202-7002-8002-020202020202\"}");
    expect_service(f, "bot", "");
    push_moving(f, 2, "queued", "{\"why\":\"flow\",\"epoch\":2,\"queue\":\"care\"}");
    expect_service(f, "queued", "");
    assert_string_equal(parley_event_text(f->event, "service.queue"), "care");
    struct frame_service s = {
        .session = fake_me, .state = session_state_queued, .epoch = 2, .has_place = true, .place = 3};
    fake_push(f, service, .conversation = fake_main, .has_service = true, .service = s);
    expect_service(f, "queued", "");
    assert_int_equal(parley_event_int(f->event, "service.place", 0), 3);
    push_moving(f, 3, "joined", "{\"name\":\"Kim\",\"epoch\":3,\"agent\":\"03030303-0303-7003-8003-030303030303\"}");
    expect_service(f, "live", "Kim");
    assert_int_equal(parley_event_int(f->event, "service.place", 0), 0);
    fake_push(f, service, .conversation = fake_main, .has_service = true, .service = s); /* late: kim has joined */
    push_moving(f, 4, "resolved", "{\"epoch\":4,\"closed\":false,\"outcome\":\"resolved\"}");
    expect_service(f, "bot", "");
    push_moving(f, 5, "resolved", "{\"epoch\":5,\"closed\":true,\"outcome\":\"finished\"}");
    expect_service(f, "none", "");
    fake_push(f, service, .conversation = fake_main, .has_service = true, .service = s); /* later still: it is over */
    push_moving(f, 6, "reopened", "{\"name\":\"Lee\",\"epoch\":6}");
    expect_service(f, "live", "Lee");
}

static void stops_reading_when_nobody_pulls(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    int64_t n = 1;
    for (; n < 2 * EVENTS_MAX && f->is_open; n++)
        fake_push_item(f, n);
    assert_false(f->is_open);
    assert_true(n <= EVENTS_MAX + 1);
    fake_advance(f, 60000);
    assert_int_equal(f->opens, 1); /* no use while there is no room */
    int64_t told = 0;
    while (fake_event(f, PARLEY_EVENT_ITEM))
        assert_int_equal(parley_event_seq(f->event), ++told);
    fake_advance(f, 2000);
    fake_open(f);
    assert_int_equal(fake_expect(f, FRAME_hello)->hello.have[0].seq, told);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

/* The answer to hello comes first from any server; what overtook it would be of a conversation not known yet. */
static void what_comes_before_welcome_does_not_count(void **state)
{
    struct fake *f = *state;
    uint64_t view;
    assert_int_equal(parley_send_text(f->client, NULL, "mine", NULL), PARLEY_OK);
    assert_int_equal(parley_view_thread(f->client, NULL, 10, &view), PARLEY_OK);
    parley_connect(f->client);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_push_item(f, 3);
    fake_welcome(f, 2, 1);
    fake_expect_item(f, 1, true);
    fake_expect_item(f, 2, true);
    fake_push_head(f, 3);
    fake_find(f, FRAME_range);
    fake_answer_range(f, 3);
    while (fake_event(f, PARLEY_EVENT_VIEW) && parley_event_int(f->event, "row.seq", 0) != 3)
        ;
    assert_non_null(f->event);
    assert_int_equal(parley_event_int(f->event, "index", 0), 2);
}

/* Takes what comes for a while; a range is answered as by a log of three items that claims to end at `head`. */
static void look_around(struct fake *f, int64_t head)
{
    for (int i = 0; i < 20; i++) {
        fake_advance(f, 1000);
        while (fake_next(f)) {
            if (f->request.type == FRAME_range && f->is_open)
                fake_reply(f, ranged, .thread = {.conversation = fake_main, .topic = span_str("main"), .head = head});
        }
        if (f->asked) {
            fake_open(f);
            fake_expect(f, FRAME_hello);
            fake_welcome(f, 3, 0);
        }
        while (fake_event(f, -1))
            ;
    }
}

static void the_largest_numbers_do_no_harm(void **state)
{
    struct fake *f = *state;
    const int64_t most = INT64_MAX;
    uint64_t view;
    fake_online(f, 3, 1);
    assert_int_equal(parley_view_thread(f->client, NULL, 10, &view), PARLEY_OK);
    fake_push_head(f, most);
    look_around(f, most);
    struct frame_item item = fake_item(4);
    item.seq = most;
    item.prev = most - 1;
    fake_push(f, item, .conversation = fake_main, .item = item);
    look_around(f, most);
    item.prev = 3;
    fake_push(f, item, .conversation = fake_main, .item = item);
    look_around(f, most);
    fake_push(f, marked, .conversation = fake_main,
              .mark = {.participant = fake_agent, .role = role_agent, .read = most, .delivered = most});
    fake_push(f, marked, .conversation = fake_main,
              .mark = {.participant = fake_me, .role = role_customer, .read = most, .delivered = most});
    struct frame_service service = {.session = fake_agent, .state = session_state_queued, .epoch = most};
    service.has_place = service.has_estimate_ms = true;
    service.place = service.estimate_ms = most;
    fake_push(f, service, .conversation = fake_main, .has_service = true, .service = service);
    look_around(f, most);
    assert_int_equal(parley_mark_read(f->client, NULL, most), PARLEY_OK);
    assert_int_equal(parley_load_older(f->client, NULL, 250, NULL), PARLEY_OK);
    assert_int_equal(parley_view_more(f->client, view, 250), PARLEY_OK);
    assert_int_equal(parley_range(f->client, NULL, most, 0, 250, NULL), PARLEY_OK);
    parley_event_free(parley_recap(f->client, NULL));
    look_around(f, most);
    fake_again(f, 1006);
    struct frame_thread main = {.conversation = fake_main, .topic = span_str("main"), .head = most, .has_recap = true};
    main.recap = (struct frame_recap){.read = most, .unread = LIMIT_UNREAD, .has_question = true, .question = most};
    fake_reply(f, welcome, .me = fake_me, .role = role_customer, .time = most, .ping_ms = 25000,
               .server = span_str("fake"), .threads = &main, .threads_count = 1);
    parley_event_free(parley_recap(f->client, NULL));
    look_around(f, most);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_ONLINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(tells_the_first_page),
        WITH(shows_an_item),
        cmocka_unit_test_setup_teardown(shows_an_item, fake_setup_json, fake_teardown),
        WITH(tells_live_items_once),
        WITH(skips_numbers_that_are_not_for_it),
        WITH(loads_older_items_to_the_start),
        WITH(opens_the_main_conversation_of_a_new_customer),
        WITH(tells_that_it_received),
        WITH(forgets_who_typed),
        WITH(types_at_most_every_three_seconds),
        WITH(sends_the_context_when_it_changed),
        WITH(follows_who_serves),
        WITH(stops_reading_when_nobody_pulls),
        WITH(what_comes_before_welcome_does_not_count),
        WITH(the_largest_numbers_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
