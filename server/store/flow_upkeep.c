/* Statements on flow_run and flow_journal that no other file of this floor needs. */
#include "server/store/flow_upkeep.h"

#include "server/store/rows.h"
#include "server/store/timer_row.h"

/* item.kind: 16 erased. */
static const struct pg_statement set_collected = {
    "flow_run_set_collected",
    "update flow_run r set said = $3, collected ="
    "       case when exists (select from item i where i.conversation = r.conversation and i.seq > r.input_seq"
    "                            and i.kind = 16) then '{}' else $2 end where r.id = $1",
    3,
    {PG_UUID, PG_JSONB, PG_JSONB},
};

void flow_run_set_collected(struct pg_group *group, struct uuid run, struct span collected, struct span said)
{
    struct pg_params *p = pg_group_add(group, &set_collected, NULL, NULL);
    pg_uuid(p, run);
    pg_jsonb(p, collected);
    pg_jsonb(p, said);
}

static const struct pg_statement forget = {
    "flow_journal_forget", "delete from flow_journal where run = $1 and entry >= $2", 2, {PG_UUID, PG_I64}};

void flow_journal_forget(struct pg_group *group, struct uuid run, int64_t from)
{
    struct pg_params *p = pg_group_add(group, &forget, NULL, NULL);
    pg_uuid(p, run);
    pg_i64(p, from);
}

static const struct pg_statement abandon = {
    "flow_run_abandon", "update flow_run set state = 4 where id = $1 and state < 4", 1, {PG_UUID}};

void flow_run_abandon(struct pg_group *group, struct uuid run)
{
    pg_uuid(pg_group_add(group, &abandon, NULL, NULL), run);
    timer_clear_ref(group, TIMER_FLOW, run);
}

/* Whoever has a call gives up before half of the time that the run waits for it has passed (flow/http.c).
 * session.state: 1 bot, 6 closed; flow_run.state: 3 handoff, 4 and 5 over; item.role: 1 customer, 2 guest, 7 back end;
 * item.kind: 12 custom, 15 process. */
static const struct pg_statement behind = {
    "flow_runs_behind",
    "with looked as materialized (select r.* from flow_run r where r.state < 4 and r.conversation > $1"
    "    order by r.conversation fetch first ($2::int8) rows with ties)"
    " (select r.conversation, r.leaves, false from looked r join session s on s.id = r.session and s.run = r.id"
    "   where s.state <> 6"
    "     and case when s.state <> 1 then r.state <> 3 and r.step > 0"
    "            when r.state = 3 or r.leaves then true"
    "            when r.waiting->>'call' like 'http.%' then $3 or coalesce(extract(epoch from now()) * 2000 >"
    "                 (r.waiting->>'until')::bigint + extract(epoch from r.updated_at) * 1000, true)"
    "            else (select true from item i where i.conversation = s.conversation and i.seq > r.input_seq"
    "                     and (i.role in (1, 2) or i.role = 7 and i.kind = 12)"
    "                     and i.audience = 0 and i.kind < 64 and i.kind <> 15 limit 1) end"
    "   order by r.conversation limit $4)"
    " union all (select r.conversation, false, true from looked r offset $2 - 1 limit 1)",
    4,
    {PG_UUID, PG_I64, PG_BOOL, PG_I64},
};

struct behind_call {
    struct flow_behind_row *rows;
    int n, limit;
    struct uuid reached;
    struct pg_group *group;
    flow_left_behind *done;
    void *arg;
};

static void on_behind(void *arg, const struct pg_result *r)
{
    struct behind_call *call = arg;
    call->rows = pg_group_alloc(call->group, ((size_t)pg_rows(r) + 1) * sizeof *call->rows);
    for (int i = 0; i < pg_rows(r); i++) {
        struct uuid conversation = pg_get_uuid(r, i, 0);
        if (pg_get_bool(r, i, 2))
            call->reached = conversation;
        else
            call->rows[call->n++] =
                (struct flow_behind_row){.conversation = conversation, .leaves = pg_get_bool(r, i, 1)};
    }
    if (call->n == call->limit)
        call->reached =
            call->rows[call->n - 1].conversation; /* there may be more between this and what was looked at */
}

static void on_done(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct behind_call *call = arg;
    call->done(call->arg, status, status == PARLEY_OK ? call->rows : NULL, call->n, call->reached);
}

parley_status flow_runs_behind(struct store *store, const struct flow_look *look, flow_left_behind *done, void *arg)
{
    struct pg_group *group = store_reading(store);
    struct behind_call *call = pg_group_alloc(group, sizeof *call);
    *call = (struct behind_call){.group = group, .limit = look->found, .done = done, .arg = arg};
    struct pg_params *p = pg_group_add(group, &behind, on_behind, call);
    pg_uuid(p, look->after);
    pg_i64(p, look->looked_at);
    pg_bool(p, look->all_calls);
    pg_i64(p, look->found);
    return pg_group_send(&group, on_done, call);
}

/* ---- events ---- */

static const struct pg_statement events = {
    "flow_events",
    "select seq, body->'data' from item where conversation = $1 and seq > $2 and kind = 12 and role in (1, 2, 7)"
    "   and body->>'type' = $3 and ($4 is null or body->'data' @> $4) order by seq limit 20",
    4,
    {PG_UUID, PG_I64, PG_TEXT, PG_JSONB},
};

static struct flow_event_row event_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return (struct flow_event_row){.seq = pg_get_i64(r, i, 0), .data = pg_get_jsonb(r, i, 1)};
}

ROWS_READ(event, struct flow_event_row, flow_event_rows, event_of)

parley_status flow_events(struct store *store, struct uuid conversation, const struct flow_event_wish *wish,
                          flow_event_rows *done, void *arg)
{
    struct event_read *read = event_read_new(store_reading(store), done, arg);
    struct pg_params *p = event_read_add(read, &events);
    pg_uuid(p, conversation);
    pg_i64(p, wish->after);
    pg_text(p, wish->type);
    pg_jsonb_or_null(p, wish->where);
    return event_read_send(read);
}
