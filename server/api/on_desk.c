/* status.set, inbox, conversations, conversation.open; and the answer to offer.accept. */
#include "server/api/api.h"
#include "server/api/thread.h"
#include "server/api/verb.h"
#include "server/base/mem.h"
#include "server/route/desk.h"
#include "server/route/dossier.h"
#include "server/route/route.h"
#include "server/store/customer_row.h"
#include "server/store/log.h"
#include "server/talk/move.h"

#include <string.h>

/* ---- an agent's own ---- */

struct setting {
    struct ask *ask;
    enum agent_status status;
};

static void on_status(void *arg, parley_status status)
{
    struct setting *s = arg;
    if (status == PARLEY_OK)
        ask_reply(s->ask, FRAME_status_is, &(struct frame_status_is){.status = s->status});
    else
        ask_refuse(s->ask, status, NULL, NULL);
    mem_free(s);
}

/* A program says of itself on each link anew: what it said is the link's. */
static void set_bot_status(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_status_set *s = &frame->status_set;
    link->who->status = s->status;
    if (s->has_capacity)
        link->who->capacity = (int)s->capacity;
    api_tell_bot(api, link, true, (struct uuid){0});
    link_reply(link, frame->id, FRAME_status_is, &(struct frame_status_is){.status = s->status});
}

void on_status_set(struct api *api, struct link *link, const struct frame *frame)
{
    if (link_is_bot(link)) {
        set_bot_status(api, link, frame);
        return;
    }
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return;
    struct setting *s = mem_alloc(sizeof *s);
    *s = (struct setting){.ask = ask, .status = (enum agent_status)frame->status_set.status};
    route_set_status(api->route, link->who->id, s->status, on_status, s);
}

void api_desk(struct api *api, const struct link *link, desk_done *done, void *arg)
{
    const struct principal *who = link->who;
    if (link_is_bot(link))
        desk_load_bot(api->store,
                      &(struct desk_bot){.bot = who->id,
                                         .device = who->device,
                                         .status = (enum agent_status)who->status,
                                         .capacity = who->capacity},
                      done, arg);
    else
        desk_load(api->store, api->directory, who->id, done, arg);
}

static void on_desk_read(void *arg, parley_status status, const struct frame_desk *desk)
{
    struct ask *ask = arg;
    if (status == PARLEY_OK)
        ask_reply(ask, FRAME_inbox_is, &(struct frame_inbox_is){.desk = *desk});
    else
        ask_refuse(ask, status, NULL, NULL);
}

void on_inbox(struct api *api, struct link *link, const struct frame *frame)
{
    struct ask *ask = ask_begin(api, link, frame);
    if (ask)
        api_desk(api, link, on_desk_read, ask);
}

/* ---- accepted: thread, then dossier, in one answer ---- */

struct accepting {
    struct ask *ask;
    struct thread_read *read;
};

static void on_dossier(void *arg, parley_status status, const struct frame_dossier *dossier)
{
    struct accepting *a = arg;
    if (status == PARLEY_OK)
        ask_reply(a->ask, FRAME_accepted,
                  &(struct frame_accepted){.thread = *thread_frame(a->read), .dossier = *dossier});
    else
        ask_refuse(a->ask, status, "the session is yours, but could not be read: subscribe to it", NULL);
    if (status != PARLEY_OK)
        thread_fail(a->read, status);
    thread_release(a->read);
    mem_free(a);
}

static void on_accepted_thread(void *arg, parley_status status, struct thread_read *read)
{
    struct ask *ask = arg;
    if (status != PARLEY_OK) {
        ask_refuse(ask, status, "the session is yours, but could not be read: subscribe to it", NULL);
        thread_release(read);
        return;
    }
    struct accepting *a = mem_alloc(sizeof *a);
    *a = (struct accepting){.ask = ask, .read = read};
    dossier_load(ask->api->store, ask->api->directory, thread_session(read), thread_frame(read)->head, on_dossier, a);
}

void thread_accepted(struct ask *ask, struct uuid conversation)
{
    thread_load(ask->api, ask->link,
                &(struct thread_wish){.conversation = conversation, .follow = true, .admitted = true, .have = -1},
                on_accepted_thread, ask);
}

/* ---- conversations ---- */

enum { ENTRIES_MAX = 64 };

struct listing {
    struct ask *ask;
    struct frame_thread threads[ENTRIES_MAX];
    char topics[ENTRIES_MAX][LIMIT_NAME];
    int n;
};

static struct frame_thread *listed(struct listing *l, struct uuid conversation)
{
    for (int i = 0; i < l->n; i++)
        if (uuid_equal(l->threads[i].conversation, conversation))
            return &l->threads[i];
    return NULL;
}

static void on_heads(void *arg, parley_status status, const struct log_head *heads, int n)
{
    struct listing *l = arg;
    bool staff = link_is_staff(l->ask->link);
    for (int i = 0; status == PARLEY_OK && i < n; i++)
        listed(l, heads[i].conversation)->head = staff ? heads[i].head : heads[i].head_public;
    if (status == PARLEY_OK)
        ask_reply(l->ask, FRAME_conversation_list,
                  &(struct frame_conversation_list){.threads = l->threads, .threads_count = (size_t)l->n});
    else
        ask_refuse(l->ask, status, NULL, NULL);
    mem_free(l);
}

static void on_rows(void *arg, parley_status status, const struct conversation_row *rows, int n)
{
    struct listing *l = mem_alloc(sizeof *l);
    struct uuid ids[ENTRIES_MAX];
    l->ask = arg;
    for (int i = 0; status == PARLEY_OK && i < n && i < ENTRIES_MAX; i++) {
        memcpy(l->topics[i], rows[i].topic.ptr, rows[i].topic.len);
        l->threads[l->n++] =
            (struct frame_thread){.conversation = rows[i].id, .topic = span_of(l->topics[i], rows[i].topic.len)};
        ids[i] = rows[i].id;
    }
    if (status == PARLEY_OK)
        status = log_heads(l->ask->api->store, ids, l->n, on_heads, l);
    if (status != PARLEY_OK)
        on_heads(l, status, NULL, 0);
}

void on_conversations(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_conversations *r = &frame->conversations;
    bool staff = link_is_staff(link);
    if (staff && !r->has_customer) {
        api_refuse(link, frame->id, PARLEY_INVALID, "say whose", "data.customer");
        return;
    }
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return;
    parley_status st = customer_conversations(api->store, staff ? r->customer : link->who->id, on_rows, ask);
    if (st != PARLEY_OK)
        ask_refuse(ask, st, NULL, NULL);
}

static void on_opened_thread(void *arg, parley_status status, struct thread_read *read)
{
    struct ask *ask = arg;
    if (status == PARLEY_OK)
        ask_reply(ask, FRAME_ranged, &(struct frame_ranged){.thread = *thread_frame(read)});
    else
        ask_refuse(ask, status, NULL, NULL);
    thread_release(read);
}

static void on_open(void *arg, parley_status status, const struct conversation_row *rows, int n)
{
    struct ask *ask = arg;
    if (status != PARLEY_OK)
        ask_refuse(ask, status, NULL, NULL);
    else if (n == 0)
        ask_refuse(ask, PARLEY_STALE, "this guest has become somebody else meanwhile", NULL);
    else
        thread_load(ask->api, ask->link,
                    &(struct thread_wish){.conversation = rows[0].id, .follow = true, .admitted = true, .have = -1},
                    on_opened_thread, ask);
}

void on_conversation_open(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_conversation_open *r = &frame->conversation_open;
    char topic[LIMIT_NAME + 1];
    if (r->topic.len >= 6 && memcmp(r->topic.ptr, "guest/", 6) == 0) {
        api_refuse(link, frame->id, PARLEY_DENIED, "topics that begin with guest/ are given by Parley alone",
                   "data.topic");
        return;
    }
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return;
    memcpy(topic, r->topic.ptr, r->topic.len);
    topic[r->topic.len] = '\0';
    struct conversation_row row = {
        .id = derived_id(link->who->id, topic, 0), .customer = link->who->id, .app = link->who->app, .topic = r->topic};
    parley_status st = conversation_open(api->store, &row, on_open, ask);
    if (st != PARLEY_OK)
        ask_refuse(ask, st, NULL, NULL);
}
