/* The timer table. */
#include "server/store/timer_row.h"

#include "server/store/rows.h"

static const struct pg_statement set = {
    "timer_set",
    "insert into timer (id, conversation, kind, due, ref, data) values ($1, $2, $3, $4, $5, coalesce($6, '{}'))"
    " on conflict (id) do update set kind = excluded.kind, due = excluded.due, ref = excluded.ref, data = "
    "excluded.data",
    6,
    {PG_UUID, PG_UUID, PG_I16, PG_TIME, PG_UUID, PG_JSONB},
};
static const struct pg_statement fire = {
    "timer_fire",
    "with d as (delete from timer where id = $1 returning 1) select parley_one((select count(*) from d), 'timer')",
    1,
    {PG_UUID},
};
static const struct pg_statement clear = {"timer_clear", "delete from timer where id = $1", 1, {PG_UUID}};
static const struct pg_statement clear_ref = {
    "timer_clear_ref", "delete from timer where ref = $2 and kind = $1", 2, {PG_I16, PG_UUID}};
static const struct pg_statement due = {
    "timer_due",
    "select id, conversation, kind, due, ref, data from timer"
    " where due <= $1 and get_byte(uuid_send(conversation), 15) % $3 = $2 order by due, id limit $4",
    4,
    {PG_TIME, PG_I32, PG_I32, PG_I64},
};

/* Two who saw the same put it off once. 2^8 s is about four minutes. */
static const struct pg_statement put_off = {
    "timer_put_off",
    "update timer t set due = $3 + interval '1 second' * 2 ^ least(coalesce((t.data->>'late')::int, 0), 8),"
    "                   data = t.data || jsonb_build_object('late', coalesce((t.data->>'late')::int, 0) + 1)"
    "  from unnest($1::uuid[], $2::timestamptz[]) seen (id, due) where t.id = seen.id and date_trunc('milliseconds', "
    "t.due) = seen.due",
    3,
    {PG_UUID_ARRAY, PG_TIME_ARRAY, PG_TIME},
};

void timer_set(struct pg_group *group, const struct timer_row *row)
{
    struct pg_params *p = pg_group_add(group, &set, NULL, NULL);
    pg_uuid(p, row->id);
    pg_uuid(p, row->conversation);
    pg_i16(p, row->kind);
    pg_time_ms(p, row->due_ms);
    pg_uuid(p, row->ref);
    pg_jsonb_or_null(p, row->data);
}

void timer_fire(struct pg_group *group, struct uuid id)
{
    pg_uuid(pg_group_add(group, &fire, NULL, NULL), id);
}

void timer_clear(struct pg_group *group, struct uuid id)
{
    pg_uuid(pg_group_add(group, &clear, NULL, NULL), id);
}

void timer_clear_ref(struct pg_group *group, int16_t kind, struct uuid ref)
{
    struct pg_params *p = pg_group_add(group, &clear_ref, NULL, NULL);
    pg_i16(p, kind);
    pg_uuid(p, ref);
}

static struct timer_row row_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return (struct timer_row){
        .id = pg_get_uuid(r, i, 0),
        .conversation = pg_get_uuid(r, i, 1),
        .kind = pg_get_i16(r, i, 2),
        .due_ms = pg_get_time_ms(r, i, 3),
        .ref = pg_get_uuid(r, i, 4),
        .data = pg_get_jsonb(r, i, 5),
    };
}

ROWS_READ(timer, struct timer_row, timer_rows, row_of)

parley_status timer_due(struct store *store, int64_t now_ms, int part, int parts, int limit, timer_rows *done,
                        void *arg)
{
    struct timer_read *read = timer_read_new(store_reading(store), done, arg);
    struct pg_params *p = timer_read_add(read, &due);
    pg_time_ms(p, now_ms);
    pg_i32(p, part);
    pg_i32(p, parts);
    pg_i64(p, limit);
    return timer_read_send(read);
}

parley_status timer_put_off(struct store *store, int64_t now_ms, const struct timer_row *rows, int n, pg_done *done,
                            void *arg)
{
    struct pg_group *group = store_writing(store);
    struct pg_params *p = pg_group_add(group, &put_off, NULL, NULL);
    PG_ARRAY_OF(p, PG_UUID_ARRAY, pg_uuid, rows, n, id);
    PG_ARRAY_OF(p, PG_TIME_ARRAY, pg_time_ms, rows, n, due_ms);
    pg_time_ms(p, now_ms);
    return pg_group_send(&group, done, arg);
}
