/* One statement for runs with their journals: a row an entry. */
#include "server/cli/flow_stored.h"

#include "server/base/mem.h"
#include "server/cli/db.h"
#include "server/flow/json.h"
#include "server/store/flow_row.h"

#include <stdio.h>
#include <stdlib.h>

enum { STATEMENT = 2048, SCRATCH = 1 << 16 };

enum column { ID, CONVERSATION, HASH, STATE, STEP, INPUT, WAITING, ENTRY, ENTRY_STEP, CALL, LINE, DATA, ITEM };

static const char columns[] =
    "with w as (%s) select w.run, r.conversation, encode(r.hash, 'hex'), r.state, r.step, r.input_seq, r.waiting,"
    " j.entry, j.step, j.call, j.line, j.data, " FLOW_JOURNAL_ITEM " from w left join flow_run r on r.id = w.run"
    " left join flow_journal j on j.run = r.id " FLOW_JOURNAL_JOIN("r.conversation") " order by w.run, j.entry";

static int64_t number(const struct db_rows *rows, size_t row, enum column column)
{
    return strtoll(db_cell(rows, row, (int)column), NULL, 10);
}

static struct span text_of(const char *cell)
{
    return cell ? span_str(cell) : (struct span){0};
}

static int64_t question_of(struct span waiting)
{
    struct arena arena;
    struct value map;
    arena_init(&arena, SCRATCH);
    int64_t question = json_read(&arena, waiting, &map) == PARLEY_OK ? json_int(&map, "question") : 0;
    arena_done(&arena);
    return question;
}

static size_t read_entries(const struct db_rows *rows, size_t first, size_t end, struct flow_entry *entries)
{
    size_t n = 0;
    for (size_t row = first; row < end && db_cell(rows, row, ENTRY); row++)
        entries[n++] = (struct flow_entry){.entry = number(rows, row, ENTRY),
                                           .step = number(rows, row, ENTRY_STEP),
                                           .call = span_str(db_cell(rows, row, CALL)),
                                           .line = (int)number(rows, row, LINE),
                                           .data = span_str(db_cell(rows, row, DATA)),
                                           .item = text_of(db_cell(rows, row, ITEM))};
    return n;
}

/* The rows from `first` to before `end` are of one run. */
static void give(const struct db_rows *rows, size_t first, size_t end, stored_run_fn *each, void *arg)
{
    struct flow_entry *entries = mem_array(end - first, sizeof *entries);
    struct stored_run run = {.id = db_cell(rows, first, ID), .hash = db_cell(rows, first, HASH)};
    run.saved = (struct flow_saved){.state = (enum flow_state)number(rows, first, STATE),
                                    .step = number(rows, first, STEP),
                                    .input_seq = number(rows, first, INPUT),
                                    .waiting = span_str(db_cell(rows, first, WAITING)),
                                    .entries = entries,
                                    .entry_count = read_entries(rows, first, end, entries)};
    run.saved.question_seq = question_of(run.saved.waiting);
    if (uuid_parse(span_str(run.id), &run.saved.run) == PARLEY_OK &&
        uuid_parse(span_str(db_cell(rows, first, CONVERSATION)), &run.saved.conversation) == PARLEY_OK)
        each(arg, &run);
    mem_free(entries);
}

parley_status stored_runs(struct db *db, const char *which, char after[UUID_TEXT + 1], int limit, stored_run_fn *each,
                          void *arg, size_t *out_read)
{
    char sql[STATEMENT], most[16];
    struct db_rows *rows = NULL;
    size_t end;
    *out_read = 0;
    snprintf(sql, sizeof sql, columns, which);
    snprintf(most, sizeof most, "%d", limit);
    parley_status st = db_query(db, sql, DB_ARGS(after, most), &rows);
    if (st != PARLEY_OK)
        return st;
    for (size_t row = 0; row < db_count(rows); row = end) {
        for (end = row + 1; end < db_count(rows); end++)
            if (strcmp(db_cell(rows, end, ID), db_cell(rows, row, ID)) != 0)
                break;
        if (db_cell(rows, row, STATE))
            give(rows, row, end, each, arg);
        (*out_read)++;
        if (end == db_count(rows))
            snprintf(after, UUID_TEXT + 1, "%s", db_cell(rows, row, ID));
    }
    db_rows_free(&rows);
    return st;
}
