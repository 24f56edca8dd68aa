/* The handoff table. */
#include "server/store/handoff_row.h"

#include "server/store/rows.h"

static const struct pg_statement insert = {
    "handoff_insert",
    "insert into handoff (id, session, conversation, queue, why, reason, summary, collected, priority, asked_at, said)"
    " values ($1, $2, $3, $4, $5, $6, $7, coalesce($8, '{}'), $9, $10, coalesce($11, '{}'))",
    11,
    {PG_UUID, PG_UUID, PG_UUID, PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT, PG_JSONB, PG_I32, PG_TIME, PG_JSONB},
};
static const struct pg_statement accept = {
    "handoff_accept",
    UPDATE_ONE("handoff", "agent = $2, accepted_at = $3 where id = $1 and ended_at is null"),
    3,
    {PG_UUID, PG_UUID, PG_TIME}};
static const struct pg_statement requeue = {
    "handoff_requeue",
    UPDATE_ONE("handoff", "queue = $2, reason = coalesce($3, reason), agent = null, accepted_at = null"
                          " where id = $1 and ended_at is null"),
    3,
    {PG_UUID, PG_TEXT, PG_TEXT},
};
static const struct pg_statement end = {
    "handoff_end",
    UPDATE_ONE("handoff", "outcome = $2, note = $3, ended_at = $4 where id = $1 and ended_at is null"),
    4,
    {PG_UUID, PG_TEXT, PG_TEXT, PG_TIME}};
static const struct pg_statement by_id = {
    "handoff_get",
    "select id, session, conversation, queue, why, reason, summary,"
    "       case when why = 'flow' or collected <> '{}' or said <> '{}' then parley_told(conversation, collected, said)"
    "            else coalesce((select parley_told(h.conversation, r.collected, r.said) from session s"
    "                             join flow_run r on r.id = s.run where s.id = h.session), '{}') end,"
    "       priority, asked_at, agent, accepted_at, ended_at, outcome, note from handoff h where id = $1",
    1,
    {PG_UUID},
};

void handoff_insert(struct pg_group *group, const struct handoff_row *row)
{
    struct pg_params *p = pg_group_add(group, &insert, NULL, NULL);
    pg_uuid(p, row->id);
    pg_uuid(p, row->session);
    pg_uuid(p, row->conversation);
    pg_text(p, row->queue);
    pg_text(p, row->why);
    pg_text_or_null(p, row->reason);
    pg_text_or_null(p, row->summary);
    pg_jsonb_or_null(p, row->collected);
    pg_i32(p, row->priority);
    pg_time_ms(p, row->asked_at_ms);
    pg_jsonb_or_null(p, row->said);
}

void handoff_accept(struct pg_group *group, struct uuid id, struct uuid agent, int64_t at_ms)
{
    struct pg_params *p = pg_group_add(group, &accept, NULL, NULL);
    pg_uuid(p, id);
    pg_uuid(p, agent);
    pg_time_ms(p, at_ms);
}

void handoff_requeue(struct pg_group *group, struct uuid id, struct span queue, struct span reason)
{
    struct pg_params *p = pg_group_add(group, &requeue, NULL, NULL);
    pg_uuid(p, id);
    pg_text(p, queue);
    pg_text_or_null(p, reason);
}

void handoff_end(struct pg_group *group, struct uuid id, struct span outcome, struct span note, int64_t at_ms)
{
    struct pg_params *p = pg_group_add(group, &end, NULL, NULL);
    pg_uuid(p, id);
    pg_text_or_null(p, outcome);
    pg_text_or_null(p, note);
    pg_time_ms(p, at_ms);
}

static struct handoff_row row_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return (struct handoff_row){
        .id = pg_get_uuid(r, i, 0),
        .session = pg_get_uuid(r, i, 1),
        .conversation = pg_get_uuid(r, i, 2),
        .queue = pg_get_text(r, i, 3),
        .why = pg_get_text(r, i, 4),
        .reason = pg_get_text(r, i, 5),
        .summary = pg_get_text(r, i, 6),
        .collected = pg_get_jsonb(r, i, 7),
        .priority = pg_get_i32(r, i, 8),
        .asked_at_ms = pg_get_time_ms(r, i, 9),
        .agent = pg_get_uuid(r, i, 10),
        .accepted_at_ms = pg_get_time_ms(r, i, 11),
        .ended_at_ms = pg_get_time_ms(r, i, 12),
        .outcome = pg_get_text(r, i, 13),
        .note = pg_get_text(r, i, 14),
    };
}

ROWS_READ(handoff, struct handoff_row, handoff_rows, row_of)

parley_status handoff_get(struct store *store, struct uuid id, handoff_rows *done, void *arg)
{
    return handoff_read_by(store_reading(store), &by_id, id, done, arg);
}
