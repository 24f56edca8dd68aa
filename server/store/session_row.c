/* The session table. A change states the epoch and state it was decided on; parley_one refuses anything else. */
#include "server/store/session_row.h"

#include "protocol/item.h"

#include "server/store/rows.h"

/* What add_state adds. */
#define STATE_TYPES                                                                                                    \
    PG_I16, PG_I64, PG_UUID, PG_TEXT, PG_UUID, PG_UUID, PG_UUID, PG_UUID, PG_TIME, PG_I32, PG_TIME, PG_TIME, PG_TIME,  \
        PG_TIME, PG_TEXT, PG_UUID, PG_UUID, PG_BOOL

static const struct pg_statement insert = {
    "session_insert",
    "insert into session (id, conversation, app, customer, opened_at, state, epoch, run, queue, handoff, agent, offer,"
    "                     offer_agent, offer_until, priority, queued_at, state_at, live_at, closed_at, outcome, bot, "
    "holder, message)"
    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, "
    "$23)",
    23,
    {PG_UUID, PG_UUID, PG_UUID, PG_UUID, PG_TIME, STATE_TYPES},
};

static const struct pg_statement update = {
    "session_update",
    UPDATE_ONE("session", "state = $4, epoch = $5, run = $6, queue = $7, handoff = $8, agent = $9, offer = $10,"
                          " offer_agent = $11, offer_until = $12, priority = $13, queued_at = $14, state_at = $15,"
                          " live_at = $16, closed_at = $17, outcome = $18, bot = $19, holder = $20, message = $21"
                          " where id = $1 and epoch = $2 and state = $3"),
    21,
    {PG_UUID, PG_I64, PG_I16, STATE_TYPES},
};

static const struct pg_statement waiting = {
    "session_waiting",
    "select s.* from unnest($1::text[]) q (name) cross join lateral (select " SESSION_COLUMNS
    "   from session s where s.queue = q.name and s.state in (2, 3)"
    "  order by s.priority desc, s.queued_at limit $2) s"
    " order by s.priority desc, s.queued_at, s.id limit $3",
    3,
    {PG_TEXT_ARRAY, PG_I64, PG_I64},
};

static const struct pg_statement of_agent = {
    "session_of_agent",
    "select " SESSION_COLUMNS " from session s where s.agent = $1 and s.state in (4, 5)"
    " union all select " SESSION_COLUMNS " from session s where s.offer_agent = $1 and s.state = 3"
    " order by state_at, id limit 256",
    1,
    {PG_UUID},
};

static const struct pg_statement place = {
    "session_place",
    "select (select count(*) from session a where a.queue = s.queue and a.state in (2, 3)"
    "          and (a.priority > s.priority"
    "               or (a.priority = s.priority and (a.queued_at, a.id) <= (s.queued_at, s.id)))),"
    "       (select count(*) from session a where a.queue = s.queue and a.state in (2, 3)),"
    "       coalesce(h.mean_ms, -1), h.n"
    "  from session s"
    " cross join lateral (select (avg(extract(epoch from closed_at - live_at)) * 1000)::int8 as mean_ms, count(*) as n"
    "                       from (select closed_at, live_at from session a where a.queue = s.queue and a.state = 6"
    "                                and a.live_at is not null order by a.closed_at desc limit 50) handled) h"
    " where s.id = $1 and s.state in (2, 3)",
    1,
    {PG_UUID},
};

/* $1, $2: silent since before that; for those that an agent has resolved. Found by when they were looked at last, read
 * whole, and `due` or to be put off. What changed hands last is the item that the epoch is the number of. Kind 70: an
 * agent resolved it, the flow goes on. A flow that stands in wait{} waits for the world, and one whose question has an
 * end (`until`) for its timer, however late that is; what it does afterwards begins the customer's time anew. */
static const struct pg_statement silent = {
    "session_silent",
    "with found as materialized ("
    "   (select s.*, $1 as found_before from session s where s.state = 1 and greatest(s.state_at, s.quiet_at) < $1"
    "     order by greatest(s.state_at, s.quiet_at) limit $3)"
    "   union all"
    "   (select s.*, $2 from session s where s.state = 1 and s.live_at is not null"
    "       and greatest(s.state_at, s.quiet_at) < $2 and greatest(s.state_at, s.quiet_at) >= $1"
    "     order by greatest(s.state_at, s.quiet_at) limit $3)),"
    " judged as materialized ("
    "   select f.id, f.conversation, f.outcome, f.found_before, h.resolved,"
    "          case when h.resolved then greatest($1, $2) else $1 end as before,"
    "          greatest(f.state_at, r.updated_at,"
    "                   (select i.at from item i where i.conversation = f.conversation and i.role in (1, 2)"
    "                     order by i.seq desc limit 1),"
    "                   case when r.state = 2 and (r.waiting ->> 'call' = 'wait' or r.waiting ? 'until'"
    "                                   and (select true from timer t where t.id = (r.waiting ->> 'timer')::uuid))"
    "                        then 'infinity'::timestamptz end) as last_at"
    "     from found f"
    "     left join flow_run r on r.id = f.run"
    "    cross join lateral (select coalesce((select i.kind = 70 from item i where i.conversation = f.conversation"
    "                                            and i.seq = f.epoch), false) as resolved) h)"
    " select j.id, j.conversation, coalesce((select i.seq from item i where i.conversation = j.conversation"
    "                                         order by i.seq desc limit 1), 0),"
    "        case when j.resolved then j.outcome else 'silent' end, j.last_at < j.before,"
    "        least($4, j.last_at + make_interval(secs => extract(epoch from j.found_before - j.before)::float8))"
    "   from judged j",
    4,
    {PG_TIME, PG_TIME, PG_I64, PG_TIME},
};
_Static_assert(ITEM_resolved == 70, "named in session_silent");

static const struct pg_statement put_off = {
    "session_put_off",
    "update session s set quiet_at = q.at"
    "  from (select l.id, w.at from (select * from unnest($1::uuid[], $2::timestamptz[]) u (id, at) order by u.id) w"
    "          join session l on l.id = w.id where l.state = 1 for no key update of l) q"
    " where s.id = q.id",
    2,
    {PG_UUID_ARRAY, PG_TIME_ARRAY},
};

struct session_row session_of_result(const struct pg_result *r, int row, int col)
{
    return (struct session_row){
        .id = pg_get_uuid(r, row, col),
        .conversation = pg_get_uuid(r, row, col + 1),
        .app = pg_get_uuid(r, row, col + 2),
        .customer = pg_get_uuid(r, row, col + 3),
        .state = pg_get_i16(r, row, col + 4),
        .epoch = pg_get_i64(r, row, col + 5),
        .run = pg_get_uuid(r, row, col + 6),
        .queue = pg_get_text(r, row, col + 7),
        .handoff = pg_get_uuid(r, row, col + 8),
        .agent = pg_get_uuid(r, row, col + 9),
        .offer = pg_get_uuid(r, row, col + 10),
        .offer_agent = pg_get_uuid(r, row, col + 11),
        .offer_until_ms = pg_get_time_ms(r, row, col + 12),
        .priority = pg_get_i32(r, row, col + 13),
        .opened_at_ms = pg_get_time_ms(r, row, col + 14),
        .queued_at_ms = pg_get_time_ms(r, row, col + 15),
        .state_at_ms = pg_get_time_ms(r, row, col + 16),
        .live_at_ms = pg_get_time_ms(r, row, col + 17),
        .closed_at_ms = pg_get_time_ms(r, row, col + 18),
        .outcome = pg_get_text(r, row, col + 19),
        .bot = pg_get_uuid(r, row, col + 20),
        .holder = pg_get_uuid(r, row, col + 21),
        .message = pg_get_bool(r, row, col + 22),
    };
}

static void add_state(struct pg_params *p, const struct session_row *row)
{
    pg_i16(p, row->state);
    pg_i64(p, row->epoch);
    pg_uuid_or_null(p, row->run);
    pg_text_or_null(p, row->queue);
    pg_uuid_or_null(p, row->handoff);
    pg_uuid_or_null(p, row->agent);
    pg_uuid_or_null(p, row->offer);
    pg_uuid_or_null(p, row->offer_agent);
    pg_time_ms_or_null(p, row->offer_until_ms);
    pg_i32(p, row->priority);
    pg_time_ms_or_null(p, row->queued_at_ms);
    pg_time_ms(p, row->state_at_ms);
    pg_time_ms_or_null(p, row->live_at_ms);
    pg_time_ms_or_null(p, row->closed_at_ms);
    pg_text_or_null(p, row->outcome);
    pg_uuid_or_null(p, row->bot);
    pg_uuid_or_null(p, row->holder);
    pg_bool(p, row->message);
}

void session_insert(struct pg_group *group, const struct session_row *row)
{
    struct pg_params *p = pg_group_add(group, &insert, NULL, NULL);
    pg_uuid(p, row->id);
    pg_uuid(p, row->conversation);
    pg_uuid(p, row->app);
    pg_uuid(p, row->customer);
    pg_time_ms(p, row->opened_at_ms);
    add_state(p, row);
}

void session_update(struct pg_group *group, const struct session_row *row, int64_t epoch, int16_t state)
{
    struct pg_params *p = pg_group_add(group, &update, NULL, NULL);
    pg_uuid(p, row->id);
    pg_i64(p, epoch);
    pg_i16(p, state);
    add_state(p, row);
}

/* ---- reads ---- */

static struct session_row row_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return session_of_result(r, i, 0);
}

ROWS_READ(session, struct session_row, session_rows, row_of)

parley_status session_of_agent(struct store *store, struct uuid agent, session_rows *done, void *arg)
{
    return session_read_by(store_reading(store), &of_agent, agent, done, arg);
}

parley_status session_waiting(struct store *store, const struct span *queues, int nqueues, int each, int limit,
                              session_rows *done, void *arg)
{
    struct session_read *read = session_read_new(store_reading(store), done, arg);
    struct pg_params *p = session_read_add(read, &waiting);
    pg_array(p, PG_TEXT_ARRAY, nqueues);
    for (int i = 0; i < nqueues; i++)
        pg_text(p, queues[i]);
    pg_i64(p, each);
    pg_i64(p, limit);
    return session_read_send(read);
}

/* ---- silence ---- */

static struct session_silence silence_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return (struct session_silence){
        .session = pg_get_uuid(r, i, 0),
        .conversation = pg_get_uuid(r, i, 1),
        .head = pg_get_i64(r, i, 2),
        .outcome = pg_get_text(r, i, 3),
        .due = pg_get_bool(r, i, 4),
        .quiet_at_ms = pg_get_time_ms(r, i, 5),
    };
}

ROWS_READ(silence, struct session_silence, session_silences, silence_of)

parley_status session_silent(struct store *store, const struct session_patience *patience, int limit,
                             session_silences *done, void *arg)
{
    struct silence_read *read = silence_read_new(store_reading(store), done, arg);
    struct pg_params *p = silence_read_add(read, &silent);
    pg_time_ms(p, patience->before_ms);
    pg_time_ms(p, patience->resolved_before_ms);
    pg_i64(p, limit);
    pg_time_ms(p, patience->now_ms);
    return silence_read_send(read);
}

parley_status session_put_off(struct store *store, const struct session_silence *rows, int n, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    struct pg_params *p = pg_group_add(group, &put_off, NULL, NULL);
    PG_ARRAY_OF(p, PG_UUID_ARRAY, pg_uuid, rows, n, session);
    PG_ARRAY_OF(p, PG_TIME_ARRAY, pg_time_ms, rows, n, quiet_at_ms);
    return pg_group_send(&group, done, arg);
}

/* ---- place ---- */

struct place_call {
    bool found;
    struct session_place place;
    session_placed *done;
    void *arg;
};

static void on_place(void *arg, const struct pg_result *r)
{
    struct place_call *call = arg;
    call->found = pg_rows(r) == 1;
    if (call->found)
        call->place = (struct session_place){
            .place = pg_get_i64(r, 0, 0),
            .waiting = pg_get_i64(r, 0, 1),
            .handle_ms = pg_get_i64(r, 0, 2),
            .nhandled = pg_get_i64(r, 0, 3),
        };
}

static void on_placed(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct place_call *call = arg;
    if (status == PARLEY_OK && !call->found)
        status = PARLEY_NOT_FOUND;
    call->done(call->arg, status, status == PARLEY_OK ? &call->place : NULL);
}

parley_status session_place(struct store *store, struct uuid id, session_placed *done, void *arg)
{
    struct pg_group *group = store_reading(store);
    struct place_call *call = pg_group_alloc(group, sizeof *call);
    *call = (struct place_call){.done = done, .arg = arg};
    pg_uuid(pg_group_add(group, &place, on_place, call), id);
    return pg_group_send(&group, on_placed, call);
}
