/* Offers: proposed as a transition, held out with a dossier, ended by accept, decline, time or the agent's absence. */
#include "server/base/clock.h"
#include "server/base/fault.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/io/crypto.h"
#include "server/route/dossier.h"
#include "server/route/route_inside.h"

#include <string.h>

static void offering_free(struct offering *o)
{
    struct seat *seat = seat_of(o->route, o->agent);
    seat->offers--;
    loop_timer_stop(&o->timer);
    map_remove(&o->route->offerings, o->session);
    mem_free(o);
}

static void withdraw(struct route *route, const struct session_row *session, struct uuid offer, const char *why)
{
    control_ask(route->talk,
                &(struct control){.conversation = session->conversation,
                                  .event = SESSION_EVENT_WITHDRAW,
                                  .cause = crypto_uuid7(),
                                  .session = session->id,
                                  .offer = offer,
                                  .outcome = span_str(why)},
                &caller_parley, NULL, NULL);
}

/* ---- of other processes ---- */

static struct sighting *sighting_of(struct route *route, const struct session_row *session)
{
    struct sighting *s = map_remove(&route->sighted, session->id);
    if (!s)
        s = mem_alloc(sizeof *s);
    if (!uuid_equal(s->offer, session->offer))
        *s = (struct sighting){session->id, session->conversation, session->offer, session->offer_agent,
                               loop_now_ms(route->loop)};
    map_put(&route->sighting, session->id, s);
    return s;
}

/* How long it may last is the difference of two times of the clock that set them; how long it has been there is counted
 * here. No clock is held against another one. */
void offering_sighted(struct route *route, const struct session_row *session)
{
    const struct sighting *s = sighting_of(route, session);
    int64_t lasts_ms = session->offer_until_ms - session->state_at_ms;
    if (loop_now_ms(route->loop) - s->since_ms > lasts_ms + ORPHAN_MS)
        withdraw(route, session, session->offer, "expired");
}

static void forget_sighted(struct map *map)
{
    struct sighting *s;
    for (size_t i = 0; (s = map_next(map, &i));)
        mem_free(s);
    map_done(map);
}

void offerings_sighted_all(struct route *route)
{
    forget_sighted(&route->sighted);
    route->sighted = route->sighting;
    map_init(&route->sighting);
}

void offerings_sighted_end(struct route *route, struct uuid agent)
{
    struct sighting *s;
    for (size_t i = 0; (s = map_next(&route->sighted, &i));)
        if (uuid_equal(s->agent, agent))
            withdraw(route, &(struct session_row){.id = s->session, .conversation = s->conversation}, s->offer,
                     "withdrawn");
}

/* ---- held out ---- */

static void on_expired(void *arg)
{
    struct offering *o = arg;
    withdraw(o->route, &o->service.row, o->offer, "expired");
}

struct holding_out {
    struct route *route;
    struct uuid session, offer;
};

static void on_dossier(void *arg, parley_status status, const struct frame_dossier *dossier)
{
    struct holding_out *h = arg;
    struct offering *o = map_get(&h->route->offerings, h->session);
    if (o && uuid_equal(o->offer, h->offer)) {
        int64_t left = o->service.row.offer_until_ms - clock_ms();
        struct frame_push_offer push = {.offer = {.offer = o->offer,
                                                  .conversation = o->conversation,
                                                  .session = o->session,
                                                  .queue = o->service.row.queue,
                                                  .expires_at = o->service.row.offer_until_ms,
                                                  .expires_in_ms = left > 0 ? left : 0}};
        if (dossier)
            push.offer.dossier = *dossier;
        else
            push.offer.dossier.customer = o->service.row.customer;
        hub_tell(h->route->hub, o->agent, FRAME_push_offer, &push);
    }
    mem_free(h);
}

static void tell_offer(struct offering *o)
{
    struct holding_out *h = mem_alloc(sizeof *h);
    *h = (struct holding_out){.route = o->route, .session = o->session, .offer = o->offer};
    dossier_load(o->route->store, o->route->directory, &o->service.row, o->head, on_dossier, h);
}

static void hold_out(struct offering *o)
{
    o->out = true;
    metric_add(METRIC_offers_total, 1);
    loop_timer_start_exact(o->route->loop, &o->timer, o->route->conf->routing.offer_time_ms, on_expired, o);
    tell_offer(o);
}

static struct offering *by_offer(struct route *route, struct uuid offer)
{
    struct offering *o;
    for (size_t i = 0; (o = map_next(&route->offerings, &i));)
        if (uuid_equal(o->offer, offer))
            return o;
    return NULL;
}

static void on_offered(void *arg, struct call *call, const struct result *result)
{
    struct route *route = arg;
    struct offering *o = by_offer(route, call->work.cause);
    if (!o)
        return;
    if (result->status != PARLEY_OK || !uuid_equal(result->service->row.offer, o->offer)) {
        offering_free(o);
        return;
    }
    FAULT_POINT(offer_after_commit);
    service_set(&o->service, &result->service->row);
    o->head = result->head;
    hold_out(o);
}

void offering_begin(struct route *route, const struct session_row *session, struct directory_agent *agent)
{
    struct offering *o = mem_alloc(sizeof *o);
    o->route = route;
    o->session = session->id;
    o->conversation = session->conversation;
    o->offer = crypto_uuid7();
    o->agent = agent->id;
    service_set(&o->service, session);
    map_put(&route->offerings, o->session, o);
    seat_of(route, agent->id)->offers++;
    agent->assigned_at_ms = clock_ms();
    control_ask(route->talk,
                &(struct control){.conversation = session->conversation,
                                  .event = SESSION_EVENT_OFFER,
                                  .cause = o->offer,
                                  .session = session->id,
                                  .offer = o->offer,
                                  .agent = agent->id,
                                  .until_ms = clock_ms() + route->conf->routing.offer_time_ms},
                &caller_parley, on_offered, route);
}

/* ---- ended ---- */

static const char *ended_why(const struct offering *o, const struct session_row *now)
{
    if (now->state == SESSION_LIVE)
        return "accepted";
    if (now->state != SESSION_QUEUED || now->epoch != o->service.row.epoch)
        return "withdrawn"; /* the agent has not declined it */
    if (clock_ms() >= o->service.row.offer_until_ms)
        return "expired";
    return o->withdrawn ? "withdrawn" : "declined";
}

static void tell_ended(struct offering *o, const struct session_row *now, const char *why)
{
    struct frame_push_offer_ended push = {.offer = o->offer, .conversation = o->conversation, .why = span_str(why)};
    struct span by = directory_agent_name(o->route->directory, now->agent);
    if (now->state == SESSION_LIVE && by.len)
        push.by = by, push.has_by = true;
    hub_tell(o->route->hub, o->agent, FRAME_push_offer_ended, &push);
}

static void offering_ended(struct offering *o, const struct session_row *now)
{
    const char *why = ended_why(o, now);
    struct route *route = o->route;
    struct uuid agent = o->agent;
    tell_ended(o, now, why);
    if (now->state == SESSION_LIVE)
        metric_add(METRIC_offers_accepted_total, 1);
    if (strcmp(why, "expired") == 0)
        metric_add(METRIC_offers_missed_total, 1);
    if (strcmp(why, "expired") == 0 || strcmp(why, "declined") == 0)
        route_exclude(route, o->session, agent);
    offering_free(o);
    if (strcmp(why, "expired") == 0)
        seat_missed(route, agent);
}

/* The load of agents is Postgres's to count; here it follows what was committed, so that offers fit. */
static void follow_load(struct route *route, const struct session_row *was, const struct session_row *now)
{
    bool had = was->state == SESSION_LIVE || was->state == SESSION_WRAP_UP;
    bool has = now->state == SESSION_LIVE || now->state == SESSION_WRAP_UP;
    struct directory_agent *before = had ? directory_agent(route->directory, was->agent) : NULL;
    struct directory_agent *after = has ? directory_agent(route->directory, now->agent) : NULL;
    if (before && before->load > 0)
        before->load--;
    if (after) {
        after->load++;
        after->misses = 0;
        after->assigned_at_ms = clock_ms();
    }
    if (before)
        seat_of(route, before->id)->changes++;
    if (after)
        seat_of(route, after->id)->changes++;
    if (before)
        seat_tell_desk(route, before->id);
    if (after && after != before)
        seat_tell_desk(route, after->id);
}

void offering_session(struct route *route, const struct session_row *was, const struct session_row *now, int64_t head)
{
    struct offering *o = map_get(&route->offerings, now->id);
    follow_load(route, was, now);
    if (o && o->out && !(now->state == SESSION_OFFERED && uuid_equal(now->offer, o->offer)))
        offering_ended(o, now);
}

/* Of a queue with as many as were asked for it may be one of those that were not read. */
static bool may_wait(const struct offering *o, const struct session_row *waiting, int n)
{
    int read = 0;
    for (int i = 0; i < n; i++) {
        if (uuid_equal(waiting[i].id, o->session))
            return true;
        read += span_equal(waiting[i].queue, o->service.row.queue);
    }
    return read >= o->route->each;
}

/* What is held out here and does not wait any more was taken through another process: withdrawing it finds that out. */
void offerings_reconcile(struct route *route, const struct session_row *waiting, int n)
{
    struct offering *o;
    for (size_t i = 0; (o = map_next(&route->offerings, &i));)
        if (o->out && !may_wait(o, waiting, n))
            withdraw(route, &o->service.row, o->offer, "withdrawn");
}

void offerings_tell_again(struct route *route, struct uuid agent)
{
    struct offering *o;
    for (size_t i = 0; (o = map_next(&route->offerings, &i));)
        if (o->out && uuid_equal(o->agent, agent))
            tell_offer(o);
}

void offerings_of_agent_end(struct route *route, struct uuid agent)
{
    struct offering *o;
    for (size_t i = 0; (o = map_next(&route->offerings, &i));)
        if (o->out && uuid_equal(o->agent, agent)) {
            o->withdrawn = true;
            withdraw(route, &o->service.row, o->offer, "withdrawn");
        }
}

void offerings_free(struct route *route)
{
    struct offering *o;
    for (size_t i = 0; (o = map_next(&route->offerings, &i));) {
        loop_timer_stop(&o->timer);
        mem_free(o);
    }
    map_done(&route->offerings);
    forget_sighted(&route->sighted);
    forget_sighted(&route->sighting);
}
