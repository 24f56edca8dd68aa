/* Requests and their answers. */
#include "server/mock/answer.h"

#include "protocol/item.h"
#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/mock/page.h"
#include "server/mock/service.h"
#include "server/mock/work.h"

#include <stdio.h>

enum { PAGE = 50, BODY_MAX = LIMIT_BODY };

static void no_such(struct peer *p, const struct frame *f)
{
    peer_refuse(p, f, PARLEY_NOT_FOUND, 0, "data.conversation", NULL);
}

/* The conversation that a request names; refused when this person has none such. */
static struct talk *named(struct peer *p, const struct frame *f, struct uuid id)
{
    struct talk *t = talk_find(p->person, id);
    if (!t)
        no_such(p, f);
    return t;
}

/* --- who you are --- */

static int own_role(const struct person *person)
{
    return person->guest ? role_guest : role_customer;
}

static struct page missed(const struct talk *t, const struct frame_hello *f)
{
    for (size_t i = 0; i < f->have_count; i++)
        if (uuid_equal(f->have[i].conversation, t->id) && f->have[i].seq <= (int64_t)t->count)
            return (struct page){.above = f->have[i].seq, .limit = LIMIT_PAGE_ITEMS};
    return (struct page){.limit = f->has_page && f->page ? f->page : PAGE};
}

static void welcome(struct peer *p, const struct frame *f, struct person *person)
{
    static const struct frame_limits limits = {.message = LIMIT_MESSAGE,
                                               .frames = LIMIT_FRAMES_PER_MESSAGE,
                                               .text = LIMIT_TEXT,
                                               .body = LIMIT_BODY,
                                               .data = LIMIT_DATA,
                                               .page = LIMIT_PAGE_ITEMS,
                                               .upload = LIMIT_UPLOAD};
    struct frame_thread *threads = arena_array(&p->arena, LIMIT_HAVE, sizeof *threads);
    struct frame_welcome w = {
        .me = person->id, .role = own_role(person), .time = clock_ms(), .has_limits = true, .limits = limits};
    LIST_EACH(&person->talks, node)
    {
        const struct talk *t = LIST_ITEM(node, struct talk, node);
        struct page page = missed(t, &f->hello);
        if (w.threads_count < LIMIT_HAVE)
            threads[w.threads_count++] = page_thread(t, &page, true, &p->arena);
    }
    w.threads = threads;
    w.ping_ms = p->mock->script.beacon_ms;
    w.server = span_str("parley mock " PARLEY_VERSION);
    w.has_name = true;
    w.name = span_str(person->guest ? "Guest" : person->name);
    if (w.name.len > LIMIT_TITLE)
        w.name.len = 0;
    peer_answer(p, f, FRAME_welcome, &w);
}

static void make_history(struct mock *m, struct person *person)
{
    char text[32];
    struct talk *t = talk_main(person);
    for (int64_t i = 1; i <= m->script.history && (int64_t)t->count < m->script.history; i++) {
        snprintf(text, sizeof text, "earlier %lld", (long long)i);
        mock_say(m, t, text);
    }
}

static void on_hello(struct peer *p, const struct frame *f)
{
    bool guest;
    struct span token = f->hello.token;
    if (p->person) {
        peer_refuse(p, f, PARLEY_WRONG_STATE, 0, NULL, "hello was said already");
        return;
    }
    if (token.len > 3 && (memcmp(token.ptr, "pa_", 3) == 0 || memcmp(token.ptr, "pk_", 3) == 0)) {
        peer_refuse(p, f, PARLEY_DENIED, 0, NULL, "parley mock serves customers and guests only");
        return;
    }
    char *owner = token_owner(token, &guest);
    struct person *person = person_of(&p->mock->people, span_str(owner), guest);
    mem_free(owner);
    parley_status why = person_refuses(person, token);
    if (why != PARLEY_OK) {
        JOURNAL(&p->mock->journal, "refused_again", p->number, person->name, LOG_STATUS(why));
        peer_refuse(p, f, why, 0, NULL, NULL);
        return;
    }
    make_history(p->mock, person);
    peer_welcome(p, person, token);
    JOURNAL(&p->mock->journal, "hello", p->number, person->name,
            LOG_I64("have", f->hello.have_count ? f->hello.have[0].seq : 0), LOG_I64("head", talk_main(person)->head));
    welcome(p, f, person);
}

static void on_auth(struct peer *p, const struct frame *f)
{
    bool guest;
    char *owner = token_owner(f->auth.token, &guest);
    struct person *person = person_of(&p->mock->people, span_str(owner), guest);
    parley_status why = person != p->person ? PARLEY_DENIED : person_refuses(person, f->auth.token);
    mem_free(owner);
    if (why != PARLEY_OK) {
        peer_refuse(p, f, why, 0, "data.token", NULL);
        return;
    }
    peer_welcome(p, person, f->auth.token);
    peer_expires(p, 0);
    JOURNAL(&p->mock->journal, "auth", p->number, person->name);
    PEER_ANSWER(p, f, auth_ok, .has_me = false);
}

/* --- items --- */

static void posted(struct peer *p, const struct frame *f, const struct entry *e, bool again)
{
    PEER_ANSWER(p, f, posted, .seq = e->seq, .at = e->at, .has_duplicate = again, .duplicate = again);
}

/* What the server would refuse. */
static bool postable(struct peer *p, const struct frame *f)
{
    struct wire_error error = {.status = PARLEY_OK};
    int kind = item_kind_of(f->post.kind);
    if (kind == ITEM_none)
        wire_refuse(&error, PARLEY_UNKNOWN_KIND, NULL, "%s", status_text(PARLEY_UNKNOWN_KIND));
    else if (!(item_row(kind)->posters & POSTER_CUSTOMER))
        wire_refuse(&error, PARLEY_DENIED, NULL, "customers cannot post this kind");
    else
        item_validate_body(kind, f->post.body.value, &error);
    if (error.status != PARLEY_OK)
        peer_refuse(p, f, error.status, 0, *error.path ? error.path : "data.kind", error.text);
    return error.status == PARLEY_OK;
}

static void store_post(struct peer *p, const struct frame *f, struct talk *t, struct span body)
{
    struct entry *e = talk_said(t, p->person->id, f->post.id);
    if (e && !span_is(body, e->body)) {
        peer_refuse(p, f, PARLEY_CONFLICT, 0, "data.id", NULL);
    } else if (e) {
        JOURNAL(&p->mock->journal, "repeated", p->number, p->person->name, LOG_I64("seq", e->seq));
        posted(p, f, e, true);
    } else {
        char *kind = mem_span(f->post.kind);
        service_before(p->mock, t);
        e = talk_add(t, f->post.id, own_role(p->person), p->person->id, kind, audience_public, body);
        mem_free(kind);
        mock_stored(p->mock, p->number, t, e);
        posted(p, f, e, false);
        service_after(p->mock, t, e);
    }
}

static void on_post(struct peer *p, const struct frame *f)
{
    struct talk *t = named(p, f, f->post.conversation);
    struct buf body;
    if (!t || !postable(p, f))
        return;
    buf_init(&body, BODY_MAX);
    item_canonical(f->post.body.value, &body);
    if (body.status == PARLEY_OK)
        store_post(p, f, t, buf_span(&body));
    else
        peer_refuse(p, f, body.status, 0, "data.body", NULL);
    buf_done(&body);
}

static void ranged(struct peer *p, const struct frame *f, const struct talk *t, const struct page *page, bool opening)
{
    PEER_ANSWER(p, f, ranged, .thread = page_thread(t, page, opening, &p->arena));
}

static void on_range(struct peer *p, const struct frame *f)
{
    const struct frame_range *r = &f->range;
    struct talk *t = named(p, f, r->conversation);
    struct page page = {.above = r->has_after ? r->after : 0, .oldest = r->has_after};
    page.below = r->has_before ? r->before : 0;
    page.limit = r->has_limit ? r->limit : PAGE;
    if (t && r->has_after && r->has_before)
        peer_refuse(p, f, PARLEY_INVALID, 0, "data.before", "not together with after");
    else if (t)
        ranged(p, f, t, &page, false);
}

static void on_subscribe(struct peer *p, const struct frame *f)
{
    struct talk *t = named(p, f, f->subscribe.conversation);
    bool has = f->subscribe.has_have && f->subscribe.have > 0;
    struct page page = {.above = has ? f->subscribe.have : 0, .limit = has ? LIMIT_PAGE_ITEMS : PAGE};
    if (t)
        ranged(p, f, t, &page, true);
}

static void on_starts(struct peer *p, const struct frame *f)
{
    struct frame_start_button button = {
        .flow = span_str("mock"), .title = span_str("What this server does"), .button = span_str("What can you do?")};
    PEER_ANSWER(p, f, start_list, .starts = &button, .starts_count = 1);
}

static void on_conversations(struct peer *p, const struct frame *f)
{
    struct frame_thread *threads = arena_array(&p->arena, LIMIT_HAVE, sizeof *threads);
    struct frame_conversation_list list = {.threads = threads};
    LIST_EACH(&p->person->talks, node)
    {
        const struct talk *t = LIST_ITEM(node, struct talk, node);
        if (list.threads_count < LIMIT_HAVE)
            threads[list.threads_count++] =
                (struct frame_thread){.conversation = t->id, .topic = span_str(t->topic), .head = t->head};
    }
    peer_answer(p, f, FRAME_conversation_list, &list);
}

static void on_conversation_open(struct peer *p, const struct frame *f)
{
    struct page page = {.limit = PAGE};
    ranged(p, f, talk_open(p->person, f->conversation_open.topic), &page, true);
}

static int64_t greater(int64_t a, int64_t b, int64_t head)
{
    b = b < head ? b : head;
    return a > b ? a : b;
}

static void on_mark(struct peer *p, const struct frame *f)
{
    const struct frame_mark_set *r = &f->mark_set;
    struct talk *t = named(p, f, r->conversation);
    if (!t)
        return;
    t->read = greater(t->read, r->has_read ? r->read : 0, t->head);
    t->delivered = greater(t->delivered, r->has_delivered ? r->delivered : 0, t->head);
    t->delivered = greater(t->delivered, t->read, t->head);
    struct frame_done done;
    peer_answer(p, f, FRAME_done, &done);
    mock_marked(
        p->mock, t,
        &(struct frame_mark){
            .participant = p->person->id, .role = own_role(p->person), .read = t->read, .delivered = t->delivered});
}

/* --- service --- */

static void served(struct peer *p, const struct frame *f, const struct talk *t, parley_status st)
{
    struct frame_service_is is = {0};
    is.has_service = page_service(t, &is.service);
    if (st == PARLEY_OK)
        peer_answer(p, f, FRAME_service_is, &is);
    else
        peer_refuse(p, f, st, 0, NULL, NULL);
}

static void on_handoff(struct peer *p, const struct frame *f)
{
    struct talk *t = named(p, f, f->handoff_request.conversation);
    if (t)
        served(p, f, t, service_ask(p->mock, t, f->handoff_request.reason));
}

static void on_leave(struct peer *p, const struct frame *f)
{
    struct talk *t = named(p, f, f->queue_leave.conversation);
    if (t)
        served(p, f, t, service_leave(p->mock, t));
}

/* --- the table --- */

static void on_nothing(struct peer *p, const struct frame *f)
{
    struct frame_done done;
    peer_answer(p, f, FRAME_done, &done);
}

static const struct {
    enum frame_type type;
    void (*answer)(struct peer *p, const struct frame *f);
} TABLE[] = {
    {FRAME_hello, on_hello},
    {FRAME_auth, on_auth},
    {FRAME_post, on_post},
    {FRAME_range, on_range},
    {FRAME_subscribe, on_subscribe},
    {FRAME_unsubscribe, on_nothing},
    {FRAME_mark_set, on_mark},
    {FRAME_typing, on_nothing},
    {FRAME_conversations, on_conversations},
    {FRAME_conversation_open, on_conversation_open},
    {FRAME_starts, on_starts},
    {FRAME_handoff_request, on_handoff},
    {FRAME_queue_leave, on_leave},
    {FRAME_context_put, work_context_put},
    {FRAME_context_get, work_context_get},
    {FRAME_process_start, work_process_start},
    {FRAME_process_step, work_process_step},
    {FRAME_process_get, work_process_get},
};

void answer(struct peer *p, const struct frame *f)
{
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++) {
        if (TABLE[i].type == f->type) {
            TABLE[i].answer(p, f);
            return;
        }
    }
    peer_refuse(p, f, PARLEY_DENIED, 0, NULL, "parley mock does not do this; a real server does");
}
