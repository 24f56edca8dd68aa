/* A temporary table has a row a run: verdict 0 not tried yet, 1 goes on, 2 parts, 3 parts and is with a person, 4
 * moved, 5 leaves. What a run has done since it was tried is seen by its step. */
#include "server/cli/flow_trial.h"

#include "server/base/conf.h"
#include "server/base/fault.h"
#include "server/base/mem.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/flow_stored.h"
#include "server/flow/rehearse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 100, MOVES = 500, ROUNDS = 20, LIST_ROOM = BATCH * 64 };

#define MOVES_TEXT "500"

int trial_open(struct trial *t, const struct conf *conf, struct db *db, const char *flow, struct span source)
{
    uint8_t hash[CRYPTO_DIGEST];
    char file[80];
    struct flow_error error = {0};
    struct flow_limits limits = flow_limits_from(conf);
    *t = (struct trial){.db = db, .flow = flow, .rehearsal = rehearsal_new(&limits)};
    flow_hash(source, hash);
    crypto_hex(span_of(hash, sizeof hash), t->hash);
    snprintf(file, sizeof file, "%.70s.lua", flow);
    if (rehearsal_use(t->rehearsal, file, source, &error) != PARLEY_OK)
        return cli_fail(CLI_PROBLEMS, "%s:%d: %s [%s]", error.file, error.line, error.text, error.code);
    parley_status st = db_run(db, "select pg_advisory_lock(hashtextextended('parley flow ' || $1, 0))", DB_ARGS(flow));
    if (st == PARLEY_OK)
        st = db_script(db, "create temp table judged (run uuid primary key, step bigint not null default -1,"
                           " verdict integer not null default 0, part integer)");
    return st == PARLEY_OK ? CLI_OK : db_fail(db, st, "cannot try the runs");
}

void trial_close(struct trial *t)
{
    rehearsal_free(&t->rehearsal);
}

/* ---- judging ---- */

/* What came of a batch, as arrays for one statement. */
struct verdicts {
    struct buf runs, steps, verdicts, parts;
    int count;
};

static void verdicts_init(struct verdicts *v)
{
    *v = (struct verdicts){0};
    struct buf *all[] = {&v->runs, &v->steps, &v->verdicts, &v->parts};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_init(all[i], LIST_ROOM);
}

static void verdicts_done(struct verdicts *v)
{
    struct buf *all[] = {&v->runs, &v->steps, &v->verdicts, &v->parts};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_done(all[i]);
}

static void verdicts_add(struct verdicts *v, const struct stored_run *run, int verdict, int part)
{
    char sign = v->count++ ? ',' : '{';
    buf_printf(&v->runs, "%c%s", sign, run->id);
    buf_printf(&v->steps, "%c%" PRId64, sign, run->saved.step);
    buf_printf(&v->verdicts, "%c%d", sign, verdict);
    buf_printf(&v->parts, "%c%d", sign, part);
}

static parley_status verdicts_store(struct verdicts *v, struct db *db)
{
    if (!v->count)
        return PARLEY_OK;
    struct buf *all[] = {&v->runs, &v->steps, &v->verdicts, &v->parts};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_add(all[i], "}", 2);
    return db_run(db,
                  "update judged j set step = u.step, verdict = u.verdict, part = u.part"
                  " from unnest($1::uuid[], $2::int8[], $3::int4[], $4::int4[]) u (run, step, verdict, part)"
                  " where j.run = u.run",
                  DB_ARGS(v->runs.ptr, v->steps.ptr, v->verdicts.ptr, v->parts.ptr));
}

/* The way in which they part, of those known. */
static int part_of(struct trial *t, const struct stored_run *run, const struct flow_error *error)
{
    size_t i = 0;
    while (i < t->part_count && (strcmp(t->parts[i].error.text, error->text) != 0 ||
                                 strncmp(t->parts[i].from, run->hash, sizeof t->parts[i].from - 1) != 0))
        i++;
    if (i == TRIAL_PARTS)
        return TRIAL_PARTS - 1;
    if (i == t->part_count) {
        struct trial_part *p = &t->parts[t->part_count++];
        *p = (struct trial_part){.error = *error};
        snprintf(p->from, sizeof p->from, "%s", run->hash);
        snprintf(p->example, sizeof p->example, "%s", run->id);
        if (i == TRIAL_PARTS - 1)
            flow_error_set(&p->error, "E301", "in other ways");
    }
    return (int)i;
}

/* A run that has taken no step has nothing to differ in. */
static void judge(void *arg, const struct stored_run *run)
{
    void **args = arg;
    struct trial *t = args[0];
    struct flow_error error = {0};
    if (run->saved.state == FLOW_ENDED || run->saved.state == FLOW_FAILED)
        return; /* since it was gathered */
    parley_status st = run->saved.step ? rehearsal_try(t->rehearsal, &run->saved, &error) : PARLEY_OK;
    if (st != PARLEY_OK && !error.code[0])
        flow_error_set(&error, "E301", "its journal cannot be read: %s", status_name(st));
    bool person = run->saved.state == FLOW_HANDOFF;
    verdicts_add(args[1], run, st == PARLEY_OK ? 1 : person ? 3 : 2, st == PARLEY_OK ? -1 : part_of(t, run, &error));
}

/* Those of which nothing is known yet; and a run that is over is nobody's business. */
static parley_status gather(struct trial *t)
{
    parley_status st =
        db_run(t->db,
               "insert into judged (run) select r.id from flow_run r join flow_version v using (hash)"
               " where v.name = $1 and r.state < 4 and r.hash <> decode($2, 'hex') on conflict do nothing",
               DB_ARGS(t->flow, t->hash));
    if (st == PARLEY_OK)
        st = db_script(t->db, "delete from judged j where verdict = 0 and not exists"
                              " (select from flow_run r where r.id = j.run and r.state < 4); analyze judged");
    return st;
}

static parley_status judge_pending(struct trial *t)
{
    char after[UUID_TEXT + 1] = "00000000-0000-0000-0000-000000000000";
    parley_status st;
    size_t read;
    do {
        struct verdicts found;
        verdicts_init(&found);
        void *args[] = {t, &found};
        st =
            stored_runs(t->db, "select run from judged where verdict = 0 and run > $1::uuid order by run limit $2::int",
                        after, BATCH, judge, args, &read);
        if (st == PARLEY_OK)
            st = verdicts_store(&found, t->db);
        verdicts_done(&found);
    } while (st == PARLEY_OK && read == BATCH);
    return st;
}

static parley_status count_all(struct trial *t)
{
    struct db_rows *rows = NULL;
    parley_status st = db_query(t->db, "select verdict, part, count(*) from judged group by 1, 2", NULL, &rows);
    t->live = t->go_on = t->part = t->with_person = t->moved = t->leave = 0;
    for (size_t i = 0; i < t->part_count; i++)
        t->parts[i].count = 0;
    for (size_t row = 0; st == PARLEY_OK && row < db_count(rows); row++) {
        int verdict = atoi(db_cell(rows, row, 0));
        const char *part = db_cell(rows, row, 1);
        int64_t n = strtoll(db_cell(rows, row, 2), NULL, 10);
        t->live += n;
        t->go_on += verdict == 1 || verdict == 4 ? n : 0;
        t->part += verdict == 2 || verdict == 3 || verdict == 5 ? n : 0;
        t->with_person += verdict == 3 ? n : 0;
        t->moved += verdict == 4 ? n : 0;
        t->leave += verdict == 5 ? n : 0;
        if (part && atoi(part) >= 0)
            t->parts[atoi(part)].count += n;
    }
    db_rows_free(&rows);
    return st;
}

parley_status trial_judge(struct trial *t)
{
    parley_status st = gather(t);
    if (st == PARLEY_OK)
        st = judge_pending(t);
    return st == PARLEY_OK ? count_all(t) : st;
}

/* ---- moving ---- */

/* One batch of those with this verdict, each where it still stands where it was tried: the others are tried again. A
 * run in a server's memory takes its next step on the old version in vain, since that goes by the hash, and comes back
 * on the new one. */
static const char move_on[] =
    "with b as (select run, step from judged where verdict = 1 limit " MOVES_TEXT "),"
    " l as (select r.id from flow_run r join b on b.run = r.id where r.step = b.step and r.state < 4 order by r.id for "
    "update of r),"
    " u as (update flow_run r set hash = decode($1, 'hex'), leaves = false from l where r.id = l.id returning r.id)"
    " update judged j set verdict = case when u.id is null then 0 else 4 end"
    "   from b left join u on u.id = b.run where j.run = b.run";
static const char move_out[] = "with b as (select run, step from judged where verdict = 2 limit " MOVES_TEXT "),"
                               " l as (select r.id from flow_run r join b on b.run = r.id where r.step = b.step and "
                               "r.state < 4 and $1 <> '' order by r.id for update of r),"
                               " u as (update flow_run r set leaves = true from l where r.id = l.id returning r.id)"
                               " update judged j set verdict = case when u.id is null then 0 else 5 end"
                               "   from b left join u on u.id = b.run where j.run = b.run";

static parley_status move_all(struct trial *t, const char *sql)
{
    parley_status st;
    do {
        st = db_run(t->db, sql, DB_ARGS(t->hash));
        FAULT_POINT(publish_after_move);
    } while (st == PARLEY_OK && db_touched(t->db) == MOVES);
    return st;
}

static bool all_tried(struct trial *t, parley_status *st)
{
    struct db_rows *rows = NULL;
    *st = gather(t);
    if (*st == PARLEY_OK)
        *st = db_query(t->db, "select from judged where verdict = 0 limit 1", NULL, &rows);
    bool all = *st != PARLEY_OK || db_count(rows) == 0;
    db_rows_free(&rows);
    return all;
}

parley_status trial_move(struct trial *t, bool others_leave)
{
    parley_status st = PARLEY_OK;
    for (int round = 0; st == PARLEY_OK && round < ROUNDS; round++) {
        st = move_all(t, move_on);
        if (st == PARLEY_OK && others_leave)
            st = move_all(t, move_out);
        if (st != PARLEY_OK || all_tried(t, &st))
            break;
        st = judge_pending(t);
    }
    if (st == PARLEY_OK && others_leave)
        st = db_run(t->db, "select pg_notify('parley_admin', 'flow')", NULL);
    return st == PARLEY_OK ? count_all(t) : st;
}
