/* The matching: waiting sessions in order, free agents by how long they have been idle, one offer for each pair. */
#include "server/route/route.h"

#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/route/route_inside.h"

#include <string.h>

enum { WAITING_READ = 4000, WAITING_OF_QUEUE = 200, PLACES_TOLD = 50, TOLD_MAX = 4096, SWEEP_MS = 1000 };

/* ---- who is free ---- */

bool route_is_excluded(const struct route *route, struct uuid session, struct uuid agent)
{
    int64_t now = loop_now_ms(route->loop);
    LIST_EACH(&route->exclusions, node)
    {
        struct exclusion *e = LIST_ITEM(node, struct exclusion, node);
        if (uuid_equal(e->session, session) && uuid_equal(e->agent, agent))
            return e->until_ms > now;
    }
    return false;
}

static bool is_free(const struct route *route, const struct directory_agent *agent)
{
    const struct seat *seat = map_get(&route->seats, agent->id);
    return !agent->disabled && agent->status == agent_status_online && seat && seat->workers &&
           agent->load + seat->offers < agent->capacity &&
           directory_may(route->directory, agent->role, PERMISSION_SERVE);
}

static struct directory_agent *longest_idle(struct route *route, const struct session_row *session)
{
    struct directory_agent *best = NULL, *agent;
    for (int i = 0; (agent = directory_agent_at(route->directory, i)); i++) {
        if (!is_free(route, agent) || !directory_member(route->directory, agent->id, session->queue))
            continue;
        if (route_is_excluded(route, session->id, agent->id))
            continue;
        if (!best || agent->assigned_at_ms < best->assigned_at_ms)
            best = agent;
    }
    return best;
}

/* ---- places and estimates ---- */

/* How many sessions of a queue may be served at a time, by those who are online. */
static int parallel(const struct directory *directory, struct span queue)
{
    struct directory_agent *agent;
    int n = 0;
    for (int i = 0; (agent = directory_agent_at(directory, i)); i++)
        if (agent->status == agent_status_online && directory_member(directory, agent->id, queue))
            n += agent->capacity;
    return n;
}

void route_place(const struct directory *directory, const struct session_row *session,
                 const struct session_place *place, struct frame_service *out)
{
    int slots = parallel(directory, session->queue);
    if (session->message)
        return; /* nobody waits for it */
    out->place = place->place, out->has_place = true;
    if (place->nhandled && slots)
        out->estimate_ms = place->handle_ms * place->place / slots, out->has_estimate_ms = true;
}

static void tell_place(struct route *route, const struct session_row *session, const struct session_place *place)
{
    struct frame_push_service push = {.conversation = session->conversation, .has_service = true};
    push.service = (struct frame_service){.session = session->id,
                                          .state = session->state,
                                          .epoch = session->epoch,
                                          .queue = session->queue,
                                          .has_queue = true};
    route_place(route->directory, session, place, &push.service);
    hub_notify_state(route->hub, session->conversation, session->id, FRAME_push_service, &push);
}

struct telling {
    struct route *route;
    int n;
    struct service sessions[PLACES_TOLD];
    int places[PLACES_TOLD];
};

/* Everyone is told when their place changes. What is remembered of sessions that are gone is forgotten with the rest
 * once it is too much; then all are told again. */
static bool is_news(struct route *route, struct uuid session, int place)
{
    void *now = (void *)(intptr_t)place;
    if (map_get(&route->told, session) == now)
        return false;
    if (route->told.len > TOLD_MAX)
        map_done(&route->told);
    map_put(&route->told, session, now);
    return true;
}

static void on_handle_time(void *arg, parley_status status, const struct session_place *place)
{
    struct telling *t = arg;
    for (int i = 0; status == PARLEY_OK && i < t->n; i++) {
        struct session_place one = *place;
        one.place = t->places[i];
        if (is_news(t->route, t->sessions[i].row.id, one.place))
            tell_place(t->route, &t->sessions[i].row, &one);
    }
    mem_free(t);
}

/* Everyone near the front of one queue hears where they stand. */
static void tell_places(struct route *route, const struct session_row *rows, int n, struct span queue)
{
    struct telling *t = mem_alloc(sizeof *t);
    t->route = route;
    for (int i = 0; i < n && t->n < PLACES_TOLD; i++) {
        if (!span_equal(rows[i].queue, queue) || rows[i].message)
            continue; /* a message has no place, and is behind all who have one */
        service_set(&t->sessions[t->n], &rows[i]);
        t->places[t->n] = t->n + 1;
        t->n++;
    }
    if (!t->n || session_place(route->store, t->sessions[0].row.id, on_handle_time, t) != PARLEY_OK)
        mem_free(t);
}

/* ---- matching ---- */

/* Nobody waits for a message. */
static int waiting_now(const struct session_row *rows, int n)
{
    int count = 0;
    for (int i = 0; i < n; i++)
        count += !rows[i].message;
    return count;
}

static void consider(struct route *route, const struct session_row *session)
{
    if (map_get(&route->offerings, session->id))
        return;
    if (session->state == SESSION_OFFERED) {
        offering_sighted(route, session);
        return;
    }
    struct directory_agent *agent = longest_idle(route, session);
    if (agent)
        offering_begin(route, session, agent);
}

static void on_waiting(void *arg, parley_status status, const struct session_row *rows, int n)
{
    struct route *route = arg;
    route->reading = false;
    for (int i = 0; status == PARLEY_OK && i < n; i++)
        consider(route, &rows[i]);
    if (status == PARLEY_OK) {
        offerings_sighted_all(route);
        offerings_reconcile(route, rows, n);
    }
    const struct directory_queue *queue;
    for (int i = 0; status == PARLEY_OK && n && (queue = directory_queue_at(route->directory, i)); i++)
        tell_places(route, rows, n, span_str(queue->name));
    if (status == PARLEY_OK)
        metric_set(METRIC_queue_waiting, waiting_now(rows, n));
    if (route->again)
        route_match_soon(route);
}

static void match(void *arg)
{
    struct route *route = arg;
    struct span queues[QUEUES_MAX];
    const struct directory_queue *queue;
    int n = 0;
    bots_match(route);
    if (route->reading) {
        route->again = true;
        return;
    }
    route->again = false;
    while (n < QUEUES_MAX && (queue = directory_queue_at(route->directory, n)))
        queues[n++] = span_str(queue->name);
    if (n == 0)
        return;
    /* so many of each: nobody waits for an agent behind those whom nobody serves */
    route->each = WAITING_READ / n < WAITING_OF_QUEUE ? WAITING_READ / n + 1 : WAITING_OF_QUEUE;
    parley_status st = session_waiting(route->store, queues, n, route->each, route->each * n, on_waiting, route);
    route->reading = st == PARLEY_OK;
}

void route_match_soon(struct route *route)
{
    loop_at_turn_end(route->loop, &route->turn, match, route);
}

/* ---- the sweep: what other processes queued, whom they lost, what has expired ---- */

static int64_t online(const struct route *route)
{
    struct directory_agent *agent;
    int64_t n = 0;
    for (int i = 0; (agent = directory_agent_at(route->directory, i)); i++) {
        const struct seat *seat = map_get(&route->seats, agent->id);
        n += agent->status == agent_status_online && seat && seat->workers;
    }
    return n;
}

static void on_sweep(void *arg)
{
    struct route *route = arg;
    metric_set(METRIC_agents_online, online(route));
    route_match_soon(route);
    seats_sweep(route);
    silence_sweep(route);
    bots_sweep(route);
    LIST_EACH(&route->exclusions, node)
    {
        struct exclusion *e = LIST_ITEM(node, struct exclusion, node);
        if (e->until_ms > loop_now_ms(route->loop))
            continue;
        list_remove(&e->node);
        mem_free(e);
    }
    loop_timer_start(route->loop, &route->sweep, SWEEP_MS, on_sweep, route);
}

/* ---- news from the workers ---- */

void route_exclude(struct route *route, struct uuid session, struct uuid agent)
{
    struct exclusion *e = mem_alloc(sizeof *e);
    e->session = session;
    e->agent = agent;
    e->until_ms = loop_now_ms(route->loop) + route->conf->routing.offer_time_ms;
    list_push(&route->exclusions, &e->node);
}

struct news {
    struct mail mail;
    enum { NEWS_SESSION, NEWS_PRESENCE, NEWS_STATUS, NEWS_ARRIVED, NEWS_BOT, NEWS_WAITS } what;
    struct service session, was;
    int64_t head;
    struct uuid agent;
    int worker;
    bool here;
    enum agent_status status;
    struct route_seat seat;
};

static void take_news(struct route *route, const struct news *news)
{
    switch (news->what) {
    case NEWS_SESSION:
        offering_session(route, &news->was.row, &news->session.row, news->head);
        bots_session(route, &news->was.row, &news->session.row);
        break;
    case NEWS_PRESENCE:
        seat_presence(route, news->agent, news->worker, news->here);
        break;
    case NEWS_STATUS:
        seat_status(route, news->agent, news->status);
        break;
    case NEWS_ARRIVED:
        offerings_tell_again(route, news->agent);
        break;
    case NEWS_BOT:
        bots_news(route, &news->seat, news->worker);
        break;
    case NEWS_WAITS:
        break;
    }
    route_match_soon(route);
}

static void open_news(struct mail *mail, void *receiver)
{
    struct news *news = LIST_ITEM(mail, struct news, mail);
    take_news(((struct peer *)receiver)->route, news);
    mem_free(news);
}

static void tell_router(struct route *route, const struct news *news)
{
    if (route->self == 0) {
        take_news(route, news);
        return;
    }
    struct news *copy = mem_alloc(sizeof *copy);
    *copy = *news;
    service_set(&copy->session, &news->session.row);
    service_set(&copy->was, &news->was.row);
    copy->mail = (struct mail){.open = open_news};
    mailbox_send(route->peers->at[0].box, &copy->mail);
}

void route_arrived(struct route *route, struct uuid agent)
{
    tell_router(route, &(struct news){.what = NEWS_ARRIVED, .agent = agent});
}

void route_told_status(struct route *route, struct uuid agent, enum agent_status status)
{
    tell_router(route, &(struct news){.what = NEWS_STATUS, .agent = agent, .status = status});
}

static void on_served(void *arg, struct conversation *conv, const struct session_row *was)
{
    struct news news = {.what = NEWS_SESSION, .head = conv->head};
    service_set(&news.session, &conv->service.row);
    service_set(&news.was, was);
    tell_router(arg, &news);
}

/* A customer goes on in a session that no process of its bot has. */
static void on_stored(void *arg, struct conversation *conv, const struct log_row *row)
{
    const struct session_row *s = &conv->service.row;
    if ((row->role == role_customer || row->role == role_guest) && s->state == SESSION_BOT && !uuid_is_nil(s->bot) &&
        uuid_is_nil(s->holder))
        tell_router(arg, &(struct news){.what = NEWS_WAITS});
}

void route_bot(struct route *route, const struct route_seat *seat)
{
    tell_router(route, &(struct news){.what = NEWS_BOT, .seat = *seat, .worker = route->self});
}

static void on_presence(void *arg, struct uuid principal, enum role role, bool here)
{
    struct route *route = arg;
    if (role_is_agent(role))
        tell_router(route,
                    &(struct news){.what = NEWS_PRESENCE, .agent = principal, .worker = route->self, .here = here});
}

/* ---- life ---- */

struct route *route_new(const struct conf *conf, struct loop *loop, struct store *store, struct hub *hub,
                        struct talk *talk, struct directory *directory, const struct peers *peers, int self,
                        struct uuid node)
{
    struct route *route = mem_alloc(sizeof *route);
    route->conf = conf;
    route->loop = loop;
    route->store = store;
    route->hub = hub;
    route->talk = talk;
    route->directory = directory;
    route->peers = peers;
    route->self = self;
    route->node = node;
    list_init(&route->exclusions);
    talk_hook(talk, &(struct talk_hooks){.stored = on_stored, .served = on_served, .arg = route});
    hub_on_presence(hub, on_presence, route);
    if (self == 0)
        loop_timer_start(loop, &route->sweep, SWEEP_MS, on_sweep, route);
    return route;
}

void route_free(struct route **route)
{
    if (!*route)
        return;
    loop_timer_stop(&(*route)->sweep);
    loop_turn_cancel(&(*route)->turn);
    LIST_EACH(&(*route)->exclusions, node)
    mem_free(LIST_ITEM(node, struct exclusion, node));
    map_done(&(*route)->told);
    offerings_free(*route);
    bots_free(*route);
    seats_free(*route);
    mem_free(*route);
    *route = NULL;
}

void route_refresh(struct route *route)
{
    if (route->self == 0)
        route_match_soon(route);
}
