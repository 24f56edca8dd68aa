/* The calls of parley_settle and parley_probe (schema/0001_init.sql), which hold all of the reasoning. */
#include "server/store/settle.h"

#include <assert.h>

static const struct pg_statement settle_rows = {
    "settle",
    "select outcomes, seqs, prevs, ats from parley_settle($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    10,
    {PG_UUID_ARRAY, PG_UUID_ARRAY, PG_UUID_ARRAY, PG_TIME_ARRAY, PG_I64_ARRAY, PG_I16_ARRAY, PG_I16_ARRAY, PG_I16_ARRAY,
     PG_I32_ARRAY, PG_JSONB_ARRAY},
};

static const struct pg_statement probe = {
    "settle_probe",
    "select head, seqs, prevs, ats from parley_probe($1, $2, $3)",
    3,
    {PG_UUID, PG_UUID_ARRAY, PG_UUID_ARRAY},
};

struct settle_call {
    struct settle_answer *answers;
    int n;
    settle_done *done;
    void *arg;
};

static void add_rows(struct pg_params *p, const struct log_row *rows, int n)
{
    PG_ARRAY_OF(p, PG_UUID_ARRAY, pg_uuid, rows, n, conversation);
    PG_ARRAY_OF(p, PG_UUID_ARRAY, pg_uuid, rows, n, id);
    PG_ARRAY_OF(p, PG_UUID_ARRAY, pg_uuid, rows, n, author);
    PG_ARRAY_OF(p, PG_TIME_ARRAY, pg_time_ms, rows, n, at_ms);
    PG_ARRAY_OF(p, PG_I64_ARRAY, pg_i64, rows, n, basis);
    PG_ARRAY_OF(p, PG_I16_ARRAY, pg_i16, rows, n, kind);
    PG_ARRAY_OF(p, PG_I16_ARRAY, pg_i16, rows, n, role);
    PG_ARRAY_OF(p, PG_I16_ARRAY, pg_i16, rows, n, audience);
    PG_ARRAY_OF(p, PG_I32_ARRAY, pg_i32, rows, n, group);
    PG_ARRAY_OF(p, PG_JSONB_ARRAY, pg_jsonb, rows, n, body);
}

static void on_answers(void *arg, const struct pg_result *r)
{
    struct settle_call *call = arg;
    struct pg_list outcomes = pg_get_list(r, 0, 0, PG_I16_ARRAY);
    struct pg_list seqs = pg_get_list(r, 0, 1, PG_I64_ARRAY);
    struct pg_list prevs = pg_get_list(r, 0, 2, PG_I64_ARRAY);
    struct pg_list ats = pg_get_list(r, 0, 3, PG_TIME_ARRAY);
    for (int i = 0; i < call->n; i++) {
        bool all = pg_list_next(&outcomes) && pg_list_next(&seqs) && pg_list_next(&prevs) && pg_list_next(&ats);
        assert(all); /* the function answers every row */
        call->answers[i] = (struct settle_answer){
            .outcome = (enum settle_outcome)pg_list_i16(&outcomes),
            .seq = pg_list_i64(&seqs),
            .prev = pg_list_i64(&prevs),
            .at_ms = pg_list_time_ms(&ats),
        };
    }
}

static void on_settled(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct settle_call *call = arg;
    bool ok = status == PARLEY_OK;
    call->done(call->arg, status, ok ? call->answers : NULL, ok ? call->n : 0);
}

parley_status settle(struct store *store, const struct log_row *rows, int n, settle_done *done, void *arg)
{
    assert(n > 0);
    struct pg_group *group = store_settling(store);
    struct settle_call *call = pg_group_alloc(group, sizeof *call);
    *call = (struct settle_call){.n = n, .done = done, .arg = arg};
    call->answers = pg_group_alloc(group, (size_t)n * sizeof *call->answers);
    add_rows(pg_group_add(group, &settle_rows, on_answers, call), rows, n);
    return pg_group_send(&group, on_settled, call);
}

/* ---- probe ---- */

struct probe_call {
    int64_t head;
    struct settle_found *found;
    int n;
    settle_probed *done;
    void *arg;
};

static void on_found(void *arg, const struct pg_result *r)
{
    struct probe_call *call = arg;
    struct pg_list seqs = pg_get_list(r, 0, 1, PG_I64_ARRAY);
    struct pg_list prevs = pg_get_list(r, 0, 2, PG_I64_ARRAY);
    struct pg_list ats = pg_get_list(r, 0, 3, PG_TIME_ARRAY);
    call->head = pg_get_i64(r, 0, 0);
    for (int i = 0; i < call->n && pg_list_next(&seqs) && pg_list_next(&prevs) && pg_list_next(&ats); i++)
        call->found[i] = (struct settle_found){
            .stored = seqs.value.ptr != NULL,
            .seq = pg_list_i64(&seqs),
            .prev = pg_list_i64(&prevs),
            .at_ms = pg_list_time_ms(&ats),
        };
}

static void on_probed(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct probe_call *call = arg;
    bool ok = status == PARLEY_OK;
    call->done(call->arg, status, call->head, ok ? call->found : NULL, ok ? call->n : 0);
}

parley_status settle_probe(struct store *store, struct uuid conversation, const struct settle_id *ids, int n,
                           settle_probed *done, void *arg)
{
    struct pg_group *group = store_settling(store);
    struct probe_call *call = pg_group_alloc(group, sizeof *call);
    *call = (struct probe_call){.n = n, .done = done, .arg = arg};
    call->found = pg_group_alloc(group, (size_t)n * sizeof *call->found);
    struct pg_params *p = pg_group_add(group, &probe, on_found, call);
    pg_uuid(p, conversation);
    pg_array(p, PG_UUID_ARRAY, n);
    for (int i = 0; i < n; i++)
        pg_uuid(p, ids[i].id);
    pg_array(p, PG_UUID_ARRAY, n);
    for (int i = 0; i < n; i++)
        pg_uuid(p, ids[i].author);
    return pg_group_send(&group, on_probed, call);
}
