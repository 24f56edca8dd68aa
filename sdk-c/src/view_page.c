/* Rows that were there before: from the cache, and from the server beyond. */
#include "sdk-c/src/client.h"
#include "sdk-c/src/view_row.h"

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
    view_insert_item(p->c, p->view, p->index++, row_of_item(p->c, p->conv, seq, id, author), author, json);
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

void view_fill_thread(struct parley_client *c, struct view *v)
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
    struct parley_event *e = view_change(v, PARLEY_VIEW_OLDER, 0);
    event_put_int(e, "count", (int64_t)count);
    event_put_bool(e, "start", v->floor == 0);
    view_tell(c, v, e);
}

static parley_status more_came(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    struct view *v = *view_find(c, (uint64_t)r->number);
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
    struct view *v = *view_find(c, number);
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
