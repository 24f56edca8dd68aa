/* Frames through both encodings and back. */
#include "tests/unit/protocol/support.h"

struct fixture {
    struct arena arena;
    struct buf out;
    struct frame frame;
    struct wire_error error;
};

static int set_up(void **state)
{
    static struct fixture f;
    arena_init(&f.arena, 1 << 20);
    buf_init(&f.out, 1 << 20);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_done(&f->arena);
    buf_done(&f->out);
    return 0;
}

static const enum encoding encodings[] = {ENCODING_MSGPACK, ENCODING_JSON};

#define EACH_ENCODING(e) for (const enum encoding *e = encodings; e < encodings + 2; e++)

static void read_one_request(struct fixture *f, enum encoding encoding, struct span message)
{
    struct frame_reader reader;
    assert_status(frame_reader_init(&reader, encoding, message, &f->error), PARLEY_OK);
    assert_true(frame_next_request(&reader, &f->arena, &f->frame, &f->error));
}

static enum frame_type awaits_post(void *arg, int64_t re)
{
    return re == 7 ? FRAME_post : FRAME_none;
}

static enum frame_type awaits_range(void *arg, int64_t re)
{
    return FRAME_range;
}

static void read_one_answer(struct fixture *f, enum encoding encoding)
{
    struct frame_reader reader;
    assert_status(frame_reader_init(&reader, encoding, buf_span(&f->out), &f->error), PARLEY_OK);
    assert_true(frame_next_answer(&reader, &f->arena, awaits_post, NULL, &f->frame, &f->error));
}

static const struct uuid some_id = {{1, 2, 3, 4, 5, 6, 0x77, 8, 0x89, 10, 11, 12, 13, 14, 15, 16}};

static void a_post_survives_both_encodings(void **state)
{
    struct fixture *f = *state;
    EACH_ENCODING(e)
    {
        buf_clear(&f->out);
        frame_put(&f->out, *e, post, 7,
                  &(struct frame_post){.conversation = some_id,
                                       .id = some_id,
                                       .kind = span_str("text"),
                                       .body = {.json = span_str("{\"text\": \"h\\u00e9llo\\n\"}")},
                                       .has_epoch = true,
                                       .epoch = 3});
        read_one_request(f, *e, buf_span(&f->out));
        assert_status(f->error.status, PARLEY_OK);
        assert_int_equal(f->frame.type, FRAME_post);
        assert_int_equal(f->frame.id, 7);
        assert_true(uuid_equal(f->frame.post.conversation, some_id));
        assert_span(f->frame.post.kind, "text");
        assert_true(f->frame.post.has_epoch);
        assert_int_equal(f->frame.post.epoch, 3);
        assert_span(value_find(f->frame.post.body.value, "text")->text, "h\xc3\xa9llo\n");
    }
}

static void a_reply_is_read_as_what_was_asked(void **state)
{
    struct fixture *f = *state;
    EACH_ENCODING(e)
    {
        buf_clear(&f->out);
        frame_put(&f->out, *e, posted, 7, &(struct frame_posted){.seq = 12, .at = 1700000000000});
        read_one_answer(f, *e);
        assert_status(f->error.status, PARLEY_OK);
        assert_int_equal(f->frame.type, FRAME_posted);
        assert_int_equal(f->frame.posted.seq, 12);
        assert_false(f->frame.posted.has_duplicate);
    }
}

static void an_answer_to_nothing_is_ignored(void **state)
{
    struct fixture *f = *state;
    EACH_ENCODING(e)
    {
        buf_clear(&f->out);
        frame_put(&f->out, *e, posted, 8, &(struct frame_posted){.seq = 12, .at = 1700000000000});
        read_one_answer(f, *e);
        assert_status(f->error.status, PARLEY_OK);
        assert_int_equal(f->frame.type, FRAME_none);
    }
}

static void an_error_answers_in_place_of_the_reply(void **state)
{
    struct fixture *f = *state;
    EACH_ENCODING(e)
    {
        struct wire_path data = {.key = {"data", 4}}, body = {.up = &data, .key = {"body", 4}};
        wire_refuse(&f->error, PARLEY_TOO_BIG, &body, "has %d bytes", 99);
        struct frame_error answer = frame_error_of(&f->error);
        answer.has_retry_after_ms = true;
        answer.retry_after_ms = 250;
        buf_clear(&f->out);
        frame_put(&f->out, *e, error, 7, &answer);
        read_one_answer(f, *e);
        assert_status(f->error.status, PARLEY_OK);
        assert_int_equal(f->frame.type, FRAME_error);
        assert_int_equal(f->frame.id, 7);
        assert_span(f->frame.error.code, "too_big");
        assert_span(f->frame.error.text, "has 99 bytes");
        assert_span(f->frame.error.path, "data.body");
        assert_int_equal(f->frame.error.retry_after_ms, 250);
    }
}

static void a_status_alone_has_its_standard_text(void **state)
{
    struct frame_error e = frame_error_status(PARLEY_UNAVAILABLE);
    assert_span(e.code, "unavailable");
    assert_true(e.text.len > 10);
    assert_false(e.has_path);
}

static void a_push_that_nobody_knows_is_ignored(void **state)
{
    struct fixture *f = *state;
    buf_clear(&f->out);
    buf_add_str(&f->out, "{\"type\":\"some.day\",\"data\":{\"x\":1}}");
    read_one_answer(f, ENCODING_JSON);
    assert_status(f->error.status, PARLEY_OK);
    assert_int_equal(f->frame.type, FRAME_none);
}

static void a_bad_reply_says_which_request_it_belongs_to(void **state)
{
    struct fixture *f = *state;
    buf_clear(&f->out);
    buf_add_str(&f->out, "{\"re\":7,\"data\":{\"seq\":\"one\"}}");
    read_one_answer(f, ENCODING_JSON);
    assert_status(f->error.status, PARLEY_INVALID);
    assert_int_equal(f->frame.id, 7);
    assert_string_equal(f->error.path, "data.seq");
}

/* What stands before frame i of a message of count frames; behind the last for i == count. */
static void put_between(struct buf *out, enum encoding encoding, size_t i, size_t count)
{
    if (encoding == ENCODING_JSON)
        buf_add_char(out, i == 0 ? '[' : i == count ? ']' : ',');
    else if (i == 0)
        wire_msgpack_put_array(out, count);
}

static void put_inboxes(struct buf *out, enum encoding encoding, size_t count)
{
    buf_clear(out);
    for (size_t i = 0; i < count; i++) {
        put_between(out, encoding, i, count);
        frame_put(out, encoding, inbox, (int64_t)i + 1, &(struct frame_inbox){});
    }
    put_between(out, encoding, count, count);
}

static void a_batch_of_256_frames_is_read_in_order(void **state)
{
    struct fixture *f = *state;
    EACH_ENCODING(e)
    {
        struct frame_reader reader;
        put_inboxes(&f->out, *e, LIMIT_FRAMES_PER_MESSAGE);
        assert_status(frame_reader_init(&reader, *e, buf_span(&f->out), &f->error), PARLEY_OK);
        for (int i = 1; i <= LIMIT_FRAMES_PER_MESSAGE; i++) {
            assert_true(frame_next_request(&reader, &f->arena, &f->frame, &f->error));
            assert_status(f->error.status, PARLEY_OK);
            assert_int_equal(f->frame.type, FRAME_inbox);
            assert_int_equal(f->frame.id, i);
        }
        assert_false(frame_next_request(&reader, &f->arena, &f->frame, &f->error));
    }
}

static void larger_batches_are_refused_whole(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {LIMIT_FRAMES_PER_MESSAGE + 1, 10000};
    EACH_ENCODING(e)
    for (size_t i = 0; i < 2; i++) {
        struct frame_reader reader;
        put_inboxes(&f->out, *e, sizes[i]);
        assert_status(frame_reader_init(&reader, *e, buf_span(&f->out), &f->error), PARLEY_TOO_MANY);
        assert_false(frame_next_request(&reader, &f->arena, &f->frame, &f->error));
    }
}

static void values_are_counted_a_frame_not_a_message(void **state)
{
    struct fixture *f = *state;
    EACH_ENCODING(e)
    {
        struct frame_reader reader;
        buf_clear(&f->out);
        for (int k = 0; k < 2; k++) {
            struct value body, list;
            value_map(&f->arena, 1, &body);
            value_array(&f->arena, LIMIT_NODES - 100, &list);
            while (list.count < LIMIT_NODES - 100)
                value_push(&list, value_int(1));
            value_put(&body, span_str("x"), list);
            put_between(&f->out, *e, (size_t)k, 2);
            frame_put(&f->out, *e, post, k + 1,
                      &(struct frame_post){
                          .conversation = some_id, .id = some_id, .kind = span_str("text"), .body = {.value = &body}});
        }
        put_between(&f->out, *e, 2, 2);
        assert_status(frame_reader_init(&reader, *e, buf_span(&f->out), &f->error), PARLEY_OK);
        for (int k = 0; k < 2; k++) {
            assert_true(frame_next_request(&reader, &f->arena, &f->frame, &f->error));
            assert_status(f->error.status, PARLEY_OK);
        }
        arena_reset(&f->arena);
    }
}

static void too_many_values_in_a_frame_are_refused_with_its_id(void **state)
{
    struct fixture *f = *state;
    EACH_ENCODING(e)
    {
        struct value tree, list;
        value_map(&f->arena, 3, &tree);
        value_array(&f->arena, LIMIT_NODES, &list);
        while (list.count < LIMIT_NODES)
            value_push(&list, value_bool(true));
        value_put(&tree, span_str("id"), value_int(9));
        value_put(&tree, span_str("type"), value_text(span_str("inbox")));
        value_put(&tree, span_str("data"), list);
        buf_clear(&f->out);
        if (*e == ENCODING_JSON)
            wire_json_put_value(&f->out, &tree);
        else
            wire_msgpack_put_value(&f->out, &tree);
        read_one_request(f, *e, buf_span(&f->out));
        assert_status(f->error.status, PARLEY_TOO_MANY);
        assert_int_equal(f->frame.id, 9);
        arena_reset(&f->arena);
    }
}

static void a_page_larger_than_any_request_is_read_by_a_client(void **state)
{
    struct fixture *f = *state;
    static struct frame_item items[LIMIT_PAGE_ITEMS];
    for (int i = 0; i < LIMIT_PAGE_ITEMS; i++)
        items[i] = (struct frame_item){.seq = i + 1,
                                       .prev = i,
                                       .has_id = true,
                                       .id = some_id,
                                       .has_body = true,
                                       .body = {.json = span_str("{\"a\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]}")}};
    struct frame_thread thread = {
        .topic = span_str("main"), .head = 250, .items = items, .items_count = LIMIT_PAGE_ITEMS};
    EACH_ENCODING(e)
    {
        buf_clear(&f->out);
        frame_put(&f->out, *e, ranged, 7, &(struct frame_ranged){.thread = thread});
        struct frame_reader reader;
        assert_status(frame_reader_init(&reader, *e, buf_span(&f->out), &f->error), PARLEY_OK);
        assert_true(frame_next_answer(&reader, &f->arena, awaits_range, NULL, &f->frame, &f->error));
        assert_status(f->error.status, PARLEY_OK);
        assert_int_equal(f->frame.ranged.thread.items_count, LIMIT_PAGE_ITEMS);
        assert_int_equal(f->frame.ranged.thread.items[249].seq, 250);
        arena_reset(&f->arena);
    }
}

static void names_of_enumerations_go_both_ways(void **state)
{
    assert_string_equal(role_name(role_guest), "guest");
    assert_null(role_name(99));
    assert_int_equal(session_state_of(span_str("wrap_up")), session_state_wrap_up);
    assert_int_equal(session_state_of(span_str("Wrap_up")), -1);
    assert_string_equal(frame_type_name(FRAME_process_start), "process.start");
    assert_string_equal(frame_type_name(FRAME_none), "none");
    assert_int_equal(frame_reply_type(FRAME_note), FRAME_posted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_post_survives_both_encodings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_is_read_as_what_was_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_to_nothing_is_ignored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_error_answers_in_place_of_the_reply, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_status_alone_has_its_standard_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_push_that_nobody_knows_is_ignored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_reply_says_which_request_it_belongs_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_of_256_frames_is_read_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(larger_batches_are_refused_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_are_counted_a_frame_not_a_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_values_in_a_frame_are_refused_with_its_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_page_larger_than_any_request_is_read_by_a_client, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_of_enumerations_go_both_ways, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
