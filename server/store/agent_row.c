/* The agent table. Capacity is judged here, by the row, whichever node or queue asks. */
#include "server/store/agent_row.h"

#include "server/store/node_row.h"
#include "server/store/rows.h"

#define AGENT_UNTIL(token_expires_at)                                                                                  \
    "select a.id, a.email, a.name, a.role, a.password, a.one_time, a.status, a.capacity, a.load, a.misses,"            \
    "       a.assigned_at, a.node, a.lost_at, a.revision, a.disabled_at is not null,"                                  \
    "       array(select m.queue from membership m where m.agent = a.id order by m.queue)," token_expires_at           \
    "     , (extract(epoch from now() - a.lost_at) * 1000)::bigint"                                                    \
    " from agent a"
#define AGENT AGENT_UNTIL(" null::timestamptz")

static const struct pg_statement all = {"agent_load_all", AGENT " order by a.id", 0, {0}};
static const struct pg_statement some = {
    "agent_some", AGENT " where a.id = any ($1) order by a.id", 1, {PG_UUID_ARRAY}};
static const struct pg_statement by_email = {
    "agent_by_email", AGENT " where a.email = lower($1) and a.disabled_at is null", 1, {PG_TEXT}};
static const struct pg_statement by_token = {
    "agent_by_token",
    AGENT_UNTIL(" t.expires_at") " join agent_token t on t.agent = a.id"
                                 " where t.digest = $1 and t.expires_at > $2 and a.disabled_at is null",
    2,
    {PG_BYTES, PG_TIME},
};
static const struct pg_statement lost = {
    "agent_lost",
    AGENT " where a.lost_at is not null or a.disabled_at is not null and (a.status <> 0 or a.load > 0)"
          " order by a.lost_at, a.id limit 1000",
    0,
    {0}};

static const struct pg_statement add_token = {"agent_add_token",
                                              "insert into agent_token (digest, agent, expires_at) values ($1, $2, $3)",
                                              3,
                                              {PG_BYTES, PG_UUID, PG_TIME}};
static const struct pg_statement drop_expired = {
    "agent_drop_expired_tokens", "delete from agent_token where agent = $1 and expires_at < now()", 1, {PG_UUID}};
static const struct pg_statement drop_token = {
    "agent_drop_token", "delete from agent_token where digest = $1", 1, {PG_BYTES}};
static const struct pg_statement drop_tokens = {
    "agent_drop_tokens", "delete from agent_token where agent = $1", 1, {PG_UUID}};
static const struct pg_statement set_password = {
    "agent_set_password",
    UPDATE_ONE("agent", "password = $3, one_time = false, revision = revision + 1"
                        " where id = $1 and password = $2 and disabled_at is null"),
    3,
    {PG_UUID, PG_TEXT, PG_TEXT},
};
static const struct pg_statement set_status = {
    "agent_set_status",
    UPDATE_ONE("agent", "status = $2, node = $3, misses = 0, lost_at = null where id = $1 and disabled_at is null"),
    3,
    {PG_UUID, PG_I16, PG_UUID},
};
static const struct pg_statement set_here = {
    "agent_set_here",
    UPDATE_ONE("agent",
               "status = greatest(status, 1), node = $2, lost_at = null where id = $1 and disabled_at is null"),
    2,
    {PG_UUID, PG_UUID},
};
static const struct pg_statement set_lost = {"agent_set_lost",
                                             "update agent set lost_at = " AGENT_LOST_NOW
                                             " where id = $1 and node = $2 and lost_at is null",
                                             2,
                                             {PG_UUID, PG_UUID}};
static const struct pg_statement set_offline = {
    "agent_set_offline",
    "update agent set status = 0, node = null, lost_at = case when load > 0 then lost_at end"
    " where id = $1 and (lost_at = $2 or disabled_at is not null)",
    2,
    {PG_UUID, PG_TIME}};

static const struct pg_statement take = {
    "agent_take",
    UPDATE_ONE("agent", "load = load + 1, misses = 0, assigned_at = $2"
                        " where id = $1 and status = 3 and load < capacity and disabled_at is null"),
    2,
    {PG_UUID, PG_TIME},
};
static const struct pg_statement take_anyway = {
    "agent_take_anyway",
    UPDATE_ONE("agent", "load = load + 1, assigned_at = $2 where id = $1 and disabled_at is null"),
    2,
    {PG_UUID, PG_TIME},
};
static const struct pg_statement give = {
    "agent_give", UPDATE_ONE("agent", "load = load - 1 where id = $1 and load > 0"), 1, {PG_UUID}};
static const struct pg_statement miss = {
    "agent_miss",
    "update agent set misses = misses + 1, status = case when status = 3 and misses + 1 >= $2 then 1 else status end"
    " where id = $1 returning status = 1 and misses >= $2",
    2,
    {PG_UUID, PG_I32},
};

static const struct pg_statement revisions = {
    "principal_revisions",
    "select id, case when disabled_at is null then revision else -1 end from agent where id = any ($1)"
    " union all select id, revision from customer where id = any ($1)"
    " union all select id, case when disabled_at is null then 0 else -1 end from api_key"
    "  where id = any ($1) and bot is null"
    " union all select id, case when exists (select from api_key k where k.bot = b.id and k.disabled_at is null) then 0"
    "                          else -1 end from bot b where id = any ($1)",
    1,
    {PG_UUID_ARRAY},
};

/* ---- reads ---- */

static void read_queues(struct agent_row *row, const struct pg_result *r, int i, struct pg_group *group)
{
    struct pg_list list = pg_get_list(r, i, 15, PG_TEXT_ARRAY);
    struct span *queues = pg_group_alloc(group, (size_t)list.left * sizeof *queues);
    row->queues = queues;
    while (pg_list_next(&list))
        queues[row->nqueues++] = list.value;
}

static struct agent_row row_of(const struct pg_result *r, int i, struct pg_group *group)
{
    struct agent_row row = {
        .id = pg_get_uuid(r, i, 0),
        .email = pg_get_text(r, i, 1),
        .name = pg_get_text(r, i, 2),
        .role = pg_get_text(r, i, 3),
        .password = pg_get_text(r, i, 4),
        .one_time = pg_get_bool(r, i, 5),
        .status = pg_get_i16(r, i, 6),
        .capacity = pg_get_i32(r, i, 7),
        .load = pg_get_i32(r, i, 8),
        .misses = pg_get_i32(r, i, 9),
        .assigned_at_ms = pg_get_time_ms(r, i, 10),
        .node = pg_get_uuid(r, i, 11),
        .lost_at_ms = pg_get_time_ms(r, i, 12),
        .revision = pg_get_i64(r, i, 13),
        .disabled = pg_get_bool(r, i, 14),
    };
    read_queues(&row, r, i, group);
    row.token_expires_at_ms = pg_is_null(r, i, 16) ? 0 : pg_get_time_ms(r, i, 16);
    row.lost_for_ms = pg_is_null(r, i, 17) ? 0 : pg_get_i64(r, i, 17);
    return row;
}

ROWS_READ(agent, struct agent_row, agent_rows, row_of)

parley_status agent_load_all(struct store *store, agent_rows *done, void *arg)
{
    return agent_read_all(store_reading(store), &all, done, arg);
}

parley_status agent_some(struct store *store, const struct uuid *ids, int n, agent_rows *done, void *arg)
{
    struct agent_read *read = agent_read_new(store_reading(store), done, arg);
    struct pg_params *p = agent_read_add(read, &some);
    pg_array(p, PG_UUID_ARRAY, n);
    for (int i = 0; i < n; i++)
        pg_uuid(p, ids[i]);
    return agent_read_send(read);
}

parley_status agent_by_email(struct store *store, struct span email, agent_rows *done, void *arg)
{
    struct agent_read *read = agent_read_new(store_reading(store), done, arg);
    pg_text(agent_read_add(read, &by_email), email);
    return agent_read_send(read);
}

parley_status agent_by_token(struct store *store, const uint8_t digest[32], int64_t now_ms, agent_rows *done, void *arg)
{
    struct agent_read *read = agent_read_new(store_reading(store), done, arg);
    struct pg_params *p = agent_read_add(read, &by_token);
    pg_bytes(p, span_of(digest, 32));
    pg_time_ms(p, now_ms);
    return agent_read_send(read);
}

parley_status agent_lost(struct store *store, agent_rows *done, void *arg)
{
    return agent_read_all(store_reading(store), &lost, done, arg);
}

/* ---- access ---- */

static void insert_token(struct pg_group *group, const uint8_t digest[32], struct uuid agent, int64_t expires_at_ms)
{
    struct pg_params *p = pg_group_add(group, &add_token, NULL, NULL);
    pg_bytes(p, span_of(digest, 32));
    pg_uuid(p, agent);
    pg_time_ms(p, expires_at_ms);
}

parley_status agent_add_token(struct store *store, const uint8_t digest[32], struct uuid agent, int64_t expires_at_ms,
                              pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    pg_uuid(pg_group_add(group, &drop_expired, NULL, NULL), agent);
    insert_token(group, digest, agent, expires_at_ms);
    return pg_group_send(&group, done, arg);
}

parley_status agent_drop_token(struct store *store, const uint8_t digest[32], pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    pg_bytes(pg_group_add(group, &drop_token, NULL, NULL), span_of(digest, 32));
    return pg_group_send(&group, done, arg);
}

parley_status agent_set_password(struct store *store, const struct agent_password *change, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    struct pg_params *p = pg_group_add(group, &set_password, NULL, NULL);
    pg_uuid(p, change->agent);
    pg_text(p, span_str(change->old));
    pg_text(p, span_str(change->new));
    pg_uuid(pg_group_add(group, &drop_tokens, NULL, NULL), change->agent);
    insert_token(group, change->digest, change->agent, change->expires_at_ms);
    return pg_group_send(&group, done, arg);
}

/* ---- presence ---- */

parley_status agent_set_status(struct store *store, struct uuid agent, int16_t status, struct uuid node, pg_done *done,
                               void *arg)
{
    struct pg_group *group = store_writing(store);
    if (!uuid_is_nil(node))
        node_known(group, node);
    struct pg_params *p = pg_group_add(group, &set_status, NULL, NULL);
    pg_uuid(p, agent);
    pg_i16(p, status);
    pg_uuid_or_null(p, node);
    return pg_group_send(&group, done, arg);
}

parley_status agent_set_here(struct store *store, struct uuid agent, struct uuid node, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    node_known(group, node);
    struct pg_params *p = pg_group_add(group, &set_here, NULL, NULL);
    pg_uuid(p, agent);
    pg_uuid(p, node);
    return pg_group_send(&group, done, arg);
}

parley_status agent_set_lost(struct store *store, struct uuid agent, struct uuid node, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    struct pg_params *p = pg_group_add(group, &set_lost, NULL, NULL);
    pg_uuid(p, agent);
    pg_uuid(p, node);
    return pg_group_send(&group, done, arg);
}

parley_status agent_set_offline(struct store *store, struct uuid agent, int64_t lost_at_ms, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    struct pg_params *p = pg_group_add(group, &set_offline, NULL, NULL);
    pg_uuid(p, agent);
    pg_time_ms(p, lost_at_ms);
    return pg_group_send(&group, done, arg);
}

/* ---- in a transition ---- */

void agent_take(struct pg_group *group, struct uuid agent, int64_t at_ms)
{
    struct pg_params *p = pg_group_add(group, &take, NULL, NULL);
    pg_uuid(p, agent);
    pg_time_ms(p, at_ms);
}

void agent_take_anyway(struct pg_group *group, struct uuid agent, int64_t at_ms)
{
    struct pg_params *p = pg_group_add(group, &take_anyway, NULL, NULL);
    pg_uuid(p, agent);
    pg_time_ms(p, at_ms);
}

void agent_give(struct pg_group *group, struct uuid agent)
{
    pg_uuid(pg_group_add(group, &give, NULL, NULL), agent);
}

static void on_missed(void *arg, const struct pg_result *r)
{
    bool *out_away = arg;
    *out_away = pg_rows(r) == 1 && pg_get_bool(r, 0, 0);
}

void agent_miss(struct pg_group *group, struct uuid agent, int32_t limit, bool *out_away)
{
    struct pg_params *p = pg_group_add(group, &miss, on_missed, out_away);
    pg_uuid(p, agent);
    pg_i32(p, limit);
}

/* ---- revisions ---- */

static struct principal_revision revision_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return (struct principal_revision){pg_get_uuid(r, i, 0), pg_get_i64(r, i, 1)};
}

ROWS_READ(principal, struct principal_revision, principal_revised, revision_of)

parley_status principal_revisions(struct store *store, const struct uuid *ids, int n, principal_revised *done,
                                  void *arg)
{
    struct principal_read *read = principal_read_new(store_reading(store), done, arg);
    struct pg_params *p = principal_read_add(read, &revisions);
    pg_array(p, PG_UUID_ARRAY, n);
    for (int i = 0; i < n; i++)
        pg_uuid(p, ids[i]);
    return principal_read_send(read);
}
