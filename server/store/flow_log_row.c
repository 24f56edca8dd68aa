/* The table flow_log. The run's row is locked by its step when lines are added, so their numbers are the run's own. */
#include "server/store/flow_log_row.h"

#include "server/store/rows.h"

_Static_assert(FLOW_LOG_PER_RUN == 500, "as in the statement");

/* item.kind: 16 erased. */
static const struct pg_statement add = {
    "flow_log_add",
    "with last as materialized ("
    "   select coalesce((select max(number) from flow_log where conversation = $2 and run = $1), 0) as n),"
    " gone as (delete from flow_log g using last where g.conversation = $2 and g.run = $1"
    "             and g.number <= last.n + cardinality($7) - 500)"
    " insert into flow_log (conversation, run, number, step, seq, at, level, flow, hash, file, line, text)"
    " select $2, $1, last.n + l.place, $3, l.seq, $5, l.level, (select name from flow_version where hash = $6), $6,"
    "        l.file, l.line, case when l.seq = 0 or not exists (select from item i where i.conversation = $2"
    "                                        and i.seq > $4 and i.kind = 16) then l.text end"
    "   from last, unnest($7::int8[], $8::int2[], $9::text[], $10::int4[], $11::text[])"
    "              with ordinality l (seq, level, file, line, text, place)",
    11,
    {PG_UUID, PG_UUID, PG_I64, PG_I64, PG_TIME, PG_BYTES, PG_I64_ARRAY, PG_I16_ARRAY, PG_TEXT_ARRAY, PG_I32_ARRAY,
     PG_TEXT_ARRAY},
};

/* Rows that somebody else holds are left for the next time: nobody waits for tidying. */
static const struct pg_statement prune = {
    "flow_log_prune",
    "with old as (select l.conversation, l.run, l.number from flow f"
    "   cross join lateral (select (select x.at from flow_log x where x.flow = f.name order by x.at desc offset $2"
    "                                limit 1) as at) beyond"
    "   cross join lateral (select o.conversation, o.run, o.number from flow_log o where o.flow = f.name"
    "                          and o.at <= greatest($1, beyond.at) order by o.at limit $3) o"
    "   join flow_log l on l.conversation = o.conversation and l.run = o.run and l.number = o.number"
    "    for update of l skip locked),"
    " gone as (delete from flow_log l using old where l.conversation = old.conversation and l.run = old.run"
    "             and l.number = old.number returning 1)"
    " select count(*) from gone",
    3,
    {PG_TIME, PG_I64, PG_I64},
};

void flow_log_add(struct pg_group *group, const struct flow_run_row *run, const struct flow_log_row *rows, int n)
{
    struct pg_params *p = pg_group_add(group, &add, NULL, NULL);
    pg_uuid(p, run->id);
    pg_uuid(p, run->conversation);
    pg_i64(p, run->step);
    pg_i64(p, run->input_seq);
    pg_time_ms(p, run->updated_at_ms);
    pg_bytes(p, span_of(run->hash, sizeof run->hash));
    PG_ARRAY_OF(p, PG_I64_ARRAY, pg_i64, rows, n, seq);
    PG_ARRAY_OF(p, PG_I16_ARRAY, pg_i16, rows, n, level);
    PG_ARRAY_OF(p, PG_TEXT_ARRAY, pg_text, rows, n, file);
    PG_ARRAY_OF(p, PG_I32_ARRAY, pg_i32, rows, n, line);
    PG_ARRAY_OF(p, PG_TEXT_ARRAY, pg_text, rows, n, text);
}

struct pruning {
    int removed;
    flow_log_ended *ended;
    void *arg;
};

static void on_removed(void *arg, const struct pg_result *r)
{
    ((struct pruning *)arg)->removed = (int)pg_get_i64(r, 0, 0);
}

static void on_pruned(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct pruning *p = arg;
    p->ended(p->arg, status == PARLEY_OK ? p->removed : 0);
}

parley_status flow_log_prune(struct store *store, int64_t before_ms, int64_t most, int64_t at_once,
                             flow_log_ended *ended, void *arg)
{
    struct pg_group *group = store_writing(store);
    struct pruning *pruning = pg_group_alloc(group, sizeof *pruning);
    *pruning = (struct pruning){.ended = ended, .arg = arg};
    struct pg_params *p = pg_group_add(group, &prune, on_removed, pruning);
    pg_time_ms(p, before_ms);
    pg_i64(p, most);
    pg_i64(p, at_once);
    return pg_group_send(&group, on_pruned, pruning);
}
