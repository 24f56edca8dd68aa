/* Writes the golden vectors: parley_vectors FOLDER, or with --check says which files there are out of date.
 *
 * One file a frame type and one a kind of item, from the tables; messages.txt is written by hand and left alone. */
#include "tests/support/frame_cases.h"

#include "protocol/item.h"
#include "protocol/wire_json.h"
#include "protocol/wire_msgpack.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { LONGEST = 1200 }; /* bytes of a frame in a file; the unit tests run longer ones too */

struct file {
    enum frame_type type;
    struct buf text;
    struct buf frame;
    struct arena arena;
};

static enum frame_type awaits(void *arg, int64_t re)
{
    return frame_case_awaits(((struct file *)arg)->type);
}

/* A good frame as our own writer has it, with the fields in the order of the table. */
static void rewrite(struct file *f, enum encoding encoding)
{
    struct frame_reader reader;
    struct frame frame;
    struct wire_error error;
    frame_reader_init(&reader, encoding, buf_span(&f->frame), &error);
    if (frame_is_request(f->type))
        frame_next_request(&reader, &f->arena, &frame, &error);
    else
        frame_next_answer(&reader, &f->arena, awaits, f, &frame, &error);
    assert(error.status == PARLEY_OK);
    struct buf written;
    buf_init(&written, 1 << 24);
    frame_put_type(&written, encoding, frame.type, frame.id, &frame.error);
    buf_clear(&f->frame);
    buf_add_span(&f->frame, buf_span(&written));
    buf_done(&written);
    arena_reset(&f->arena);
}

static void put_encoding(struct file *f, const struct frame_case *c, enum encoding encoding)
{
    frame_case_put(&f->frame, encoding, &c->tree);
    if (f->type != FRAME_none && c->expected == PARLEY_OK && !c->reads_as_required && !c->lossy)
        rewrite(f, encoding);
    if (encoding == ENCODING_JSON) {
        buf_printf(&f->text, "json: %.*s\n", SPAN_ARG(buf_span(&f->frame)));
        return;
    }
    buf_add_str(&f->text, "msgpack: ");
    for (size_t i = 0; i < f->frame.len; i++)
        buf_printf(&f->text, "%02x", (unsigned char)f->frame.ptr[i]);
    buf_add_char(&f->text, '\n');
}

static void put_case(void *arg, const struct frame_case *c)
{
    struct file *f = arg;
    frame_case_put(&f->frame, ENCODING_JSON, &c->tree);
    if (c->nested || f->frame.len > LONGEST)
        return;
    const char *prefix = strncmp(c->name, "data.", 5) == 0 ? c->name + 5 : c->name;
    buf_printf(&f->text, "\ncase: %s\nexpect: %s", prefix, status_name(c->expected));
    if (c->expected != PARLEY_OK)
        buf_printf(&f->text, " %s", c->path);
    buf_add_char(&f->text, '\n');
    if (c->reads_as_required)
        buf_add_str(&f->text, "reads-as: required fields\n");
    if (c->lossy)
        buf_add_str(&f->text, "newer: a name that only a newer server knows is read, and not written\n");
    put_encoding(f, c, ENCODING_JSON);
    put_encoding(f, c, ENCODING_MSGPACK);
}

static bool same_as(const char *path, struct span text)
{
    FILE *in = fopen(path, "r");
    if (!in)
        return false;
    char *old = malloc(text.len + 1);
    size_t n = fread(old, 1, text.len + 1, in);
    bool same = n == text.len && memcmp(old, text.ptr, n) == 0;
    free(old);
    fclose(in);
    return same;
}

/* Returns whether the file was, or now is, as it should be. */
static bool finish(struct file *f, const char *folder, const char *name, bool check)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.txt", folder, name);
    bool good = f->text.status == PARLEY_OK && same_as(path, buf_span(&f->text));
    if (!good && check)
        fprintf(stderr, "%s is out of date: run parley_vectors %s\n", path, folder);
    FILE *out = !good && !check ? fopen(path, "w") : NULL;
    if (out) {
        good = fwrite(f->text.ptr, 1, f->text.len, out) == f->text.len;
        good = fclose(out) == 0 && good;
    }
    buf_done(&f->text);
    buf_done(&f->frame);
    arena_done(&f->arena);
    return good;
}

static void start(struct file *f, enum frame_type type)
{
    f->type = type;
    buf_init(&f->text, 1 << 26);
    buf_init(&f->frame, 1 << 24);
    arena_init(&f->arena, 1 << 24);
}

static bool write_frame(enum frame_type type, const char *folder, bool check)
{
    struct file f;
    char name[128];
    start(&f, type);
    const char *side = frame_is_request(type) ? "request" : frame_is_reply(type) ? "reply" : "push";
    snprintf(name, sizeof name, "%s.%s", side, frame_type_name(type));
    buf_printf(&f.text, "%s: %s\n", side, frame_type_name(type));
    if (frame_is_reply(type))
        buf_printf(&f.text, "awaited-by: %s\n", frame_type_name(frame_case_awaits(type)));
    frame_cases(type, put_case, &f);
    return finish(&f, folder, name, check);
}

static bool write_item(int kind, const char *folder, bool check)
{
    struct file f;
    char name[128];
    start(&f, FRAME_none);
    snprintf(name, sizeof name, "item.%s", item_kind_name(kind));
    buf_printf(&f.text, "item: %s\n", item_kind_name(kind));
    item_cases(kind, put_case, &f);
    return finish(&f, folder, name, check);
}

int main(int argc, char **argv)
{
    bool check = argc == 3 && strcmp(argv[2], "--check") == 0, good = true;
    if (argc != 2 && !check) {
        fprintf(stderr, "usage: parley_vectors FOLDER [--check]\n");
        return 2;
    }
    for (enum frame_type t = FRAME_none + 1; t < FRAME_TYPES; t++)
        if (t != FRAME_REQUESTS_END && t != FRAME_REPLIES_END)
            good &= write_frame(t, argv[1], check);
    for (int kind = 0; kind < 256; kind++)
        if (item_row(kind))
            good &= write_item(kind, argv[1], check);
    return good ? 0 : 1;
}
