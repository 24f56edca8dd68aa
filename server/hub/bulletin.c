/* One item, at most six packets: three classes of reader in two encodings. */
#include "server/hub/bulletin.h"

#include "protocol/item.h"
#include "protocol/wire_json.h"
#include "server/base/mem.h"
#include "server/hub/hub.h"
#include "server/hub/link.h"
#include "server/io/packet.h"

/* Only notes carry an address. */
static bool whisper_to(const struct log_row *row, struct uuid *out)
{
    struct arena arena;
    struct value body;
    struct wire_error error;
    struct frame_note_body note = {0};
    if (row->kind != ITEM_note)
        return false;
    arena_init(&arena, LIMIT_BODY * 16);
    if (wire_json_read_stored(&arena, row->body, &body) == PARLEY_OK)
        item_read_body(ITEM_note, &body, &arena, &note, &error);
    arena_done(&arena);
    *out = note.to;
    return note.has_to;
}

struct bulletin *bulletin_new(const struct log_row *row)
{
    struct bulletin *b = mem_alloc(sizeof *b);
    b->refs = 1;
    b->row = *row;
    b->row.body = span_of(mem_span(row->body), row->body.len);
    b->whisper = whisper_to(row, &b->whisper_to);
    return b;
}

struct bulletin *bulletin_ref(struct bulletin *b)
{
    b->refs++;
    return b;
}

void bulletin_unref(struct bulletin **b)
{
    struct bulletin *gone = *b;
    *b = NULL;
    if (!gone || --gone->refs)
        return;
    for (int r = 0; r < READER_CLASSES; r++)
        for (int e = 0; e < 2; e++)
            packet_unref(&gone->packets[r][e]);
    mem_free((void *)gone->row.body.ptr);
    mem_free(gone);
}

static enum reader among_staff(bool whisper, struct uuid to, struct uuid author, const struct link *link)
{
    bool mine = uuid_equal(to, link->who->id) || uuid_equal(author, link->who->id);
    return whisper && !mine ? READER_BARE : READER_STAFF;
}

bool bulletin_reader(const struct bulletin *b, const struct link *link, bool staff, enum reader *out)
{
    if (!staff) {
        *out = READER_PUBLIC;
        return b->row.audience == audience_public;
    }
    *out = among_staff(b->whisper, b->whisper_to, b->row.author, link);
    return true;
}

enum reader bulletin_reader_of(const struct log_row *row, const struct link *link, bool staff)
{
    struct uuid to = {0};
    if (!staff)
        return READER_PUBLIC;
    bool whisper = whisper_to(row, &to);
    return among_staff(whisper, to, row->author, link);
}

void bulletin_item(const struct log_row *row, enum reader reader, struct frame_item *out)
{
    *out = (struct frame_item){.seq = row->seq, .prev = reader == READER_PUBLIC ? row->prev : row->seq - 1};
    if (reader == READER_BARE)
        return;
    out->id = row->id, out->has_id = true;
    out->kind = span_str(item_kind_name(row->kind)), out->has_kind = true;
    out->role = row->role, out->has_role = true;
    out->author = row->author, out->has_author = true;
    out->at = row->at_ms, out->has_at = true;
    out->body.json = row->body, out->has_body = true;
    if (row->audience == audience_staff)
        out->audience = audience_staff, out->has_audience = true;
}

struct packet *bulletin_packet(struct bulletin *b, enum reader reader, enum encoding encoding)
{
    struct packet **packet = &b->packets[reader][encoding];
    if (!*packet) {
        struct frame_push_item push = {.conversation = b->row.conversation};
        bulletin_item(&b->row, reader, &push.item);
        *packet = hub_packet(encoding, FRAME_push_item, &push);
    }
    return *packet;
}
