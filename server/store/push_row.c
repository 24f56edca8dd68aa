/* The push table. */
#include "server/store/push_row.h"

#include "server/store/rows.h"

static const struct pg_statement put = {
    "push_put",
    "insert into push (conversation, customer, id, seq, due, attempts, since)"
    " select w.conversation, w.customer, w.id, w.seq, w.due, 0, w.since"
    "   from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int8[], $5::timestamptz[], $6::timestamptz[])"
    "        as w (conversation, customer, id, seq, due, since)"
    "  where not exists (select from push_ended where endpoint = $7) order by w.conversation"
    " on conflict (conversation) do update set seq = excluded.seq, customer = excluded.customer,"
    "   id = case when push.attempts = 0 then push.id else excluded.id end,"
    "   since = case when push.attempts = 0 then push.since else excluded.since end"
    "  where excluded.seq > push.seq",
    7,
    {PG_UUID_ARRAY, PG_UUID_ARRAY, PG_UUID_ARRAY, PG_I64_ARRAY, PG_TIME_ARRAY, PG_TIME_ARRAY, PG_BYTES},
};

#define MINE "p.due <= $1 and get_byte(uuid_send(p.conversation), 15) % $3 = $2"

static const struct pg_statement drop_received = {
    "push_drop_received",
    "delete from push p using mark m where " MINE
    "   and m.conversation = p.conversation and m.participant = p.customer and m.delivered >= p.seq",
    3,
    {PG_TIME, PG_I32, PG_I32},
};
/* Whoever waited for the other's lock looks at the row again and finds it no longer due. */
static const struct pg_statement take_due = {
    "push_take_due",
    "with mine as (select p.conversation from push p where " MINE
    "   and not exists (select from push_ended where endpoint = $6)"
    "   order by p.due, p.conversation limit $4 for no key update)"
    " update push p set due = $5, attempts = p.attempts + 1 from mine m where p.conversation = m.conversation"
    " returning p.conversation, p.customer, p.id, p.seq, p.due, p.attempts, p.since,"
    "   (select jsonb_agg(jsonb_build_object('device', d.id, 'platform', d.push_platform, 'token', d.push_token))"
    "      from (select id, push_platform, push_token from device where customer = p.customer and push_token is not "
    "null"
    "             order by seen_at desc, id limit 16) d)",
    6,
    {PG_TIME, PG_I32, PG_I32, PG_I64, PG_TIME, PG_BYTES},
};
_Static_assert(PUSH_DEVICES == 16, "named in push_take_due");
static const struct pg_statement retry = {
    "push_retry", "update push set due = $3 where conversation = $1 and attempts = $2", 3, {PG_UUID, PG_I32, PG_TIME}};
static const struct pg_statement sent = {
    "push_sent", "delete from push where conversation = $1 and id = $2", 2, {PG_UUID, PG_UUID}};
static const struct pg_statement again = {
    "push_again", "update push set due = $2, attempts = 0 where conversation = $1", 2, {PG_UUID, PG_TIME}};

static const struct pg_statement end = {
    "push_end", "insert into push_ended (endpoint) values ($1) on conflict do nothing", 1, {PG_BYTES}};

parley_status push_end(struct store *store, const uint8_t endpoint[PUSH_ENDPOINT], pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    pg_bytes(pg_group_add(group, &end, NULL, NULL), span_of(endpoint, PUSH_ENDPOINT));
    return pg_group_send(&group, done, arg);
}

parley_status push_put(struct store *store, const uint8_t endpoint[PUSH_ENDPOINT], const struct push_row *rows, int n,
                       pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    struct pg_params *p = pg_group_add(group, &put, NULL, NULL);
    PG_ARRAY_OF(p, PG_UUID_ARRAY, pg_uuid, rows, n, conversation);
    PG_ARRAY_OF(p, PG_UUID_ARRAY, pg_uuid, rows, n, customer);
    PG_ARRAY_OF(p, PG_UUID_ARRAY, pg_uuid, rows, n, id);
    PG_ARRAY_OF(p, PG_I64_ARRAY, pg_i64, rows, n, seq);
    PG_ARRAY_OF(p, PG_TIME_ARRAY, pg_time_ms, rows, n, due_ms);
    PG_ARRAY_OF(p, PG_TIME_ARRAY, pg_time_ms, rows, n, since_ms);
    pg_bytes(p, span_of(endpoint, PUSH_ENDPOINT));
    return pg_group_send(&group, done, arg);
}

static struct push_row row_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return (struct push_row){
        .conversation = pg_get_uuid(r, i, 0),
        .customer = pg_get_uuid(r, i, 1),
        .id = pg_get_uuid(r, i, 2),
        .seq = pg_get_i64(r, i, 3),
        .due_ms = pg_get_time_ms(r, i, 4),
        .attempts = pg_get_i32(r, i, 5),
        .since_ms = pg_get_time_ms(r, i, 6),
        .devices = pg_get_jsonb(r, i, 7),
    };
}

ROWS_READ(push, struct push_row, push_rows, row_of)

static void add_mine(struct pg_params *p, int64_t now_ms, int part, int parts)
{
    pg_time_ms(p, now_ms);
    pg_i32(p, part);
    pg_i32(p, parts);
}

parley_status push_take_due(struct store *store, const struct push_take *take, push_rows *done, void *arg)
{
    struct push_read *read = push_read_new(store_writing(store), done, arg);
    add_mine(pg_group_add(read->group, &drop_received, NULL, NULL), take->now_ms, take->part, take->parts);
    struct pg_params *p = push_read_add(read, &take_due);
    add_mine(p, take->now_ms, take->part, take->parts);
    pg_i64(p, take->limit);
    pg_time_ms(p, take->until_ms);
    pg_bytes(p, span_of(take->endpoint, PUSH_ENDPOINT));
    return push_read_send(read);
}

parley_status push_retry(struct store *store, const struct push_row *row, int64_t due_ms, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    struct pg_params *p = pg_group_add(group, &retry, NULL, NULL);
    pg_uuid(p, row->conversation);
    pg_i32(p, row->attempts);
    pg_time_ms(p, due_ms);
    return pg_group_send(&group, done, arg);
}

parley_status push_sent(struct store *store, const struct push_row *row, int64_t due_ms, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    struct pg_params *p = pg_group_add(group, &sent, NULL, NULL);
    pg_uuid(p, row->conversation);
    pg_uuid(p, row->id);
    p = pg_group_add(group, &again, NULL, NULL);
    pg_uuid(p, row->conversation);
    pg_time_ms(p, due_ms);
    return pg_group_send(&group, done, arg);
}
