/* Memory fails at each allocation in turn while a frame is read and written: the answer is NOMEM, nothing is lost, and
 * with memory again all is well. The server's own small allocations cannot fail (base/mem), the host's of the SDK can.
 */
#include "tests/support/failing_memory.h"
#include "tests/support/frame_cases.h"
#include "tests/unit/protocol/support.h"

struct fixture {
    enum frame_type type;
    enum encoding encoding;
    size_t failures;
};

static enum frame_type awaits(void *arg, int64_t re)
{
    return frame_case_awaits(((struct fixture *)arg)->type);
}

static parley_status read_frame(struct fixture *f, struct arena *arena, struct span message, struct frame *frame)
{
    struct frame_reader reader;
    struct wire_error error = {0};
    parley_status st = frame_reader_init(&reader, f->encoding, message, &error);
    if (st != PARLEY_OK)
        return st;
    if (frame_is_request(f->type))
        frame_next_request(&reader, arena, frame, &error);
    else
        frame_next_answer(&reader, arena, awaits, f, frame, &error);
    return error.status;
}

/* Reads the message and writes it anew, with the n-th allocation failing; false once none failed. */
static bool attempt(struct fixture *f, struct span message, long n)
{
    struct arena arena;
    struct buf written;
    struct frame frame;
    arena_init(&arena, 1 << 24);
    buf_init(&written, 1 << 24);
    memory_fails_after(n);
    parley_status st = read_frame(f, &arena, message, &frame);
    if (st == PARLEY_OK) {
        frame_put_type(&written, f->encoding, frame.type, frame.id, &frame.error);
        st = written.status;
    }
    memory_is_back();
    assert_status(st, memory_failed() ? PARLEY_NOMEM : PARLEY_OK);
    f->failures += memory_failed();
    buf_done(&written);
    arena_done(&arena);
    return memory_failed();
}

static void fail_everywhere(void *arg, const struct frame_case *c)
{
    struct fixture *f = arg;
    struct buf message;
    if (c->expected != PARLEY_OK || c->lossy)
        return;
    buf_init(&message, 1 << 24);
    if (f->encoding == ENCODING_JSON)
        wire_json_put_value(&message, &c->tree);
    else
        wire_msgpack_put_value(&message, &c->tree);
    for (long n = 0; attempt(f, buf_span(&message), n); n++)
        ;
    buf_done(&message);
}

static void every_allocation_of_every_frame_may_fail(void **state)
{
    size_t failures = 0;
    for (enum frame_type t = FRAME_none + 1; t < FRAME_TYPES; t++)
        for (enum encoding e = ENCODING_MSGPACK; e <= ENCODING_JSON; e++) {
            struct fixture f = {.type = t, .encoding = e};
            if (t == FRAME_REQUESTS_END || t == FRAME_REPLIES_END)
                continue;
            frame_cases(t, fail_everywhere, &f);
            failures += f.failures;
        }
    assert_in_range(failures, 500, SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_every_frame_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
