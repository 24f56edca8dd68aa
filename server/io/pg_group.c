/* Groups: gathering statements, putting them on the wire under one sync, and judging what came back. */
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/io/pg_private.h"

#include <assert.h>

struct pg_group *pg_group_new(struct pg *pg)
{
    struct pg_group *group = mem_alloc(sizeof *group);
    list_init(&group->node);
    group->pg = pg;
    pg_params_init(&group->params, pg->options.max_bytes);
    return group;
}

struct pg_group *pg_group_beside(const struct pg_group *group)
{
    return pg_group_new(group->pg);
}

void pg_group_free(struct pg_group **group_ptr)
{
    struct pg_group *group = *group_ptr;
    if (!group)
        return;
    list_remove(&group->node);
    for (int i = 0; i < group->ncalls; i++)
        PQclear(group->calls[i].result);
    PQclear(group->error);
    mem_free(group->calls);
    pg_params_done(&group->params);
    for (struct pg_memory *m = group->memory, *next; m; m = next) {
        next = m->next;
        mem_free(m);
    }
    mem_free(group);
    *group_ptr = NULL;
}

void *pg_group_alloc(struct pg_group *group, size_t size)
{
    struct pg_memory *m = mem_alloc(sizeof *m + size);
    m->next = group->memory;
    group->memory = m;
    return m->bytes;
}

void pg_group_reads(struct pg_group *group)
{
    group->reads = true;
}

static struct pg_call *add_call(struct pg_group *group, const struct pg_statement *statement)
{
    if (group->ncalls == group->cap) {
        group->cap = group->cap ? group->cap * 2 : 4;
        group->calls = mem_resize(group->calls, (size_t)group->cap * sizeof *group->calls);
    }
    struct pg_call *call = &group->calls[group->ncalls++];
    *call = (struct pg_call){.statement = statement, .first = group->params.n};
    return call;
}

struct pg_params *pg_group_add(struct pg_group *group, const struct pg_statement *statement, pg_on_result *on_result,
                               void *arg)
{
    struct pg_call *call = add_call(group, statement);
    call->on_result = on_result;
    call->arg = arg;
    pg_params_begin(&group->params, statement->types);
    return &group->params;
}

void pg_group_about(struct pg_group *group, const char *about)
{
    group->calls[group->ncalls - 1].about = about;
}

/* ---- onto the wire ---- */

static bool issue_prepare(PGconn *conn, const struct pg_statement *s)
{
    Oid types[PG_PARAMS_MAX];
    for (int i = 0; i < s->nparams; i++)
        types[i] = s->types[i];
    return PQsendPrepare(conn, s->name, s->sql, s->nparams, types) == 1;
}

static bool issue_call(PGconn *conn, const struct pg_params *p, const struct pg_call *call)
{
    const struct pg_statement *s = call->statement;
    if (call->prepares)
        return issue_prepare(conn, s);
    const char *values[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX], formats[PG_PARAMS_MAX];
    for (int i = 0; i < s->nparams; i++) {
        const struct pg_place *place = &p->places[call->first + i];
        values[i] = place->len < 0 ? NULL : place->len ? p->bytes.ptr + place->at : "";
        lengths[i] = place->len;
        formats[i] = 1;
    }
    return PQsendQueryPrepared(conn, s->name, s->nparams, values, lengths, formats, 1) == 1;
}

static void on_prepared(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct pg_group *group = arg;
    if (status != PARLEY_OK)
        pg_not_prepared(group->pg, group->calls[0].statement);
}

/* Under a sync of its own, so that it stands although the group that needs it may fail. */
static void prepare(struct pg *pg, const struct pg_statement *statement)
{
    struct pg_group *group = pg_group_new(pg);
    add_call(group, statement)->prepares = true;
    group->reads = true;
    pg_group_issue(group, on_prepared, group);
}

static bool issue_all(struct pg_group *group)
{
    PGconn *conn = group->pg->conn;
    for (int i = 0; i < group->ncalls; i++)
        if (!issue_call(conn, &group->params, &group->calls[i]))
            return false;
    return PQpipelineSync(conn) == 1;
}

void pg_group_issue(struct pg_group *group, pg_done *done, void *arg)
{
    struct pg *pg = group->pg;
    for (int i = 0; i < group->ncalls; i++)
        if (!group->calls[i].prepares && !pg_prepared(pg, group->calls[i].statement))
            prepare(pg, group->calls[i].statement);
    group->done = done;
    group->arg = arg;
    group->sent_ms = loop_now_ms(pg->loop);
    list_push(&pg->in_flight, &group->node);
    pg->ngroups++;
    pg->nbytes += group->params.bytes.len;
    if (!issue_all(group))
        pg_drop(pg, PQerrorMessage(pg->conn));
}

static parley_status may_send(const struct pg_group *group)
{
    const struct pg *pg = group->pg;
    if (group->params.bytes.status != PARLEY_OK)
        return PARLEY_TOO_BIG;
    if (!pg_is_up(pg))
        return PARLEY_UNAVAILABLE;
    if (pg->ngroups >= pg->options.max_groups)
        return PARLEY_BUSY;
    if (pg->ngroups && pg->nbytes + group->params.bytes.len > pg->options.max_bytes)
        return PARLEY_BUSY;
    return PARLEY_OK;
}

static int params_due(const struct pg_group *group)
{
    int due = 0;
    for (int i = 0; i < group->ncalls; i++)
        due += group->calls[i].statement->nparams;
    return due;
}

parley_status pg_group_send(struct pg_group **group_ptr, pg_done *done, void *arg)
{
    struct pg_group *group = *group_ptr;
    *group_ptr = NULL;
    assert(group->ncalls > 0 && group->params.entries_left == 0 && group->params.n == params_due(group));
    parley_status st = may_send(group);
    if (st != PARLEY_OK) {
        pg_group_free(&group);
        return st;
    }
    pg_group_issue(group, done, arg);
    pg_flush(group->pg);
    return PARLEY_OK;
}

/* ---- what came back ---- */

static const struct {
    const char *prefix;
    parley_status status;
} meanings[] = {
    {"23505", PARLEY_CONFLICT},  {"23", PARLEY_INVALID},     {"22", PARLEY_INVALID},        {"PY001", PARLEY_STALE},
    {"PY404", PARLEY_NOT_FOUND}, {"40001", PARLEY_BUSY},     {"40P01", PARLEY_BUSY},        {"55P03", PARLEY_TIMEOUT},
    {"57014", PARLEY_TIMEOUT},   {"53", PARLEY_UNAVAILABLE}, {"25006", PARLEY_UNAVAILABLE}, {"0A", PARLEY_UNAVAILABLE},
    {"26", PARLEY_INTERNAL},     {"21", PARLEY_INTERNAL},    {"25", PARLEY_INTERNAL},       {"42", PARLEY_INTERNAL},
    {"54", PARLEY_INVALID},      {"P0", PARLEY_INTERNAL},
};

static const char *field(const PGresult *error, int code)
{
    const char *text = error ? PQresultErrorField(error, code) : NULL;
    return text ? text : "";
}

static parley_status meaning(const char *sqlstate)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (strncmp(sqlstate, meanings[i].prefix, strlen(meanings[i].prefix)) == 0)
            return meanings[i].status;
    return PARLEY_UNCERTAIN;
}

/* Whether the first error says for certain that nothing is stored: it came from a statement, before the commit, and
 * the backend lived on to say it. */
static bool surely_failed(const struct pg_group *group)
{
    return group->error && group->error_at < group->ncalls &&
           strcmp(field(group->error, PG_DIAG_SEVERITY_NONLOCALIZED), "ERROR") == 0;
}

/* answered: every statement, and the sync. */
static parley_status outcome(const struct pg_group *group, bool answered)
{
    if (surely_failed(group))
        return meaning(field(group->error, PG_DIAG_SQLSTATE));
    if (group->reads)
        return answered && !group->error ? PARLEY_OK : PARLEY_UNAVAILABLE;
    return answered && !group->error && !group->in_doubt ? PARLEY_OK : PARLEY_UNCERTAIN;
}

static void hand_on_results(struct pg_group *group)
{
    for (int i = 0; i < group->ncalls; i++) {
        struct pg_call *call = &group->calls[i];
        if (call->on_result)
            call->on_result(call->arg, call->result);
    }
}

static const char *failed_statement(const struct pg_group *group)
{
    return group->error_at < group->ncalls ? group->calls[group->error_at].statement->name : "commit";
}

/* The message of a data error may quote what a customer wrote: it stays out of the log. */
static void log_fault(const struct pg_group *group, parley_status status)
{
    enum log_level level = status == PARLEY_INTERNAL || status == PARLEY_UNCERTAIN ? LOG_ERROR : LOG_DEBUG;
    const char *sqlstate = field(group->error, PG_DIAG_SQLSTATE);
    bool quotes = strncmp(sqlstate, "22", 2) == 0;
    LOG_AT(level, NULL, "a statement failed", LOG_STR("connection", group->pg->options.application),
           LOG_STR("statement", failed_statement(group)), LOG_STR("sqlstate", sqlstate),
           LOG_STR("message", quotes ? "" : field(group->error, PG_DIAG_MESSAGE_PRIMARY)), LOG_STATUS(status));
}

static void end(struct pg_group *group, parley_status status)
{
    struct pg *pg = group->pg;
    struct pg_fault fault = {.statement = "", .constraint = field(group->error, PG_DIAG_CONSTRAINT_NAME)};
    if (group->error) {
        fault.statement = failed_statement(group);
        fault.about = group->error_at < group->ncalls ? group->calls[group->error_at].about : NULL;
        strncpy(fault.sqlstate, field(group->error, PG_DIAG_SQLSTATE), sizeof fault.sqlstate - 1);
        log_fault(group, status);
    }
    list_remove(&group->node);
    pg->ngroups--;
    pg->nbytes -= group->params.bytes.len;
    pg->in_callback++;
    if (status == PARLEY_OK)
        hand_on_results(group);
    group->done(group->arg, status, group->error ? &fault : NULL);
    pg->in_callback--;
    pg_group_free(&group);
}

/* A plan or a role of the server that this connection can do nothing with any more. */
static bool spoils_connection(const struct pg_group *group)
{
    const char *sqlstate = field(group->error, PG_DIAG_SQLSTATE);
    return strcmp(sqlstate, "0A000") == 0 || strcmp(sqlstate, "25006") == 0;
}

/* Its preparation failed, or somebody deallocated it: the next use prepares it again. */
static bool lost_statement(const struct pg_group *group)
{
    return group->error_at < group->ncalls && strcmp(field(group->error, PG_DIAG_SQLSTATE), "26000") == 0;
}

static void on_sync(struct pg_group *group)
{
    if (lost_statement(group))
        pg_not_prepared(group->pg, group->calls[group->error_at].statement);
    if (spoils_connection(group))
        pg_drop(group->pg, field(group->error, PG_DIAG_MESSAGE_PRIMARY));
    end(group, outcome(group, group->at == group->ncalls));
}

static void keep_result(struct pg_group *group, PGresult *result)
{
    if (group->at < group->ncalls)
        group->calls[group->at].result = result;
    else
        PQclear(result);
    group->at++; /* one too many makes the outcome uncertain */
}

static void keep_error(struct pg_group *group, PGresult *result)
{
    if (group->error) {
        PQclear(result);
        return;
    }
    group->error = result;
    group->error_at = group->at;
}

void pg_group_answer(struct pg *pg, PGresult *result)
{
    if (list_empty(&pg->in_flight)) {
        PQclear(result);
        return;
    }
    struct pg_group *group = LIST_ITEM(pg->in_flight.next, struct pg_group, node);
    switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC:
        PQclear(result);
        on_sync(group);
        return;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        keep_result(group, result);
        return;
    case PGRES_PIPELINE_ABORTED:
        PQclear(result);
        break;
    default:
        keep_error(group, result);
    }
    group->at++;
}

void pg_group_end_all(struct pg *pg, bool closing)
{
    struct list gone;
    list_init(&gone);
    list_move_all(&gone, &pg->in_flight);
    while (!list_empty(&gone)) {
        struct pg_group *group = LIST_ITEM(gone.next, struct pg_group, node);
        end(group, closing ? PARLEY_CANCELED : outcome(group, false));
    }
}
