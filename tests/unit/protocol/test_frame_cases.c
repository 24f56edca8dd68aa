/* Every field of every frame and every item, right and wrong, in both encodings. */
#include "tests/support/frame_cases.h"
#include "tests/support/value_equal.h"
#include "tests/unit/protocol/support.h"

#include "protocol/item.h"

#include <stdlib.h>

struct fixture {
    enum frame_type type;
    enum encoding encoding;
    int kind;
    size_t cases;
    struct arena arena;
    struct buf message, written;
};

static void init(struct fixture *f)
{
    arena_init(&f->arena, 1 << 24);
    buf_init(&f->message, 1 << 24);
    buf_init(&f->written, 1 << 24);
}

static void done(struct fixture *f)
{
    arena_done(&f->arena);
    buf_done(&f->message);
    buf_done(&f->written);
}

static enum frame_type awaits(void *arg, int64_t re)
{
    return frame_case_awaits(((struct fixture *)arg)->type);
}

static bool next(struct fixture *f, struct frame_reader *reader, struct frame *frame, struct wire_error *error)
{
    if (frame_is_request(f->type))
        return frame_next_request(reader, &f->arena, frame, error);
    return frame_next_answer(reader, &f->arena, awaits, f, frame, error);
}

static void read_one(struct fixture *f, struct span message, struct frame *frame, struct wire_error *error)
{
    struct frame_reader reader;
    assert_status(frame_reader_init(&reader, f->encoding, message, error), PARLEY_OK);
    assert_true(next(f, &reader, frame, error));
}

static void check_outcome(const struct frame_case *c, parley_status st, const struct wire_error *error)
{
    if (st != c->expected || (st && strcmp(error->path, c->path) != 0))
        fail_msg("%s: %s at \"%s\" (%s), not %s at \"%s\"", c->name, status_name(st), error->path,
                 st ? error->text : "", status_name(c->expected), c->path);
}

/* Reads what was written as the tree, in the canonical order, and compares. */
static struct value tree_of(struct fixture *f, struct span message)
{
    const struct wire_limits limits = {.depth = LIMIT_DEPTH_MESSAGE, .nodes = 1 << 20};
    struct value tree;
    struct wire_error error;
    if (f->encoding == ENCODING_JSON)
        assert_status(wire_json_read(&f->arena, message, &limits, &tree, &error), PARLEY_OK);
    else
        assert_status(wire_msgpack_read(&f->arena, message, &limits, &tree, &error), PARLEY_OK);
    return tree;
}

static void check_written(struct fixture *f, const struct frame_case *c, const struct frame *frame)
{
    buf_clear(&f->written);
    frame_put_type(&f->written, f->encoding, frame->type, frame->id, &frame->error);
    assert_status(f->written.status, PARLEY_OK);
    struct value before = tree_of(f, buf_span(&f->message)), after = tree_of(f, buf_span(&f->written));
    if (!value_equal(&before, &after))
        fail_msg("%s: written back as %.*s", c->name, SPAN_ARG(buf_span(&f->written)));
}

/* Cut at every byte: refused, and the id is right wherever it was read. */
static void check_truncated(struct fixture *f)
{
    for (size_t len = 0; len < f->message.len; len++) {
        struct frame frame;
        struct wire_error error;
        char *copy = malloc(len ? len : 1);
        memcpy(copy, f->message.ptr, len);
        read_one(f, span_of(copy, len), &frame, &error);
        assert_status(error.status, PARLEY_MALFORMED);
        assert_true(frame.id == 0 || frame.id == 7);
        free(copy);
        arena_reset(&f->arena);
    }
}

static void check_frame(void *arg, const struct frame_case *c)
{
    struct fixture *f = arg;
    struct frame frame;
    struct wire_error error;
    frame_case_put(&f->message, f->encoding, &c->tree);
    read_one(f, buf_span(&f->message), &frame, &error);
    check_outcome(c, error.status, &error);
    assert_int_equal(frame.type, f->type);
    assert_int_equal(frame.id, frame_is_push(f->type) ? 0 : 7);
    if (c->expected == PARLEY_OK && !c->reads_as_required && !c->lossy)
        check_written(f, c, &frame);
    if (strcmp(c->name, "every field") == 0)
        check_truncated(f);
    f->cases++;
    arena_reset(&f->arena);
}

static size_t check_types(enum frame_type from, enum frame_type to)
{
    size_t cases = 0;
    for (enum frame_type t = from; t < to; t++)
        for (enum encoding e = ENCODING_MSGPACK; e <= ENCODING_JSON; e++) {
            struct fixture f = {.type = t, .encoding = e};
            init(&f);
            frame_cases(t, check_frame, &f);
            cases += f.cases;
            done(&f);
        }
    return cases;
}

static void requests_are_read_refused_and_written(void **state)
{
    assert_in_range(check_types(FRAME_none + 1, FRAME_REQUESTS_END), 900, SIZE_MAX);
}

static void replies_are_read_refused_and_written(void **state)
{
    assert_in_range(check_types(FRAME_REQUESTS_END + 1, FRAME_REPLIES_END), 3500, SIZE_MAX);
}

static void pushes_are_read_refused_and_written(void **state)
{
    assert_in_range(check_types(FRAME_REPLIES_END + 1, FRAME_TYPES), 1000, SIZE_MAX);
}

static void check_item(void *arg, const struct frame_case *c)
{
    struct fixture *f = arg;
    struct wire_error error = {0};
    check_outcome(c, item_validate_body(f->kind, &c->tree, &error), &error);
    f->cases++;
    if (c->expected != PARLEY_OK || c->reads_as_required)
        return;
    /* through its struct and back gives the canonical form */
    _Alignas(16) char body[1024];
    assert_status(item_read_body(f->kind, &c->tree, &f->arena, body, &error), PARLEY_OK);
    buf_clear(&f->message);
    item_canonical(&c->tree, &f->message);
    buf_clear(&f->written);
    item_put_body(&f->written, f->kind, body);
    assert_span_equal(buf_span(&f->written), f->message.ptr, f->message.len);
    arena_reset(&f->arena);
}

static void bodies_are_validated_read_and_written(void **state)
{
    struct fixture f = {0};
    init(&f);
    for (f.kind = 0; f.kind < 256; f.kind++)
        if (item_row(f.kind))
            item_cases(f.kind, check_item, &f);
    assert_in_range(f.cases, 500, SIZE_MAX);
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_read_refused_and_written),
        cmocka_unit_test(replies_are_read_refused_and_written),
        cmocka_unit_test(pushes_are_read_refused_and_written),
        cmocka_unit_test(bodies_are_validated_read_and_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
