/* Entries of the outbox: made, told, and shown as JSON. */
#include "protocol/wire_json.h"
#include "sdk-c/src/client.h"

#include <stdlib.h>

static const char *const state_names[] = {
    [PARLEY_OUTBOX_QUEUED] = "queued",
    [PARLEY_OUTBOX_SENDING] = "sending",
    [PARLEY_OUTBOX_SENT] = "sent",
    [PARLEY_OUTBOX_DELIVERED] = "delivered",
    [PARLEY_OUTBOX_READ] = "read",
    [PARLEY_OUTBOX_FAILED_RETRY] = "failed_retry",
    [PARLEY_OUTBOX_FAILED_FINAL] = "failed_final",
    [PARLEY_OUTBOX_DISCARDED] = "discarded",
};

bool outbox_is_stored(const struct entry *e)
{
    return e->state >= PARLEY_OUTBOX_SENT && e->state <= PARLEY_OUTBOX_READ;
}

const char *outbox_state_name(int32_t state)
{
    return state_names[state];
}

parley_status entry_tell(struct parley_client *c, const struct entry *e)
{
    struct parley_event *event = event_new(PARLEY_EVENT_OUTBOX, e->conversation);
    if (event) {
        event->state = e->state;
        event->status = e->reason;
        event->seq = e->seq;
    }
    event_put_id(event, "id", e->id);
    event_put_word(event, "state", state_names[e->state]);
    event_put_text(event, "kind", entry_kind(e));
    if (e->is_edit)
        event_put_id(event, "process", e->process);
    if (e->seq)
        event_put_int(event, "seq", e->seq);
    if (e->reason != PARLEY_OK) {
        event_put_word(event, "reason", status_name(e->reason));
        event_put_word(event, "text", e->why);
    }
    return events_push(&c->events, event);
}

struct entry *entry_new(const struct draft *draft, struct uuid id, struct uuid conversation)
{
    struct entry *e = calloc(1, sizeof *e + draft->kind.len + draft->body.len);
    if (!e)
        return NULL;
    e->id = id;
    e->conversation = conversation;
    e->is_note = draft->is_note;
    e->is_edit = draft->is_edit;
    e->has_to = draft->has_to;
    e->to = draft->to;
    e->kind_len = draft->kind.len;
    e->body_len = draft->body.len;
    if (e->kind_len)
        memcpy(e->text, draft->kind.ptr, draft->kind.len);
    if (e->body_len)
        memcpy(e->text + draft->kind.len, draft->body.ptr, draft->body.len);
    e->state = PARLEY_OUTBOX_QUEUED;
    if (e->is_edit)
        e->process = edit_process(e);
    return e;
}

void entry_free(struct entry *e)
{
    free(e->rewritten);
    free(e);
}

static void put_body(struct buf *out, const struct entry *e)
{
    if (!e->is_note) {
        buf_add_span(out, entry_body(e));
        return;
    }
    buf_add_str(out, "{\"text\":");
    wire_json_put_text(out, entry_body(e));
    buf_add_char(out, '}');
}

void outbox_put_item(struct buf *out, const struct entry *e)
{
    buf_add_str(out, "{\"kind\":");
    wire_json_put_text(out, entry_kind(e));
    buf_add_str(out, ",\"body\":");
    put_body(out, e);
    buf_add_char(out, '}');
}

void outbox_show(struct parley_client *c, const struct conversation *conv)
{
    for (const struct entry *e = c->outbox.first; e; e = e->next)
        if (uuid_equal(e->conversation, conv->id) && !outbox_is_stored(e) && !e->is_edit)
            view_entry(c, e);
}

static void put_entry(const struct entry *e, struct buf *out)
{
    buf_add_str(out, out->len ? ",{\"id\":" : "[{\"id\":");
    wire_json_put_id(out, e->id);
    if (!uuid_is_nil(e->conversation)) {
        buf_add_str(out, ",\"conversation\":");
        wire_json_put_id(out, e->conversation);
    }
    buf_printf(out, ",\"state\":\"%s\",\"kind\":", state_names[e->state]);
    wire_json_put_text(out, entry_kind(e));
    if (e->reason != PARLEY_OK) {
        buf_printf(out, ",\"reason\":\"%s\",\"text\":", status_name(e->reason));
        wire_json_put_text(out, span_str(e->why));
    }
    buf_add_str(out, ",\"body\":");
    put_body(out, e);
    buf_add_char(out, '}');
}

void outbox_put(struct parley_client *c, struct parley_event *event)
{
    struct buf json;
    buf_init(&json, EVENT_LIST_MAX);
    for (const struct entry *e = c->outbox.first; e; e = e->next)
        if (!outbox_is_stored(e))
            put_entry(e, &json);
    buf_add_str(&json, json.len ? "]" : "[]");
    event_put_list(event, "outbox", &json);
}
