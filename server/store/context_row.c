/* The context tables. Which snapshot is in force is no column: it is the last context item below a number. */
#include "server/store/context_row.h"

#include "server/store/rows.h"

static const struct pg_statement put = {
    "context_put",
    "insert into context_snapshot (conversation, hash, body, at) values ($1, $2, $3, $4)"
    " on conflict (conversation, hash) do nothing",
    4,
    {PG_UUID, PG_BYTES, PG_JSONB, PG_TIME},
};

static const struct pg_statement at = {
    "context_at",
    "select i.seq, i.at, i.body->>'snapshot', i.body->>'screen', s.body from item i"
    "  left join context_snapshot s on s.conversation = i.conversation and s.hash = decode(i.body->>'snapshot', 'hex')"
    " where i.conversation = $1 and i.kind = 14 and i.seq <= $2 order by i.seq desc limit 1",
    2,
    {PG_UUID, PG_I64},
};

static const struct pg_statement trail = {
    "context_trail",
    "select i.seq, i.at, i.body->>'snapshot', i.body->>'screen', null::jsonb from item i"
    " where i.conversation = $1 and i.kind = 14 and i.seq < $2 order by i.seq desc limit $3",
    3,
    {PG_UUID, PG_I64, PG_I64},
};

void context_put(struct pg_group *group, struct uuid conversation, const uint8_t hash[32], struct span body,
                 int64_t at_ms)
{
    struct pg_params *p = pg_group_add(group, &put, NULL, NULL);
    pg_uuid(p, conversation);
    pg_bytes(p, span_of(hash, 32));
    pg_jsonb(p, body);
    pg_time_ms(p, at_ms);
}

static struct context_row row_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return (struct context_row){
        .seq = pg_get_i64(r, i, 0),
        .at_ms = pg_get_time_ms(r, i, 1),
        .snapshot = pg_get_text(r, i, 2),
        .screen = pg_get_text(r, i, 3),
        .body = pg_get_jsonb(r, i, 4),
    };
}

ROWS_READ(context, struct context_row, context_rows, row_of)

parley_status context_at(struct store *store, struct uuid conversation, int64_t seq, context_rows *done, void *arg)
{
    struct context_read *read = context_read_new(store_reading(store), done, arg);
    struct pg_params *p = context_read_add(read, &at);
    pg_uuid(p, conversation);
    pg_i64(p, seq);
    return context_read_send(read);
}

parley_status context_trail(struct store *store, struct uuid conversation, int64_t before, context_rows *done,
                            void *arg)
{
    struct context_read *read = context_read_new(store_reading(store), done, arg);
    struct pg_params *p = context_read_add(read, &trail);
    pg_uuid(p, conversation);
    pg_i64(p, before);
    pg_i64(p, CONTEXT_TRAIL);
    return context_read_send(read);
}
