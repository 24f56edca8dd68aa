/* Told from the cache first. */
#include "sdk-c/src/history.h"

#include "sdk-c/src/client.h"

#include <stdio.h>

enum { AUTHORS_MAX = 64 };

/* A page on its way from the cache to the app. */
struct page {
    struct parley_client *c;
    struct conversation *conv;
    parley_status st;
    int64_t count;
    struct uuid authors[AUTHORS_MAX]; /* whose names were told with it */
    size_t author_count;
};

static parley_status tell_name(struct page *p, struct uuid author)
{
    for (size_t i = 0; i < p->author_count; i++)
        if (uuid_equal(p->authors[i], author))
            return PARLEY_OK;
    if (p->author_count == AUTHORS_MAX || uuid_is_nil(author))
        return PARLEY_OK;
    p->authors[p->author_count++] = author;
    struct frame_person person;
    if (!cache_find_person(p->c, author, &person))
        return PARLEY_OK;
    return inbox_tell_person(p->c, p->conv, &person);
}

static bool show(void *arg, int64_t seq, int64_t prev, struct uuid author, struct span json)
{
    struct page *p = arg;
    p->st = tell_name(p, author);
    if (p->st == PARLEY_OK)
        p->st = coverage_reserve(&p->conv->told);
    if (p->st != PARLEY_OK)
        return false;
    if (json.ptr) {
        struct parley_event *e = event_item(p->c, p->conv->id, json, author, false);
        if (e)
            e->seq = seq;
        p->st = events_push(&p->c->events, e);
    }
    if (p->st != PARLEY_OK)
        return false;
    coverage_add(&p->conv->told, prev, seq);
    p->count++;
    return true;
}

/* Up to `count` cached items that end with number `to`. */
static parley_status tell_page(struct parley_client *c, struct conversation *conv, int64_t to, uint32_t count,
                               int64_t *out_count)
{
    struct page page = {.c = c, .conv = conv};
    struct stretch around;
    *out_count = 0;
    if (!coverage_at(&conv->held, to, &around))
        return PARLEY_OK;
    parley_status st = cache_page(c, conv, around.low + 1, to, count, show, &page);
    *out_count = page.count;
    return page.st != PARLEY_OK ? page.st : st;
}

parley_status history_paint(struct parley_client *c)
{
    parley_status st = PARLEY_OK;
    for (struct conversation *conv = c->inbox.first; st == PARLEY_OK && conv; conv = conv->next) {
        if (!*conv->topic)
            continue;
        st = inbox_tell(c, conv);
        for (size_t i = 0; st == PARLEY_OK && i < conv->mark_count; i++)
            st = receipt_tell(c, conv, &conv->marks[i]);
        if (st == PARLEY_OK)
            st = service_tell(c, conv);
    }
    struct conversation *conv = c->inbox.main;
    int64_t count;
    if (st == PARLEY_OK && conv && conv->held.len)
        st = tell_page(c, conv, coverage_top(&conv->held), c->settings.page, &count);
    if (st != PARLEY_MALFORMED)
        return st;
    cache_damaged(c);
    return PARLEY_OK;
}

/* --- older ones --- */

static parley_status reply(struct parley_client *c, uint64_t call, const struct conversation *conv, bool start,
                           int64_t count)
{
    char data[64];
    struct parley_event *e = event_new(PARLEY_EVENT_REPLY, conv->id);
    int n = snprintf(data, sizeof data, "{\"start\":%s,\"count\":%lld}", start ? "true" : "false", (long long)count);
    if (e)
        e->call = call;
    event_put_int(e, "call", (int64_t)call);
    event_put_word(e, "type", frame_type_name(FRAME_range));
    event_put_word(e, "status", status_name(PARLEY_OK));
    event_put_json(e, "data", span_of(data, (size_t)n));
    return events_push(&c->events, e);
}

static parley_status fetched(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    struct conversation *conv = inbox_find(&c->inbox, r->subject);
    if (answer->status != PARLEY_OK || !conv)
        return request_reply(c, r, answer);
    const struct frame_thread *t = &answer->frame->ranged.thread;
    bool had_some = conv->told.len > 0;
    int64_t floor = coverage_floor(&conv->told), count = (int64_t)t->items_count;
    parley_status st = inbox_page(c, conv, t);
    if (st == PARLEY_OK && had_some)
        st = tell_page(c, conv, floor, LIMIT_PAGE_ITEMS, &count);
    if (st != PARLEY_OK)
        return st == PARLEY_MALFORMED ? PARLEY_INTERNAL : st;
    int64_t now = coverage_floor(&conv->told);
    return reply(c, r->id, conv, now == 0 || now == floor, count);
}

static parley_status fetch(struct parley_client *c, struct conversation *conv, uint32_t count, uint64_t *out_call)
{
    struct frame_range range = {.conversation = conv->id, .has_limit = true, .limit = count};
    range.has_before = conv->told.len > 0;
    range.before = coverage_floor(&conv->told) + 1;
    struct request *r;
    parley_status st = request_make(c, FRAME_range, &range, REQUEST_REPEAT, fetched, &r);
    if (st != PARLEY_OK)
        return st;
    r->subject = conv->id;
    if (out_call)
        *out_call = r->id;
    return PARLEY_OK;
}

parley_status history_older(struct parley_client *c, struct conversation *conv, uint32_t count, uint64_t *out_call)
{
    int64_t to = conv->told.len ? coverage_floor(&conv->told) : coverage_top(&conv->held), told;
    if (!coverage_has(&conv->held, to))
        return fetch(c, conv, count, out_call);
    uint64_t call = request_number(c);
    parley_status st = tell_page(c, conv, to, count, &told);
    if (st == PARLEY_MALFORMED) {
        cache_damaged(c);
        return fetch(c, conv, count, out_call);
    }
    if (st != PARLEY_OK)
        return st;
    if (out_call)
        *out_call = call;
    return reply(c, call, conv, coverage_floor(&conv->told) == 0, told);
}
