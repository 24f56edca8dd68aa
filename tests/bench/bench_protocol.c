/* What reading and writing a frame costs, on one core: bench_protocol [NAME] [--json]. A post of 200 bytes of text, the
 * push that carries it, and a body of jsonb as it comes from the database. */
#include "protocol/frame.h"
#include "protocol/item.h"
#include "protocol/wire_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 200000, TRIES = 5 };

static const char jsonb[] =
    "{\"text\": \"I ordered the blue one last Tuesday, and what came today is green. The number on the "
    "parcel is the right one, so I think that somebody packed the wrong box. Can you send me the "
    "blue one, please?\"}";

struct bench {
    struct arena arena;
    struct buf message;
    struct buf out;
    enum encoding encoding;
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void put_post(struct buf *out, enum encoding encoding)
{
    static const struct uuid id = {{1, 2, 3, 4, 5, 6, 0x77, 8, 0x89, 10, 11, 12, 13, 14, 15, 16}};
    frame_put(out, encoding, post, 7,
              &(struct frame_post){
                  .conversation = id, .id = id, .kind = span_str("text"), .body = {.json = span_str(jsonb)}});
}

static void decode_post(struct bench *b)
{
    struct frame_reader reader;
    struct frame frame;
    struct wire_error error;
    frame_reader_init(&reader, b->encoding, buf_span(&b->message), &error);
    if (!frame_next_request(&reader, &b->arena, &frame, &error) || error.status != PARLEY_OK)
        abort();
    arena_reset(&b->arena);
}

static void decode_and_store_post(struct bench *b)
{
    struct frame_reader reader;
    struct frame frame;
    struct wire_error error;
    frame_reader_init(&reader, b->encoding, buf_span(&b->message), &error);
    if (!frame_next_request(&reader, &b->arena, &frame, &error) ||
        item_validate_body(item_kind_of(frame.post.kind), frame.post.body.value, &error) != PARLEY_OK)
        abort();
    buf_clear(&b->out);
    item_canonical(frame.post.body.value, &b->out);
    arena_reset(&b->arena);
}

static void encode_push(struct bench *b)
{
    static const struct uuid id = {{1, 2, 3, 4, 5, 6, 0x77, 8, 0x89, 10, 11, 12, 13, 14, 15, 16}};
    struct frame_push_item push = {.conversation = id,
                                   .item = {.seq = 421,
                                            .prev = 420,
                                            .has_id = true,
                                            .id = id,
                                            .has_kind = true,
                                            .kind = span_str("text"),
                                            .has_role = true,
                                            .role = role_customer,
                                            .has_author = true,
                                            .author = id,
                                            .has_at = true,
                                            .at = 1700000000000,
                                            .has_body = true,
                                            .body = {.json = span_str(jsonb)}}};
    buf_clear(&b->out);
    frame_put(&b->out, b->encoding, push_item, 0, &push);
}

static void encode_posted(struct bench *b)
{
    buf_clear(&b->out);
    frame_put(&b->out, b->encoding, posted, 7, &(struct frame_posted){.seq = 421, .at = 1700000000000});
}

static void transcode_body(struct bench *b)
{
    buf_clear(&b->out);
    if (b->encoding == ENCODING_MSGPACK)
        wire_json_to_msgpack(&b->out, span_str(jsonb));
    else
        wire_json_put_compact(&b->out, span_str(jsonb));
}

static double best_ns(struct bench *b, void (*run)(struct bench *))
{
    double best = 1e18;
    for (int try = 0; try < TRIES; try++) {
        double start = now_ns();
        for (int i = 0; i < ROUNDS; i++)
            run(b);
        double took = (now_ns() - start) / ROUNDS;
        best = took < best ? took : best;
    }
    return best;
}

static const struct {
    const char *name;
    enum encoding encoding;
    void (*run)(struct bench *);
} rows[] = {
    {"decode_post_msgpack", ENCODING_MSGPACK, decode_post},
    {"decode_validate_canonical_msgpack", ENCODING_MSGPACK, decode_and_store_post},
    {"encode_posted_msgpack", ENCODING_MSGPACK, encode_posted},
    {"encode_push_item_msgpack", ENCODING_MSGPACK, encode_push},
    {"body_from_jsonb_msgpack", ENCODING_MSGPACK, transcode_body},
    {"decode_post_json", ENCODING_JSON, decode_post},
    {"decode_validate_canonical_json", ENCODING_JSON, decode_and_store_post},
    {"encode_posted_json", ENCODING_JSON, encode_posted},
    {"encode_push_item_json", ENCODING_JSON, encode_push},
    {"body_from_jsonb_json", ENCODING_JSON, transcode_body},
};

int main(int argc, char **argv)
{
    bool json = false;
    const char *wanted = "";
    for (int i = 1; i < argc; i++) {
        json |= strcmp(argv[i], "--json") == 0;
        wanted = argv[i][0] == '-' ? wanted : argv[i];
    }

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!strstr(rows[i].name, wanted))
            continue;
        struct bench b = {.encoding = rows[i].encoding};
        arena_init(&b.arena, 1 << 20);
        buf_init(&b.message, 1 << 20);
        buf_init(&b.out, 1 << 20);
        put_post(&b.message, b.encoding);
        double ns = best_ns(&b, rows[i].run);
        if (json)
            printf("{\"name\":\"%s\",\"value\":%.0f,\"unit\":\"ns\"}\n", rows[i].name, ns);
        else
            printf("%-36s %6.0f ns\n", rows[i].name, ns);
        arena_done(&b.arena);
        buf_done(&b.message);
        buf_done(&b.out);
    }
    return 0;
}
