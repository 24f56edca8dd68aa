/* The desk, read in three steps: my sessions and offers, who waits, and whose they all are. */
#include "server/route/desk.h"

#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/store/bot_row.h"
#include "server/store/customer_row.h"
#include "server/store/session_row.h"
#include "server/talk/directory.h"

enum { ARENA_MAX = 2 << 20, QUEUES_MAX = 250, WAITING_MAX = 250, SESSIONS_MAX = 250, OFFERS_MAX = 16 };

struct reading {
    struct store *store;
    const struct directory *directory;
    struct uuid agent;
    struct frame_desk desk;
    struct arena arena;
    struct frame_desk_entry *sessions, *waiting;
    struct frame_offer *offers;
    struct frame_queue_load *queues;
    int pending;
    parley_status status;
    desk_done *done;
    void *arg;
};

static void finish(struct reading *r)
{
    r->done(r->arg, r->status, r->status == PARLEY_OK ? &r->desk : NULL);
    arena_done(&r->arena);
    mem_free(r);
}

static struct span keep(struct reading *r, struct span text)
{
    return text.len ? arena_span(&r->arena, text) : text;
}

/* ---- the last step: whose they are ---- */

static void show_face(struct reading *r, struct frame_desk_entry *entry, const struct conversation_face *face)
{
    entry->name = keep(r, face->name), entry->has_name = face->name.len > 0;
    entry->head = face->head;
}

static void on_faces(void *arg, parley_status status, const struct conversation_face *face, int n)
{
    struct reading *r = arg;
    r->status = status;
    for (size_t i = 0; status == PARLEY_OK && i < r->desk.sessions_count; i++)
        show_face(r, &r->sessions[i], face++);
    for (size_t i = 0; status == PARLEY_OK && i < r->desk.waiting_count; i++)
        show_face(r, &r->waiting[i], face++);
    for (size_t i = 0; status == PARLEY_OK && i < r->desk.offers_count; i++, face++) {
        struct frame_dossier *d = &r->offers[i].dossier;
        d->name = keep(r, face->name), d->has_name = face->name.len > 0;
        d->verified = face->verified;
        d->head = face->head;
    }
    finish(r);
}

static void ask_faces(struct reading *r)
{
    struct uuid asked[SESSIONS_MAX + WAITING_MAX + OFFERS_MAX];
    int n = 0;
    for (size_t i = 0; i < r->desk.sessions_count; i++)
        asked[n++] = r->sessions[i].conversation;
    for (size_t i = 0; i < r->desk.waiting_count; i++)
        asked[n++] = r->waiting[i].conversation;
    for (size_t i = 0; i < r->desk.offers_count; i++)
        asked[n++] = r->offers[i].conversation;
    if (n)
        r->status = conversation_faces(r->store, asked, n, on_faces, r);
    if (!n || r->status != PARLEY_OK)
        finish(r);
}

static void part_done(struct reading *r, parley_status status)
{
    if (r->status == PARLEY_OK)
        r->status = status;
    if (--r->pending)
        return;
    if (r->status == PARLEY_OK)
        ask_faces(r);
    else
        finish(r);
}

/* ---- sessions, offers, who waits ---- */

static struct frame_desk_entry entry_of(struct reading *r, const struct session_row *row)
{
    struct frame_desk_entry e = {.conversation = row->conversation,
                                 .session = row->id,
                                 .state = row->state,
                                 .epoch = row->epoch,
                                 .customer = row->customer,
                                 .since = row->state_at_ms};
    e.queue = keep(r, row->queue), e.has_queue = row->queue.len > 0;
    e.agent = row->agent, e.has_agent = !uuid_is_nil(row->agent);
    e.message = e.has_message = row->message;
    return e;
}

static void add_offer(struct reading *r, const struct session_row *row)
{
    int64_t left = row->offer_until_ms - clock_ms();
    if (r->desk.offers_count == OFFERS_MAX)
        return;
    r->offers[r->desk.offers_count++] = (struct frame_offer){
        .offer = row->offer,
        .conversation = row->conversation,
        .session = row->id,
        .queue = keep(r, row->queue),
        .expires_at = row->offer_until_ms,
        .expires_in_ms = left > 0 ? left : 0,
        .dossier = {.customer = row->customer,
                    .message = row->message,
                    .has_message = row->message,
                    .waited_ms = row->queued_at_ms ? clock_ms() - row->queued_at_ms : 0},
    };
}

static void on_mine(void *arg, parley_status status, const struct session_row *rows, int n)
{
    struct reading *r = arg;
    for (int i = 0; status == PARLEY_OK && i < n; i++) {
        if (rows[i].state == SESSION_OFFERED)
            add_offer(r, &rows[i]);
        else if (r->desk.sessions_count < SESSIONS_MAX)
            r->sessions[r->desk.sessions_count++] = entry_of(r, &rows[i]);
    }
    r->desk.load = (int64_t)r->desk.sessions_count;
    part_done(r, status);
}

static struct frame_queue_load *load_of(struct reading *r, struct span queue)
{
    for (size_t i = 0; i < r->desk.queues_count; i++)
        if (span_equal(r->queues[i].queue, queue))
            return &r->queues[i];
    return NULL;
}

static void on_waiting(void *arg, parley_status status, const struct session_row *rows, int n)
{
    struct reading *r = arg;
    for (int i = 0; status == PARLEY_OK && i < n; i++) {
        struct frame_queue_load *load = load_of(r, rows[i].queue);
        int64_t age = clock_ms() - rows[i].queued_at_ms;
        if (load) {
            load->waiting++;
            load->oldest_ms = age > load->oldest_ms ? age : load->oldest_ms;
        }
        if (r->desk.waiting_count < WAITING_MAX)
            r->waiting[r->desk.waiting_count++] = entry_of(r, &rows[i]);
    }
    part_done(r, status);
}

static int list_queues(struct reading *r, struct span names[QUEUES_MAX])
{
    const struct directory_queue *queue;
    int n = 0;
    for (int i = 0; (queue = directory_queue_at(r->directory, i)) && n < QUEUES_MAX; i++) {
        struct span name = span_str(queue->name);
        if (!directory_serves(r->directory, r->agent, name))
            continue;
        names[n] = keep(r, name);
        r->queues[n] = (struct frame_queue_load){.queue = names[n], .title = keep(r, span_str(queue->title))};
        n++;
    }
    r->desk.queues_count = (size_t)n;
    return n;
}

static void make_room(struct reading *r)
{
    r->desk.sessions = r->sessions = arena_array(&r->arena, SESSIONS_MAX, sizeof *r->sessions);
    r->desk.waiting = r->waiting = arena_array(&r->arena, WAITING_MAX, sizeof *r->waiting);
    r->desk.offers = r->offers = arena_array(&r->arena, OFFERS_MAX, sizeof *r->offers);
    r->desk.queues = r->queues = arena_array(&r->arena, QUEUES_MAX, sizeof *r->queues);
}

void desk_load(struct store *store, const struct directory *directory, struct uuid agent, desk_done *done, void *arg)
{
    struct reading *r = mem_alloc(sizeof *r);
    struct span names[QUEUES_MAX];
    const struct directory_agent *a = directory_agent(directory, agent);
    *r = (struct reading){
        .store = store, .directory = directory, .agent = agent, .done = done, .arg = arg, .pending = 2};
    arena_init(&r->arena, ARENA_MAX);
    make_room(r);
    r->desk.status = a ? a->status : agent_status_offline;
    r->desk.capacity = a ? a->capacity : 0;
    int n = list_queues(r, names);
    parley_status mine = session_of_agent(store, agent, on_mine, r);
    parley_status waiting = n ? session_waiting(store, names, n, WAITING_MAX, WAITING_MAX, on_waiting, r) : PARLEY_OK;
    if (mine != PARLEY_OK)
        part_done(r, mine);
    if (waiting != PARLEY_OK || !n)
        part_done(r, waiting);
}

/* What it has, and nothing else: offers are told when they are made, and who waits is the router's to know. */
void desk_load_bot(struct store *store, const struct desk_bot *bot, desk_done *done, void *arg)
{
    struct reading *r = mem_alloc(sizeof *r);
    *r = (struct reading){.store = store, .done = done, .arg = arg, .pending = 1};
    arena_init(&r->arena, ARENA_MAX);
    make_room(r);
    r->desk.status = bot->status;
    r->desk.capacity = bot->capacity;
    parley_status st = bot_held(store, bot->bot, bot->device, on_mine, r);
    if (st != PARLEY_OK)
        part_done(r, st);
}
