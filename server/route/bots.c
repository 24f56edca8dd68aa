/* Bots from outside: their processes (seats) as this server process sees them, and which of them is asked to take a
 * session that waits. An offer is a push and no more: who accepts is decided by the conversation, as it was committed.
 */
#include "server/base/clock.h"
#include "server/base/fault.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/hub/hub.h"
#include "server/io/crypto.h"
#include "server/route/dossier.h"
#include "server/route/route_inside.h"
#include "server/store/bot_row.h"
#include "server/talk/move.h"

enum { SEATS_READ = 1000, WAITING_READ = 200, OFFER_MS = 5000, SEAT_KEPT_MS = 60000 };

/* One process of a bot. */
struct bot_seat {
    struct route *route;
    struct uuid id, bot, device;
    int worker;
    const void *link; /* tells this connection from an earlier one; never followed */
    bool here;
    int64_t gone_at_ms;
    enum agent_status status;
    int capacity, offers;
    int64_t load;            /* sessions, as last read */
    unsigned changes, asked; /* to it, known here; as of when it was last asked for */
    int64_t asked_at_ms;     /* when it was last offered one */
    bool writing, rewrite;   /* its row is being written; it has changed since */
    bool written;            /* its row says that it is here */
    bool unwritten;          /* that did not work */
};

/* A session held out to a seat. */
struct bot_offer {
    struct uuid offer, session, conversation, seat;
    struct service service;
    int64_t head, until_ms;
};

static struct uuid seat_id(struct uuid bot, struct uuid device)
{
    char text[UUID_TEXT + 1];
    uuid_format(device, text);
    return derived_id(bot, text, 0);
}

/* ---- the row of a seat: one write at a time, always of how it is ---- */

static void write_seat(struct bot_seat *seat);

static void on_written(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct bot_seat *seat = arg;
    seat->writing = false;
    seat->unwritten = status != PARLEY_OK;
    if (seat->rewrite)
        write_seat(seat);
    else if (status == PARLEY_OK && seat->here)
        seat->written = true, route_match_soon(seat->route);
}

static void write_seat(struct bot_seat *seat)
{
    struct route *route = seat->route;
    seat->rewrite = seat->writing;
    seat->written = false;
    if (seat->writing)
        return;
    parley_status st = seat->here ? bot_seat_here(route->store, seat->bot, seat->device, route->node, on_written, seat)
                                  : bot_seat_lost(route->store, seat->bot, seat->device, route->node, on_written, seat);
    seat->writing = st == PARLEY_OK;
    seat->unwritten = !seat->writing; /* the sweep tries again */
}

/* ---- offers ---- */

static void tell_ended(struct route *route, const struct bot_offer *o, const struct bot_seat *seat, const char *why)
{
    struct frame_push_offer_ended push = {.offer = o->offer, .conversation = o->conversation, .why = span_str(why)};
    hub_tell_device(route->hub, seat->bot, seat->device, FRAME_push_offer_ended, &push);
}

static void offer_free(struct route *route, struct bot_offer *o)
{
    struct bot_seat *seat = map_get(&route->bots.seats, o->seat);
    if (seat)
        seat->offers--;
    map_remove(&route->bots.offers, o->session);
    mem_free(o);
}

/* why NULL: it knows already. */
static void offer_end(struct route *route, struct bot_offer *o, const char *why)
{
    struct bot_seat *seat = map_get(&route->bots.seats, o->seat);
    if (seat && why)
        tell_ended(route, o, seat, why);
    offer_free(route, o);
}

struct bot_holding_out {
    struct route *route;
    struct uuid session;
};

static void on_dossier(void *arg, parley_status status, const struct frame_dossier *dossier)
{
    struct bot_holding_out *h = arg;
    FAULT_POINT(bot_before_offer);
    struct bot_offer *o = map_get(&h->route->bots.offers, h->session);
    const struct bot_seat *seat = o ? map_get(&h->route->bots.seats, o->seat) : NULL;
    const struct directory_bot *bot = seat ? directory_bot(h->route->directory, seat->bot) : NULL;
    if (bot) {
        struct frame_push_offer push = {.offer = {.offer = o->offer,
                                                  .conversation = o->conversation,
                                                  .session = o->session,
                                                  .queue = span_str(bot->name),
                                                  .expires_at = clock_ms() + OFFER_MS,
                                                  .expires_in_ms = OFFER_MS}};
        if (dossier)
            push.offer.dossier = *dossier;
        else
            push.offer.dossier.customer = o->service.row.customer;
        hub_tell_device(h->route->hub, seat->bot, seat->device, FRAME_push_offer, &push);
    }
    mem_free(h);
}

static void offer_begin(struct route *route, const struct bot_work *work, struct bot_seat *seat)
{
    struct bot_offer *o = mem_alloc(sizeof *o);
    struct bot_holding_out *h = mem_alloc(sizeof *h);
    o->offer = crypto_uuid7();
    o->session = work->session.id;
    o->conversation = work->session.conversation;
    o->seat = seat->id;
    service_set(&o->service, &work->session);
    o->head = work->head;
    o->until_ms = loop_now_ms(route->loop) + OFFER_MS;
    map_put(&route->bots.offers, o->session, o);
    seat->offers++;
    seat->asked_at_ms = clock_ms();
    *h = (struct bot_holding_out){.route = route, .session = o->session};
    metric_add(METRIC_bot_offers_total, 1);
    dossier_load(route->store, route->directory, &o->service.row, o->head, on_dossier, h);
}

static void offers_expire(struct route *route)
{
    struct bot_offer *o;
    int64_t now = loop_now_ms(route->loop);
    for (size_t i = 0; (o = map_next(&route->bots.offers, &i));) {
        const struct bot_seat *seat = map_get(&route->bots.seats, o->seat);
        if (o->until_ms > now && seat && seat->here)
            continue;
        if (seat)
            route_exclude(route, o->session, seat->device);
        offer_end(route, o, "expired");
        i = 0; /* the map has closed the gap */
    }
}

/* Known here before it is read. */
static void follow_load(struct route *route, const struct session_row *session, int by)
{
    struct bot_seat *seat =
        uuid_is_nil(session->holder) ? NULL : map_get(&route->bots.seats, seat_id(session->bot, session->holder));
    if (!seat)
        return;
    seat->load += by;
    seat->changes++;
}

void bots_session(struct route *route, const struct session_row *was, const struct session_row *now)
{
    struct bot_offer *o = map_get(&route->bots.offers, now->id);
    if (!uuid_equal(was->holder, now->holder)) {
        follow_load(route, was, -1);
        follow_load(route, now, 1);
    }
    if (!o || (now->state == SESSION_BOT && uuid_is_nil(now->holder)))
        return;
    const struct bot_seat *seat = map_get(&route->bots.seats, o->seat);
    bool theirs = seat && now->state == SESSION_BOT && uuid_equal(now->holder, seat->device);
    offer_end(route, o, theirs ? NULL : now->state == SESSION_BOT ? "accepted" : "withdrawn");
}

/* ---- matching ---- */

static bool takes(const struct bot_seat *seat)
{
    return seat->here && seat->written && seat->status == agent_status_online;
}

static bool is_free(const struct bot_seat *seat)
{
    return takes(seat) && seat->load + seat->offers < seat->capacity;
}

/* The one with the fewest, of these the one that has waited longest. */
static bool is_before(const struct bot_seat *a, const struct bot_seat *b)
{
    int64_t has_a = a->load + a->offers, has_b = b->load + b->offers;
    return has_a != has_b ? has_a < has_b : a->asked_at_ms < b->asked_at_ms;
}

/* Who has just been asked in vain is asked again when there is nobody else. */
static struct bot_seat *pick(struct route *route, const struct session_row *session)
{
    struct bot_seat *best = NULL, *only = NULL, *seat;
    int others = 0;
    for (size_t i = 0; (seat = map_next(&route->bots.seats, &i));) {
        if (!uuid_equal(seat->bot, session->bot) || !takes(seat))
            continue;
        others++;
        only = seat;
        if (is_free(seat) && !route_is_excluded(route, session->id, seat->device) && (!best || is_before(seat, best)))
            best = seat;
    }
    return best || others != 1 || !is_free(only) ? best : only;
}

static void on_waiting(void *arg, parley_status status, const struct bot_work *rows, int n)
{
    struct route *route = arg;
    route->bots.reading = false;
    for (int i = 0; status == PARLEY_OK && i < n; i++) {
        if (map_get(&route->bots.offers, rows[i].session.id))
            continue;
        struct bot_seat *seat = pick(route, &rows[i].session);
        if (seat)
            offer_begin(route, &rows[i], seat);
    }
    if (route->bots.again)
        route_match_soon(route);
}

/* The sessions of bots with a free seat; of others it would be in vain. */
static void read_waiting(struct route *route)
{
    struct uuid bots[SEATS_READ];
    struct bot_seat *seat;
    int n = 0;
    for (size_t i = 0; n < SEATS_READ && (seat = map_next(&route->bots.seats, &i));)
        if (is_free(seat))
            bots[n++] = seat->bot;
    route->bots.reading = n && bot_waiting(route->store, bots, n, WAITING_READ, on_waiting, route) == PARLEY_OK;
}

static void on_loads(void *arg, parley_status status, const int64_t *loads, int n)
{
    struct route *route = arg;
    route->bots.reading = false;
    for (int i = 0; status == PARLEY_OK && i < n && i < route->bots.asked_count; i++) {
        struct bot_seat *seat = map_get(&route->bots.seats, route->bots.asked[i]);
        if (seat && seat->changes == seat->asked) /* it has changed here meanwhile: the next reading tells */
            seat->load = loads[i];
    }
    if (status == PARLEY_OK)
        read_waiting(route);
}

void bots_match(struct route *route)
{
    struct uuid bots[SEATS_READ], devices[SEATS_READ];
    struct bots *b = &route->bots;
    struct bot_seat *seat;
    if (b->reading) {
        b->again = true;
        return;
    }
    b->again = false;
    b->asked_count = 0;
    for (size_t i = 0; b->asked_count < SEATS_READ && (seat = map_next(&b->seats, &i));) {
        if (!takes(seat))
            continue;
        bots[b->asked_count] = seat->bot;
        devices[b->asked_count] = seat->device;
        seat->asked = seat->changes;
        b->asked[b->asked_count++] = seat->id;
    }
    if (b->asked_count)
        b->reading = bot_seat_loads(route->store, bots, devices, b->asked_count, on_loads, route) == PARLEY_OK;
}

/* ---- news ---- */

static struct bot_seat *seat_of_process(struct route *route, const struct route_seat *news)
{
    struct uuid id = seat_id(news->bot, news->device);
    struct bot_seat *seat = map_get(&route->bots.seats, id);
    if (seat)
        return seat;
    seat = mem_alloc(sizeof *seat);
    *seat = (struct bot_seat){.route = route, .id = id, .bot = news->bot, .device = news->device};
    map_put(&route->bots.seats, id, seat);
    return seat;
}

static void comes(struct bot_seat *seat, const struct route_seat *news, int worker)
{
    bool new = !seat->here || seat->link != news->link || seat->worker != worker;
    seat->here = true;
    seat->link = news->link;
    seat->worker = worker;
    seat->status = news->status;
    seat->capacity = news->capacity;
    if (new)
        write_seat(seat);
}

static void goes(struct bot_seat *seat, const struct route_seat *news, int worker)
{
    if (!seat->here || seat->link != news->link || seat->worker != worker)
        return; /* it has come back already */
    seat->here = false;
    seat->gone_at_ms = loop_now_ms(seat->route->loop);
    write_seat(seat);
    offers_expire(seat->route);
}

static struct bot_offer *by_offer(struct route *route, struct uuid offer)
{
    struct bot_offer *o;
    for (size_t i = 0; (o = map_next(&route->bots.offers, &i));)
        if (uuid_equal(o->offer, offer))
            return o;
    return NULL;
}

void bots_news(struct route *route, const struct route_seat *news, int worker)
{
    struct bot_seat *seat = seat_of_process(route, news);
    if (!uuid_is_nil(news->declined)) {
        struct bot_offer *o = by_offer(route, news->declined);
        if (o && uuid_equal(o->seat, seat->id)) {
            route_exclude(route, o->session, seat->device);
            offer_end(route, o, "declined");
        }
    } else if (news->here) {
        comes(seat, news, worker);
    } else {
        goes(seat, news, worker);
    }
}

void bots_sweep(struct route *route)
{
    struct bot_seat *seat;
    int64_t now = loop_now_ms(route->loop), here = 0;
    offers_expire(route);
    for (size_t i = 0; (seat = map_next(&route->bots.seats, &i));) {
        here += seat->here;
        if (seat->unwritten && !seat->writing)
            write_seat(seat);
        if (seat->here || seat->writing || seat->offers || now - seat->gone_at_ms < SEAT_KEPT_MS)
            continue;
        map_remove(&route->bots.seats, seat->id);
        mem_free(seat);
        i = 0;
        here = 0;
    }
    metric_set(METRIC_bots_connected, here);
    watchdog_sweep(route);
}

void bots_free(struct route *route)
{
    struct bot_offer *o;
    struct bot_seat *seat;
    for (size_t i = 0; (o = map_next(&route->bots.offers, &i));)
        mem_free(o);
    for (size_t i = 0; (seat = map_next(&route->bots.seats, &i));)
        mem_free(seat);
    map_done(&route->bots.offers);
    map_done(&route->bots.seats);
}
