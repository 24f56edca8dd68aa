/* Where the customer was: the server's word counts where the cache has holes, and nowhere else. */
#include "tests/unit/sdk-c/fake.h"

#include <stdio.h>

/* A welcome with items `from` to `head`, and what the server says of the rest. */
static void welcome(struct fake *f, int64_t head, int64_t from, const struct frame_recap *recap)
{
    static struct frame_item items[LIMIT_PAGE_ITEMS];
    struct frame_thread t = {.conversation = fake_main, .topic = span_str("main"), .head = head, .items = items};
    for (int64_t n = from; from && n <= head; n++)
        items[t.items_count++] = fake_item(n);
    t.has_recap = true;
    t.recap = *recap;
    parley_connect(f->client);
    fake_open(f);
    assert_true(fake_expect(f, FRAME_hello)->hello.recap);
    fake_reply(f, welcome, .me = fake_me, .role = role_customer, .ping_ms = 25000, .server = span_str("fake"),
               .threads = &t, .threads_count = 1);
}

static parley_event *told(struct fake *f)
{
    parley_event *e = fake_event(f, PARLEY_EVENT_RECAP);
    assert_non_null(e);
    return e;
}

static void what_is_not_here_is_counted_by_the_server(void **state)
{
    struct fake *f = *state;
    welcome(f, 500, 491, &(struct frame_recap){.read = 100, .unread = 400, .has_question = true, .question = 7});
    assert_int_equal(parley_event_int(told(f), "unread", 0), 400);
    fake_push_item(f, 501);
    assert_int_equal(parley_unread_total(f->client), 401);
}

static void a_question_below_the_page_is_fetched_by_itself(void **state)
{
    struct fake *f = *state;
    welcome(f, 500, 491, &(struct frame_recap){.has_question = true, .question = 7});
    assert_int_equal(parley_event_int(told(f), "question.seq", 0), 7);
    assert_null(parley_event_text(f->event, "question.kind"));
    const struct frame *ask = fake_find(f, FRAME_range);
    assert_int_equal(ask->range.before, 8);
    assert_int_equal(ask->range.limit, 1);
    struct frame_item item = fake_item(7);
    item.kind = span_str("choices");
    item.body.json = span_str("{\"text\":\"Which?\",\"options\":[{\"label\":\"A\",\"value\":\"a\"}]}");
    fake_reply(
        f, ranged,
        .thread = {
            .conversation = fake_main, .topic = span_str("main"), .head = 500, .items = &item, .items_count = 1});
    assert_string_equal(parley_event_text(told(f), "question.body.text"), "Which?");
    fake_expect(f, FRAME_none); /* and no hole was made by it */
}

static void what_the_server_knows_to_be_answered_waits_no_longer(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    struct frame_item item = fake_item(1);
    item.kind = span_str("choices");
    item.body.json = span_str("{\"text\":\"Which?\",\"options\":[{\"label\":\"A\",\"value\":\"a\"}]}");
    fake_push(f, item, .conversation = fake_main, .item = item);
    fake_restart(f);
    welcome(f, 400, 391, &(struct frame_recap){.unread = 399}); /* the answer lies in the gap */
    assert_int_equal(parley_event_int(told(f), "question.seq", 0), 0);
}

static struct frame_process process(const struct uuid *id, int state)
{
    return (struct frame_process){.process = *id,
                                  .conversation = fake_main,
                                  .type = span_str("order"),
                                  .state = state,
                                  .revision = state == process_state_open ? 1 : 2,
                                  .data.json = span_str("{}")};
}

static void processes_come_with_it_and_those_that_ended_are_asked_for(void **state)
{
    struct fake *f = *state;
    struct frame_process both[] = {process(&fake_agent, process_state_open), process(&fake_me, process_state_open)};
    welcome(f, 0, 0, &(struct frame_recap){.processes = both, .processes_count = 2});
    assert_int_equal(parley_event_count(told(f), "processes"), 2);
    fake_expect(f, FRAME_none);
    fake_close(f, 1006);
    fake_advance(f, 60000);
    welcome(f, 0, 0, &(struct frame_recap){.processes = both, .processes_count = 1});
    assert_memory_equal(fake_find(f, FRAME_process_get)->process_get.process.b, fake_me.b, 16);
    struct frame_process ended = process(&fake_me, process_state_done);
    fake_reply(f, process_list, .processes = &ended, .processes_count = 1);
    parley_event *e = parley_recap(f->client, NULL);
    assert_int_equal(parley_event_count(e, "processes"), 1);
    parley_event_free(e);
    fake_close(f, 1006);
    fake_advance(f, 60000);
    welcome(f, 0, 0, &(struct frame_recap){.has_more = true, .more = true});
    assert_false(fake_find(f, FRAME_process_get)->process_get.has_process);
}

static struct frame_item process_item(int64_t seq, int64_t revision, const char *state)
{
    static char bodies[8][200];
    char *body = bodies[seq % 8], id[UUID_TEXT + 1];
    struct frame_item item = fake_item(seq);
    uuid_format(fake_me, id);
    snprintf(body, sizeof *bodies, "{\"process\":\"%s\",\"revision\":%d,\"state\":\"%s\",\"type\":\"order\"}", id,
             (int)revision, state);
    item.kind = span_str("process");
    item.body.json = span_str(body);
    return item;
}

static void a_process_that_went_on_meanwhile_is_asked_for_once(void **state)
{
    struct fake *f = *state;
    struct frame_process open = process(&fake_me, process_state_open);
    welcome(f, 0, 0, &(struct frame_recap){.processes = &open, .processes_count = 1});
    fake_close(f, 1006);
    fake_advance(f, 60000);
    struct frame_item missed[] = {process_item(1, 2, "open"), process_item(2, 3, "open"), process_item(3, 4, "done")};
    struct frame_thread t = {.conversation = fake_main, .topic = span_str("main"), .head = 3, .items = missed};
    t.items_count = 3;
    t.has_recap = true;
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_reply(f, welcome, .me = fake_me, .role = role_customer, .ping_ms = 25000, .server = span_str("fake"),
               .threads = &t, .threads_count = 1);
    assert_memory_equal(fake_find(f, FRAME_process_get)->process_get.process.b, fake_me.b, 16);
    while (fake_next(f))
        assert_int_not_equal(f->request.type, FRAME_process_get);
    struct frame_item later = process_item(4, 5, "open"); /* the answer under way may be of before */
    fake_push(f, item, .conversation = fake_main, .item = later);
    fake_find(f, FRAME_process_get);
}

/* Its answer has come and its item has not: that push was lost, and a heartbeat or the next item will show it. */
static void what_was_answered_and_did_not_come_is_missing(void **state)
{
    struct fake *f = *state;
    fake_online(f, 3, 1);
    parley_send_text(f->client, NULL, "mine", NULL);
    fake_find(f, FRAME_post);
    fake_reply(f, posted, .seq = 5, .at = 1);
    parley_event *e = parley_recap(f->client, NULL);
    assert_int_equal(parley_event_int(e, "complete", -1), 0);
    parley_event_free(e);
    fake_push_head(f, 5);
    fake_find(f, FRAME_range);
    fake_answer_range(f, 5);
    e = parley_recap(f->client, NULL);
    assert_int_equal(parley_event_int(e, "complete", -1), 1);
    parley_event_free(e);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_setup_kept, fake_teardown_kept)
    const struct CMUnitTest tests[] = {
        CASE(what_is_not_here_is_counted_by_the_server),
        CASE(a_question_below_the_page_is_fetched_by_itself),
        CASE(what_the_server_knows_to_be_answered_waits_no_longer),
        CASE(processes_come_with_it_and_those_that_ended_are_asked_for),
        CASE(a_process_that_went_on_meanwhile_is_asked_for_once),
        CASE(what_was_answered_and_did_not_come_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
