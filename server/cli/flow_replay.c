/* parley flow replay: would runs go on with a file - all that are under way, or one, stored or saved? */
#include "server/base/conf.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/flow_saved.h"
#include "server/cli/flow_tools.h"
#include "server/cli/out.h"
#include "server/flow/bundle.h"

#include <stdio.h>

static void print_json(const struct saved_run *run, bool same, const struct flow_error *e)
{
    static const char *const names[] = {"code", "file", "text"};
    const char *const texts[] = {e->code, e->file, e->text};
    fputs("{\"run\":", stdout);
    out_json_text(run->id);
    printf(",\"goes_on\":%s", same ? "true" : "false");
    if (!same)
        printf(",\"step\":%lld,\"was_line\":%d,\"line\":%d", (long long)e->was_step, e->was_line, e->line);
    for (size_t i = 0; !same && i < sizeof names / sizeof *names; i++) {
        printf(",\"%s\":", names[i]);
        out_json_text(texts[i]);
    }
    puts("}");
}

static void print_words(const struct saved_run *run, bool same, const struct flow_error *e, struct span source)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    if (same)
        buf_printf(&text, "run %s goes on\n", run->id);
    else
        flow_error_print(e, bundle_file(source, e->file), &text);
    printf("%.*s", SPAN_ARG(buf_span(&text)));
    buf_done(&text);
}

static int replay(struct cli *cli, const struct saved_run *run, const char *file, struct span source)
{
    struct flow_error error = {0};
    struct rehearsal *r = rehearsal_new(&run->limits);
    parley_status st = rehearsal_use(r, file, source, &error);
    if (st == PARLEY_OK)
        st = rehearsal_look(r, &run->saved, NULL, NULL, &error);
    rehearsal_free(&r);
    if (st == PARLEY_WRONG_STATE)
        return cli_fail(CLI_CONFLICT, "run %s is over", run->id);
    if (st != PARLEY_OK && !error.code[0])
        return cli_fail(CLI_FAILED, "the journal of run %s cannot be read: %s", run->id, status_name(st));
    if (cli_json(cli))
        print_json(run, st == PARLEY_OK, &error);
    else
        print_words(run, st == PARLEY_OK, &error, source);
    return st == PARLEY_OK ? CLI_OK : CLI_PROBLEMS;
}

static int read_run(struct cli *cli, struct saved_run **run)
{
    const char *id = cli_flag(cli, "run");
    struct db *db = NULL;
    if (!id)
        return saved_run_load(cli, cli_flag(cli, "journal"), run);
    int code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = saved_run_read(cli, db, id, run);
    db_close(&db);
    return code;
}

int flow_replay(struct cli *cli)
{
    char room[FLOW_PATH];
    const char *path = flow_file(cli_operand(cli, 0), room, sizeof room);
    struct saved_run *run = NULL;
    struct flow_source source = {0};
    char name[FLOW_NAME], file[FLOW_NAME + 4];
    bool one = cli_flag(cli, "run") != NULL, saved = cli_flag(cli, "journal") != NULL;
    if (one && saved)
        return cli_fail(CLI_USAGE, "either --run or --journal");
    if (!one && !saved)
        return flow_try(cli);
    if (!flow_name_of(path, name))
        return cli_fail(CLI_USAGE, "%s: name the file after the flow", path);
    int code = flow_source_read(path, &source);
    if (code == CLI_OK)
        code = read_run(cli, &run);
    snprintf(file, sizeof file, "%s.lua", name);
    if (code == CLI_OK)
        code = replay(cli, run, file, buf_span(&source.text));
    saved_run_free(&run);
    buf_done(&source.text);
    return code;
}
