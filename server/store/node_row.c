/* The node table: who is alive, by the database's clock alone. */
#include "server/store/node_row.h"

#include "server/store/agent_row.h"
#include "server/store/rows.h"

#define TTL(n) "(now() - $" n "::float8 * interval '1 millisecond')"

static const struct pg_statement beat = {
    "node_beat",
    "with me as (insert into node (id, version, seen_at) values ($1, $2, now())"
    "            on conflict (id) do update set version = excluded.version, seen_at = excluded.seen_at returning id)"
    " select id from me union select id from node where seen_at > " TTL("3") " order by id",
    3,
    {PG_UUID, PG_TEXT, PG_I64},
};
static const struct pg_statement known = {
    "node_known",
    "insert into node (id, version, seen_at) values ($1, '', now()) on conflict (id) do nothing",
    1,
    {PG_UUID},
};

/* Takes nodes away, and with each who was connected there: they are lost. */
#define TAKE_AWAY(which)                                                                                               \
    "with gone as (delete from node where " which " returning id),"                                                    \
    "     agents as (update agent set lost_at = " AGENT_LOST_NOW                                                       \
    "                 where node in (select id from gone) and lost_at is null),"                                       \
    "     seats as (update bot_seat set lost_at = " AGENT_LOST_NOW                                                     \
    "                where node in (select id from gone) and lost_at is null)"                                         \
    " select id from gone"

static const struct pg_statement bury = {"node_bury", TAKE_AWAY("seen_at < " TTL("1")), 1, {PG_I64}};
static const struct pg_statement leave = {"node_leave", TAKE_AWAY("id = $1"), 1, {PG_UUID}};

static struct uuid row_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return pg_get_uuid(r, i, 0);
}

ROWS_READ(node, struct uuid, node_rows, row_of)

parley_status node_beat(struct store *store, struct uuid id, struct span version, int64_t ttl_ms, node_rows *done,
                        void *arg)
{
    struct node_read *read = node_read_new(store_writing(store), done, arg);
    struct pg_params *p = node_read_add(read, &beat);
    pg_uuid(p, id);
    pg_text(p, version);
    pg_i64(p, ttl_ms);
    return node_read_send(read);
}

void node_known(struct pg_group *group, struct uuid node)
{
    pg_uuid(pg_group_add(group, &known, NULL, NULL), node);
}

parley_status node_leave(struct pg *pg, struct uuid id, pg_done *done, void *arg)
{
    struct pg_group *group = pg_group_new(pg);
    pg_uuid(pg_group_add(group, &leave, NULL, NULL), id);
    return pg_group_send(&group, done, arg);
}

parley_status node_bury(struct store *store, int64_t ttl_ms, node_rows *done, void *arg)
{
    struct node_read *read = node_read_new(store_writing(store), done, arg);
    pg_i64(node_read_add(read, &bury), ttl_ms);
    return node_read_send(read);
}
