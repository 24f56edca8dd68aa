/* Rows, and the events that tell of them. */
#include "sdk-c/src/view_row.h"
#include "protocol/wire_json.h"
#include "sdk-c/src/client.h"

#include <stdlib.h>

enum { ROWS_FIRST = 32 };

static const char *const change_names[] = {
    [PARLEY_VIEW_INSERT] = "insert", [PARLEY_VIEW_UPDATE] = "update", [PARLEY_VIEW_REMOVE] = "remove",
    [PARLEY_VIEW_RESET] = "reset",   [PARLEY_VIEW_OLDER] = "older",
};

struct parley_event *view_change(const struct view *v, int32_t change, size_t index)
{
    struct parley_event *e = event_new(PARLEY_EVENT_VIEW, (struct uuid){0});
    if (e) {
        e->state = change;
        e->call = v->number;
        e->seq = (int64_t)index;
    }
    event_put_int(e, "view", (int64_t)v->number);
    event_put_word(e, "change", change_names[change]);
    if (change <= PARLEY_VIEW_REMOVE)
        event_put_int(e, "index", (int64_t)index);
    return e;
}

void view_tell(struct parley_client *c, struct view *v, struct parley_event *e)
{
    if (events_push(&c->events, e) != PARLEY_OK)
        v->broken = true;
}

void row_begin(struct buf *out, const struct row *r)
{
    buf_init(out, LIMIT_MESSAGE);
    buf_add_str(out, "{\"id\":");
    wire_json_put_id(out, r->id);
    if (r->seq)
        buf_printf(out, ",\"seq\":%lld", (long long)r->seq);
    buf_printf(out, ",\"mine\":%s", r->mine ? "true" : "false");
    if (r->mine)
        buf_printf(out, ",\"state\":\"%s\"", outbox_state_name(r->state));
}

/* Ends the row with `item`, and puts it into the event. */
void row_end(struct parley_event *e, struct buf *row, struct span item)
{
    if (item.ptr) {
        buf_add_str(row, ",\"item\":");
        buf_add_span(row, item);
    }
    buf_add_char(row, '}');
    event_put_list(e, "row", row);
}

static bool grow(struct view *v)
{
    size_t cap = v->cap ? v->cap * 2 : ROWS_FIRST;
    struct row *room = malloc(cap * sizeof *room);
    if (!room) {
        v->broken = true;
        return false;
    }
    struct row *rows = room + (cap - v->len) / 2;
    if (v->len)
        memcpy(rows, v->rows, v->len * sizeof *rows);
    free(v->room);
    v->room = room;
    v->rows = rows;
    v->cap = cap;
    return true;
}

/* The shorter side makes way. */
bool row_put(struct view *v, size_t index, struct row row)
{
    bool upper = index < v->len - index;
    size_t front = (size_t)(v->rows - v->room), back = v->cap - front - v->len;
    if ((upper ? front : back) == 0 && !grow(v))
        return false;
    if (upper) {
        memmove(v->rows - 1, v->rows, index * sizeof *v->rows);
        v->rows--;
    } else {
        memmove(v->rows + index + 1, v->rows + index, (v->len - index) * sizeof *v->rows);
    }
    v->rows[index] = row;
    v->len++;
    return true;
}

void row_remove(struct parley_client *c, struct view *v, size_t index)
{
    memmove(v->rows + index, v->rows + index + 1, (v->len - index - 1) * sizeof *v->rows);
    v->len--;
    view_tell(c, v, view_change(v, PARLEY_VIEW_REMOVE, index));
}

/* Rows of what is not stored yet stand at the end, so the newest are looked at first. */
size_t row_find(const struct view *v, struct uuid id)
{
    size_t i = v->len;
    while (i > 0 && !uuid_equal(v->rows[i - 1].id, id))
        i--;
    return i ? i - 1 : v->len;
}
