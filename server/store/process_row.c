/* The process tables. */
#include "server/store/process_row.h"

#include "server/store/rows.h"

#define PROCESS_COLUMNS                                                                                                \
    "p.id, p.conversation, p.type, p.version, p.title, p.state, p.step, p.revision, p.data, p.created_at, "            \
    "p.updated_at, v.app"
#define PROCESS_FROM " from process p join conversation v on v.id = p.conversation"

/* What add_state adds. */
#define STATE_TYPES PG_TEXT, PG_I16, PG_TEXT, PG_I64, PG_JSONB, PG_TIME

static const struct pg_statement insert = {
    "process_insert",
    "insert into process (id, conversation, type, version, created_at, title, state, step, revision, data, updated_at)"
    " values ($1, $2, $3, nullif($4, 0), $5, $6, $7, $8, $9, $10, $11)",
    11,
    {PG_UUID, PG_UUID, PG_TEXT, PG_I32, PG_TIME, STATE_TYPES},
};

static const struct pg_statement update = {
    "process_update",
    UPDATE_ONE("process", "title = $4, state = $5, step = $6, revision = $7, data = $8, updated_at = $9"
                          " where id = $1 and conversation = $2 and revision = $3"),
    9,
    {PG_UUID, PG_UUID, PG_I64, STATE_TYPES},
};

static const struct pg_statement by_id = {"process_get",
                                          "select " PROCESS_COLUMNS PROCESS_FROM
                                          " where p.id = $2 and p.conversation = $1",
                                          2,
                                          {PG_UUID, PG_UUID}};

static const struct pg_statement open = {
    "process_open",
    "select " PROCESS_COLUMNS PROCESS_FROM " where p.conversation = $1 and p.state = 1 order by p.id desc limit $2",
    2,
    {PG_UUID, PG_I64},
};

static const struct pg_statement types = {
    "process_types", "select app, name, version, steps, fields from process_type order by app, name, version", 0, {0}};

static void add_state(struct pg_params *p, const struct process_row *row)
{
    pg_text_or_null(p, row->title);
    pg_i16(p, row->state);
    pg_text_or_null(p, row->step);
    pg_i64(p, row->revision);
    pg_jsonb(p, row->data);
    pg_time_ms(p, row->updated_at_ms);
}

void process_insert(struct pg_group *group, const struct process_row *row)
{
    struct pg_params *p = pg_group_add(group, &insert, NULL, NULL);
    pg_uuid(p, row->id);
    pg_uuid(p, row->conversation);
    pg_text(p, row->type);
    pg_i32(p, row->version);
    pg_time_ms(p, row->created_at_ms);
    add_state(p, row);
}

void process_update(struct pg_group *group, const struct process_row *row, int64_t revision)
{
    struct pg_params *p = pg_group_add(group, &update, NULL, NULL);
    pg_uuid(p, row->id);
    pg_uuid(p, row->conversation);
    pg_i64(p, revision);
    add_state(p, row);
}

static struct process_row row_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return (struct process_row){
        .id = pg_get_uuid(r, i, 0),
        .conversation = pg_get_uuid(r, i, 1),
        .type = pg_get_text(r, i, 2),
        .version = pg_get_i32(r, i, 3),
        .title = pg_get_text(r, i, 4),
        .state = pg_get_i16(r, i, 5),
        .step = pg_get_text(r, i, 6),
        .revision = pg_get_i64(r, i, 7),
        .data = pg_get_jsonb(r, i, 8),
        .created_at_ms = pg_get_time_ms(r, i, 9),
        .updated_at_ms = pg_get_time_ms(r, i, 10),
        .app = pg_get_uuid(r, i, 11),
    };
}

ROWS_READ(process, struct process_row, process_rows, row_of)

parley_status process_get(struct store *store, struct uuid conversation, struct uuid id, process_rows *done, void *arg)
{
    struct process_read *read = process_read_new(store_reading(store), done, arg);
    struct pg_params *p = process_read_add(read, &by_id);
    pg_uuid(p, conversation);
    pg_uuid(p, id);
    return process_read_send(read);
}

parley_status process_open(struct store *store, struct uuid conversation, int limit, process_rows *done, void *arg)
{
    struct process_read *read = process_read_new(store_reading(store), done, arg);
    struct pg_params *p = process_read_add(read, &open);
    pg_uuid(p, conversation);
    pg_i64(p, limit);
    return process_read_send(read);
}

/* ---- declared types ---- */

static struct process_type_row type_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return (struct process_type_row){
        .app = pg_get_uuid(r, i, 0),
        .name = pg_get_text(r, i, 1),
        .version = pg_get_i32(r, i, 2),
        .steps = pg_get_jsonb(r, i, 3),
        .fields = pg_get_jsonb(r, i, 4),
    };
}

ROWS_READ(type, struct process_type_row, process_type_rows, type_of)

parley_status process_types(struct store *store, process_type_rows *done, void *arg)
{
    return type_read_all(store_reading(store), &types, done, arg);
}
