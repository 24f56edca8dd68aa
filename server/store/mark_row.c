/* The mark table: a maximum that only grows, whoever writes it and however late. */
#include "server/store/mark_row.h"

static const struct pg_statement put = {
    "mark_put",
    "insert into mark (conversation, participant, role, read, delivered)"
    " select m.conversation, m.participant, m.role, least(m.read, h.seq), least(greatest(m.read, m.delivered), h.seq)"
    "   from unnest($1::uuid[], $2::uuid[], $3::int2[], $4::int8[], $5::int8[])"
    "        as m (conversation, participant, role, read, delivered)"
    "  cross join lateral (select seq from item where conversation = m.conversation order by seq desc limit 1) h"
    "  order by m.conversation, m.participant"
    " on conflict (conversation, participant) do update"
    "    set read = greatest(mark.read, excluded.read), delivered = greatest(mark.delivered, excluded.delivered)"
    "  where excluded.read > mark.read or excluded.delivered > mark.delivered",
    5,
    {PG_UUID_ARRAY, PG_UUID_ARRAY, PG_I16_ARRAY, PG_I64_ARRAY, PG_I64_ARRAY},
};

parley_status mark_put(struct store *store, const struct mark_row *rows, int n, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    struct pg_params *p = pg_group_add(group, &put, NULL, NULL);
    PG_ARRAY_OF(p, PG_UUID_ARRAY, pg_uuid, rows, n, conversation);
    PG_ARRAY_OF(p, PG_UUID_ARRAY, pg_uuid, rows, n, participant);
    PG_ARRAY_OF(p, PG_I16_ARRAY, pg_i16, rows, n, role);
    PG_ARRAY_OF(p, PG_I64_ARRAY, pg_i64, rows, n, read);
    PG_ARRAY_OF(p, PG_I64_ARRAY, pg_i64, rows, n, delivered);
    return pg_group_send(&group, done, arg);
}
