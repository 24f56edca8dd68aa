/* One statement. */
#include "server/store/queue_row.h"

static const struct pg_statement stated = {
    "queue_state",
    "select q.hours, q.zone,"
    "       (select count(*) from session s where s.queue = q.name and s.state in (2, 3) and not s.message),"
    "       a.agents, a.free"
    "  from queue q"
    " cross join lateral (select count(*) as agents, coalesce(sum(greatest(a.capacity - a.load, 0)), 0)::int8 as free"
    "                       from membership m join agent a on a.id = m.agent"
    "                      where m.queue = q.name and a.status = 3 and a.disabled_at is null) a"
    " where q.name = $1",
    1,
    {PG_TEXT},
};

struct state_call {
    struct queue_state state;
    bool found;
    queue_stated *done;
    void *arg;
};

static void on_row(void *arg, const struct pg_result *r)
{
    struct state_call *call = arg;
    call->found = pg_rows(r) > 0;
    if (call->found)
        call->state = (struct queue_state){
            .hours = pg_get_text(r, 0, 0),
            .zone = pg_get_text(r, 0, 1),
            .waiting = pg_get_i64(r, 0, 2),
            .agents = pg_get_i64(r, 0, 3),
            .free = pg_get_i64(r, 0, 4),
        };
}

static void on_done(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct state_call *call = arg;
    call->done(call->arg, status, status == PARLEY_OK && call->found ? &call->state : NULL);
}

parley_status queue_state(struct store *store, struct span name, queue_stated *done, void *arg)
{
    struct pg_group *group = store_reading(store);
    struct state_call *call = pg_group_alloc(group, sizeof *call);
    *call = (struct state_call){.done = done, .arg = arg};
    pg_text(pg_group_add(group, &stated, on_row, call), name);
    return pg_group_send(&group, on_done, call);
}
