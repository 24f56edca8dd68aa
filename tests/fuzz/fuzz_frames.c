/* Reading, and reading again what was written. */
#include "tests/fuzz/fuzz_frames.h"

#include "protocol/item.h"
#include "protocol/wire_json.h"
#include "protocol/wire_msgpack.h"
#include "tests/support/value_equal.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena arena, again;
static struct buf written, rewritten;

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "does not hold: %s\n", what);
        abort();
    }
}

/* Answers are awaited by turns, so that every reply is read. */
static enum frame_type awaits(void *arg, int64_t re)
{
    return (enum frame_type)(1 + (uint64_t)re % (FRAME_REQUESTS_END - 1));
}

static bool next(struct frame_reader *r, bool client, struct arena *a, struct frame *frame, struct wire_error *error)
{
    if (client)
        return frame_next_answer(r, a, awaits, NULL, frame, error);
    return frame_next_request(r, a, frame, error);
}

static void check_error(const struct wire_error *error)
{
    require(memchr(error->text, '\0', sizeof error->text) && error->text[0], "an error has a text");
    require(memchr(error->path, '\0', sizeof error->path), "a path ends");
    require(strcmp(status_name(error->status), "unknown") != 0, "a status is of the table");
}

static void check_written(const struct frame *frame)
{
    for (enum encoding e = ENCODING_MSGPACK; e <= ENCODING_JSON; e++) {
        struct frame_reader reader;
        struct frame copy;
        struct wire_error error;
        buf_clear(&written);
        frame_put_type(&written, e, frame->type, frame->id, &frame->error);
        require(written.status == PARLEY_OK, "a frame that was read can be written");
        require(frame_reader_init(&reader, e, buf_span(&written), &error) == PARLEY_OK,
                "what was written is a message");
        require(next(&reader, false, &again, &copy, &error), "what was written is a frame");
        require(error.status == PARLEY_OK && copy.type == frame->type && copy.id == frame->id, "it reads the same");
        buf_clear(&rewritten);
        frame_put_type(&rewritten, e, copy.type, copy.id, &copy.error);
        require(span_equal(buf_span(&written), buf_span(&rewritten)), "it is written the same");
        arena_reset(&again);
    }
}

static void check_body(const struct frame_post *post)
{
    struct wire_error error;
    struct value back;
    const struct wire_limits limits = {.depth = LIMIT_DEPTH, .nodes = LIMIT_NODES};
    item_validate_body(item_kind_of(post->kind), post->body.value, &error);
    buf_clear(&written);
    item_canonical(post->body.value, &written);
    require(written.len <= LIMIT_BODY, "a body that was read is as small as it must be");
    require(wire_json_read(&again, buf_span(&written), &limits, &back, &error) == PARLEY_OK,
            "the canonical form reads");
    require(value_equal(post->body.value, &back), "the canonical form says the same");
    buf_clear(&rewritten);
    wire_json_to_msgpack(&rewritten, buf_span(&written));
    require(wire_msgpack_read(&again, buf_span(&rewritten), &limits, &back, &error) == PARLEY_OK,
            "so does its MessagePack");
    require(value_equal(post->body.value, &back), "and it says the same");
    arena_reset(&again);
}

static void read_side(enum encoding encoding, struct span bytes, bool client)
{
    struct frame_reader reader;
    struct frame frame;
    struct wire_error error;
    if (frame_reader_init(&reader, encoding, bytes, &error) != PARLEY_OK) {
        check_error(&error);
        return;
    }
    for (int n = 0; next(&reader, client, &arena, &frame, &error); n++) {
        require(n < LIMIT_FRAMES_PER_MESSAGE, "a message has at most 256 frames");
        if (error.status != PARLEY_OK)
            check_error(&error);
        else if (!client) /* names from a newer server are read, but cannot be written */
            check_written(&frame);
        if (error.status == PARLEY_OK && frame.type == FRAME_post)
            check_body(&frame.post);
        arena_reset(&arena);
    }
}

void fuzz_frames(enum encoding encoding, struct span bytes)
{
    if (!arena.max) {
        arena_init(&arena, 1 << 24);
        arena_init(&again, 1 << 24);
        buf_init(&written, 1 << 24);
        buf_init(&rewritten, 1 << 24);
    }
    read_side(encoding, bytes, false);
    read_side(encoding, bytes, true);
}
