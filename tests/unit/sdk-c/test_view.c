/* Screens: the rows that the changes of a view make, and what is unread. */
#include "tests/unit/sdk-c/fake.h"
#include "tests/unit/sdk-c/folder.h"
#include "tests/unit/sdk-c/mirror.h"

#include <stdio.h>

static struct mirror mirror;
static const char *folder;

static int setup(void **state)
{
    static struct fake fake;
    folder = folder_make();
    assert_int_equal(fake_start_in(&fake, 0, folder, "ana"), PARLEY_OK);
    mirror = (struct mirror){0};
    *state = &fake;
    return 0;
}

static int teardown(void **state)
{
    fake_stop(*state);
    folder_remove(folder);
    return 0;
}

static void open_thread(struct fake *f, uint32_t count)
{
    assert_int_equal(parley_view_thread(f->client, NULL, count, &mirror.view), PARLEY_OK);
}

static void expect_rows(struct fake *f, const char *rows)
{
    parley_event *e;
    fake_step(f);
    while ((e = parley_next_event(f->client, 0))) {
        mirror_take(&mirror, e);
        parley_event_free(e);
    }
    assert_string_equal(mirror_text(&mirror), rows);
}

static struct frame_item my_item(struct fake *f, int64_t seq, struct uuid id)
{
    struct frame_item item = fake_item(seq);
    item.id = id;
    item.author = fake_me;
    item.role = role_customer;
    item.body.json = span_str("{\"text\":\"mine\"}");
    return item;
}

static void rows_come_with_the_thread(void **state)
{
    struct fake *f = *state;
    open_thread(f, 3);
    fake_online(f, 2, 1);
    expect_rows(f, "1 1|2 2");
    fake_push_item(f, 3);
    expect_rows(f, "1 1|2 2|3 3");
}

/* An agent who comes while the app looks on is known by the words they come with. */
static void who_joins_is_known_by_name(void **state)
{
    struct fake *f = *state;
    char id[UUID_TEXT + 1], body[160];
    uuid_format(fake_agent, id);
    snprintf(body, sizeof body, "{\"name\":\"Kim\",\"agent\":\"%s\",\"epoch\":2,\"session\":\"%s\"}", id, id);
    open_thread(f, 3);
    fake_online(f, 0, 0);
    struct frame_item joined = fake_item(1), said = fake_item(2);
    joined.kind = span_str("joined");
    joined.body.json = span_str(body);
    joined.role = said.role = role_agent;
    said.author = fake_agent;
    fake_push(f, item, .conversation = fake_main, .item = joined);
    parley_event *e = fake_event(f, PARLEY_EVENT_PERSON);
    assert_string_equal(parley_event_text(e, "person"), id);
    assert_string_equal(parley_event_text(e, "name"), "Kim");
    fake_push(f, item, .conversation = fake_main, .item = said);
    e = fake_event(f, PARLEY_EVENT_VIEW);
    assert_string_equal(parley_event_text(e, "row.name"), "Kim");
}

static void what_is_said_stands_last_until_it_is_stored(void **state)
{
    struct fake *f = *state;
    open_thread(f, 3);
    assert_int_equal(parley_send_text(f->client, NULL, "mine", NULL), PARLEY_OK);
    expect_rows(f, "queued mine");
    fake_online(f, 1, 1);
    struct uuid id = fake_expect(f, FRAME_post)->post.id;
    expect_rows(f, "1 1|sending mine");
    fake_push_item(f, 2);
    expect_rows(f, "1 1|2 2|sending mine");
    fake_reply(f, posted, .seq = 3, .at = 1);
    expect_rows(f, "1 1|2 2|sent mine");
    fake_push(f, item, .conversation = fake_main, .item = my_item(f, 3, id));
    expect_rows(f, "1 1|2 2|3 mine sent");
    struct frame_mark mark = {.participant = fake_agent, .role = role_agent, .delivered = 3};
    fake_push(f, marked, .conversation = fake_main, .mark = mark);
    expect_rows(f, "1 1|2 2|3 mine delivered");
    mark.read = 3;
    fake_push(f, marked, .conversation = fake_main, .mark = mark);
    expect_rows(f, "1 1|2 2|3 mine read");
}

static void what_fails_is_shown_and_goes_when_discarded(void **state)
{
    struct fake *f = *state;
    char id[37];
    open_thread(f, 3);
    fake_online(f, 0, 0);
    parley_send_text(f->client, NULL, "no", id);
    fake_expect(f, FRAME_post);
    fake_refuse(f, PARLEY_DENIED, 0);
    expect_rows(f, "failed_final no");
    parley_outbox_discard(f->client, id);
    expect_rows(f, "");
}

static void a_screen_is_painted_from_the_cache(void **state)
{
    struct fake *f = *state;
    fake_online(f, 20, 1);
    fake_stop(f);
    assert_int_equal(fake_start_in(f, 0, folder, "ana"), PARLEY_OK);
    open_thread(f, 3);
    expect_rows(f, "18 18|19 19|20 20");
    assert_int_equal(f->opens, 0);
    assert_int_equal(parley_view_more(f->client, mirror.view, 2), PARLEY_OK);
    expect_rows(f, "16 16|17 17|18 18|19 19|20 20");
    assert_int_equal(mirror.older, 1);
    assert_int_equal(parley_view_more(f->client, 77, 2), PARLEY_NOT_FOUND);
}

static void older_rows_come_from_the_server(void **state)
{
    struct fake *f = *state;
    fake_online(f, 100, 98);
    open_thread(f, 10);
    expect_rows(f, "98 98|99 99|100 100");
    parley_view_more(f->client, mirror.view, 2);
    assert_int_equal(fake_find(f, FRAME_range)->range.before, 98);
    fake_answer_range(f, 100);
    expect_rows(f, "96 96|97 97|98 98|99 99|100 100");
    assert_int_equal(mirror.older, 1);
}

static void a_hole_is_filled_in_its_place(void **state)
{
    struct fake *f = *state;
    open_thread(f, 10);
    fake_online(f, 1, 1);
    fake_push_item(f, 4); /* 2 and 3 were lost */
    fake_find(f, FRAME_range);
    fake_answer_range(f, 4);
    expect_rows(f, "1 1|2 2|3 3|4 4");
}

static void what_is_erased_is_gone_here_too(void **state)
{
    struct fake *f = *state;
    open_thread(f, 10);
    fake_online(f, 3, 1);
    struct frame_item item = fake_item(4);
    item.kind = span_str("erased");
    item.body.json = span_str("{\"target\":2}");
    fake_push(f, item, .conversation = fake_main, .item = item);
    expect_rows(f, "1 1|3 3|4 ");
    fake_stop(f);
    assert_int_equal(fake_start_in(f, 0, folder, "ana"), PARLEY_OK);
    fake_expect_item(f, 1, false);
    fake_expect_item(f, 3, false);
}

static void a_view_that_is_closed_is_silent(void **state)
{
    struct fake *f = *state;
    open_thread(f, 10);
    parley_view_close(f->client, mirror.view);
    fake_online(f, 3, 1);
    expect_rows(f, "");
}

static void the_list_tells_what_is_unread(void **state)
{
    struct fake *f = *state;
    assert_int_equal(parley_view_list(f->client, &mirror.view), PARLEY_OK);
    fake_online(f, 2, 1);
    fake_push_item(f, 3);
    int64_t unread = -1;
    while (fake_event(f, PARLEY_EVENT_UNREAD))
        unread = parley_event_int(f->event, "unread", -1);
    assert_int_equal(unread, 3);
    assert_int_equal(parley_unread_total(f->client), 3);
    parley_mark_read(f->client, NULL, 2);
    assert_int_equal(parley_unread_total(f->client), 1);
    parley_event *last = NULL, *e;
    while ((e = parley_next_event(f->client, 0))) {
        if (parley_event_type(e) == PARLEY_EVENT_VIEW) {
            parley_event_free(last);
            last = e;
        } else {
            parley_event_free(e);
        }
    }
    assert_non_null(last);
    assert_int_equal(parley_event_int(last, "row.unread", -1), 1);
    assert_string_equal(parley_event_text(last, "row.last.body.text"), "3");
    parley_event_free(last);
    fake_stop(f);
    assert_int_equal(fake_start_in(f, 0, folder, "ana"), PARLEY_OK);
    assert_int_equal(parley_unread_total(f->client), 1);
}

static struct frame_item question(int64_t seq)
{
    struct frame_item item = fake_item(seq);
    item.kind = span_str("choices");
    item.body.json = span_str("{\"text\":\"Which?\",\"options\":[{\"label\":\"A\",\"value\":\"a\"}]}");
    return item;
}

static void a_question_waits_for_its_answer(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    fake_push(f, item, .conversation = fake_main, .item = question(1));
    fake_stop(f);
    assert_int_equal(fake_start_in(f, 0, folder, "ana"), PARLEY_OK);
    parley_event *e = parley_recap(f->client, NULL);
    assert_non_null(e);
    assert_int_equal(parley_event_int(e, "question.seq", 0), 1);
    assert_string_equal(parley_event_text(e, "question.body.options.0.value"), "a");
    assert_int_equal(parley_event_int(e, "unread", 0), 1);
    parley_event_free(e);
    fake_online(f, 1, 0);
    struct frame_item answer = my_item(f, 2, fake_agent);
    answer.kind = span_str("choice");
    answer.body.json = span_str("{\"to\":1,\"value\":\"a\"}");
    fake_push(f, item, .conversation = fake_main, .item = answer);
    e = parley_recap(f->client, NULL);
    assert_int_equal(parley_event_int(e, "question.seq", 0), 0);
    parley_event_free(e);
}

static void a_process_is_known_as_it_stands(void **state)
{
    struct fake *f = *state;
    static char body[200], id[37];
    fake_online(f, 0, 0);
    struct frame_item item = fake_item(1);
    uuid_format(fake_agent, id);
    snprintf(body, sizeof body, "{\"process\":\"%s\",\"revision\":2,\"state\":\"open\",\"type\":\"claim\"}", id);
    item.kind = span_str("process");
    item.body.json = span_str(body);
    fake_push(f, item, .conversation = fake_main, .item = item);
    assert_memory_equal(fake_find(f, FRAME_process_get)->process_get.process.b, fake_agent.b, 16);
    struct frame_missing missing = {.field = span_str("photo")};
    struct frame_process process = {.process = fake_agent,
                                    .conversation = fake_main,
                                    .type = span_str("claim"),
                                    .state = process_state_open,
                                    .revision = 2,
                                    .data.json = span_str("{}"),
                                    .missing = &missing,
                                    .missing_count = 1};
    fake_reply(f, process_list, .processes = &process, .processes_count = 1);
    assert_non_null(fake_event(f, PARLEY_EVENT_PROCESS));
    assert_string_equal(parley_event_text(f->event, "process.missing.0.field"), "photo");
    fake_stop(f);
    assert_int_equal(fake_start_in(f, 0, folder, "ana"), PARLEY_OK);
    parley_event *e = parley_recap(f->client, NULL);
    assert_string_equal(parley_event_text(e, "processes.0.missing.0.field"), "photo");
    parley_event_free(e);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(rows_come_with_the_thread),
        CASE(who_joins_is_known_by_name),
        CASE(what_is_said_stands_last_until_it_is_stored),
        CASE(what_fails_is_shown_and_goes_when_discarded),
        CASE(a_screen_is_painted_from_the_cache),
        CASE(older_rows_come_from_the_server),
        CASE(a_hole_is_filled_in_its_place),
        CASE(what_is_erased_is_gone_here_too),
        CASE(a_view_that_is_closed_is_silent),
        CASE(the_list_tells_what_is_unread),
        CASE(a_question_waits_for_its_answer),
        CASE(a_process_is_known_as_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
