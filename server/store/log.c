/* The item table. Appends are plain inserts of arrays: anything cleverer costs twice as much (reference figures are in
 * tests/bench), and the primary key is all the arbiter there is. */
#include "server/store/log.h"

#include "protocol/limits.h"
#include "server/base/mem.h"

#include <assert.h>

const struct pg_statement log_append_statement = {
    "log_append",
    "insert into item (conversation, id, author, seq, prev, at, kind, role, audience, body)"
    " select unnest($1::uuid[]), unnest($2::uuid[]), unnest($3::uuid[]), unnest($4::int8[]), unnest($5::int8[]),"
    "        unnest($6::timestamptz[]), unnest($7::int2[]), unnest($8::int2[]), unnest($9::int2[]),"
    "        unnest($10::jsonb[])",
    10,
    {PG_UUID_ARRAY, PG_UUID_ARRAY, PG_UUID_ARRAY, PG_I64_ARRAY, PG_I64_ARRAY, PG_TIME_ARRAY, PG_I16_ARRAY, PG_I16_ARRAY,
     PG_I16_ARRAY, PG_JSONB_ARRAY},
};

static void add_rows(struct pg_params *p, const struct log_row *rows, int n)
{
    PG_ARRAY_OF(p, PG_UUID_ARRAY, pg_uuid, rows, n, conversation);
    PG_ARRAY_OF(p, PG_UUID_ARRAY, pg_uuid, rows, n, id);
    PG_ARRAY_OF(p, PG_UUID_ARRAY, pg_uuid, rows, n, author);
    PG_ARRAY_OF(p, PG_I64_ARRAY, pg_i64, rows, n, seq);
    PG_ARRAY_OF(p, PG_I64_ARRAY, pg_i64, rows, n, prev);
    PG_ARRAY_OF(p, PG_TIME_ARRAY, pg_time_ms, rows, n, at_ms);
    PG_ARRAY_OF(p, PG_I16_ARRAY, pg_i16, rows, n, kind);
    PG_ARRAY_OF(p, PG_I16_ARRAY, pg_i16, rows, n, role);
    PG_ARRAY_OF(p, PG_I16_ARRAY, pg_i16, rows, n, audience);
    PG_ARRAY_OF(p, PG_JSONB_ARRAY, pg_jsonb, rows, n, body);
}

void log_append_to(struct pg_group *group, const struct log_row *rows, int n)
{
    assert(n > 0 && n <= LOG_APPEND_MAX);
    add_rows(pg_group_add(group, &log_append_statement, NULL, NULL), rows, n);
}

parley_status log_append(struct store *store, const struct log_row *rows, int n, pg_done *done, void *arg)
{
    struct pg_group *group = store_transition(store);
    log_append_to(group, rows, n);
    return pg_group_send(&group, done, arg);
}

/* ---- opening ---- */

const struct pg_statement log_load_statement = {
    "log_load",
    "select " LOG_CONVERSATION_COLUMNS ", coalesce(m.seq, 0),"
    "       k.participants, k.roles, k.reads, k.delivereds, " SESSION_COLUMNS ","
    "       w.waiting #>> '{person,queue}', w.waiting #>> '{person,asks}' is not null"
    "  from conversation c"
    "  left join lateral " LOG_HEAD " on true"
    "  left join lateral (select seq from item where conversation = c.id and kind >= 64"
    "                      order by seq desc limit 1) m on true"
    "  left join lateral (select array_agg(participant) as participants, array_agg(role) as roles,"
    "                            array_agg(read) as reads, array_agg(delivered) as delivereds"
    "                       from (select * from mark where conversation = c.id"
    "                              order by role > 2, read desc limit 32) x) k on true"
    "  left join lateral (select * from (select 1 as rank, * from session where conversation = c.id and state <> 6"
    "                                    union all"
    "                                    (select 2, * from session where conversation = c.id"
    "                                      order by opened_at desc, id desc limit 1)) e order by rank limit 1) s on "
    "true"
    "  left join flow_run w on w.id = s.run and s.state = 1"
    " where c.id = $1",
    1,
    {PG_UUID},
};

enum {
    LOAD_MOVED = LOG_CONVERSATION_NCOLUMNS,
    LOAD_MARKS = LOAD_MOVED + 1,
    LOAD_SESSION = LOAD_MARKS + 4,
    LOAD_PERSON = LOAD_SESSION + SESSION_NCOLUMNS
};

struct load_call {
    struct log_state state;
    log_loaded *done;
    void *arg;
};

static void read_marks(const struct pg_result *r, struct log_state *s)
{
    struct pg_list participants = pg_get_list(r, 0, LOAD_MARKS, PG_UUID_ARRAY);
    struct pg_list roles = pg_get_list(r, 0, LOAD_MARKS + 1, PG_I16_ARRAY);
    struct pg_list reads = pg_get_list(r, 0, LOAD_MARKS + 2, PG_I64_ARRAY);
    struct pg_list delivereds = pg_get_list(r, 0, LOAD_MARKS + 3, PG_I64_ARRAY);
    while (s->nmarks < LOG_MARKS && pg_list_next(&participants) && pg_list_next(&roles) && pg_list_next(&reads) &&
           pg_list_next(&delivereds))
        s->marks[s->nmarks++] = (struct mark_row){
            .conversation = s->conversation,
            .participant = pg_list_uuid(&participants),
            .role = pg_list_i16(&roles),
            .read = pg_list_i64(&reads),
            .delivered = pg_list_i64(&delivereds),
        };
}

void log_conversation_of(const struct pg_result *r, struct log_state *out)
{
    out->found = pg_rows(r) > 0;
    if (!out->found)
        return;
    out->customer = pg_get_uuid(r, 0, 0);
    out->app = pg_get_uuid(r, 0, 1);
    out->topic = pg_get_text(r, 0, 2);
    out->head = pg_get_i64(r, 0, 3);
    out->head_public = pg_get_i64(r, 0, 4);
}

static void on_load(void *arg, const struct pg_result *r)
{
    struct log_state *s = arg;
    log_conversation_of(r, s);
    if (!s->found)
        return;
    s->moved = pg_get_i64(r, 0, LOAD_MOVED);
    read_marks(r, s);
    s->has_session = !pg_is_null(r, 0, LOAD_SESSION);
    if (s->has_session)
        s->session = session_of_result(r, 0, LOAD_SESSION);
    s->person_queue = pg_get_text(r, 0, LOAD_PERSON);
    s->person_asks = pg_get_bool(r, 0, LOAD_PERSON + 1);
}

static void on_loaded(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct load_call *call = arg;
    call->done(call->arg, status, status == PARLEY_OK ? &call->state : NULL);
}

parley_status log_load(struct store *store, struct uuid conversation, log_loaded *done, void *arg)
{
    struct pg_group *group = store_loading(store);
    struct load_call *call = pg_group_alloc(group, sizeof *call);
    *call = (struct load_call){.done = done, .arg = arg};
    call->state.conversation = conversation;
    call->state.generation = store_generation(store);
    pg_uuid(pg_group_add(group, &log_load_statement, on_load, &call->state), conversation);
    return pg_group_send(&group, on_loaded, call);
}
