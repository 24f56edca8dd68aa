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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_post_survives_both_encodings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_is_read_as_what_was_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_to_nothing_is_ignored, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
