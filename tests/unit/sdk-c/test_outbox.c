/* What the user says: in order, with one id for life, until it is answered. */
#include "tests/unit/sdk-c/fake.h"

static void expect_post(struct fake *f, const char *text)
{
    const struct frame *r = fake_expect(f, FRAME_post);
    const struct value *said = value_find(r->post.body.value, "text");
    if (!said || !span_is(said->text, text))
        fail_msg("a post of \"%s\" was expected, not \"%.*s\"", text, SPAN_ARG(said->text));
}

static void expect_outbox(struct fake *f, const char *id, int32_t wanted)
{
    parley_event *e;
    while ((e = fake_event(f, PARLEY_EVENT_OUTBOX)) && id && strcmp(parley_event_text(e, "id"), id) != 0)
        ;
    if (!e || parley_event_state(e) != wanted)
        fail_msg("outbox state %d was expected: %s", wanted, e ? parley_event_json(e) : "no event");
}

static void keeps_what_is_said_offline(void **state)
{
    struct fake *f = *state;
    char one[37], two[37];
    assert_int_equal(parley_send_text(f->client, NULL, "one", one), PARLEY_OK);
    assert_int_equal(parley_send_text(f->client, NULL, "two", two), PARLEY_OK);
    assert_int_equal(parley_outbox_count(f->client), 2);
    fake_online(f, 0, 0);
    expect_post(f, "one");
    char id[37];
    uuid_format(f->request.post.id, id);
    assert_string_equal(id, one);
    assert_memory_equal(f->request.post.conversation.b, fake_main.b, 16);
    fake_reply(f, posted, .seq = 1, .at = 1);
    expect_post(f, "two");
    fake_reply(f, posted, .seq = 2, .at = 1);
    expect_outbox(f, one, PARLEY_OUTBOX_QUEUED);
    expect_outbox(f, one, PARLEY_OUTBOX_SENDING);
    expect_outbox(f, one, PARLEY_OUTBOX_SENT);
    assert_int_equal(parley_event_seq(f->event), 1);
    expect_outbox(f, two, PARLEY_OUTBOX_SENT);
    assert_int_equal(parley_outbox_count(f->client), 0);
}

static void repeats_with_the_same_id_until_answered(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    parley_send_text(f->client, NULL, "hello", NULL);
    struct uuid id = fake_expect(f, FRAME_post)->post.id;
    for (int i = 0; i < 5; i++) {
        fake_close(f, i % 2 ? 1006 : 4002);
        fake_advance(f, 31000);
        fake_open(f);
        fake_expect(f, FRAME_hello);
        fake_welcome(f, 0, 0);
        assert_memory_equal(fake_expect(f, FRAME_post)->post.id.b, id.b, 16);
    }
    fake_reply(f, posted, .seq = 1, .at = 1, .has_duplicate = true, .duplicate = true);
    expect_outbox(f, NULL, PARLEY_OUTBOX_QUEUED);
    while (fake_event(f, PARLEY_EVENT_OUTBOX) && parley_event_state(f->event) != PARLEY_OUTBOX_SENT)
        ;
    assert_int_equal(parley_event_seq(f->event), 1);
    fake_expect(f, FRAME_none);
}

static void keeps_order_when_it_must_wait(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    parley_send_text(f->client, NULL, "a", NULL);
    parley_send_text(f->client, NULL, "b", NULL);
    parley_send_text(f->client, NULL, "c", NULL);
    expect_post(f, "a");
    fake_refuse(f, PARLEY_RATE_LIMITED, 2000);
    expect_post(f, "b");
    parley_send_text(f->client, NULL, "d", NULL); /* not while b and c have no answer */
    fake_refuse(f, PARLEY_RATE_LIMITED, 2000);
    expect_post(f, "c");
    int64_t c = f->request.id;
    fake_advance(f, 5000);
    fake_expect(f, FRAME_none); /* a and b could go, but c might still be stored before them */
    f->request.id = c;
    fake_refuse(f, PARLEY_RATE_LIMITED, 2000);
    fake_advance(f, 1999);
    fake_expect(f, FRAME_none);
    fake_advance(f, 1);
    expect_post(f, "a");
    expect_post(f, "b");
    expect_post(f, "c");
    expect_post(f, "d");
}

static void fails_alone_when_refused_for_good(void **state)
{
    struct fake *f = *state;
    char one[37], two[37];
    fake_online(f, 0, 0);
    parley_send_text(f->client, NULL, "one", one);
    parley_send_text(f->client, NULL, "two", two);
    expect_post(f, "one");
    fake_refuse(f, PARLEY_DENIED, 0);
    expect_post(f, "two");
    fake_reply(f, posted, .seq = 1, .at = 1);
    expect_outbox(f, one, PARLEY_OUTBOX_QUEUED);
    expect_outbox(f, one, PARLEY_OUTBOX_SENDING);
    expect_outbox(f, one, PARLEY_OUTBOX_FAILED_FINAL);
    assert_int_equal(parley_event_status(f->event), PARLEY_DENIED);
    assert_string_equal(parley_event_text(f->event, "reason"), "denied");
    expect_outbox(f, two, PARLEY_OUTBOX_SENT);
    assert_int_equal(parley_outbox_retry(f->client, one), PARLEY_WRONG_STATE);
    assert_int_equal(parley_outbox_discard(f->client, one), PARLEY_OK);
    assert_int_equal(parley_outbox_count(f->client), 0);
    assert_int_equal(parley_outbox_discard(f->client, one), PARLEY_NOT_FOUND);
}

static void gives_up_on_a_faulty_server_until_told(void **state)
{
    struct fake *f = *state;
    char id[37];
    fake_online(f, 0, 0);
    parley_send_text(f->client, NULL, "hm", id);
    for (int i = 0; i < OUTBOX_TRIES; i++) {
        expect_post(f, "hm");
        fake_refuse(f, PARLEY_INTERNAL, 0);
        fake_advance(f, OUTBOX_HOLD_MS);
    }
    fake_expect(f, FRAME_none);
    assert_int_equal(parley_outbox_retry(f->client, id), PARLEY_OK);
    expect_post(f, "hm");
}

static void knows_its_item_before_the_answer(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    parley_send_text(f->client, NULL, "hi", NULL);
    struct frame_item item = fake_item(1);
    item.id = fake_expect(f, FRAME_post)->post.id;
    item.author = fake_me;
    item.role = role_customer;
    int64_t re = f->request.id;
    fake_push(f, item, .conversation = fake_main, .item = item);
    fake_send(f, FRAME_posted, re, &(struct frame_posted){.seq = 1, .at = 1});
    fake_send(f, FRAME_posted, re, &(struct frame_posted){.seq = 1, .at = 1}); /* and once more */
    expect_outbox(f, NULL, PARLEY_OUTBOX_QUEUED);
    expect_outbox(f, NULL, PARLEY_OUTBOX_SENDING);
    expect_outbox(f, NULL, PARLEY_OUTBOX_SENT);
    fake_expect_no(f, PARLEY_EVENT_OUTBOX);
    parley_send_text(f->client, NULL, "more", NULL);
    expect_post(f, "more");
}

static void finds_in_the_log_what_was_never_answered(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    parley_send_text(f->client, NULL, "hi", NULL);
    struct frame_item item = fake_item(1);
    item.id = fake_expect(f, FRAME_post)->post.id;
    item.author = fake_me;
    fake_again(f, 1006);
    struct frame_thread t = {
        .conversation = fake_main, .topic = span_str("main"), .head = 1, .items = &item, .items_count = 1};
    fake_reply(f, welcome, .me = fake_me, .role = role_customer, .ping_ms = 25000, .server = span_str("fake"),
               .threads = &t, .threads_count = 1);
    fake_expect(f, FRAME_none); /* no need to repeat it */
    assert_int_equal(parley_outbox_count(f->client), 0);
}

static void tells_how_far_others_have_come(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    parley_send_text(f->client, NULL, "hi", NULL);
    expect_post(f, "hi");
    fake_reply(f, posted, .seq = 1, .at = 1);
    struct frame_mark mark = {.participant = fake_agent, .role = role_agent, .delivered = 1};
    fake_push(f, marked, .conversation = fake_main, .mark = mark);
    mark.read = 1;
    fake_push(f, marked, .conversation = fake_main, .mark = mark);
    expect_outbox(f, NULL, PARLEY_OUTBOX_QUEUED);
    expect_outbox(f, NULL, PARLEY_OUTBOX_SENDING);
    expect_outbox(f, NULL, PARLEY_OUTBOX_SENT);
    expect_outbox(f, NULL, PARLEY_OUTBOX_DELIVERED);
    expect_outbox(f, NULL, PARLEY_OUTBOX_READ);
    struct frame_mark other = {.participant = {.b = {5}}, .role = role_customer, .read = 1, .delivered = 1};
    fake_push(f, marked, .conversation = fake_main, .mark = other);
    fake_expect_no(f, PARLEY_EVENT_OUTBOX);
}

static void expect_mark(struct fake *f, int64_t read, int64_t delivered)
{
    assert_non_null(fake_event(f, PARLEY_EVENT_MARK));
    assert_int_equal(parley_event_int(f->event, "mark.read", -1), read);
    assert_int_equal(parley_event_int(f->event, "mark.delivered", -1), delivered);
}

static void a_mark_that_comes_late_takes_nothing_back(void **state)
{
    struct fake *f = *state;
    fake_online(f, 5, 1);
    struct frame_mark mark = {.participant = fake_agent, .role = role_agent, .read = 4, .delivered = 4};
    fake_push(f, marked, .conversation = fake_main, .mark = mark);
    expect_mark(f, 4, 4);
    mark.read = mark.delivered = 3;
    fake_push(f, marked, .conversation = fake_main, .mark = mark);
    fake_expect_no(f, PARLEY_EVENT_MARK);
    mark.delivered = 5;
    fake_push(f, marked, .conversation = fake_main, .mark = mark);
    expect_mark(f, 4, 5);
    mark.read = 5;
    mark.delivered = 3;
    fake_push(f, marked, .conversation = fake_main, .mark = mark);
    expect_mark(f, 5, 5);
}

static void reconnects_when_a_post_is_not_answered(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    parley_send_text(f->client, NULL, "hi", NULL);
    expect_post(f, "hi");
    fake_advance(f, REQUEST_MS);
    assert_false(f->is_open);
    fake_advance(f, 31000);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_welcome(f, 0, 0);
    expect_post(f, "hi");
}

static void limits_what_is_on_its_way(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    for (int i = 0; i < OUTBOX_IN_FLIGHT + 10; i++)
        parley_send_text(f->client, NULL, "x", NULL);
    for (int i = 0; i < OUTBOX_IN_FLIGHT; i++)
        fake_expect(f, FRAME_post);
    fake_expect(f, FRAME_none);
    fake_reply(f, posted, .seq = 1, .at = 1);
    fake_expect(f, FRAME_post);
    fake_expect(f, FRAME_none);
}

static void refuses_what_can_never_be_sent(void **state)
{
    struct fake *f = *state;
    char id[37] = "untouched";
    static char long_text[LIMIT_TEXT + 2];
    memset(long_text, 'x', LIMIT_TEXT + 1);
    assert_int_equal(parley_send_text(f->client, NULL, NULL, id), PARLEY_INVALID);
    assert_int_equal(parley_send_text(f->client, NULL, "", id), PARLEY_INVALID);
    assert_int_equal(parley_send_text(f->client, NULL, "\xff", id), PARLEY_INVALID);
    assert_true(parley_send_text(f->client, NULL, long_text, id) != PARLEY_OK);
    assert_int_equal(parley_send_text(f->client, "not-an-id", "x", id), PARLEY_BAD_ID);
    assert_int_equal(parley_post(f->client, NULL, "text", "{\"text\":3}", id), PARLEY_INVALID);
    assert_int_equal(parley_post(f->client, NULL, "text", "{\"text\":", id), PARLEY_MALFORMED);
    assert_int_equal(parley_post(f->client, NULL, "Bad Kind", "{}", id), PARLEY_INVALID);
    assert_string_equal(id, "untouched");
    assert_int_equal(parley_outbox_count(f->client), 0);
}

static void answers_choices_and_forms(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    assert_int_equal(parley_tap(f->client, NULL, 7, "yes", "Yes, please", NULL), PARLEY_OK);
    const struct value *body = fake_expect(f, FRAME_post)->post.body.value;
    assert_true(span_is(f->request.post.kind, "choice"));
    assert_int_equal(value_find(body, "to")->integer, 7);
    assert_true(span_is(value_find(body, "text")->text, "Yes, please"));
    assert_int_equal(parley_submit_form(f->client, NULL, 8, "{\"size\":\"L\"}", NULL), PARLEY_OK);
    body = fake_expect(f, FRAME_post)->post.body.value;
    assert_true(span_is(f->request.post.kind, "form_answer"));
    assert_true(span_is(value_find(value_find(body, "values"), "size")->text, "L"));
}

static void speaks_with_the_epoch_it_saw(void **state)
{
    struct fake *f = *state;
    parley_connect(f->client);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_reply(f, welcome, .me = fake_agent, .role = role_agent, .ping_ms = 25000, .server = span_str("fake"));
    fake_expect(f, FRAME_none);
    const char *conv = "01010101-0101-7001-8001-010101010101", *offer = "04040404-0404-7004-8004-040404040404";
    assert_int_equal(parley_resolve(f->client, conv, NULL, NULL, NULL), PARLEY_WRONG_STATE);
    assert_int_equal(parley_accept(f->client, conv, offer, NULL), PARLEY_OK);
    fake_expect(f, FRAME_offer_accept);
    struct frame_thread t = {.conversation = fake_main, .topic = span_str("main"), .head = 0, .has_service = true};
    t.service = (struct frame_service){.session = fake_me, .state = session_state_live, .epoch = 5};
    fake_reply(f, accepted, .thread = t, .dossier = {.customer = fake_me, .head = 0});
    assert_int_equal(parley_event_status(fake_event(f, PARLEY_EVENT_REPLY)), PARLEY_OK);
    parley_send_text(f->client, conv, "How can I help?", NULL);
    assert_int_equal(fake_expect(f, FRAME_post)->post.epoch, 5);
    struct frame_item item = fake_item(1);
    item.kind = span_str("queued");
    item.body.json = span_str("{\"why\":\"agent_lost\",\"epoch\":6,\"queue\":\"q\",\"session\":\"x\"}");
    fake_push(f, item, .conversation = fake_main, .item = item);
    parley_note(f->client, conv, "back in the queue", NULL, NULL);
    assert_true(span_is(fake_expect(f, FRAME_note)->note.text, "back in the queue"));
    parley_resolve(f->client, conv, NULL, NULL, NULL);
    assert_int_equal(fake_expect(f, FRAME_resolve)->resolve.epoch, 6);
}

/* The next reply hands out the id of what was said. */
static void assert_id_of_reply(struct fake *f, const char *type, uint64_t call, const struct uuid *id)
{
    char text[UUID_TEXT + 1] = "";
    parley_event *e = fake_event(f, PARLEY_EVENT_REPLY);
    assert_string_equal(parley_event_text(e, "type"), type);
    assert_true(call == 0 || parley_event_call(e) == call);
    if (id)
        uuid_format(*id, text);
    assert_string_equal(id ? parley_event_text(e, "data.id") : "", text);
}

/* A bot makes the id of an answer of what it answers. */
static void an_id_that_is_given_is_that_of_what_is_said(void **state)
{
    struct fake *f = *state;
    struct uuid id;
    uint64_t call;
    uuid_parse(span_str("018cc251-f400-71e4-9e64-7d5d5522508e"), &id);
    fake_online(f, 0, 0);
    assert_int_equal(parley_call_json(f->client,
                                      "{\"type\":\"post\",\"data\":{\"kind\":\"text\",\"body\":{\"text\":\"hi\"},"
                                      "\"id\":\"018cc251-f400-71e4-9e64-7d5d5522508e\"}}",
                                      &call),
                     PARLEY_OK);
    assert_true(uuid_equal(fake_expect(f, FRAME_post)->post.id, id));
    assert_id_of_reply(f, "post", call, &id);
}

static void takes_every_call_as_json(void **state)
{
    struct fake *f = *state;
    uint64_t call = 9;
    fake_online(f, 0, 0);
    assert_int_equal(parley_call_json(f->client, "{\"type\":\"send\",\"data\":{\"text\":\"hi\"}}", NULL), PARLEY_OK);
    expect_post(f, "hi");
    assert_int_equal(parley_call_json(f->client,
                                      "{\"type\":\"post\",\"data\":{\"kind\":\"custom\",\"body\":"
                                      "{\"type\":\"a\",\"fallback\":\"b\"}}}",
                                      &call),
                     PARLEY_OK);
    const struct frame_post *post = &fake_expect(f, FRAME_post)->post;
    assert_true(span_is(post->kind, "custom"));
    assert_id_of_reply(f, "send", 0, NULL);
    assert_id_of_reply(f, "post", call, &post->id);
    assert_int_equal(parley_call_json(f->client, "{\"type\":\"range\",\"data\":{\"limit\":3}}", &call), PARLEY_OK);
    assert_int_equal(fake_expect(f, FRAME_range)->range.limit, 3);
    fake_answer_range(f, 2);
    parley_event *e = fake_event(f, PARLEY_EVENT_REPLY);
    assert_int_equal(parley_event_call(e), call);
    assert_string_equal(parley_event_text(e, "data.thread.items.1.body.text"), "2");
    assert_int_equal(parley_call_json(f->client, "{\"type\":\"process.start\",\"data\":{\"type\":\"order\"}}", &call),
                     PARLEY_OK);
    assert_int_equal(uuid_version(fake_expect(f, FRAME_process_start)->process_start.process), 7);
    assert_int_equal(parley_call_json(f->client, "{\"type\":\"range\",\"data\":{\"limit\":\"x\"}}", NULL),
                     PARLEY_INVALID);
    assert_int_equal(parley_call_json(f->client, "{\"type\":\"nonsense\"}", NULL), PARLEY_UNKNOWN_TYPE);
    assert_int_equal(parley_call_json(f->client, "{\"type\":\"hello\",\"data\":{\"token\":\"x\"}}", NULL),
                     PARLEY_UNKNOWN_TYPE);
    assert_int_equal(
        parley_call_json(f->client, "{\"type\":\"send\",\"data\":{\"text\":\"hi\",\"conversation\":7}}", NULL),
        PARLEY_INVALID);
    assert_int_equal(parley_say_json(f->client, "{\"type\":\"range\",\"data\":{\"limit\":3}}", NULL),
                     PARLEY_UNKNOWN_TYPE);
    assert_int_equal(parley_call_json(f->client, "nonsense", NULL), PARLEY_MALFORMED);
    assert_int_equal(parley_call_json(f->client, "[]", NULL), PARLEY_INVALID);
    fake_expect(f, FRAME_none);
}

static void answers_every_call_once(void **state)
{
    struct fake *f = *state;
    uint64_t human = 0, range = 0;
    fake_online(f, 0, 0);
    parley_request_human(f->client, NULL, NULL, "please", &human);
    fake_expect(f, FRAME_handoff_request);
    parley_process_get(f->client, NULL, NULL, &range);
    fake_expect(f, FRAME_process_get);
    fake_close(f, 1006);
    parley_event *e = fake_event(f, PARLEY_EVENT_REPLY); /* it may have happened */
    assert_int_equal(parley_event_call(e), human);
    assert_int_equal(parley_event_status(e), PARLEY_UNCERTAIN);
    fake_advance(f, 1000);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_welcome(f, 0, 0);
    fake_expect(f, FRAME_process_get); /* reading is repeated */
    fake_advance(f, REQUEST_MS);
    e = fake_event(f, PARLEY_EVENT_REPLY);
    assert_int_equal(parley_event_call(e), range);
    assert_int_equal(parley_event_status(e), PARLEY_TIMEOUT);
    fake_reply(f, process_list, .processes = NULL); /* too late */
    fake_expect_no(f, PARLEY_EVENT_REPLY);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(keeps_what_is_said_offline),
        WITH(repeats_with_the_same_id_until_answered),
        WITH(keeps_order_when_it_must_wait),
        WITH(fails_alone_when_refused_for_good),
        WITH(gives_up_on_a_faulty_server_until_told),
        WITH(knows_its_item_before_the_answer),
        WITH(finds_in_the_log_what_was_never_answered),
        WITH(tells_how_far_others_have_come),
        WITH(a_mark_that_comes_late_takes_nothing_back),
        WITH(reconnects_when_a_post_is_not_answered),
        WITH(limits_what_is_on_its_way),
        WITH(refuses_what_can_never_be_sent),
        WITH(answers_choices_and_forms),
        WITH(speaks_with_the_epoch_it_saw),
        WITH(takes_every_call_as_json),
        WITH(an_id_that_is_given_is_that_of_what_is_said),
        WITH(answers_every_call_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
