/* From a body to the statements that hold it to its file. */
#include "server/talk/claim.h"

#include "protocol/wire_json.h"
#include "server/store/blob_row.h"

#include <stdio.h>

struct claim {
    struct blob_claim *blobs;
    size_t count;
    void (*add)(void *arg, struct pg_group *group); /* what the move had to add already */
    void *arg;
};

static parley_status read_body(struct arena *arena, const struct log_row *row, void *out)
{
    struct wire_error error;
    struct value body;
    parley_status st = wire_json_read_stored(arena, row->body, &body);
    return st == PARLEY_OK ? item_read_body(row->kind, &body, arena, out, &error) : st;
}

static size_t of_media(struct arena *arena, const struct log_row *row, struct blob_claim *out)
{
    struct frame_media_body body;
    if (read_body(arena, row, &body) != PARLEY_OK)
        return 0;
    *out = (struct blob_claim){
        .id = body.blob,
        .whole = true,
        .type = body.type,
        .bytes = body.bytes,
        .sha256 = body.sha256,
        .paths = {"data.body.blob", "data.body.type", "data.body.bytes", "data.body.sha256", NULL},
    };
    return 1;
}

static size_t of_call(struct arena *arena, const struct log_row *row, struct blob_claim *out)
{
    struct frame_call_body body;
    if (read_body(arena, row, &body) != PARLEY_OK || !body.has_recording)
        return 0;
    *out = (struct blob_claim){.id = body.recording, .paths = {.id = "data.body.recording"}};
    return 1;
}

static size_t of_card(struct arena *arena, const struct log_row *row, struct blob_claim *out)
{
    struct frame_card_body body;
    if (read_body(arena, row, &body) != PARLEY_OK || !body.has_image)
        return 0;
    *out = (struct blob_claim){.id = body.image, .paths = {.id = "data.body.image"}};
    return 1;
}

/* "data.body.values.photo", and with a dot and a name behind it. */
static const char *path_of(struct arena *arena, struct span field, const char *name)
{
    static const char values[] = "data.body.values.";
    size_t size = sizeof values + field.len + strlen(name) + 1;
    char *path = arena_alloc(arena, size);
    if (path)
        snprintf(path, size, "%s%.*s%s%s", values, SPAN_ARG(field), *name ? "." : "", name);
    return path;
}

/* Answers were validated when they came in. Each has to be a field of the
 * form, so when that many hold there can be no other. */
static size_t of_answers(struct arena *arena, const struct log_row *row, struct blob_claim *out)
{
    struct frame_form_answer_body body;
    struct wire_error error;
    size_t n = 0;
    if (read_body(arena, row, &body) != PARLEY_OK)
        return 0;
    const struct value *values = body.values.value;
    for (uint32_t i = 0; n < LIMIT_FORM_FIELDS && i < values->count; i++) {
        struct span field = values->members[i].key;
        struct frame_form_file file;
        if (!item_is_file(&values->members[i].value) ||
            item_read_file(field, &values->members[i].value, arena, &file, &error) != PARLEY_OK)
            continue;
        out[n++] = (struct blob_claim){
            .id = file.blob,
            .whole = true,
            .type = file.type,
            .bytes = file.bytes,
            .sha256 = file.sha256,
            .form = body.to,
            .field = field,
            .paths = {path_of(arena, field, "blob"), path_of(arena, field, "type"), path_of(arena, field, "bytes"),
                      path_of(arena, field, "sha256"), path_of(arena, field, "")},
        };
    }
    return n;
}

static size_t claims_of(struct arena *arena, const struct log_row *row, struct blob_claim *out)
{
    switch (row->kind) {
    case ITEM_media:
        return of_media(arena, row, out);
    case ITEM_call:
        return of_call(arena, row, out);
    case ITEM_card:
        return of_card(arena, row, out);
    case ITEM_form_answer:
        return of_answers(arena, row, out);
    default:
        return 0;
    }
}

static void add_claims(void *arg, struct pg_group *group)
{
    struct claim *claim = arg;
    if (claim->add)
        claim->add(claim->arg, group);
    for (size_t i = 0; i < claim->count; i++)
        blob_claim(group, &claim->blobs[i]);
}

bool claim_files(struct move *move, const struct log_row *row)
{
    struct blob_claim found[LIMIT_FORM_FIELDS];
    size_t count = claims_of(&move->arena, row, found);
    if (!count)
        return false;
    struct claim *claim = arena_array(&move->arena, 1, sizeof *claim);
    struct blob_claim *blobs = arena_array(&move->arena, count, sizeof *blobs);
    for (size_t i = 0; i < count; i++) {
        blobs[i] = found[i];
        blobs[i].conversation = row->conversation;
    }
    *claim = (struct claim){.blobs = blobs, .count = count, .add = move->add, .arg = move->arg};
    move->add = add_claims;
    move->arg = claim;
    return true;
}
