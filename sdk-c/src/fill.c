/* What is missing is fetched, newest first and some pages at a time: on a far server it is the round trips that count.
 */
#include "sdk-c/src/client.h"

static parley_status tell_synced(struct parley_client *c, struct conversation *conv)
{
    if (conv->synced || !conv->following)
        return PARLEY_OK;
    conv->synced = true;
    struct parley_event *e = event_new(PARLEY_EVENT_SYNCED, conv->id);
    if (e)
        e->seq = conv->head;
    event_put_int(e, "head", conv->head);
    return events_push(&c->events, e);
}

/* What was promised is not there: believes the answer, and asks no more before there is another word of it. */
static void disappointed(struct conversation *conv, int64_t wanted, int64_t head)
{
    int64_t top = coverage_top(&conv->held);
    conv->futile = wanted;
    if (head < wanted)
        conv->head = head > top ? head : top;
}

/* is_top: its number is known to be one that this reader may see; below it pages are asked for by guess. */
static parley_status fetched(struct parley_client *c, const struct request *r, const struct answer *answer, bool is_top)
{
    struct conversation *conv = inbox_find(&c->inbox, r->subject);
    if (!conv)
        return PARLEY_OK;
    conv->fetching--;
    if (answer->status != PARLEY_OK) {
        conv->futile = is_top ? r->number : conv->futile;
        conv->fetch_singly = true;
        return status_again(answer->status) ? answer->status : inbox_fill(c, conv);
    }
    const struct frame_thread *t = &answer->frame->ranged.thread;
    parley_status st = inbox_page(c, conv, t);
    if (st != PARLEY_OK)
        return st;
    conv->fetch_singly = conv->fetch_singly || !coverage_has(&conv->held, r->floor + 1);
    if (is_top && !coverage_has(&conv->held, r->number))
        disappointed(conv, r->number, t->head);
    return inbox_fill(c, conv);
}

static parley_status fetched_top(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    return fetched(c, r, answer, true);
}

static parley_status fetched_guess(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    return fetched(c, r, answer, false);
}

static parley_status fetch(struct parley_client *c, struct conversation *conv, const struct frame_range *range,
                           const struct stretch *wanted, bool is_top)
{
    struct request *r;
    parley_status st = request_make(c, FRAME_range, range, REQUEST_DROP, is_top ? fetched_top : fetched_guess, &r);
    if (st != PARLEY_OK)
        return st;
    r->subject = conv->id;
    r->number = wanted->high;
    r->floor = wanted->low;
    conv->fetching++;
    return PARLEY_OK;
}

/* The newest page there is. */
static parley_status fetch_newest(struct parley_client *c, struct conversation *conv)
{
    struct frame_range range = {.conversation = conv->id, .has_limit = true, .limit = c->settings.page};
    return fetch(c, conv, &range, &(struct stretch){.low = conv->head - 1, .high = conv->head}, true);
}

static const struct request *under_way(const struct parley_client *c, const struct conversation *conv, int64_t seq)
{
    const struct request *r = c->requests.first;
    while (r && !((r->done == fetched_top || r->done == fetched_guess) && uuid_equal(r->subject, conv->id) &&
                  r->floor < seq && seq <= r->number))
        r = r->next;
    return r;
}

/* The newest numbers that are missing and not asked for, as many as a page holds. */
static bool next_page(const struct parley_client *c, const struct conversation *conv, struct stretch *out,
                      bool *out_top)
{
    const struct request *r;
    int64_t from = conv->head;
    *out_top = true;
    while (coverage_hole(&conv->held, from, out)) {
        *out_top = *out_top || out->high != from;
        if (!(r = under_way(c, conv, out->high))) {
            out->low = out->high - out->low > LIMIT_PAGE_ITEMS ? out->high - LIMIT_PAGE_ITEMS : out->low;
            return true;
        }
        from = r->floor;
        *out_top = false;
    }
    return false;
}

/* Whether another page may be asked for before the last is here. What the cache would give away again is not. */
static bool may_fetch(const struct parley_client *c, const struct conversation *conv, int64_t high)
{
    size_t most = conv->fetch_singly ? 1 : FETCHES_MAX;
    return conv->fetching == 0 || (conv->fetching < most && high > conv->head - c->cache_items);
}

static parley_status fetch_pages(struct parley_client *c, struct conversation *conv)
{
    parley_status st = PARLEY_OK;
    struct stretch page;
    bool is_top;
    while (st == PARLEY_OK && next_page(c, conv, &page, &is_top) && may_fetch(c, conv, page.high)) {
        struct frame_range range = {.conversation = conv->id, .has_before = true, .has_limit = true};
        range.before = coverage_next(page.high);
        range.limit = page.high - page.low;
        st = fetch(c, conv, &range, &page, is_top);
    }
    return st;
}

parley_status inbox_fill(struct parley_client *c, struct conversation *conv)
{
    cache_trim(c, conv);
    struct stretch hole = {.high = conv->head}; /* everything, where nothing is held */
    bool missing = conv->held.len ? coverage_hole(&conv->held, conv->head, &hole) : conv->head > 0;
    conv->synced = conv->synced && !missing;
    if (!link_online(c))
        return PARLEY_OK;
    if (!missing)
        return conv->fetching ? PARLEY_OK : tell_synced(c, conv);
    if (hole.high <= conv->futile)
        return PARLEY_OK;
    if (!conv->held.len)
        return conv->fetching ? PARLEY_OK : fetch_newest(c, conv);
    return fetch_pages(c, conv);
}
