/* What happens in a thread, row by row. */
#include "protocol/wire_json.h"
#include "sdk-c/src/client.h"
#include "sdk-c/src/view_row.h"

bool view_shows(const struct parley_client *c, const struct view *v, const struct conversation *conv)
{
    if (v->is_list || v->broken)
        return false;
    return uuid_is_nil(v->conversation) ? conv == c->inbox.main : uuid_equal(v->conversation, conv->id);
}

static void put_name(struct parley_client *c, struct buf *row, struct uuid author)
{
    struct frame_person person;
    if (uuid_is_nil(author) || !cache_find_person(c, author, &person))
        return;
    buf_add_str(row, ",\"name\":");
    wire_json_put_text(row, person.name);
}

static size_t place_of(const struct view *v, int64_t seq)
{
    size_t from = 0, to = v->len;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (v->rows[middle].seq && v->rows[middle].seq < seq)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

void view_insert_item(struct parley_client *c, struct view *v, size_t index, struct row row, struct uuid author,
                      struct span json)
{
    struct buf text;
    if (!row_put(v, index, row))
        return;
    struct parley_event *e = view_change(v, PARLEY_VIEW_INSERT, index);
    row_begin(&text, &row);
    put_name(c, &text, author);
    row_end(e, &text, json);
    view_tell(c, v, e);
}

struct row row_of_item(struct parley_client *c, struct conversation *conv, int64_t seq, struct uuid id,
                       struct uuid author)
{
    struct row row = {.id = id, .seq = seq, .mine = !uuid_is_nil(author) && uuid_equal(author, c->me)};
    row.state = receipt_state(c, conv, seq);
    return row;
}

/* What was stored below the rows that are shown is not among them. */
static void drop_stored_below(struct parley_client *c, struct view *v)
{
    for (size_t i = v->len; i > 0 && v->rows[i - 1].seq == 0; i--)
        if (v->rows[i - 1].stored && v->rows[i - 1].stored <= v->floor)
            row_remove(c, v, i - 1);
}

static void take_item(struct parley_client *c, struct view *v, struct conversation *conv, const struct frame_item *item,
                      struct span json)
{
    if (v->floor < 0) {
        v->floor = item->prev;
        drop_stored_below(c, v);
    }
    if (item->seq <= v->floor || !item->has_kind)
        return;
    struct row row = row_of_item(c, conv, item->seq, item->id, item->author);
    size_t waits = row.mine ? row_find(v, item->id) : v->len;
    if (waits < v->len && v->rows[waits].seq == 0)
        row_remove(c, v, waits); /* it was waiting, and now has its place */
    size_t index = place_of(v, item->seq);
    if (index == v->len || v->rows[index].seq != item->seq)
        view_insert_item(c, v, index, row, item->author, json);
}

void view_item(struct parley_client *c, struct conversation *conv, const struct frame_item *item, struct span json)
{
    for (struct view *v = c->views.first; v; v = v->next)
        if (view_shows(c, v, conv))
            take_item(c, v, conv, item, json);
}

void view_erased(struct parley_client *c, struct conversation *conv, int64_t seq)
{
    for (struct view *v = c->views.first; v; v = v->next) {
        size_t index = view_shows(c, v, conv) ? place_of(v, seq) : v->len;
        if (index < v->len && v->rows[index].seq == seq)
            row_remove(c, v, index);
    }
}

static void put_entry(struct parley_event *e, const struct row *row, const struct entry *entry)
{
    struct buf text;
    row_begin(&text, row);
    if (entry->reason != PARLEY_OK) {
        buf_printf(&text, ",\"reason\":\"%s\",\"text\":", status_name(entry->reason));
        wire_json_put_text(&text, span_str(entry->why));
    }
    buf_add_str(&text, ",\"item\":");
    outbox_put_item(&text, entry);
    row_end(e, &text, (struct span){0});
}

static void take_entry(struct parley_client *c, struct view *v, const struct entry *entry)
{
    size_t index = row_find(v, entry->id);
    bool known = index < v->len, stored = known && v->rows[index].seq;
    struct row row = {.id = entry->id, .state = entry->state, .mine = true};
    if (stored || (!known && outbox_is_stored(entry)))
        return; /* its item tells */
    if (entry->state == PARLEY_OUTBOX_DISCARDED) {
        if (known)
            row_remove(c, v, index);
        return;
    }
    if (!known && !row_put(v, v->len, row))
        return;
    index = known ? index : v->len - 1;
    v->rows[index].state = entry->state;
    v->rows[index].stored = entry->seq;
    struct parley_event *e = view_change(v, known ? PARLEY_VIEW_UPDATE : PARLEY_VIEW_INSERT, index);
    put_entry(e, &row, entry);
    view_tell(c, v, e);
    drop_stored_below(c, v);
}

void view_entry(struct parley_client *c, const struct entry *entry)
{
    struct conversation *conv = inbox_find(&c->inbox, entry->conversation);
    for (struct view *v = c->views.first; v && conv; v = v->next)
        if (view_shows(c, v, conv))
            take_entry(c, v, entry);
}

/* The members that a row has in an update are those that have changed. */
static void mark_rows(struct parley_client *c, struct view *v, struct conversation *conv)
{
    for (size_t i = v->len; i > 0; i--) {
        struct row *row = &v->rows[i - 1];
        if (!row->mine || !row->seq)
            continue;
        int32_t state = receipt_state(c, conv, row->seq);
        if (row->state == PARLEY_OUTBOX_READ)
            return; /* and so is all that came before */
        if (state == row->state)
            continue;
        struct buf text;
        row->state = state;
        struct parley_event *e = view_change(v, PARLEY_VIEW_UPDATE, i - 1);
        row_begin(&text, row);
        row_end(e, &text, (struct span){0});
        view_tell(c, v, e);
    }
}

void view_marked(struct parley_client *c, struct conversation *conv)
{
    for (struct view *v = c->views.first; v; v = v->next)
        if (view_shows(c, v, conv))
            mark_rows(c, v, conv);
}
