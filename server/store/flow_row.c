/* The flow tables. A run is pinned to the hash of its source; (run, step) and (run, entry) are its own number lines. */
#include "server/store/flow_row.h"

#include "server/store/rows.h"

static const struct pg_statement by_hash = {
    "flow_by_hash",
    "select v.name, v.title, v.hash, v.source, v.start from flow_version v where v.hash = $1",
    1,
    {PG_BYTES}};
static const struct pg_statement list = {
    "flow_list",
    "select f.name, v.title, v.hash, ''::text, v.start from flow f join flow_version v on v.hash = f.hash order by "
    "f.name",
    0,
    {0},
};
/* What add_state adds. */
#define STATE_TYPES PG_I16, PG_I64, PG_I64, PG_JSONB, PG_TIME

static const struct pg_statement run_insert = {
    "flow_run_insert",
    "insert into flow_run (id, session, conversation, hash, started_at, state, step, input_seq, waiting, updated_at)"
    " values ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9, '{}'), $10)",
    10,
    {PG_UUID, PG_UUID, PG_UUID, PG_BYTES, PG_TIME, STATE_TYPES},
};
static const struct pg_statement run_update = {
    "flow_run_update",
    UPDATE_ONE("flow_run", "state = $3, step = $4, input_seq = $5, waiting = coalesce($6, '{}'), updated_at = $7"
                           " where id = $1 and step = $2 and hash = $8 and state < 4"),
    8,
    {PG_UUID, PG_I64, STATE_TYPES, PG_BYTES},
};
static const struct pg_statement run_by_id = {
    "flow_run_get",
    "select id, session, conversation, hash, state, step, input_seq, waiting, started_at, updated_at, leaves"
    "  from flow_run where id = $1",
    1,
    {PG_UUID}};
static const struct pg_statement journal_add = {
    "flow_journal_add",
    "insert into flow_journal (run, entry, step, call, line, data)"
    " select $1, * from unnest($2::int8[], $3::int8[], $4::text[], $5::int4[], $6::jsonb[])",
    6,
    {PG_UUID, PG_I64_ARRAY, PG_I64_ARRAY, PG_TEXT_ARRAY, PG_I32_ARRAY, PG_JSONB_ARRAY},
};
static const struct pg_statement journal_load = {
    "flow_journal_load",
    "select j.entry, j.step, j.call, j.line, j.data, " FLOW_JOURNAL_ITEM " from flow_journal j"
    " " FLOW_JOURNAL_JOIN("$3") " where j.run = $1 and j.entry > $2 order by j.entry limit 250",
    3,
    {PG_UUID, PG_I64, PG_UUID},
};

/* ---- sources ---- */

static struct flow_row row_of(const struct pg_result *r, int i, struct pg_group *group)
{
    struct flow_row row = {
        .name = pg_get_text(r, i, 0),
        .title = pg_get_text(r, i, 1),
        .source = pg_get_text(r, i, 3),
        .start = pg_get_jsonb(r, i, 4),
    };
    pg_copy_bytes(r, i, 2, row.hash, sizeof row.hash);
    return row;
}

ROWS_READ(flow, struct flow_row, flow_rows, row_of)

parley_status flow_by_hash(struct store *store, const uint8_t hash[FLOW_ROW_HASH], flow_rows *done, void *arg)
{
    struct flow_read *read = flow_read_new(store_reading(store), done, arg);
    pg_bytes(flow_read_add(read, &by_hash), span_of(hash, FLOW_ROW_HASH));
    return flow_read_send(read);
}

parley_status flow_list(struct store *store, flow_rows *done, void *arg)
{
    return flow_read_all(store_reading(store), &list, done, arg);
}

/* ---- runs ---- */

static void add_state(struct pg_params *p, const struct flow_run_row *row)
{
    pg_i16(p, row->state);
    pg_i64(p, row->step);
    pg_i64(p, row->input_seq);
    pg_jsonb_or_null(p, row->waiting);
    pg_time_ms(p, row->updated_at_ms);
}

void flow_run_insert(struct pg_group *group, const struct flow_run_row *row)
{
    struct pg_params *p = pg_group_add(group, &run_insert, NULL, NULL);
    pg_uuid(p, row->id);
    pg_uuid(p, row->session);
    pg_uuid(p, row->conversation);
    pg_bytes(p, span_of(row->hash, sizeof row->hash));
    pg_time_ms(p, row->started_at_ms);
    add_state(p, row);
}

void flow_run_update(struct pg_group *group, const struct flow_run_row *row, int64_t step)
{
    struct pg_params *p = pg_group_add(group, &run_update, NULL, NULL);
    pg_uuid(p, row->id);
    pg_i64(p, step);
    add_state(p, row);
    pg_bytes(p, span_of(row->hash, sizeof row->hash));
}

static struct flow_run_row run_of(const struct pg_result *r, int i, struct pg_group *group)
{
    struct flow_run_row run = {
        .id = pg_get_uuid(r, i, 0),
        .session = pg_get_uuid(r, i, 1),
        .conversation = pg_get_uuid(r, i, 2),
        .state = pg_get_i16(r, i, 4),
        .step = pg_get_i64(r, i, 5),
        .input_seq = pg_get_i64(r, i, 6),
        .waiting = pg_get_jsonb(r, i, 7),
        .started_at_ms = pg_get_time_ms(r, i, 8),
        .updated_at_ms = pg_get_time_ms(r, i, 9),
        .leaves = pg_get_bool(r, i, 10),
    };
    pg_copy_bytes(r, i, 3, run.hash, sizeof run.hash);
    return run;
}

ROWS_READ(run, struct flow_run_row, flow_run_rows, run_of)

parley_status flow_run_get(struct store *store, struct uuid id, flow_run_rows *done, void *arg)
{
    return run_read_by(store_reading(store), &run_by_id, id, done, arg);
}

/* ---- the journal ---- */

void flow_journal_add(struct pg_group *group, struct uuid run, const struct flow_journal_row *entries, int n)
{
    struct pg_params *p = pg_group_add(group, &journal_add, NULL, NULL);
    pg_uuid(p, run);
    PG_ARRAY_OF(p, PG_I64_ARRAY, pg_i64, entries, n, entry);
    PG_ARRAY_OF(p, PG_I64_ARRAY, pg_i64, entries, n, step);
    PG_ARRAY_OF(p, PG_TEXT_ARRAY, pg_text, entries, n, call);
    PG_ARRAY_OF(p, PG_I32_ARRAY, pg_i32, entries, n, line);
    PG_ARRAY_OF(p, PG_JSONB_ARRAY, pg_jsonb, entries, n, data);
}

static struct flow_journal_row entry_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return (struct flow_journal_row){
        .entry = pg_get_i64(r, i, 0),
        .step = pg_get_i64(r, i, 1),
        .call = pg_get_text(r, i, 2),
        .line = pg_get_i32(r, i, 3),
        .data = pg_get_jsonb(r, i, 4),
        .item = pg_get_jsonb(r, i, 5),
    };
}

ROWS_READ(entry, struct flow_journal_row, flow_journal_rows, entry_of)

parley_status flow_journal_load(struct store *store, const struct flow_run_row *run, int64_t after,
                                flow_journal_rows *done, void *arg)
{
    struct entry_read *read = entry_read_new(store_reading(store), done, arg);
    struct pg_params *p = entry_read_add(read, &journal_load);
    pg_uuid(p, run->id);
    pg_i64(p, after);
    pg_uuid(p, run->conversation);
    return entry_read_send(read);
}
