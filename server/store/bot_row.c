/* The tables bot_turn and bot_seat. */
#include "server/store/bot_row.h"

#include "server/store/agent_row.h"
#include "server/store/node_row.h"
#include "server/store/rows.h"

#define TURN "t.session, t.conversation, t.bot, t.why, t.waiting, t.tries, t.asked_at, t.due"

/* The nearer of two ends: of this try, and of all of them. */
#define DUE(due, longest) "least(" due ", t.asked_at + " longest "::float8 * interval '1 millisecond')"
#define AGO(ms) "(now() - " ms "::float8 * interval '1 millisecond')"

static const struct pg_statement ask = {
    "bot_turn_ask",
    "insert into bot_turn as t (session, conversation, bot, why, waiting, asked_at, due)"
    " values ($1, $2, $3, $4, $5, $6, $7) on conflict (session) do update"
    " set why = excluded.why, asked_at = excluded.asked_at, due = excluded.due where t.why > excluded.why",
    7,
    {PG_UUID, PG_UUID, PG_UUID, PG_I16, PG_BOOL, PG_TIME, PG_TIME},
};
static const struct pg_statement over = {"bot_turn_over", "delete from bot_turn where session = $1", 1, {PG_UUID}};
static const struct pg_statement heard = {
    "bot_turn_heard", "delete from bot_turn where session = $1 and why = 2", 1, {PG_UUID}};
static const struct pg_statement take = {
    "bot_turn_take",
    "update bot_turn t set waiting = false, due = " DUE("$2", "$3") " where session = $1",
    3,
    {PG_UUID, PG_TIME, PG_I64},
};
static const struct pg_statement wait = {
    "bot_turn_wait",
    "update bot_turn t set waiting = true, tries = tries + 1, due = case when t.due > $4 then t.due else " DUE(
        "$2", "$3") " end where session = $1",
    4,
    {PG_UUID, PG_TIME, PG_I64, PG_TIME},
};
static const struct pg_statement still = {
    "bot_turn_still",
    "select parley_one((select count(*) from bot_turn where session = $1 and tries = $2 and waiting = $3"
    "                      and date_trunc('milliseconds', due) = $4), 'bot_turn')",
    4,
    {PG_UUID, PG_I32, PG_BOOL, PG_TIME},
};
static const struct pg_statement extend = {
    "bot_turn_extend",
    "update bot_turn t set due = greatest(t.due, " DUE(
        "$4", "$5") ") where t.session ="
                    " (select id from session where conversation = $1 and state <> 6 and bot = $2 and holder = $3)",
    5,
    {PG_UUID, PG_UUID, PG_UUID, PG_TIME, PG_I64},
};
static const struct pg_statement unheard = {
    "bot_turn_unheard", "delete from bot_turn where session = $1 and why = 2 and tries = $2", 2, {PG_UUID, PG_I32}};

#define HEAD "coalesce((select max(i.seq) from item i where i.conversation = s.conversation), 0)"
#define WORKS "select " SESSION_COLUMNS ", " TURN ", " HEAD " from bot_turn t join session s on s.id = t.session where "

static const struct pg_statement waiting = {
    "bot_waiting",
    WORKS "t.waiting and t.bot = any ($1::uuid[]) order by t.due limit $2",
    2,
    {PG_UUID_ARRAY, PG_I64},
};
static const struct pg_statement overdue = {
    "bot_overdue", WORKS "t.due <= $1 order by t.due limit $2", 2, {PG_TIME, PG_I64}};
static const struct pg_statement adrift = {
    "bot_adrift",
    "select " SESSION_COLUMNS ", case when b.bot is null or b.lost_at < " AGO(
        "$1") " then 'lost' else 'idle' end"
              "  from session s left join bot_seat b on b.bot = s.bot and b.device = s.holder"
              " where s.holder is not null"
              "   and (b.bot is null or b.lost_at < " AGO(
                  "$1") "        or s.state_at < $2 and not exists (select from bot_turn t where t.session = s.id)"
                        "           and not coalesce((select i.at >= $2 from item i where i.conversation = "
                        "s.conversation"
                        "                              order by i.seq desc limit 1), false))"
                        " limit $3",
    3,
    {PG_I64, PG_TIME, PG_I64},
};
static const struct pg_statement held = {
    "bot_held",
    "select " SESSION_COLUMNS " from session s where s.bot = $1 and s.holder = $2 limit 250",
    2,
    {PG_UUID, PG_UUID},
};
static const struct pg_statement load = {
    "bot_seat_loads",
    "select (select count(*) from session s where s.bot = q.bot and s.holder = q.device)"
    "  from unnest($1::uuid[], $2::uuid[]) with ordinality q (bot, device, n) order by q.n",
    2,
    {PG_UUID_ARRAY, PG_UUID_ARRAY},
};

static const struct pg_statement here = {
    "bot_seat_here",
    "insert into bot_seat (bot, device, node) values ($1, $2, $3)"
    " on conflict (bot, device) do update set node = excluded.node, lost_at = null",
    3,
    {PG_UUID, PG_UUID, PG_UUID},
};
static const struct pg_statement lost = {
    "bot_seat_lost",
    "update bot_seat set lost_at = " AGENT_LOST_NOW " where bot = $1 and device = $2 and node = $3 and lost_at is null",
    3,
    {PG_UUID, PG_UUID, PG_UUID},
};
static const struct pg_statement tidy = {
    "bot_seat_tidy",
    "delete from bot_seat b where b.lost_at < " AGO(
        "$1") " and not exists (select from session s where s.bot = b.bot and s.holder = b.device)",
    1,
    {PG_I64},
};

/* ---- in a transition ---- */

void bot_turn_ask(struct pg_group *group, const struct bot_turn *turn)
{
    struct pg_params *p = pg_group_add(group, &ask, NULL, NULL);
    pg_uuid(p, turn->session);
    pg_uuid(p, turn->conversation);
    pg_uuid(p, turn->bot);
    pg_i16(p, (int16_t)turn->why);
    pg_bool(p, turn->waiting);
    pg_time_ms(p, turn->asked_at_ms);
    pg_time_ms(p, turn->due_ms);
}

void bot_turn_over(struct pg_group *group, struct uuid session)
{
    pg_uuid(pg_group_add(group, &over, NULL, NULL), session);
}

void bot_turn_take(struct pg_group *group, struct uuid session, int64_t due_ms, int64_t longest_ms)
{
    pg_uuid(pg_group_add(group, &heard, NULL, NULL), session);
    struct pg_params *p = pg_group_add(group, &take, NULL, NULL);
    pg_uuid(p, session);
    pg_time_ms(p, due_ms);
    pg_i64(p, longest_ms);
}

void bot_turn_wait(struct pg_group *group, struct uuid session, int64_t now_ms, int64_t due_ms, int64_t longest_ms)
{
    struct pg_params *p = pg_group_add(group, &wait, NULL, NULL);
    pg_uuid(p, session);
    pg_time_ms(p, due_ms);
    pg_i64(p, longest_ms);
    pg_time_ms(p, now_ms);
}

void bot_turn_still(struct pg_group *group, const struct bot_turn *seen)
{
    struct pg_params *p = pg_group_add(group, &still, NULL, NULL);
    pg_uuid(p, seen->session);
    pg_i32(p, seen->tries);
    pg_bool(p, seen->waiting);
    pg_time_ms(p, seen->due_ms);
}

/* ---- outside of one ---- */

parley_status bot_turn_extend(struct store *store, struct uuid conversation, struct uuid bot, struct uuid device,
                              int64_t due_ms, int64_t longest_ms, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    struct pg_params *p = pg_group_add(group, &extend, NULL, NULL);
    pg_uuid(p, conversation);
    pg_uuid(p, bot);
    pg_uuid(p, device);
    pg_time_ms(p, due_ms);
    pg_i64(p, longest_ms);
    return pg_group_send(&group, done, arg);
}

parley_status bot_turn_unheard(struct store *store, const struct bot_turn *seen, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    struct pg_params *p = pg_group_add(group, &unheard, NULL, NULL);
    pg_uuid(p, seen->session);
    pg_i32(p, seen->tries);
    return pg_group_send(&group, done, arg);
}

static struct bot_work work_of(const struct pg_result *r, int i, struct pg_group *group)
{
    int c = SESSION_NCOLUMNS;
    return (struct bot_work){
        .session = session_of_result(r, i, 0),
        .turn = {.session = pg_get_uuid(r, i, c),
                 .conversation = pg_get_uuid(r, i, c + 1),
                 .bot = pg_get_uuid(r, i, c + 2),
                 .why = (enum bot_turn_why)pg_get_i16(r, i, c + 3),
                 .waiting = pg_get_bool(r, i, c + 4),
                 .tries = pg_get_i32(r, i, c + 5),
                 .asked_at_ms = pg_get_time_ms(r, i, c + 6),
                 .due_ms = pg_get_time_ms(r, i, c + 7)},
        .head = pg_get_i64(r, i, c + 8),
    };
}

static struct bot_work adrift_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return (struct bot_work){.session = session_of_result(r, i, 0), .why = pg_get_text(r, i, SESSION_NCOLUMNS)};
}

static struct session_row session_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return session_of_result(r, i, 0);
}

static int64_t load_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return pg_get_i64(r, i, 0);
}

ROWS_READ(work, struct bot_work, bot_works, work_of)
ROWS_READ(adrift, struct bot_work, bot_works, adrift_of)
ROWS_READ(held, struct session_row, bot_sessions, session_of)
ROWS_READ(load, int64_t, bot_seats_loaded, load_of)

static void add_ids(struct pg_params *p, const struct uuid *ids, int n)
{
    pg_array(p, PG_UUID_ARRAY, n);
    for (int i = 0; i < n; i++)
        pg_uuid(p, ids[i]);
}

parley_status bot_waiting(struct store *store, const struct uuid *bots, int nbots, int limit, bot_works *done,
                          void *arg)
{
    struct work_read *read = work_read_new(store_reading(store), done, arg);
    struct pg_params *p = work_read_add(read, &waiting);
    add_ids(p, bots, nbots);
    pg_i64(p, limit);
    return work_read_send(read);
}

parley_status bot_overdue(struct store *store, int64_t now_ms, int limit, bot_works *done, void *arg)
{
    struct work_read *read = work_read_new(store_reading(store), done, arg);
    struct pg_params *p = work_read_add(read, &overdue);
    pg_time_ms(p, now_ms);
    pg_i64(p, limit);
    return work_read_send(read);
}

parley_status bot_adrift(struct store *store, int64_t grace_ms, int64_t idle_since_ms, int limit, bot_works *done,
                         void *arg)
{
    struct adrift_read *read = adrift_read_new(store_reading(store), done, arg);
    struct pg_params *p = adrift_read_add(read, &adrift);
    pg_i64(p, grace_ms);
    pg_time_ms(p, idle_since_ms);
    pg_i64(p, limit);
    return adrift_read_send(read);
}

parley_status bot_held(struct store *store, struct uuid bot, struct uuid device, bot_sessions *done, void *arg)
{
    struct held_read *read = held_read_new(store_reading(store), done, arg);
    struct pg_params *p = held_read_add(read, &held);
    pg_uuid(p, bot);
    pg_uuid(p, device);
    return held_read_send(read);
}

parley_status bot_seat_loads(struct store *store, const struct uuid *bots, const struct uuid *devices, int n,
                             bot_seats_loaded *done, void *arg)
{
    struct load_read *read = load_read_new(store_reading(store), done, arg);
    struct pg_params *p = load_read_add(read, &load);
    add_ids(p, bots, n);
    add_ids(p, devices, n);
    return load_read_send(read);
}

/* ---- seats ---- */

static parley_status seat(struct store *store, const struct pg_statement *how, struct uuid bot, struct uuid device,
                          struct uuid node, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    if (how == &here)
        node_known(group, node);
    struct pg_params *p = pg_group_add(group, how, NULL, NULL);
    pg_uuid(p, bot);
    pg_uuid(p, device);
    pg_uuid(p, node);
    return pg_group_send(&group, done, arg);
}

parley_status bot_seat_here(struct store *store, struct uuid bot, struct uuid device, struct uuid node, pg_done *done,
                            void *arg)
{
    return seat(store, &here, bot, device, node, done, arg);
}

parley_status bot_seat_lost(struct store *store, struct uuid bot, struct uuid device, struct uuid node, pg_done *done,
                            void *arg)
{
    return seat(store, &lost, bot, device, node, done, arg);
}

parley_status bot_seat_tidy(struct store *store, int64_t grace_ms, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    pg_i64(pg_group_add(group, &tidy, NULL, NULL), grace_ms);
    return pg_group_send(&group, done, arg);
}
