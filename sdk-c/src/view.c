/* Rows mirror what the app was told; each change is told with them. */
#include "sdk-c/src/view.h"

#include "protocol/item.h"
#include "protocol/wire_json.h"
#include "sdk-c/src/client.h"

#include <stdlib.h>

/* A row of a thread; in a list `id` is the conversation, and the rest is unused. */
struct row {
    struct uuid id;
    int64_t seq;    /* 0: its item is not here yet, and it stands after all that are */
    int64_t stored; /* of such a row: the number that the server gave it, 0: none yet */
    int32_t state;
    bool mine;
};

struct view {
    struct view *next;
    uint64_t number;
    bool is_list;
    bool broken; /* to start over */
    struct uuid conversation;
    uint32_t count; /* rows to begin with */
    int64_t floor;  /* items up to here are not shown; -1: the first that comes decides */
    struct row *rows;
    size_t len, cap;
};

static void view_free(struct view *v)
{
    free(v->rows);
    free(v);
}

void views_done(struct views *views)
{
    while (views->first) {
        struct view *next = views->first->next;
        view_free(views->first);
        views->first = next;
    }
    views->count = 0;
}

static struct view **find(struct parley_client *c, uint64_t number)
{
    struct view **at = &c->views.first;
    while (*at && (*at)->number != number)
        at = &(*at)->next;
    return at;
}

static bool shows(const struct parley_client *c, const struct view *v, const struct conversation *conv)
{
    if (v->is_list || v->broken)
        return false;
    return uuid_is_nil(v->conversation) ? conv == c->inbox.main : uuid_equal(v->conversation, conv->id);
}

/* --- telling --- */

static const char *const change_names[] = {
    [PARLEY_VIEW_INSERT] = "insert", [PARLEY_VIEW_UPDATE] = "update", [PARLEY_VIEW_REMOVE] = "remove",
    [PARLEY_VIEW_RESET] = "reset",   [PARLEY_VIEW_OLDER] = "older",
};

static struct parley_event *change_new(const struct view *v, int32_t change, size_t index)
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

static void tell(struct parley_client *c, struct view *v, struct parley_event *e)
{
    if (events_push(&c->events, e) != PARLEY_OK)
        v->broken = true;
}

static void row_begin(struct buf *out, const struct row *r)
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
static void row_end(struct parley_event *e, struct buf *row, struct span item)
{
    if (item.ptr) {
        buf_add_str(row, ",\"item\":");
        buf_add_span(row, item);
    }
    buf_add_char(row, '}');
    event_put_list(e, "row", row);
}

static void put_name(struct parley_client *c, struct buf *row, struct uuid author)
{
    struct frame_person person;
    if (uuid_is_nil(author) || !cache_find_person(c, author, &person))
        return;
    buf_add_str(row, ",\"name\":");
    wire_json_put_text(row, person.name);
}

/* --- rows --- */

static bool reserve(struct view *v)
{
    if (v->len < v->cap)
        return true;
    size_t cap = v->cap ? v->cap * 2 : 32;
    struct row *rows = realloc(v->rows, cap * sizeof *rows);
    if (!rows) {
        v->broken = true;
        return false;
    }
    v->rows = rows;
    v->cap = cap;
    return true;
}

static bool put_row(struct view *v, size_t index, struct row row)
{
    if (!reserve(v))
        return false;
    memmove(v->rows + index + 1, v->rows + index, (v->len - index) * sizeof *v->rows);
    v->rows[index] = row;
    v->len++;
    return true;
}

static void remove_row(struct parley_client *c, struct view *v, size_t index)
{
    memmove(v->rows + index, v->rows + index + 1, (v->len - index - 1) * sizeof *v->rows);
    v->len--;
    tell(c, v, change_new(v, PARLEY_VIEW_REMOVE, index));
}

/* Rows of what is not stored yet stand at the end, so the newest are looked at first. */
static size_t find_row(const struct view *v, struct uuid id)
{
    size_t i = v->len;
    while (i > 0 && !uuid_equal(v->rows[i - 1].id, id))
        i--;
    return i ? i - 1 : v->len;
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

static void insert_item(struct parley_client *c, struct view *v, size_t index, struct row row, struct uuid author,
                        struct span json)
{
    struct buf text;
    if (!put_row(v, index, row))
        return;
    struct parley_event *e = change_new(v, PARLEY_VIEW_INSERT, index);
    row_begin(&text, &row);
    put_name(c, &text, author);
    row_end(e, &text, json);
    tell(c, v, e);
}

static struct row row_of_item(struct parley_client *c, struct conversation *conv, int64_t seq, struct uuid id,
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
            remove_row(c, v, i - 1);
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
    size_t waits = row.mine ? find_row(v, item->id) : v->len;
    if (waits < v->len && v->rows[waits].seq == 0)
        remove_row(c, v, waits); /* it was waiting, and now has its place */
    size_t index = place_of(v, item->seq);
    if (index == v->len || v->rows[index].seq != item->seq)
        insert_item(c, v, index, row, item->author, json);
}

void view_item(struct parley_client *c, struct conversation *conv, const struct frame_item *item, struct span json)
{
    for (struct view *v = c->views.first; v; v = v->next)
        if (shows(c, v, conv))
            take_item(c, v, conv, item, json);
}

void view_erased(struct parley_client *c, struct conversation *conv, int64_t seq)
{
    for (struct view *v = c->views.first; v; v = v->next) {
        size_t index = shows(c, v, conv) ? place_of(v, seq) : v->len;
        if (index < v->len && v->rows[index].seq == seq)
            remove_row(c, v, index);
    }
}

/* --- what was said here --- */

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
    size_t index = find_row(v, entry->id);
    bool known = index < v->len, stored = known && v->rows[index].seq;
    struct row row = {.id = entry->id, .state = entry->state, .mine = true};
    if (stored || (!known && outbox_is_stored(entry)))
        return; /* its item tells */
    if (entry->state == PARLEY_OUTBOX_DISCARDED) {
        if (known)
            remove_row(c, v, index);
        return;
    }
    if (!known && !put_row(v, v->len, row))
        return;
    index = known ? index : v->len - 1;
    v->rows[index].state = entry->state;
    v->rows[index].stored = entry->seq;
    struct parley_event *e = change_new(v, known ? PARLEY_VIEW_UPDATE : PARLEY_VIEW_INSERT, index);
    put_entry(e, &row, entry);
    tell(c, v, e);
    drop_stored_below(c, v);
}

void view_entry(struct parley_client *c, const struct entry *entry)
{
    struct conversation *conv = inbox_find(&c->inbox, entry->conversation);
    for (struct view *v = c->views.first; v && conv; v = v->next)
        if (shows(c, v, conv))
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
        struct parley_event *e = change_new(v, PARLEY_VIEW_UPDATE, i - 1);
        row_begin(&text, row);
        row_end(e, &text, (struct span){0});
        tell(c, v, e);
    }
}

void view_marked(struct parley_client *c, struct conversation *conv)
{
    for (struct view *v = c->views.first; v; v = v->next)
        if (shows(c, v, conv))
            mark_rows(c, v, conv);
}

/* --- pages from the cache --- */

struct page {
    struct parley_client *c;
    struct view *view;
    struct conversation *conv;
    size_t index;
    int64_t low; /* below the first one; -1: there was none */
};

static bool show(void *arg, int64_t seq, int64_t prev, struct uuid author, struct span json)
{
    struct page *p = arg;
    struct uuid id = {0};
    p->low = p->low < 0 ? prev : p->low;
    if (!json.ptr)
        return true;
    event_item_id(json, &id);
    insert_item(p->c, p->view, p->index++, row_of_item(p->c, p->conv, seq, id, author), author, json);
    return !p->view->broken;
}

/* Up to `count` rows that end with number `to`, at the top. */
static size_t show_page(struct parley_client *c, struct view *v, struct conversation *conv, int64_t to, uint32_t count)
{
    struct page page = {.c = c, .view = v, .conv = conv, .low = -1};
    struct stretch around;
    if (!coverage_at(&conv->held, to, &around))
        return 0;
    if (cache_page(c, conv, around.low + 1, to, count, show, &page) == PARLEY_MALFORMED) {
        cache_damaged(c);
        v->broken = true;
    }
    if (page.low >= 0)
        v->floor = page.low;
    return page.index;
}

static void fill_thread(struct parley_client *c, struct view *v)
{
    struct conversation *conv = inbox_find(&c->inbox, v->conversation);
    v->floor = -1;
    if (!conv)
        return;
    if (conv->held.len)
        show_page(c, v, conv, coverage_top(&conv->held), v->count);
    outbox_show(c, conv);
}

static void tell_older(struct parley_client *c, struct view *v, size_t count)
{
    struct parley_event *e = change_new(v, PARLEY_VIEW_OLDER, 0);
    event_put_int(e, "count", (int64_t)count);
    event_put_bool(e, "start", v->floor == 0);
    tell(c, v, e);
}

static parley_status more_came(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    struct view *v = *find(c, (uint64_t)r->number);
    struct conversation *conv = inbox_find(&c->inbox, r->subject);
    if (!v || !conv)
        return PARLEY_OK;
    size_t count = 0;
    if (answer->status == PARLEY_OK) {
        const struct frame_thread *t = &answer->frame->ranged.thread;
        int64_t floor = v->floor;
        parley_status st = inbox_page(c, conv, t);
        if (st != PARLEY_OK)
            return st;
        count = show_page(c, v, conv, floor, LIMIT_PAGE_ITEMS);
        if (t->items_count == 0)
            v->floor = 0;
    }
    tell_older(c, v, count);
    return PARLEY_OK;
}

parley_status view_more(struct parley_client *c, uint64_t number, uint32_t count)
{
    struct view *v = *find(c, number);
    struct conversation *conv = v && !v->is_list ? inbox_find(&c->inbox, v->conversation) : NULL;
    if (!v || (!v->is_list && !conv))
        return PARLEY_NOT_FOUND;
    if (v->is_list)
        return PARLEY_WRONG_STATE;
    if (v->floor <= 0 || coverage_has(&conv->held, v->floor)) {
        tell_older(c, v, v->floor > 0 ? show_page(c, v, conv, v->floor, count) : 0);
        return PARLEY_OK;
    }
    struct frame_range range = {.conversation = conv->id, .has_before = true, .before = v->floor + 1};
    struct request *r;
    range.has_limit = true;
    range.limit = count;
    parley_status st = request_make(c, FRAME_range, &range, REQUEST_REPEAT, more_came, &r);
    if (st != PARLEY_OK)
        return st;
    r->subject = conv->id;
    r->number = (int64_t)number;
    return PARLEY_OK;
}

/* --- the list --- */

static bool copy_last(void *arg, int64_t seq, int64_t prev, struct uuid author, struct span json)
{
    struct buf *out = arg;
    if (!json.ptr)
        return true;
    buf_add_str(out, ",\"last\":");
    buf_add_span(out, json);
    return true;
}

static void put_conversation(struct parley_client *c, struct parley_event *e, struct conversation *conv)
{
    struct buf text;
    int64_t top = coverage_top(&conv->held);
    buf_init(&text, LIMIT_MESSAGE);
    buf_add_str(&text, "{\"conversation\":");
    wire_json_put_id(&text, conv->id);
    buf_add_str(&text, ",\"topic\":");
    wire_json_put_text(&text, span_str(conv->topic));
    buf_printf(&text, ",\"main\":%s,\"head\":%lld,\"unread\":%lld", conv->main ? "true" : "false",
               (long long)conv->head, (long long)conv->unread);
    if (conv->service.open)
        buf_printf(&text, ",\"state\":\"%s\"", session_state_name(conv->service.now.state));
    if (top)
        cache_page(c, conv, top, top, 1, copy_last, &text);
    row_end(e, &text, (struct span){0});
}

static void list_conversation(struct parley_client *c, struct view *v, struct conversation *conv)
{
    size_t index = find_row(v, conv->id);
    bool known = index < v->len;
    size_t place = conv->main ? 0 : v->len;
    if (known && conv->main && index > 0) {
        remove_row(c, v, index);
        known = false;
    }
    if (!known && !put_row(v, place, (struct row){.id = conv->id}))
        return;
    struct parley_event *e = change_new(v, known ? PARLEY_VIEW_UPDATE : PARLEY_VIEW_INSERT, known ? index : place);
    put_conversation(c, e, conv);
    tell(c, v, e);
}

static bool is_listed(const struct conversation *conv)
{
    return *conv->topic && !uuid_is_nil(conv->id);
}

static void fill_list(struct parley_client *c, struct view *v)
{
    for (struct conversation *conv = c->inbox.first; conv; conv = conv->next)
        if (is_listed(conv))
            list_conversation(c, v, conv);
}

/* --- opening, and the end of a turn --- */

static void fill(struct parley_client *c, struct view *v)
{
    if (v->is_list)
        fill_list(c, v);
    else
        fill_thread(c, v);
}

static parley_status view_open(struct parley_client *c, struct view view, uint64_t *out_view)
{
    if (c->views.count >= VIEWS_MAX)
        return PARLEY_LIMIT;
    struct view *v = malloc(sizeof *v);
    if (!v)
        return PARLEY_NOMEM;
    *v = view;
    v->number = ++c->views.last_number;
    v->next = c->views.first;
    c->views.first = v;
    c->views.count++;
    *out_view = v->number;
    fill(c, v);
    return PARLEY_OK;
}

parley_status view_open_thread(struct parley_client *c, struct uuid conversation, uint32_t count, uint64_t *out_view)
{
    return view_open(c, (struct view){.conversation = conversation, .count = count, .floor = -1}, out_view);
}

parley_status view_open_list(struct parley_client *c, uint64_t *out_view)
{
    return view_open(c, (struct view){.is_list = true}, out_view);
}

void view_close(struct parley_client *c, uint64_t number)
{
    struct view **at = find(c, number), *v = *at;
    if (!v)
        return;
    *at = v->next;
    c->views.count--;
    view_free(v);
}

void views_reset(struct parley_client *c)
{
    for (struct view *v = c->views.first; v; v = v->next)
        v->broken = true;
}

static void start_over(struct parley_client *c, struct view *v)
{
    struct parley_event *e = change_new(v, PARLEY_VIEW_RESET, 0);
    if (events_push(&c->events, e) != PARLEY_OK)
        return; /* tried again at the end of the next turn */
    v->len = 0;
    v->broken = false;
    fill(c, v);
}

static void tell_unread(struct parley_client *c, struct conversation *conv, int64_t unread)
{
    int64_t total = 0;
    conv->unread = unread;
    for (const struct conversation *other = c->inbox.first; other; other = other->next)
        total += other->unread;
    struct parley_event *e = event_new(PARLEY_EVENT_UNREAD, conv->id);
    event_put_int(e, "unread", unread);
    event_put_int(e, "total", total);
    events_push(&c->events, e); /* without memory the next one tells */
}

void views_flush(struct parley_client *c)
{
    for (struct conversation *conv = c->inbox.first; conv; conv = conv->next) {
        if (!conv->dirty || !is_listed(conv))
            continue;
        int64_t unread = conv->row ? cache_unread(c, conv, conv->read) : 0;
        if (unread != conv->unread)
            tell_unread(c, conv, unread);
        for (struct view *v = c->views.first; v; v = v->next)
            if (v->is_list && !v->broken)
                list_conversation(c, v, conv);
    }
    for (struct view *v = c->views.first; v; v = v->next)
        if (v->broken)
            start_over(c, v);
}
