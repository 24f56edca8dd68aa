/* parley flow runs, and flow logs of one: which runs there are, and all about one of them - where it stands or failed,
 * what its script knew there, what it logged, what it was told. */
#include "protocol/wire_json.h"
#include "server/base/mem.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/flow_lines.h"
#include "server/cli/flow_saved.h"
#include "server/cli/flow_tools.h"
#include "server/cli/list.h"
#include "server/cli/out.h"
#include "server/flow/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_ROOM = 1 << 20 };

/* ---- one run, for a person ---- */

static void say_variable(void *arg, const struct sandbox_variable *v)
{
    if (v->line)
        printf("  %s:%d  %s = %s\n", v->file, v->line, v->name, v->text);
    else
        printf("  %s  %s = %s\n", v->file, v->name, v->text);
}

static void say_error(const struct saved_run *run, const struct flow_error *error)
{
    struct buf text;
    buf_init(&text, TEXT_ROOM);
    flow_error_print(error, saved_run_source(run, error->file), &text);
    printf("%.*s", SPAN_ARG(buf_span(&text)));
    buf_done(&text);
}

/* What was told, and of the item that it names what was said. */
static void say_entry(const struct saved_run *run, const struct flow_entry *e, struct arena *arena)
{
    struct value data = {0}, item = {0};
    char call[96], place[96];
    const struct value *told = json_read(arena, e->data, &data) == PARLEY_OK ? value_find(&data, "told") : NULL;
    const struct value *body =
        e->item.len && json_read(arena, e->item, &item) == PARLEY_OK ? value_find(&item, "body") : NULL;
    struct span label = json_text(&data, "label"), file = json_text(&data, "file");
    struct span what = told ? json_write(arena, told) : e->data,
                said = body ? json_write(arena, body) : (struct span){0};
    snprintf(call, sizeof call, "%.*s%s%.*s%s", SPAN_ARG(e->call), label.len ? " \"" : "", SPAN_ARG(label),
             label.len ? "\"" : "");
    snprintf(place, sizeof place, "%.*s%s:%d", file.len ? (int)file.len : (int)strlen(run->flow),
             file.len ? file.ptr : run->flow, file.len ? "" : ".lua", e->line);
    printf("  %4" PRId64 "  step %-4" PRId64 " %-24s %-16s  %.*s%s%.*s\n", e->entry, e->step, call,
           e->line ? place : "", SPAN_ARG(what), said.len ? "  " : "", SPAN_ARG(said));
}

static void say_journal(const struct saved_run *run)
{
    struct arena arena;
    puts("journal:");
    for (size_t i = 0; i < run->saved.entry_count; i++) {
        arena_init(&arena, SAVED_RUN_MAX);
        say_entry(run, &run->saved.entries[i], &arena);
        arena_done(&arena);
    }
}

static void say_variables(const struct saved_run *run, bool masked, const struct flow_error *error)
{
    struct flow_error now = {0};
    puts("variables:");
    if (saved_run_look(run, say_variable, NULL, &now) != PARLEY_CONFLICT || strcmp(now.code, error->code) == 0)
        return;
    if (masked)
        puts("  these, up to where the flow goes by what was said in secret");
    else
        say_error(run, &now);
}

static void say_lines(const struct cli *cli, const struct db_rows *lines)
{
    if (db_count(lines))
        puts("log:");
    for (size_t row = 0; row < db_count(lines); row++)
        flow_line_say(cli, lines, row);
}

static void say_run(const struct cli *cli, const struct saved_run *run, bool masked, const struct db_rows *lines)
{
    struct flow_error error = {0};
    printf("run: %s\nconversation: %s\nflow: %s\nversion: %.12s\nstate: %s\nstep: %" PRId64 "\n", run->id,
           run->conversation, run->flow, run->hash, saved_run_state(run), run->saved.step);
    if (saved_run_error(run, &error))
        say_error(run, &error);
    else
        printf("waiting: %.*s\n", SPAN_ARG(run->saved.waiting));
    say_variables(run, masked, &error);
    say_lines(cli, lines);
    say_journal(run);
    if (run->saved.state == FLOW_FAILED)
        cli_say(cli,
                "\nTo have it fail again at your desk, and to see whether a mended %s.lua does not:\n"
                "  parley flow logs %s --json >failed.json\n"
                "  parley flow replay %s.lua --journal failed.json",
                run->flow, run->id, run->flow);
}

/* ---- and for a program ---- */

static void put_pair(struct buf *out, const char *name, struct span text)
{
    buf_printf(out, "\"%s\":", name);
    wire_json_put_text(out, text);
}

static void put_variable(void *arg, const struct sandbox_variable *v)
{
    struct buf *out = arg;
    buf_add_str(out, out->len ? ",\n {" : " {");
    put_pair(out, "file", span_str(v->file));
    buf_printf(out, ",\"line\":%d,", v->line);
    put_pair(out, "name", span_str(v->name));
    buf_add_char(out, ',');
    put_pair(out, "value", span_str(v->text));
    buf_add_char(out, '}');
}

static void put_error(struct buf *out, const struct flow_error *e)
{
    buf_add_str(out, ",\n\"error\":{");
    put_pair(out, "code", span_str(e->code));
    buf_add_char(out, ',');
    put_pair(out, "file", span_str(e->file));
    buf_printf(out, ",\"line\":%d,", e->line);
    put_pair(out, "text", span_str(e->text));
    buf_add_char(out, '}');
}

static void put_journal(struct buf *out, const struct saved_run *run)
{
    for (size_t i = 0; i < run->saved.entry_count; i++) {
        const struct flow_entry *e = &run->saved.entries[i];
        buf_printf(out, "%s{\"entry\":%" PRId64 ",\"step\":%" PRId64 ",\"line\":%d,", i ? ",\n " : "\n ", e->entry,
                   e->step, e->line);
        put_pair(out, "call", e->call);
        buf_printf(out, ",\"data\":%.*s", SPAN_ARG(e->data));
        if (e->item.len)
            buf_printf(out, ",\"item\":%.*s", SPAN_ARG(e->item));
        buf_add_char(out, '}');
    }
}

static void put_lines(struct buf *out, const struct db_rows *lines)
{
    for (size_t row = 0; row < db_count(lines); row++) {
        buf_add_str(out, row ? ",\n " : "\n ");
        flow_line_put(out, lines, row);
    }
}

static void print_run(const struct saved_run *run, const struct db_rows *lines)
{
    struct buf out, variables;
    struct flow_error error = {0}, now;
    buf_init(&out, SAVED_RUN_MAX);
    buf_init(&variables, SAVED_RUN_MAX);
    buf_add_char(&out, '{');
    put_pair(&out, "run", span_str(run->id));
    buf_add_char(&out, ',');
    put_pair(&out, "conversation", span_str(run->conversation));
    buf_add_char(&out, ',');
    put_pair(&out, "flow", span_str(run->flow));
    buf_add_char(&out, ',');
    put_pair(&out, "version", span_str(run->hash));
    buf_printf(&out, ",\"state\":\"%s\",\"step\":%" PRId64 ",\"input_seq\":%" PRId64 ",\n\"waiting\":%.*s",
               saved_run_state(run), run->saved.step, run->saved.input_seq, SPAN_ARG(run->saved.waiting));
    if (saved_run_error(run, &error))
        put_error(&out, &error);
    saved_run_look(run, put_variable, &variables, &now);
    buf_printf(&out, ",\n\"variables\":[\n%.*s],\n\"log\":[", SPAN_ARG(buf_span(&variables)));
    put_lines(&out, lines);
    buf_add_str(&out, "],\n\"journal\":[");
    put_journal(&out, run);
    buf_add_str(&out, "]}");
    fwrite(out.ptr, 1, out.len, stdout);
    buf_done(&variables);
    buf_done(&out);
}

/* ---- either ---- */

static int show_run(struct cli *cli, struct db *db, const char *id, int level)
{
    struct saved_run *run = NULL;
    struct db_rows *lines = NULL;
    struct flow_lines wish = flow_lines_all;
    int code = saved_run_read(cli, db, id, &run);
    if (code == CLI_OK) {
        wish.run = run->id;
        wish.conversation = run->conversation;
        wish.level = level;
        parley_status st = flow_lines_read(db, &wish, NULL, NULL, &lines);
        code = st == PARLEY_OK ? CLI_OK : db_fail(db, st, "cannot read the lines");
    }
    bool masked = code == CLI_OK && saved_run_mask(run);
    if (code == CLI_OK && cli_json(cli))
        print_run(run, lines);
    else if (code == CLI_OK)
        say_run(cli, run, masked, lines);
    db_rows_free(&lines);
    saved_run_free(&run);
    return code;
}

int flow_run_show(struct cli *cli, const char *id, int level)
{
    struct db *db = NULL;
    int code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = show_run(cli, db, id, level);
    if (code == CLI_OK && cli_json(cli))
        putchar('\n');
    db_close(&db);
    return code;
}

/* ---- runs ---- */

static int show_all(struct cli *cli, struct db *db, const struct db_rows *rows)
{
    int code = CLI_OK;
    if (cli_json(cli))
        putchar('[');
    for (size_t row = 0; row < db_count(rows) && code == CLI_OK; row++) {
        if (row)
            puts(cli_json(cli) ? "," : "");
        code = show_run(cli, db, db_cell(rows, row, 0), 0);
    }
    if (cli_json(cli))
        puts("]");
    return code;
}

/* Of those that are wanted, the newest first. */
#define WANTED                                                                                                         \
    " where case when $1 = 'failed' then r.state = 5 else r.state < 4 end and ($2 = '' or v.name = $2)"                \
    " order by r.updated_at desc limit $3::int"

static int show_verbose(struct cli *cli, const char *const *args)
{
    struct db *db = NULL;
    struct db_rows *rows = NULL;
    int code = db_open_ready(cli, &db);
    if (code != CLI_OK)
        return code;
    parley_status st = db_query(db, "select r.id from flow_run r join flow_version v using (hash)" WANTED, args, &rows);
    code = st == PARLEY_OK ? show_all(cli, db, rows) : db_fail(db, st, "cannot read the runs");
    db_rows_free(&rows);
    db_close(&db);
    return code;
}

int flow_runs(struct cli *cli)
{
    const char *limit;
    char first[UUID_TEXT + 1];
    int code = flow_limit(cli, &limit);
    if (code != CLI_OK)
        return code;
    const char *const *args = DB_ARGS(cli_has(cli, "failed") ? "failed" : "live", cli_flag_or(cli, "flow", ""), limit);
    if (cli_has(cli, "verbose"))
        return show_verbose(cli, args);
    code = list_rows_first(
        cli,
        "select r.id, v.name, left(encode(r.hash, 'hex'), 12),"
        " case r.state when 1 then 'running' when 2 then 'waiting' when 3 then 'handoff' else 'failed' end, r.step,"
        " to_char(r.updated_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
        " coalesce(f.told->>'file', r.waiting->>'file', v.name || '.lua') || ':' ||"
        "   coalesce(f.told->>'line', r.waiting->>'line', '0'),"
        " case when f.told is null then (r.waiting->>'call') || ' \"' || (r.waiting->>'label') || '\"'"
        "      else '[' || (f.told->>'code') || '] ' || (f.told->>'text') end"
        " from flow_run r join flow_version v using (hash)"
        " left join lateral (select data->'told' as told from flow_journal j where r.state = 5 and j.run = r.id"
        "                       and j.call = 'failed' order by entry desc limit 1) f on true" WANTED,
        args, (const char *const[]){"run", "flow", "version", "state", "step#", "since", "place", "what", NULL}, first,
        sizeof first);
    if (code == CLI_OK && *first)
        cli_say(cli,
                "\nAll about the first - error, variables, what it logged, journal (--verbose: of all):\n"
                "  parley flow logs %s",
                first);
    else if (code == CLI_OK)
        cli_say(cli, cli_has(cli, "failed") ? "no run has failed" : "no run is under way");
    return code;
}
