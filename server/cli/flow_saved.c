/* Copies of everything, so that neither a result nor a file has to stay. */
#include "server/cli/flow_saved.h"

#include "protocol/wire_json.h"
#include "server/base/mem.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/files.h"
#include "server/cli/flow_stored.h"
#include "server/flow/bundle.h"
#include "server/flow/json.h"

#include <stdio.h>
#include <string.h>

static struct saved_run *run_new(struct cli *cli)
{
    const struct conf *conf = cli_conf(cli);
    struct saved_run *run = mem_alloc(sizeof *run);
    arena_init(&run->arena, 8 * SAVED_RUN_MAX);
    run->limits = conf ? flow_limits_from(conf) : flow_limits_default;
    return run;
}

void saved_run_free(struct saved_run **run)
{
    if (!*run)
        return;
    arena_done(&(*run)->arena);
    mem_free(*run);
    *run = NULL;
}

static const char *keep(struct saved_run *run, struct span text)
{
    char *copy = arena_alloc(&run->arena, text.len + 1);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

static struct span keep_span(struct saved_run *run, struct span text)
{
    return span_of(keep(run, text), text.len);
}

/* ---- from the database ---- */

static void keep_run(void *arg, const struct stored_run *row)
{
    struct saved_run *run = arg;
    struct flow_entry *entries = arena_array(&run->arena, row->saved.entry_count + 1, sizeof *entries);
    run->id = keep(run, span_str(row->id));
    run->hash = keep(run, span_str(row->hash));
    run->saved = row->saved;
    run->saved.waiting = keep_span(run, row->saved.waiting);
    run->saved.entries = entries;
    for (size_t i = 0; i < row->saved.entry_count; i++) {
        entries[i] = row->saved.entries[i];
        entries[i].call = keep_span(run, entries[i].call);
        entries[i].data = keep_span(run, entries[i].data);
        entries[i].item = entries[i].item.len ? keep_span(run, entries[i].item) : entries[i].item;
    }
}

static parley_status read_version(struct saved_run *run, struct db *db)
{
    struct db_rows *rows = NULL;
    char conversation[UUID_TEXT + 1];
    parley_status st =
        db_query(db, "select name, source from flow_version where hash = decode($1, 'hex')", DB_ARGS(run->hash), &rows);
    if (st == PARLEY_OK && db_count(rows)) {
        run->flow = keep(run, span_str(db_cell(rows, 0, 0)));
        run->source = keep_span(run, span_str(db_cell(rows, 0, 1)));
    }
    uuid_format(run->saved.conversation, conversation);
    run->conversation = keep(run, span_str(conversation));
    db_rows_free(&rows);
    return st;
}

int saved_run_read(struct cli *cli, struct db *db, const char *id, struct saved_run **out)
{
    struct uuid uuid;
    char last[UUID_TEXT + 1];
    size_t read;
    if (uuid_parse(span_str(id), &uuid) != PARLEY_OK)
        return cli_fail(CLI_USAGE, "%.80s is no run; parley flow runs lists them", id);
    uuid_format(uuid, last);
    struct saved_run *run = *out = run_new(cli);
    parley_status st = stored_runs(db, "select id as run from flow_run where id = $1::uuid limit $2::int", last, 1,
                                   keep_run, run, &read);
    if (st == PARLEY_OK && run->id)
        st = read_version(run, db);
    if (st != PARLEY_OK)
        return db_fail(db, st, "cannot read the run");
    return run->id ? CLI_OK : cli_fail(CLI_NOT_FOUND, "there is no run %s", last);
}

/* ---- from a file ---- */

static const struct {
    const char *name;
    enum flow_state state;
} states[] = {{"running", FLOW_RUNNING},
              {"waiting", FLOW_WAITING},
              {"handoff", FLOW_HANDOFF},
              {"ended", FLOW_ENDED},
              {"failed", FLOW_FAILED}};

const char *saved_run_state(const struct saved_run *run)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (states[i].state == run->saved.state)
            return states[i].name;
    return "unknown";
}

static bool read_entries(struct saved_run *run, const struct value *journal)
{
    struct flow_entry *entries = arena_array(&run->arena, (size_t)journal->count + 1, sizeof *entries);
    for (uint32_t i = 0; i < journal->count; i++) {
        const struct value *e = &journal->items[i], *data = e->type == VALUE_MAP ? value_find(e, "data") : NULL;
        const struct value *item = data ? value_find(e, "item") : NULL;
        if (!data)
            return false;
        entries[i] = (struct flow_entry){.entry = json_int(e, "entry"),
                                         .step = json_int(e, "step"),
                                         .call = json_text(e, "call"),
                                         .line = (int)json_int(e, "line"),
                                         .data = json_write(&run->arena, data),
                                         .item = item ? json_write(&run->arena, item) : (struct span){0}};
    }
    run->saved.entries = entries;
    run->saved.entry_count = journal->count;
    return true;
}

static bool read_saved(struct saved_run *run, struct span text)
{
    struct value *map = arena_alloc(&run->arena, sizeof *map);
    const struct wire_limits limits = {.depth = WIRE_DEPTH_MAX, .nodes = 1 << 20};
    struct wire_error error;
    if (wire_json_read(&run->arena, text, &limits, map, &error) != PARLEY_OK || map->type != VALUE_MAP)
        return false;
    const struct value *waiting = value_find(map, "waiting"), *journal = value_find(map, "journal");
    struct span state = json_text(map, "state");
    run->id = keep(run, json_text(map, "run"));
    run->flow = keep(run, json_text(map, "flow"));
    run->saved.step = json_int(map, "step");
    run->saved.input_seq = json_int(map, "input_seq");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (span_is(state, states[i].name))
            run->saved.state = states[i].state;
    if (!run->saved.state || !waiting || waiting->type != VALUE_MAP || !journal || journal->type != VALUE_ARRAY)
        return false;
    run->saved.waiting = json_write(&run->arena, waiting);
    run->saved.question_seq = json_int(waiting, "question");
    return uuid_parse(json_text(map, "run"), &run->saved.run) == PARLEY_OK &&
           uuid_parse(json_text(map, "conversation"), &run->saved.conversation) == PARLEY_OK &&
           read_entries(run, journal);
}

int saved_run_load(struct cli *cli, const char *path, struct saved_run **out)
{
    struct buf text;
    struct saved_run *run = *out = run_new(cli);
    buf_init(&text, SAVED_RUN_MAX);
    int code = files_read(path, &text);
    if (code == CLI_OK && !read_saved(run, keep_span(run, buf_span(&text))))
        code = cli_fail(CLI_USAGE, "%s: not what `parley flow logs RUN --json` prints", path);
    buf_done(&text);
    return code;
}

/* ---- looking ---- */

static bool is_secret(struct saved_run *run, const struct flow_entry *e)
{
    struct value data;
    const struct value *told = json_read(&run->arena, e->data, &data) == PARLEY_OK ? value_find(&data, "told") : NULL;
    return told && told->type == VALUE_MAP && json_true(told, "secret");
}

bool saved_run_mask(struct saved_run *run)
{
    struct flow_entry *entries = (struct flow_entry *)run->saved.entries;
    bool any = false;
    for (size_t i = 0; i < run->saved.entry_count; i++)
        if (entries[i].item.len && is_secret(run, &entries[i])) {
            entries[i].item = span_str("{\"kind\":1,\"body\":{\"text\":\"***\"}}");
            any = true;
        }
    return any;
}

bool saved_run_error(const struct saved_run *run, struct flow_error *out)
{
    const struct flow_entry *last = run->saved.entry_count ? &run->saved.entries[run->saved.entry_count - 1] : NULL;
    struct arena arena;
    struct value data;
    if (!last || !span_is(last->call, "failed"))
        return false;
    arena_init(&arena, 1 << 20);
    bool ok = json_read(&arena, last->data, &data) == PARLEY_OK;
    const struct value *told = ok ? value_find(&data, "told") : NULL;
    if (told && told->type == VALUE_MAP) {
        char code[5], text[FLOW_ERROR_TEXT_MAX];
        snprintf(code, sizeof code, "%.*s", SPAN_ARG(json_text(told, "code")));
        snprintf(text, sizeof text, "%.*s", SPAN_ARG(json_text(told, "text")));
        flow_error_set(out, code, "%s", text);
        snprintf(out->file, sizeof out->file, "%.*s", SPAN_ARG(json_text(told, "file")));
        out->line = (int)json_int(told, "line");
    }
    arena_done(&arena);
    return told != NULL;
}

struct span saved_run_source(const struct saved_run *run, const char *file)
{
    return bundle_file(run->source, file);
}

parley_status saved_run_look(const struct saved_run *run, sandbox_seen *seen, void *arg, struct flow_error *error)
{
    char file[80];
    struct rehearsal *r = rehearsal_new(&run->limits);
    snprintf(file, sizeof file, "%.70s.lua", run->flow ? run->flow : "flow");
    parley_status st = rehearsal_use(r, file, run->source, error);
    if (st == PARLEY_OK)
        st = rehearsal_look(r, &run->saved, seen, arg, error);
    rehearsal_free(&r);
    return st;
}
