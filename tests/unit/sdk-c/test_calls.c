/* Every request of the protocol is a call of its own, and a line of JSON; both make the same request. */
#include "tests/unit/sdk-c/fake.h"

#include <stdio.h>
#include <string.h>

static char conv[37];
static const char *other = "03030303-0303-7003-8003-030303030303";
static const char *digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#define CALL(name, ...)                                                                                                \
    static parley_status call_##name(parley_client *c)                                                                 \
    {                                                                                                                  \
        return __VA_ARGS__;                                                                                            \
    }
CALL(post, parley_post(c, conv, "location", "{\"latitude\":1.5,\"longitude\":2.5}", NULL))
CALL(note, parley_note(c, conv, "psst", other, NULL))
CALL(range, parley_range(c, conv, -1, 7, 3, NULL))
CALL(subscribe, parley_subscribe(c, conv, NULL))
CALL(unsubscribe, parley_unsubscribe(c, conv, NULL))
CALL(mark, parley_mark_read(c, conv, 1))
CALL(conversations, parley_get_conversations(c, other, NULL))
CALL(starts, parley_get_starts(c, "pt-BR", NULL))
CALL(conversation_open, parley_open_conversation(c, "returns", NULL))
CALL(context_put, parley_context_set(c, conv, "screen", "\"cart\""))
CALL(context_get, parley_context_get(c, conv, 9, NULL))
CALL(process_start, parley_process_start(c, conv, "claim", "Claim", "one", "{\"a\":1}", NULL, NULL))
CALL(process_step, parley_process_step(c, conv, other, 3, "two", "open", "{\"a\":2}", NULL))
CALL(process_get, parley_process_get(c, conv, other, NULL))
CALL(handoff, parley_request_human(c, conv, "billing", "money", NULL))
CALL(leave, parley_leave_queue(c, conv, NULL))
CALL(upload, parley_upload(c, conv, "a.png", "image/png", 7, digest, NULL))
CALL(download, parley_download(c, conv, other, NULL))
CALL(status, parley_set_status(c, "busy", NULL))
CALL(inbox, parley_get_inbox(c, NULL))
CALL(accept, parley_accept(c, conv, other, NULL))
CALL(decline, parley_decline(c, conv, other, "lunch", NULL))
CALL(transfer, parley_transfer(c, conv, "billing", "money", NULL))
CALL(release, parley_release(c, conv, "done", "note", NULL))
CALL(resolve, parley_resolve(c, conv, "done", "note", NULL))
CALL(reopen, parley_reopen(c, conv, NULL))

static parley_status call_typing(parley_client *c)
{
    parley_typing(c, conv, 1);
    return PARLEY_OK;
}

/* What is between the quotes goes into {"type":..., "data":{"conversation":...,  }}. */
static const struct {
    enum frame_type type;
    parley_status (*call)(parley_client *c);
    const char *json;
} cases[] = {
    {FRAME_post, call_post, "\"kind\":\"location\",\"body\":{\"latitude\":1.5,\"longitude\":2.5}"},
    {FRAME_note, call_note, "\"text\":\"psst\",\"to\":\"03030303-0303-7003-8003-030303030303\""},
    {FRAME_range, call_range, "\"before\":7,\"limit\":3"},
    {FRAME_subscribe, call_subscribe, "\"have\":1"},
    {FRAME_unsubscribe, call_unsubscribe, ""},
    {FRAME_mark_set, call_mark, "\"read\":1"},
    {FRAME_typing, call_typing, "\"on\":true"},
    {FRAME_conversations, call_conversations, "\"customer\":\"03030303-0303-7003-8003-030303030303\""},
    {FRAME_conversation_open, call_conversation_open, "\"topic\":\"returns\""},
    {FRAME_starts, call_starts, "\"language\":\"pt-BR\""},
    {FRAME_context_put, call_context_put, "\"context\":{\"screen\":\"cart\"}"},
    {FRAME_context_get, call_context_get, "\"at\":9"},
    {FRAME_process_start, call_process_start,
     "\"type\":\"claim\",\"title\":\"Claim\",\"step\":\"one\",\"data\":{\"a\":1}"},
    {FRAME_process_step, call_process_step,
     "\"process\":\"03030303-0303-7003-8003-030303030303\",\"revision\":3,\"step\":\"two\",\"state\":\"open\","
     "\"data\":{\"a\":2}"},
    {FRAME_process_get, call_process_get, "\"process\":\"03030303-0303-7003-8003-030303030303\""},
    {FRAME_handoff_request, call_handoff, "\"queue\":\"billing\",\"reason\":\"money\""},
    {FRAME_queue_leave, call_leave, ""},
    {FRAME_upload, call_upload,
     "\"name\":\"a.png\",\"type\":\"image/png\",\"bytes\":7,"
     "\"sha256\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""},
    {FRAME_download, call_download, "\"blob\":\"03030303-0303-7003-8003-030303030303\""},
    {FRAME_status_set, call_status, "\"status\":\"busy\""},
    {FRAME_inbox, call_inbox, ""},
    {FRAME_offer_accept, call_accept, "\"offer\":\"03030303-0303-7003-8003-030303030303\""},
    {FRAME_offer_decline, call_decline, "\"offer\":\"03030303-0303-7003-8003-030303030303\",\"reason\":\"lunch\""},
    {FRAME_transfer, call_transfer, "\"queue\":\"billing\",\"reason\":\"money\""},
    {FRAME_release, call_release, "\"outcome\":\"done\",\"note\":\"note\""},
    {FRAME_resolve, call_resolve, "\"outcome\":\"done\",\"note\":\"note\""},
    {FRAME_reopen, call_reopen, ""},
};

/* An agent in control of a conversation with one item. */
static void start(struct fake *f)
{
    fake_start(f, PARLEY_WIRE_JSON | PARLEY_NO_RECEIPTS);
    uuid_format(fake_main, conv);
    parley_connect(f->client);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_reply(f, welcome, .me = fake_me, .role = role_agent, .time = 1, .ping_ms = 25000, .server = span_str("fake"));
    parley_subscribe(f->client, conv, NULL);
    fake_expect(f, FRAME_subscribe);
    struct frame_item item = fake_item(1);
    struct frame_thread thread = {.conversation = fake_main,
                                  .topic = span_str("main"),
                                  .head = 1,
                                  .items = &item,
                                  .items_count = 1,
                                  .has_service = true};
    thread.service = (struct frame_service){.session = fake_agent, .state = session_state_live, .epoch = 5};
    fake_reply(f, ranged, .thread = thread);
    fake_expect(f, FRAME_none);
}

/* The data of the request that comes next, without the ids that are made anew each time. */
static void take(struct fake *f, enum frame_type type, char *out, size_t size)
{
    struct buf text;
    fake_advance(f, 1000);
    assert_int_equal(f->count, 1);
    struct span message = f->messages[f->first];
    snprintf(out, size, "%.*s", SPAN_ARG(message));
    fake_expect(f, type);
    if (type == FRAME_post)
        f->request.post.id = fake_me;
    if (type == FRAME_note)
        f->request.note.id = fake_me;
    if (type == FRAME_process_start)
        f->request.process_start.process = fake_me;
    if (type == FRAME_process_step)
        f->request.process_step.id = fake_me;
    buf_init(&text, 1 << 16);
    frame_put_type(&text, ENCODING_JSON, type, 1, &f->request.error);
    assert_int_equal(text.status, PARLEY_OK);
    snprintf(out, size, "%.*s", SPAN_ARG(buf_span(&text)));
    buf_done(&text);
}

static void each_request_can_be_made_both_ways(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake f;
        char line[1024], called[2048], written[2048];
        const char *name = frame_type_name(cases[i].type);
        start(&f);
        if (cases[i].call(f.client) != PARLEY_OK)
            fail_msg("%s cannot be called", name);
        take(&f, cases[i].type, called, sizeof called);
        fake_stop(&f);
        start(&f);
        bool about_one = cases[i].type != FRAME_status_set && cases[i].type != FRAME_inbox &&
                         cases[i].type != FRAME_conversations && cases[i].type != FRAME_starts &&
                         cases[i].type != FRAME_conversation_open;
        snprintf(line, sizeof line, "{\"type\":\"%s\",\"data\":{%s%s%s%s%s}}", name,
                 about_one ? "\"conversation\":\"" : "", about_one ? conv : "", about_one ? "\"" : "",
                 about_one && *cases[i].json ? "," : "", cases[i].json);
        parley_status st = parley_call_json(f.client, line, NULL);
        if (st != PARLEY_OK)
            fail_msg("%s: %s", line, status_name(st));
        take(&f, cases[i].type, written, sizeof written);
        assert_string_equal(called, written);
        fake_stop(&f);
    }
}

static void no_request_is_forgotten(void **state)
{
    for (int type = FRAME_none + 1; type < FRAME_REQUESTS_END; type++) {
        /* parley_connect, parley_set_token, parley_push_register */
        bool found = type == FRAME_hello || type == FRAME_auth || type == FRAME_push_set;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            found = found || (int)cases[i].type == type;
        if (!found)
            fail_msg("%s has no call", frame_type_name((enum frame_type)type));
    }
}

/* Which words of a line were wrong, for whoever writes it. */
static void a_line_that_is_wrong_says_where(void **state)
{
    static const struct {
        const char *line, *wrong;
        parley_status status;
    } rows[] = {
        {"{\"type\":\"send\"}", "data.text: is missing", PARLEY_INVALID},
        {"{\"type\":\"send\",\"data\":{\"text\":7}}", "data.text: is an integer; text is due", PARLEY_INVALID},
        {"{\"type\":\"read\",\"data\":{\"seq\":\"7\"}}", "data.seq: is text; an integer is due", PARLEY_INVALID},
        {"{\"type\":\"network\",\"data\":{\"reachable\":\"no\"}}", "data.reachable: is text; a boolean is due",
         PARLEY_INVALID},
        {"{\"type\":\"view\",\"data\":{\"conversation\":7}}", "data.conversation: is an integer; text is due",
         PARLEY_INVALID},
        {"{\"type\":\"range\",\"data\":{\"conversation\":\"mine\"}}", "data.conversation: ", PARLEY_BAD_ID},
        {"{\"type\":\"upload\",\"data\":{\"name\":\"\"}}", "data.conversation: is missing", PARLEY_INVALID},
        {"{\"type\":\"inbox\",\"data\":7}", "data: has to be a map", PARLEY_INVALID},
        {"{\"type\":\"conversation.open\",\"data\":{\"topic\":\"\"}}", "data.topic: ", PARLEY_INVALID},
        {"{\"type\":\"sent\"}", "type: ", PARLEY_UNKNOWN_TYPE},
        {"{\"data\":{}}", "type: is missing", PARLEY_INVALID},
        {"{\"type\":\"send\",\"data\":[]}", "data: has to be a map", PARLEY_INVALID},
        {"[]", "a line is a map: ", PARLEY_INVALID},
        {"{\"type\":", "", PARLEY_MALFORMED},
    };
    struct fake fake, *f = &fake;
    start(f);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int said = parley_call_json(f->client, rows[i].line, NULL);
        const char *wrong = parley_call_json_error();
        assert_int_equal(said, rows[i].status);
        assert_int_equal(strncmp(wrong, rows[i].wrong, strlen(rows[i].wrong)), 0);
        assert_true(strlen(wrong) > 5);
    }
    assert_int_equal(parley_say_json(f->client, "{\"type\":\"range\"}", NULL), PARLEY_UNKNOWN_TYPE);
    assert_string_equal(parley_call_json_error(), "type: is none that says something");
    assert_int_equal(parley_call_json(f->client, "{\"type\":\"outbox\"}", NULL), PARLEY_OK);
    assert_string_equal(parley_call_json_error(), "");
    fake_stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_can_be_made_both_ways),
        cmocka_unit_test(no_request_is_forgotten),
        cmocka_unit_test(a_line_that_is_wrong_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
