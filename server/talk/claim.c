/* From a body to the statements that hold it to its file. */
#include "server/talk/claim.h"

#include "protocol/wire_json.h"
#include "server/store/blob_row.h"

struct claim {
    struct blob_claim blob;
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

static bool of_media(struct arena *arena, const struct log_row *row, struct blob_claim *out)
{
    struct frame_media_body body;
    if (read_body(arena, row, &body) != PARLEY_OK)
        return false;
    out->id = body.blob;
    out->whole = true;
    out->type = body.type;
    out->bytes = body.bytes;
    out->sha256 = body.sha256;
    return true;
}

static bool of_call(struct arena *arena, const struct log_row *row, struct blob_claim *out)
{
    struct frame_call_body body;
    if (read_body(arena, row, &body) != PARLEY_OK || !body.has_recording)
        return false;
    out->id = body.recording;
    return true;
}

static bool of_card(struct arena *arena, const struct log_row *row, struct blob_claim *out)
{
    struct frame_card_body body;
    if (read_body(arena, row, &body) != PARLEY_OK || !body.has_image)
        return false;
    out->id = body.image;
    return true;
}

static bool claim_of(struct arena *arena, const struct log_row *row, struct blob_claim *out)
{
    switch (row->kind) {
    case ITEM_media:
        return of_media(arena, row, out);
    case ITEM_call:
        return of_call(arena, row, out);
    case ITEM_card:
        return of_card(arena, row, out);
    default:
        return false;
    }
}

static void add_claim(void *arg, struct pg_group *group)
{
    struct claim *claim = arg;
    if (claim->add)
        claim->add(claim->arg, group);
    blob_claim(group, &claim->blob);
}

bool claim_files(struct move *move, const struct log_row *row)
{
    struct blob_claim blob = {.conversation = row->conversation};
    if (!claim_of(&move->arena, row, &blob))
        return false;
    struct claim *claim = arena_array(&move->arena, 1, sizeof *claim);
    *claim = (struct claim){.blob = blob, .add = move->add, .arg = move->arg};
    move->add = add_claim;
    move->arg = claim;
    return true;
}
