/* An item that arrives: told if it is news, kept, and what follows from it. */
#include "sdk-c/src/client.h"

void item_json(const struct frame_item *item, struct buf *out)
{
    struct frame_push_item push = {.item = *item};
    buf_init(out, LIMIT_MESSAGE);
    event_record(out, FRAME_push_item, &push,
                 "{\"type\":\"item\",\"data\":{\"conversation\":\"00000000-0000-0000-0000-000000000000\",\"item\":");
}

/* Whether this is news to the app; what lies below the oldest item told waits in the cache until it is asked for. */
static bool is_news(const struct conversation *conv, const struct frame_item *item)
{
    return !coverage_has(&conv->told, item->seq) && item->seq > coverage_floor(&conv->told);
}

/* Everything that can fail comes before anything that counts. */
static parley_status keep_item(struct parley_client *c, struct conversation *conv, const struct frame_item *item,
                               bool news, bool fresh)
{
    struct buf json = {0};
    struct parley_event *e = NULL;
    parley_status st = coverage_reserve(&conv->held);
    if (st == PARLEY_OK)
        st = coverage_reserve(&conv->told);
    if (st == PARLEY_OK && item->has_kind) {
        item_json(item, &json);
        st = json.status;
    }
    if (st == PARLEY_OK && item->has_kind && news) {
        e = event_item(c, conv->id, buf_span(&json), item->author, fresh);
        st = event_finish(e);
    }
    if (st == PARLEY_OK) {
        cache_item(c, conv, item, buf_span(&json));
        coverage_add(&conv->held, item->prev, item->seq);
        if (news)
            coverage_add(&conv->told, item->prev, item->seq);
        view_item(c, conv, item, buf_span(&json));
        conv->dirty = true;
    }
    buf_done(&json);
    if (!e || st != PARLEY_OK) {
        parley_event_free(e);
        return st;
    }
    e->seq = item->seq;
    return events_push(&c->events, e);
}

/* The item tells what has changed; how the process stands now, and what it lacks, only the server knows. */
static void ask_process(struct parley_client *c, struct conversation *conv, const struct frame_item *item)
{
    const struct value *body = item->has_body ? item->body.value : NULL;
    const struct value *id = body ? value_find(body, "process") : NULL,
                       *revision = body ? value_find(body, "revision") : NULL;
    struct uuid process;
    if (!id || id->type != VALUE_TEXT || uuid_parse(id->text, &process) != PARLEY_OK || !revision ||
        revision->type != VALUE_INT || cache_knows_process(c, conv, process, revision->integer))
        return;
    cache_ask_process(c, conv, process); /* lost: asked at the next step */
}

parley_status inbox_take(struct parley_client *c, struct conversation *conv, const struct frame_item *item)
{
    if (item->prev >= item->seq)
        return PARLEY_INVALID;
    bool news = is_news(conv, item);
    if (coverage_has(&conv->held, item->seq) && !news)
        return PARLEY_OK;
    if (events_full(&c->events))
        return PARLEY_SLOW;

    bool fresh = item->seq > coverage_top(&conv->held) && item->seq > coverage_top(&conv->told);
    parley_status st = keep_item(c, conv, item, news, fresh);
    if (st != PARLEY_OK)
        return st;
    conv->synced = conv->synced && !fresh;
    c->sync.items += fresh;
    if (fresh && item->has_kind && span_is(item->kind, "process"))
        ask_process(c, conv, item);
    st = fresh ? service_follow(c, conv, item) : PARLEY_OK;
    if (st != PARLEY_OK || !item->has_author)
        return st;
    if (uuid_equal(item->author, c->me))
        return item->has_id ? outbox_stored(c, item->id, item->seq) : PARLEY_OK;
    conv->others = item->seq > conv->others ? item->seq : conv->others;
    receipt_said(c, conv, item->author);
    receipt_due(c, conv);
    return PARLEY_OK;
}

parley_status inbox_page(struct parley_client *c, struct conversation *conv, const struct frame_thread *t)
{
    parley_status st = PARLEY_OK;
    for (size_t i = 0; st == PARLEY_OK && i < t->items_count; i++)
        st = inbox_take(c, conv, &t->items[i]);
    return st;
}
