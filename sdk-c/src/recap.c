/* The cache knows best where it is whole; elsewhere the server's word counts, as of the number it was said at. */
#include "sdk-c/src/recap.h"

#include "sdk-c/src/client.h"

#include <stdio.h>
#include <stdlib.h>

void recap_done(struct recap *r)
{
    free(r->asked);
    *r = (struct recap){0};
}

/* Whether every item above that number is here. */
static bool whole_above(const struct conversation *conv, int64_t seq)
{
    struct stretch hole;
    return conv->held.len && !coverage_hole(&conv->held, conv->head, &hole) && coverage_floor(&conv->held) <= seq;
}

int64_t recap_unread(struct parley_client *c, struct conversation *conv)
{
    const struct recap *r = &conv->recap;
    if (!r->known || conv->read != r->read || whole_above(conv, conv->read))
        return conv->row ? cache_unread(c, conv, conv->read) : 0;
    return r->unread + (conv->row ? cache_unread(c, conv, r->head > conv->read ? r->head : conv->read) : 0);
}

/* --- telling --- */

static bool put_question(void *arg, int64_t seq, int64_t prev, struct uuid author, struct span json)
{
    if (json.ptr)
        event_put_json(arg, "question", json);
    return true;
}

static void put_asked(struct parley_client *c, struct parley_event *e, struct conversation *conv)
{
    char number[48];
    int64_t question = cache_question(c, conv);
    if (!question)
        return;
    if (coverage_has(&conv->held, question)) {
        cache_page(c, conv, question, question, 1, put_question, e);
        return;
    }
    bool here = conv->recap.asked && conv->recap.question == question;
    int n = snprintf(number, sizeof number, "{\"seq\":%lld}", (long long)question);
    event_put_json(e, "question", here ? span_str(conv->recap.asked) : span_of(number, (size_t)n));
}

static void put_service(struct parley_event *e, const struct conversation *conv)
{
    struct buf json;
    struct frame_service_is is = {.has_service = true, .service = conv->service.now};
    buf_init(&json, LIMIT_MESSAGE);
    event_record(&json, FRAME_service_is, &is, "{\"re\":1,\"data\":{\"service\":");
    event_put_list(e, "service", &json);
}

static void put_known(struct parley_client *c, struct parley_event *e, struct conversation *conv)
{
    event_put_int(e, "head", conv->head);
    event_put_int(e, "read", conv->read);
    event_put_int(e, "unread", recap_unread(c, conv));
    event_put_bool(e, "complete", conv->synced && coverage_top(&conv->held) >= conv->acked);
    put_asked(c, e, conv);
    if (conv->service.open)
        put_service(e, conv);
    cache_put_processes(c, e, conv);
}

struct parley_event *recap_event(struct parley_client *c, int32_t type, struct uuid id)
{
    struct conversation *conv = inbox_find(&c->inbox, id);
    struct parley_event *e = event_new(type, id);
    if (conv)
        put_known(c, e, conv);
    keep_put_drafts(c, e, id);
    event_put_int(e, "unsent", (int64_t)c->outbox.waiting);
    return e;
}

static parley_status tell(struct parley_client *c, const struct conversation *conv)
{
    return events_push(&c->events, recap_event(c, PARLEY_EVENT_RECAP, conv->id));
}

/* --- taking the server's word --- */

parley_status recap_processes(struct parley_client *c, struct conversation *conv, const struct frame_thread *t)
{
    parley_status st = PARLEY_OK;
    if (!t->has_recap)
        return PARLEY_OK;
    for (size_t i = 0; st == PARLEY_OK && i < t->recap.processes_count; i++)
        st = cache_process(c, &t->recap.processes[i]);
    struct frame_process_get all = {.conversation = conv->id};
    if (st == PARLEY_OK && t->recap.more)
        st = request_make(c, FRAME_process_get, &all, REQUEST_DROP, request_learn, NULL);
    else if (st == PARLEY_OK)
        st = cache_ask_ended(c, conv, &t->recap);
    return st;
}

/* The one that lies below what is held here: asked for by itself, so that no hole comes into being. */
static parley_status on_asked(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    struct conversation *conv = inbox_find(&c->inbox, r->subject);
    const struct frame_thread *t = answer->status == PARLEY_OK ? &answer->frame->ranged.thread : NULL;
    if (!conv || !t || t->items_count != 1 || t->items[0].seq != conv->recap.question)
        return PARLEY_OK;
    struct buf json;
    item_json(&t->items[0], &json);
    free(conv->recap.asked);
    conv->recap.asked = json.status == PARLEY_OK ? strndup(json.ptr, json.len) : NULL;
    buf_done(&json);
    return conv->recap.asked ? tell(c, conv) : PARLEY_NOMEM;
}

static parley_status ask(struct parley_client *c, struct conversation *conv)
{
    struct frame_range range = {.conversation = conv->id, .has_before = true, .has_limit = true, .limit = 1};
    range.before = coverage_next(conv->recap.question);
    struct request *r;
    parley_status st = request_make(c, FRAME_range, &range, REQUEST_DROP, on_asked, &r);
    if (st == PARLEY_OK)
        r->subject = conv->id;
    return st;
}

/* What is open there is open here, and what is not is not. */
static void settle_questions(struct parley_client *c, struct conversation *conv)
{
    const struct recap *r = &conv->recap;
    int64_t question, last = INT64_MAX;
    if (!conv->row)
        cache_make_row(c, conv);
    while ((question = cache_question(c, conv)) > r->question && question <= r->head && question < last) {
        cache_ask(c, conv, question, true);
        last = question;
    }
    if (r->question)
        cache_ask(c, conv, r->question, false);
}

parley_status recap_take(struct parley_client *c, struct conversation *conv, const struct frame_thread *t)
{
    const struct frame_recap *said = &t->recap;
    if (!t->has_recap)
        return PARLEY_OK;
    recap_done(&conv->recap);
    conv->recap = (struct recap){.known = true, .head = t->head, .read = said->read, .unread = said->unread};
    conv->read = said->read > conv->read ? said->read : conv->read;
    conv->recap.question = said->has_question ? said->question : 0;
    conv->dirty = true;
    settle_questions(c, conv);
    bool below = conv->recap.question && !coverage_has(&conv->held, conv->recap.question) &&
                 conv->recap.question <= coverage_floor(&conv->held);
    parley_status st = tell(c, conv);
    return st == PARLEY_OK && below ? ask(c, conv) : st;
}
