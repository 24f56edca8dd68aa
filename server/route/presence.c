/* Agents' presence: links on any worker, a grace when the last one goes, and what follows when nobody comes back. */
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/io/crypto.h"
#include "server/route/desk.h"
#include "server/route/route_inside.h"
#include "server/store/agent_row.h"

enum { OFFERS_KEPT_MS = 5000, OTHERS_MARGIN_MS = 5000, REFRESH_MS = 5000, SEATS_READ = 1000 };

struct seat *seat_of(struct route *route, struct uuid agent)
{
    struct seat *seat = map_get(&route->seats, agent);
    if (!seat) {
        seat = mem_alloc(sizeof *seat);
        seat->agent = agent;
        seat->route = route;
        map_put(&route->seats, agent, seat);
    }
    return seat;
}

static void ignore(void *arg, parley_status status, const struct pg_fault *fault)
{
}

/* ---- gone for good: what they had goes back to its place ---- */

static void on_sessions(void *arg, parley_status status, const struct session_row *rows, int n)
{
    struct route *route = arg;
    for (int i = 0; status == PARLEY_OK && i < n; i++) {
        bool offered = rows[i].state == SESSION_OFFERED;
        control_ask(route->talk,
                    &(struct control){.conversation = rows[i].conversation,
                                      .event = offered ? SESSION_EVENT_WITHDRAW : SESSION_EVENT_LOST,
                                      .cause = crypto_uuid7(),
                                      .session = rows[i].id,
                                      .offer = rows[i].offer,
                                      .agent = rows[i].agent,
                                      .outcome = span_str("withdrawn")},
                    &caller_parley, NULL, NULL);
    }
}

static void agent_is_gone(struct route *route, struct uuid agent)
{
    struct directory_agent *a = directory_agent(route->directory, agent);
    if (a)
        a->status = agent_status_offline;
    session_of_agent(route->store, agent, on_sessions, route);
}

static void write_presence(struct seat *seat);

/* A process that is gone itself leaves its agents to the others, who wait a little longer than it would have. */
static bool is_over(const struct route *route, const struct agent_row *row)
{
    int64_t margin = uuid_equal(row->node, route->node) ? 0 : OTHERS_MARGIN_MS;
    return row->disabled || row->lost_for_ms >= route->conf->routing.grace_ms + margin;
}

/* Whoever has a link here was lost by another process, or by this one before they came back: that is put right. */
static void on_lost(void *arg, parley_status status, const struct agent_row *rows, int n)
{
    struct route *route = arg;
    for (int i = 0; status == PARLEY_OK && i < n; i++) {
        struct seat *seat = map_get(&route->seats, rows[i].id);
        if (seat && seat->workers && !rows[i].disabled) {
            write_presence(seat);
            continue;
        }
        if (rows[i].lost_for_ms > OFFERS_KEPT_MS)
            offerings_sighted_end(route, rows[i].id);
        if (!is_over(route, &rows[i]))
            continue;
        if (rows[i].status != AGENT_OFFLINE)
            log_info(NULL, rows[i].disabled ? "agent disabled, sessions go back" : "agent lost, sessions go back",
                     LOG_UUID("agent", rows[i].id));
        agent_set_offline(route->store, rows[i].id, rows[i].lost_at_ms, ignore, NULL);
        agent_is_gone(route, rows[i].id);
    }
}

static void look_for_lost(struct route *route)
{
    agent_lost(route->store, on_lost, route);
}

/* The database says whether they are lost: they may have come back through another process. */
static void on_grace_over(void *arg)
{
    look_for_lost(((struct seat *)arg)->route);
}

/* ---- what they have and say of themselves, as the database has it: other processes change it too ---- */

static void take_row(struct route *route, const struct agent_row *row)
{
    struct seat *seat = map_get(&route->seats, row->id);
    struct directory_agent *a = directory_agent(route->directory, row->id);
    if (!seat || !a || seat->changes != seat->asked) /* it has changed here meanwhile: the next reading tells */
        return;
    bool news = a->status != row->status || a->load != row->load || a->capacity != row->capacity;
    a->status = row->status;
    a->load = row->load;
    a->capacity = row->capacity;
    a->misses = row->misses;
    a->assigned_at_ms = row->assigned_at_ms;
    if (news)
        seat_tell_desk(route, row->id);
}

static void on_rows(void *arg, parley_status status, const struct agent_row *rows, int n)
{
    struct route *route = arg;
    route->refreshing = false;
    for (int i = 0; status == PARLEY_OK && i < n; i++)
        take_row(route, &rows[i]);
    route_match_soon(route);
}

static void refresh(struct route *route)
{
    struct uuid ids[SEATS_READ];
    struct seat *seat;
    int n = 0;
    if (route->refreshing)
        return;
    for (size_t i = 0; n < SEATS_READ && (seat = map_next(&route->seats, &i));) {
        if (!seat->workers || seat->writing)
            continue;
        seat->asked = seat->changes;
        ids[n++] = seat->agent;
    }
    route->refreshed_ms = loop_now_ms(route->loop);
    route->refreshing = n && agent_some(route->store, ids, n, on_rows, route) == PARLEY_OK;
}

/* ---- coming and going ---- */

static void on_presence_written(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct seat *seat = arg;
    seat->writing = false;
    seat->unwritten = status != PARLEY_OK && status != PARLEY_STALE; /* stale: they are disabled */
    if (seat->rewrite)
        write_presence(seat);
    else if (seat->workers)
        refresh(seat->route);
}

/* One write at a time, always of how it is: a link that flaps leaves no older state behind. */
static void write_presence(struct seat *seat)
{
    struct route *route = seat->route;
    parley_status st;
    seat->changes++;
    seat->rewrite = seat->writing;
    if (seat->writing)
        return;
    if (seat->workers)
        st = agent_set_here(route->store, seat->agent, route->node, on_presence_written, seat);
    else
        st = agent_set_lost(route->store, seat->agent, route->node, on_presence_written, seat);
    seat->writing = st == PARLEY_OK;
    seat->unwritten = !seat->writing; /* the sweep tries again */
}

static void came(struct route *route, struct seat *seat)
{
    struct directory_agent *a = directory_agent(route->directory, seat->agent);
    loop_timer_stop(&seat->grace);
    if (a && a->status == agent_status_offline)
        a->status = agent_status_away;
    write_presence(seat);
}

static void went(struct route *route, struct seat *seat)
{
    seat->lost_at_ms = clock_ms();
    write_presence(seat);
    loop_timer_start(route->loop, &seat->grace, route->conf->routing.grace_ms, on_grace_over, seat);
}

void seat_presence(struct route *route, struct uuid agent, int worker, bool here)
{
    struct seat *seat = seat_of(route, agent);
    uint64_t before = seat->workers;
    if (here)
        seat->workers |= 1ull << worker;
    else
        seat->workers &= ~(1ull << worker);
    if (!before && seat->workers)
        came(route, seat);
    else if (before && !seat->workers)
        went(route, seat);
}

/* ---- status ---- */

static void on_desk(void *arg, parley_status status, const struct frame_desk *desk)
{
    struct seat *seat = arg;
    if (status == PARLEY_OK)
        hub_tell(seat->route->hub, seat->agent, FRAME_push_desk, &(struct frame_push_desk){.desk = *desk});
}

void seat_tell_desk(struct route *route, struct uuid agent)
{
    struct seat *seat = seat_of(route, agent);
    if (seat->workers)
        desk_load(route->store, route->directory, agent, on_desk, seat);
}

void seat_status(struct route *route, struct uuid agent, enum agent_status status)
{
    struct directory_agent *a = directory_agent(route->directory, agent);
    if (!a)
        return;
    a->status = status;
    a->misses = 0;
    seat_of(route, agent)->changes++;
    if (status != agent_status_online)
        offerings_of_agent_end(route, agent);
    seat_tell_desk(route, agent);
}

struct miss {
    struct route *route;
    struct uuid agent;
    bool away;
};

static void on_missed(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct miss *miss = arg;
    if (status == PARLEY_OK && miss->away) {
        log_info(NULL, "agent missed two offers and is away", LOG_UUID("agent", miss->agent));
        seat_status(miss->route, miss->agent, agent_status_away);
    }
    mem_free(miss);
}

void seat_missed(struct route *route, struct uuid agent)
{
    struct miss *miss = mem_alloc(sizeof *miss);
    *miss = (struct miss){.route = route, .agent = agent};
    struct pg_group *group = store_writing(route->store);
    agent_miss(group, agent, MOVE_MISSES_MAX, &miss->away);
    if (pg_group_send(&group, on_missed, miss) != PARLEY_OK)
        mem_free(miss);
}

struct setting {
    struct route *route;
    struct uuid agent;
    enum agent_status status;
    route_done *done;
    void *arg;
};

static void on_status_written(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct setting *setting = arg;
    if (status == PARLEY_OK)
        route_told_status(setting->route, setting->agent, setting->status);
    setting->done(setting->arg, status);
    mem_free(setting);
}

void route_set_status(struct route *route, struct uuid agent, enum agent_status status, route_done *done, void *arg)
{
    struct setting *setting = mem_alloc(sizeof *setting);
    *setting = (struct setting){.route = route, .agent = agent, .status = status, .done = done, .arg = arg};
    parley_status st = agent_set_status(route->store, agent, (int16_t)status, route->node, on_status_written, setting);
    if (st != PARLEY_OK)
        on_status_written(setting, st, NULL);
}

/* ---- the sweep ---- */

/* A link that flaps costs no offer; who stays away holds nobody up. */
static void free_offers(struct route *route)
{
    struct seat *seat;
    for (size_t i = 0; (seat = map_next(&route->seats, &i));)
        if (!seat->workers && seat->offers && clock_ms() - seat->lost_at_ms > OFFERS_KEPT_MS)
            offerings_of_agent_end(route, seat->agent);
}

static void write_again(struct route *route)
{
    struct seat *seat;
    for (size_t i = 0; (seat = map_next(&route->seats, &i));)
        if (seat->unwritten && !seat->writing)
            write_presence(seat);
}

void seats_sweep(struct route *route)
{
    free_offers(route);
    write_again(route);
    look_for_lost(route);
    if (loop_now_ms(route->loop) - route->refreshed_ms > REFRESH_MS)
        refresh(route);
}

void seats_free(struct route *route)
{
    struct seat *seat;
    for (size_t i = 0; (seat = map_next(&route->seats, &i));) {
        loop_timer_stop(&seat->grace);
        mem_free(seat);
    }
    map_done(&route->seats);
}
