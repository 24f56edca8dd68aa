/* What arrives is judged by its numbers alone: an item covers everything from its `prev` to itself. */
#include "sdk-c/src/inbox.h"

#include "sdk-c/src/client.h"

#include <stdlib.h>

static void conversation_free(struct conversation *conv)
{
    coverage_done(&conv->held);
    coverage_done(&conv->told);
    context_done(&conv->context);
    recap_done(&conv->recap);
    free(conv);
}

void inbox_done(struct inbox *in)
{
    while (in->first) {
        struct conversation *next = in->first->next;
        conversation_free(in->first);
        in->first = next;
    }
    *in = (struct inbox){0};
}

struct conversation *inbox_find(struct inbox *in, struct uuid id)
{
    if (uuid_is_nil(id))
        return in->main;
    for (struct conversation *conv = in->first; conv; conv = conv->next)
        if (uuid_equal(conv->id, id))
            return conv;
    return NULL;
}

struct conversation *inbox_open(struct inbox *in, struct uuid id)
{
    struct conversation *conv = inbox_find(in, id);
    if (conv || in->count >= CONVERSATIONS_MAX)
        return conv;
    conv = calloc(1, sizeof *conv);
    if (!conv)
        return NULL;
    conv->id = id;
    conv->mark_at = conv->context.send_at = INT64_MAX;
    conv->next = in->first;
    in->first = conv;
    in->count++;
    if (uuid_is_nil(id)) {
        in->main = conv;
        conv->main = true;
    }
    return conv;
}

size_t inbox_have(struct inbox *in, struct frame_cursor *out)
{
    size_t n = 0;
    if (in->main && in->main->held.len)
        out[n++] = (struct frame_cursor){.conversation = in->main->id, .seq = coverage_top(&in->main->held)};
    for (struct conversation *conv = in->first; conv && n < LIMIT_HAVE; conv = conv->next)
        if (conv != in->main && conv->followed && conv->held.len)
            out[n++] = (struct frame_cursor){.conversation = conv->id, .seq = coverage_top(&conv->held)};
    return n;
}

void inbox_lost(struct inbox *in)
{
    for (struct conversation *conv = in->first; conv; conv = conv->next) {
        conv->fetching = 0;
        conv->following = conv->synced = conv->fetch_singly = false;
        conv->futile = 0;
        conv->typing_at = 0;
        context_lost(&conv->context);
    }
}

/* --- pushes --- */

parley_status inbox_item(struct parley_client *c, const struct frame_push_item *push)
{
    struct conversation *conv = inbox_open(&c->inbox, push->conversation);
    if (!conv)
        return PARLEY_NOMEM;
    if (push->item.seq > conv->head) {
        conv->head = push->item.seq;
        conv->dirty = true;
    }
    conv->following = true;
    /* One that does not follow on what is held shows a hole. It is not told before the hole is filled: the answer that
     * fills it brings it again. */
    if ((conv->held.len || conv->was_empty) && push->item.prev > coverage_top(&conv->held))
        return inbox_fill(c, conv);
    parley_status st = inbox_take(c, conv, &push->item);
    if (st != PARLEY_OK || conv->fetching)
        return st;
    conv->synced = coverage_top(&conv->held) == conv->head; /* one after another needs no word */
    return inbox_fill(c, conv);
}

/* Any word about a conversation that is not complete asks again for what was not given: the last answer may have been
 * stale, or the head have been claimed too high. One word, one question. */
static parley_status take_head(struct parley_client *c, struct conversation *conv, int64_t seq)
{
    if (conv->synced && seq <= conv->head)
        return PARLEY_OK;
    if (seq > conv->head)
        conv->head = seq;
    conv->futile = 0;
    return inbox_fill(c, conv);
}

parley_status inbox_heads(struct parley_client *c, const struct frame_push_head *push)
{
    parley_status st = PARLEY_OK;
    for (size_t i = 0; st == PARLEY_OK && i < push->heads_count; i++) {
        struct conversation *conv = inbox_find(&c->inbox, push->heads[i].conversation);
        if (conv)
            st = take_head(c, conv, push->heads[i].seq);
    }
    return st;
}

/* --- threads --- */

parley_status inbox_service(struct parley_client *c, const struct frame_push_service *push)
{
    struct conversation *conv = inbox_find(&c->inbox, push->conversation);
    bool late = conv && push->has_service && push->service.epoch < conv->epoch; /* the items have said more already */
    return conv && !late ? service_set(c, conv, push->has_service ? &push->service : NULL) : PARLEY_OK;
}

parley_status inbox_tell(struct parley_client *c, const struct conversation *conv)
{
    struct parley_event *e = event_new(PARLEY_EVENT_CONVERSATION, conv->id);
    event_put_word(e, "topic", conv->topic);
    event_put_bool(e, "main", conv->main);
    event_put_int(e, "head", conv->head);
    if (!uuid_is_nil(conv->customer))
        event_put_id(e, "customer", conv->customer);
    return events_push(&c->events, e);
}

parley_status inbox_tell_person(struct parley_client *c, const struct conversation *conv, const struct frame_person *p)
{
    struct parley_event *e = event_new(PARLEY_EVENT_PERSON, conv->id);
    event_put_id(e, "person", p->id);
    event_put_word(e, "role", role_name(p->role) ? role_name(p->role) : "unknown");
    event_put_text(e, "name", p->name);
    return events_push(&c->events, e);
}

static parley_status tell_people(struct parley_client *c, const struct conversation *conv, const struct frame_thread *t)
{
    parley_status st = PARLEY_OK;
    for (size_t i = 0; st == PARLEY_OK && i < t->people_count; i++) {
        cache_person(c, &t->people[i]);
        st = inbox_tell_person(c, conv, &t->people[i]);
    }
    return st;
}

static void set_main(struct inbox *in, struct conversation *conv)
{
    if (in->main && in->main != conv) {
        in->main->main = false;
        in->main->dirty = true;
    }
    in->main = conv;
    conv->main = conv->dirty = true;
}

static struct conversation *thread_conversation(struct parley_client *c, const struct frame_thread *t)
{
    struct inbox *in = &c->inbox;
    bool is_main = !client_is_staff(c) && span_is(t->topic, "main");
    if (is_main && (!in->main || uuid_is_nil(in->main->id))) {
        if (in->main)
            in->main->id = t->conversation;
        outbox_main_known(c, t->conversation);
        keep_main_known(c, t->conversation);
    }
    struct conversation *conv = inbox_open(in, t->conversation);
    if (conv && is_main)
        set_main(in, conv);
    return conv;
}

static void name_conversation(struct conversation *conv, const struct frame_thread *t)
{
    size_t n = t->topic.len < LIMIT_NAME ? t->topic.len : LIMIT_NAME;
    memcpy(conv->topic, t->topic.ptr, n);
    conv->topic[n] = '\0';
    if (t->has_customer)
        conv->customer = t->customer;
    conv->dirty = true;
}

struct conversation *inbox_restore(struct parley_client *c, const struct frame_thread *t)
{
    struct conversation *conv = inbox_open(&c->inbox, t->conversation);
    if (!conv)
        return NULL;
    name_conversation(conv, t);
    conv->head = t->head;
    service_keep(conv, t->has_service ? &t->service : NULL);
    conv->mark_count = t->marks_count < MARKS_MAX ? t->marks_count : MARKS_MAX;
    if (conv->mark_count)
        memcpy(conv->marks, t->marks, conv->mark_count * sizeof *conv->marks);
    return conv;
}

static parley_status open_thread(struct parley_client *c, struct conversation *conv, const struct frame_thread *t)
{
    name_conversation(conv, t);
    conv->followed = conv->following = true;
    parley_status st = inbox_tell(c, conv);
    if (st == PARLEY_OK)
        st = tell_people(c, conv, t);
    return st;
}

/* A conversation with a page of its items. `opening` tells service, people and the conversation itself as well. */
static parley_status take_thread(struct parley_client *c, const struct frame_thread *t, bool opening,
                                 struct conversation **out)
{
    struct conversation *conv = thread_conversation(c, t);
    if (!conv)
        return PARLEY_NOMEM;
    conv->dirty = true;
    conv->was_empty = conv->was_empty || t->head == 0;
    if (t->head > conv->head)
        conv->head = t->head;
    parley_status st = opening ? open_thread(c, conv, t) : PARLEY_OK;
    if (st == PARLEY_OK)
        st = recap_processes(c, conv, t);
    conv->opening = opening;
    if (st == PARLEY_OK)
        st = inbox_page(c, conv, t);
    conv->opening = false;
    for (size_t i = 0; st == PARLEY_OK && i < t->marks_count; i++)
        st = receipt_mark(c, conv, &t->marks[i]);
    if (st == PARLEY_OK && opening)
        st = service_set(c, conv, t->has_service ? &t->service : NULL);
    if (st == PARLEY_OK)
        st = recap_take(c, conv, t);
    if (st == PARLEY_OK && out)
        *out = conv;
    return st == PARLEY_OK ? inbox_fill(c, conv) : st;
}

static parley_status opened(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    return answer->status == PARLEY_OK ? take_thread(c, &answer->frame->ranged.thread, true, NULL) : PARLEY_OK;
}

parley_status inbox_main(struct parley_client *c, struct uuid id)
{
    struct conversation *conv = inbox_open(&c->inbox, id);
    if (!conv)
        return PARLEY_NOMEM;
    struct frame_subscribe ask = {.conversation = id, .has_have = conv->held.len > 0};
    ask.have = coverage_top(&conv->held);
    set_main(&c->inbox, conv);
    conv->followed = true;
    return request_make(c, FRAME_subscribe, &ask, REQUEST_DROP, opened, NULL);
}

/* Those that welcome had no room for, and the main conversation of a customer who has none yet. */
static parley_status follow_rest(struct parley_client *c)
{
    struct inbox *in = &c->inbox;
    parley_status st = PARLEY_OK;
    for (struct conversation *conv = in->first; st == PARLEY_OK && conv; conv = conv->next) {
        if (!conv->followed || conv->following || uuid_is_nil(conv->id))
            continue;
        struct frame_subscribe ask = {.conversation = conv->id, .has_have = conv->held.len > 0};
        ask.have = coverage_top(&conv->held);
        st = request_make(c, FRAME_subscribe, &ask, REQUEST_DROP, opened, NULL);
    }
    if (st == PARLEY_OK && !client_is_staff(c) && (!in->main || uuid_is_nil(in->main->id))) {
        struct frame_conversation_open ask = {.topic = span_str("main")};
        st = request_make(c, FRAME_conversation_open, &ask, REQUEST_DROP, opened, NULL);
    }
    return st;
}

parley_status inbox_welcome(struct parley_client *c, const struct frame_welcome *w)
{
    parley_status st = PARLEY_OK;
    for (size_t i = 0; st == PARLEY_OK && i < w->threads_count; i++)
        st = take_thread(c, &w->threads[i], true, NULL);
    if (st == PARLEY_OK && w->has_desk) {
        struct frame_push_desk push = {.desk = w->desk};
        struct parley_event *e = event_new(PARLEY_EVENT_DESK, (struct uuid){0});
        event_put_frame(e, FRAME_push_desk, &push);
        st = events_push(&c->events, e);
    }
    if (st == PARLEY_OK)
        st = follow_rest(c);
    if (st == PARLEY_OK)
        outbox_pump(c);
    return st;
}

/* --- asking --- */

parley_status inbox_probe(struct parley_client *c, request_done *done, struct request **out)
{
    struct conversation *conv = c->inbox.main;
    for (struct conversation *next = c->inbox.first; next && !(conv && conv->following); next = next->next)
        conv = next;
    if (!conv || !conv->following) {
        struct frame_conversations none = {0};
        struct frame_inbox desk;
        memset(&desk, 0, sizeof desk);
        return client_is_staff(c) ? request_make(c, FRAME_inbox, &desk, REQUEST_DROP, done, out)
                                  : request_make(c, FRAME_conversations, &none, REQUEST_DROP, done, out);
    }
    struct frame_range range = {.conversation = conv->id, .has_after = true, .after = coverage_top(&conv->held)};
    range.has_limit = true;
    range.limit = 1;
    parley_status st = request_make(c, FRAME_range, &range, REQUEST_DROP, done, out);
    return st;
}

parley_status inbox_probed(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    if (answer->status != PARLEY_OK || r->type != FRAME_range)
        return PARLEY_OK;
    return take_thread(c, &answer->frame->ranged.thread, false, NULL);
}

/* The items are told as events; the REPLY has the rest. */
static parley_status follow_done(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    if (answer->status != PARLEY_OK)
        return request_reply(c, r, answer);
    struct frame bare = *answer->frame;
    struct frame_thread *t = bare.type == FRAME_accepted ? &bare.accepted.thread : &bare.ranged.thread;
    parley_status st = take_thread(c, t, true, NULL);
    if (st != PARLEY_OK)
        return st;
    t->items_count = t->marks_count = 0;
    return request_reply(c, r, &(struct answer){.status = PARLEY_OK, .frame = &bare});
}

parley_status inbox_follow(struct parley_client *c, enum frame_type type, const void *content, uint64_t *out_call)
{
    struct request *r;
    parley_status st = request_make(c, type, content, request_care_of(type), follow_done, &r);
    if (st == PARLEY_OK && out_call)
        *out_call = r->id;
    return st;
}
