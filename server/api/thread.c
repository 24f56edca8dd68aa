/* A thread is its state and its items, read together. Whoever follows subscribes before that begins. */
#include "server/api/thread.h"

#include "server/api/recap.h"
#include "server/api/verb.h"
#include "server/base/mem.h"
#include "server/hub/bulletin.h"
#include "server/hub/hub.h"
#include "server/hub/topic.h"
#include "server/route/route.h"
#include "server/store/log.h"
#include "server/talk/directory.h"
#include "server/talk/talk.h"

enum { PAGE_STANDARD = 50, ARENA_MAX = 4 << 20, PEOPLE_MAX = 64 };

struct thread_read {
    struct api *api;
    struct link *link;
    struct thread_wish wish;
    thread_done *done;
    void *arg;
    struct arena arena;
    struct frame_thread thread;
    struct service service;
    int64_t last;            /* number of the last item read */
    int64_t read, delivered; /* the reader's own marks */
    bool more;
    int pending; /* readings that are not back */
    parley_status status;
};

static void *room(struct thread_read *l, size_t count, size_t size)
{
    return count ? arena_array(&l->arena, count, size) : NULL;
}

static struct span keep(struct thread_read *l, struct span text)
{
    return text.len ? arena_span(&l->arena, text) : text;
}

/* ---- may they see it? ---- */

static parley_status may_see(const struct thread_read *l, const struct log_state *state)
{
    const struct principal *who = l->link->who;
    if (!state->found)
        return PARLEY_NOT_FOUND;
    if (!link_is_staff(l->link))
        return uuid_equal(state->customer, who->id) ? PARLEY_OK : PARLEY_NOT_FOUND;
    if (who->role == role_bot || who->role == role_backend)
        return directory_one_space(l->api->directory, state->app, who->app) ? PARLEY_OK : PARLEY_NOT_FOUND;
    const struct session_row *s = &state->session;
    struct directory_reach reach = {.agent = s->agent, .offered = s->offer_agent, .queue = s->queue};
    return directory_may_read(l->api->directory, who->id, who->role, &reach) ? PARLEY_OK : PARLEY_NOT_FOUND;
}

/* ---- shaping ---- */

static void take_state(struct thread_read *l, const struct log_state *state)
{
    struct frame_thread *t = &l->thread;
    bool staff = link_is_staff(l->link);
    service_set(&l->service, &state->session);
    t->conversation = state->conversation;
    t->topic = keep(l, state->topic);
    t->head = staff ? state->head : state->head_public;
    t->has_service = api_service(l->api, &state->session, &t->service);
    t->service.queue = keep(l, t->service.queue);
    t->service.agent_name = keep(l, t->service.agent_name);
    if (staff)
        t->customer = state->customer, t->has_customer = true;

    struct frame_mark *marks = room(l, (size_t)state->nmarks, sizeof *marks);
    for (int i = 0; i < state->nmarks; i++)
        if (uuid_equal(state->marks[i].participant, l->link->who->id))
            l->read = state->marks[i].read, l->delivered = state->marks[i].delivered;
    for (int i = 0; marks && i < state->nmarks; i++)
        marks[i] = (struct frame_mark){.participant = state->marks[i].participant,
                                       .role = state->marks[i].role,
                                       .read = state->marks[i].read,
                                       .delivered = state->marks[i].delivered};
    t->marks = marks;
    t->marks_count = marks ? (size_t)state->nmarks : 0;
}

static void add_person(struct thread_read *l, struct frame_person *people, const struct log_row *row)
{
    struct span name = directory_agent_name(l->api->directory, row->author);
    size_t *n = &l->thread.people_count;
    if (!name.len || *n == PEOPLE_MAX)
        return;
    for (size_t i = 0; i < *n; i++)
        if (uuid_equal(people[i].id, row->author))
            return;
    people[(*n)++] = (struct frame_person){.id = row->author, .role = row->role, .name = keep(l, name)};
}

static bool take_items(struct thread_read *l, const struct log_page *page)
{
    bool staff = link_is_staff(l->link);
    struct frame_item *items = room(l, (size_t)page->n, sizeof *items);
    struct frame_person *people = room(l, PEOPLE_MAX, sizeof *people);
    if (!people || (page->n && !items))
        return false;
    for (int i = 0; i < page->n; i++) {
        struct log_row row = page->rows[i];
        row.body = keep(l, row.body);
        bulletin_item(&row, bulletin_reader_of(&row, l->link, staff), &items[i]);
        if (role_is_agent(row.role))
            add_person(l, people, &row);
    }
    l->thread.items = items;
    l->thread.items_count = (size_t)page->n;
    l->thread.people = people;
    l->more = page->more;
    l->last = page->n ? page->rows[page->n - 1].seq : 0;
    return true;
}

/* What of the asked range had no place. */
static void set_gap(struct thread_read *l)
{
    struct frame_thread *t = &l->thread;
    if (!l->more || !t->items_count)
        return;
    bool oldest = !l->wish.follow && l->wish.any_range;
    t->has_gap = true;
    if (oldest)
        t->gap = (struct frame_gap){.from = l->last + 1, .to = t->head};
    else
        t->gap = (struct frame_gap){.from = (l->wish.follow && l->wish.have > 0 ? l->wish.have : 0) + 1,
                                    .to = t->items[0].seq - 1};
}

/* ---- reading ---- */

const struct frame_thread *thread_frame(const struct thread_read *read)
{
    return &read->thread;
}

const struct session_row *thread_session(const struct thread_read *read)
{
    return &read->service.row;
}

void thread_fail(struct thread_read *read, parley_status status)
{
    read->status = status;
}

void thread_release(struct thread_read *read)
{
    struct sub *sub =
        read->wish.follow && !link_gone(read->link) ? sub_find(read->link, read->wish.conversation) : NULL;
    int64_t sent = read->last > read->wish.have ? read->last : read->wish.have;
    if (sent > read->thread.head) /* it has more than there is: of another life of this database */
        sent = read->thread.head;
    if (sub && read->read > sub->read)
        sub->read = read->read;
    if (sub && read->delivered > sub->delivered)
        sub->delivered = read->delivered;
    if (sub && read->status == PARLEY_OK)
        sub_loaded(sub, sent, read->thread.head);
    else if (sub)
        sub_end(sub);
    link_unref(&read->link);
    arena_done(&read->arena);
    mem_free(read);
}

static void part_done(struct thread_read *l, parley_status status)
{
    if (l->status == PARLEY_OK)
        l->status = status;
    if (--l->pending)
        return;
    if (l->thread.head < l->last)
        l->thread.head = l->last;
    set_gap(l);
    l->done(l->arg, l->status, l);
}

/* Without a place the thread is still what was asked for. */
static void on_place(void *arg, parley_status status, const struct session_place *place)
{
    struct thread_read *l = arg;
    if (status == PARLEY_OK)
        route_place(l->api->directory, &l->service.row, place, &l->thread.service);
    part_done(l, PARLEY_OK);
}

/* Who follows and waits, and was away when the push told their place, hears it here. */
static bool ask_place(struct thread_read *l)
{
    int16_t state = l->service.row.state;
    if (!l->wish.follow || link_is_staff(l->link) || (state != SESSION_QUEUED && state != SESSION_OFFERED))
        return false;
    return session_place(l->api->store, l->service.row.id, on_place, l) == PARLEY_OK;
}

static void on_viewed(void *arg, parley_status status, const struct log_state *state, const struct log_page *page)
{
    struct thread_read *l = arg;
    if (status == PARLEY_OK)
        status = link_gone(l->link) ? PARLEY_CLOSED : may_see(l, state);
    if (status == PARLEY_OK)
        take_state(l, state);
    if (status == PARLEY_OK && !take_items(l, page))
        status = PARLEY_TOO_BIG;
    if (status != PARLEY_OK || !ask_place(l))
        part_done(l, status);
}

/* Nor without a recap. */
static void on_recap(void *arg, parley_status status)
{
    struct thread_read *l = arg;
    l->thread.has_recap = status == PARLEY_OK;
    part_done(l, PARLEY_OK);
}

static void view(struct thread_read *l)
{
    const struct thread_wish *w = &l->wish;
    struct log_range range = {
        .conversation = w->conversation,
        .after = w->follow ? (w->have > 0 ? w->have : 0) : w->after,
        .before = w->follow ? 0 : w->before,
        .oldest = !w->follow && w->any_range,
        .staff = link_is_staff(l->link),
        .reader = l->link->who->id,
        .limit = w->limit                    ? w->limit
                 : w->follow && w->have >= 0 ? LIMIT_PAGE_ITEMS
                                             : PAGE_STANDARD,
        .bytes = w->bytes ? w->bytes : LIMIT_PAGE_BYTES,
    };
    l->pending = w->recap ? 2 : 1;
    parley_status st = log_view(l->api->store, &range, on_viewed, l);
    if (w->recap)
        recap_load(l->api, l->link, w->conversation, w->recap, &l->arena, &l->thread.recap, on_recap, l);
    if (st != PARLEY_OK)
        part_done(l, st);
}

static void on_followed(void *arg, struct topic *topic)
{
    struct thread_read *l = arg;
    struct sub *sub;
    if (!link_gone(l->link))
        l->status = sub_begin(topic, l->link, &sub);
    if (!link_gone(l->link) && l->status == PARLEY_OK)
        sub->admitted |= l->wish.admitted;
    view(l);
}

void thread_load(struct api *api, struct link *link, const struct thread_wish *wish, thread_done *done, void *arg)
{
    struct thread_read *l = mem_alloc(sizeof *l);
    *l = (struct thread_read){.api = api, .link = link_ref(link), .wish = *wish, .done = done, .arg = arg};
    arena_init(&l->arena, ARENA_MAX);
    if (wish->follow)
        hub_follow(api->hub, wish->conversation, on_followed, l);
    else
        view(l);
}

/* ---- range, subscribe, unsubscribe ---- */

static void on_ranged(void *arg, parley_status status, struct thread_read *read)
{
    struct ask *ask = arg;
    if (status != PARLEY_OK)
        ask_refuse(ask, status, NULL, status == PARLEY_NOT_FOUND ? "data.conversation" : NULL);
    else
        ask_reply(ask, FRAME_ranged, &(struct frame_ranged){.thread = read->thread});
    thread_release(read);
}

void on_range(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_range *r = &frame->range;
    if (r->has_after && r->has_before) {
        api_refuse(link, frame->id, PARLEY_INVALID, "say after or before, not both", "data.before");
        return;
    }
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return;
    thread_load(api, link,
                &(struct thread_wish){.conversation = r->conversation,
                                      .after = r->after,
                                      .any_range = r->has_after,
                                      .before = r->before,
                                      .limit = (int)r->limit},
                on_ranged, ask);
}

void on_subscribe(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_subscribe *s = &frame->subscribe;
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return;
    thread_load(
        api, link,
        &(struct thread_wish){.conversation = s->conversation, .follow = true, .have = s->has_have ? s->have : -1},
        on_ranged, ask);
}

void on_unsubscribe(struct api *api, struct link *link, const struct frame *frame)
{
    struct sub *sub = sub_find(link, frame->unsubscribe.conversation);
    if (sub && !sub->loading)
        sub_end(sub);
    link_reply(link, frame->id, FRAME_done, NULL);
}
