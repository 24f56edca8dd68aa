/* The golden vectors, read and written: what a client of any language is tested with holds for this code too. */
#include "tests/unit/protocol/support.h"

#include "protocol/item.h"

#include <dirent.h>
#include <stdlib.h>

#define FOLDER "protocol/vectors"

enum { LINES = 512 };

struct vector {
    char *name;
    char *expects[LINES];
    int expect_count;
    char *json; /* NULL: the case is of the other encoding only */
    char *msgpack;
    char *reads_as;
    bool newer;
};

struct file {
    char *text;
    char *name;
    enum frame_type type; /* of the frames in it */
    int item;
    struct vector *vectors;
    size_t count;
};

struct run {
    const struct file *file;
    const struct vector *vector;
    enum encoding encoding;
    struct span message;
    struct arena arena;
    struct buf written;
};

static char *read_whole(const char *path)
{
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    fseek(in, 0, SEEK_END);
    size_t size = (size_t)ftell(in);
    rewind(in);
    char *text = malloc(size + 1);
    assert_int_equal(fread(text, 1, size, in), size);
    text[size] = '\0';
    fclose(in);
    return text;
}

static enum frame_type type_named(const char *name, enum frame_type from, enum frame_type to)
{
    for (enum frame_type t = from + 1; t < to; t++)
        if (strcmp(frame_type_name(t), name) == 0)
            return t;
    fail_msg("no frame %s", name);
    return FRAME_none;
}

static void parse_line(struct file *f, char *key, char *value)
{
    struct vector *v = f->count ? &f->vectors[f->count - 1] : NULL;
    if (strcmp(key, "request") == 0)
        f->type = type_named(value, FRAME_none, FRAME_REQUESTS_END);
    else if (strcmp(key, "reply") == 0)
        f->type = type_named(value, FRAME_REQUESTS_END, FRAME_REPLIES_END);
    else if (strcmp(key, "push") == 0)
        f->type = type_named(value, FRAME_REPLIES_END, FRAME_TYPES);
    else if (strcmp(key, "item") == 0)
        f->item = item_kind_of(span_str(value));
    else if (strcmp(key, "case") == 0)
        f->vectors[f->count++] = (struct vector){.name = value};
    else if (strcmp(key, "expect") == 0)
        v->expects[v->expect_count++] = value;
    else if (strcmp(key, "json") == 0)
        v->json = value;
    else if (strcmp(key, "msgpack") == 0)
        v->msgpack = value;
    else if (strcmp(key, "reads-as") == 0)
        v->reads_as = value;
    else if (strcmp(key, "newer") == 0)
        v->newer = true;
    else
        assert_string_equal(key, "awaited-by");
}

static void parse(struct file *f, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, FOLDER "/%s", name);
    *f = (struct file){.text = read_whole(path), .name = strdup(name), .vectors = calloc(LINES, sizeof *f->vectors)};
    for (char *line = strtok(f->text, "\n"); line; line = strtok(NULL, "\n")) {
        char *colon = strchr(line, ':');
        if (line[0] == '#')
            continue;
        assert_non_null(colon);
        *colon = '\0';
        parse_line(f, line, colon[1] == ' ' ? colon + 2 : colon + 1);
    }
}

static void forget(struct file *f)
{
    free(f->text);
    free(f->name);
    free(f->vectors);
}

static struct span unhex(const char *hex)
{
    size_t n = strlen(hex) / 2;
    char *bytes = malloc(n ? n : 1);
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (char)byte;
    }
    return span_of(bytes, n);
}

static void assert_outcome(const struct run *r, const char *expected, const char *prefix, parley_status st,
                           const char *path)
{
    char got[512];
    snprintf(got, sizeof got, "%s%s%s%s", prefix, status_name(st), st && path[0] ? " " : "", st ? path : "");
    if (strcmp(got, expected) != 0)
        fail_msg("%s, %s, %s: %s, not %s", r->file->name, r->vector->name, encoding_subprotocol(r->encoding), got,
                 expected);
}

static enum frame_type awaits(void *arg, int64_t re)
{
    const struct run *r = arg;
    if (r->file->type == FRAME_error)
        return FRAME_post;
    for (enum frame_type t = FRAME_none + 1; t < FRAME_REQUESTS_END; t++)
        if (frame_reply_type(t) == r->file->type)
            return t;
    return FRAME_none;
}

static bool next(struct run *r, struct frame_reader *reader, struct frame *frame, struct wire_error *error)
{
    if (r->file->type == FRAME_none || frame_is_request(r->file->type))
        return frame_next_request(reader, &r->arena, frame, error);
    return frame_next_answer(reader, &r->arena, awaits, r, frame, error);
}

static const struct vector *vector_named(const struct file *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->vectors[i].name, name) == 0)
            return &f->vectors[i];
    return NULL;
}

/* Both encodings of a frame that was read from either. */
static void assert_written(struct run *r, const struct frame *frame)
{
    const struct vector *v = r->vector->reads_as ? vector_named(r->file, r->vector->reads_as) : r->vector;
    if (v->newer)
        return;
    buf_clear(&r->written);
    frame_put_type(&r->written, ENCODING_JSON, frame->type, frame->id, &frame->error);
    assert_span_equal(buf_span(&r->written), v->json, strlen(v->json));
    struct span bytes = unhex(v->msgpack);
    buf_clear(&r->written);
    frame_put_type(&r->written, ENCODING_MSGPACK, frame->type, frame->id, &frame->error);
    assert_true(span_equal(buf_span(&r->written), bytes));
    free((void *)bytes.ptr);
}

static void run_frame(struct run *r)
{
    struct frame_reader reader;
    struct frame frame;
    struct wire_error error;
    assert_status(frame_reader_init(&reader, r->encoding, r->message, &error), PARLEY_OK);
    assert_true(next(r, &reader, &frame, &error));
    assert_outcome(r, r->vector->expects[0], "", error.status, error.path);
    assert_int_equal(frame.type, r->file->type);
    if (error.status == PARLEY_OK)
        assert_written(r, &frame);
    assert_false(next(r, &reader, &frame, &error));
}

static void run_item(struct run *r)
{
    struct value body;
    struct wire_error error;
    if (r->encoding == ENCODING_JSON)
        assert_status(wire_json_read(&r->arena, r->message, &roomy, &body, &error), PARLEY_OK);
    else
        assert_status(wire_msgpack_read(&r->arena, r->message, &roomy, &body, &error), PARLEY_OK);
    parley_status st = item_validate_body(r->file->item, &body, &error);
    assert_outcome(r, r->vector->expects[0], "", st, error.path);
    buf_clear(&r->written);
    item_canonical(&body, &r->written);
    assert_span_equal(buf_span(&r->written), r->vector->json, strlen(r->vector->json));
}

static void run_message(struct run *r)
{
    struct frame_reader reader;
    struct frame frame;
    struct wire_error error;
    int n = 0;
    parley_status st = frame_reader_init(&reader, r->encoding, r->message, &error);
    if (st != PARLEY_OK)
        assert_outcome(r, r->vector->expects[n++], "message ", st, "");
    for (; frame_next_request(&reader, &r->arena, &frame, &error); n++) {
        char prefix[32] = "- ";
        if (frame.id)
            snprintf(prefix, sizeof prefix, "%lld ", (long long)frame.id);
        assert_true(n < r->vector->expect_count);
        assert_outcome(r, r->vector->expects[n], prefix, error.status, error.path);
    }
    assert_int_equal(n, r->vector->expect_count);
}

static void run_vector(const struct file *f, const struct vector *v, enum encoding encoding)
{
    const char *text = encoding == ENCODING_JSON ? v->json : v->msgpack;
    if (!text)
        return;
    struct run r = {.file = f, .vector = v, .encoding = encoding};
    r.message = encoding == ENCODING_JSON ? span_of(strdup(text), strlen(text)) : unhex(text);
    arena_init(&r.arena, 1 << 24);
    buf_init(&r.written, 1 << 20);
    if (f->item)
        run_item(&r);
    else if (f->type)
        run_frame(&r);
    else
        run_message(&r);
    free((void *)r.message.ptr);
    arena_done(&r.arena);
    buf_done(&r.written);
}

static size_t run_file(const char *name)
{
    struct file f;
    parse(&f, name);
    for (size_t i = 0; i < f.count; i++) {
        run_vector(&f, &f.vectors[i], ENCODING_JSON);
        run_vector(&f, &f.vectors[i], ENCODING_MSGPACK);
    }
    size_t count = f.count;
    forget(&f);
    return count;
}

static void every_vector_holds(void **state)
{
    size_t files = 0, vectors = 0;
    DIR *folder = opendir(FOLDER);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, ".txt") != 0)
            continue;
        vectors += run_file(entry->d_name);
        files++;
    }
    closedir(folder);
    assert_in_range(files, 80, SIZE_MAX);
    assert_in_range(vectors, 1200, SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_vector_holds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
