/* parley flow check: mistakes, and whether what the flows need is there. parley flow help: a page on an error. */
#include "server/base/conf.h"
#include "server/base/mem.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/flow_tools.h"
#include "server/flow/check.h"
#include "server/flow/page.h"
#include "server/flow/start.h"
#include "server/flow/starts.h"

#include <stdio.h>
#include <string.h>

enum { PAGE_MAX = 1 << 14, ARENA = 8 << 20 };

/* Names, ended by NULL. */
struct names {
    const char **at;
    size_t count;
};

static void add_name(struct names *n, struct span name)
{
    n->at = mem_resize(n->at, (n->count + 2) * sizeof *n->at);
    n->at[n->count++] = mem_span(name);
    n->at[n->count] = NULL;
}

static void names_done(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        mem_free((char *)n->at[i]);
    mem_free(n->at);
}

/* The beginning of each word, up to its equals sign. */
static void add_keys(struct names *n, const char *text)
{
    while (*text) {
        size_t word = strcspn(text, " "), name = strcspn(text, "= ");
        if (name && name < word)
            add_name(n, span_of(text, name));
        text += word + strspn(text + word, " ");
    }
}

/* What the flows may need. */
struct there {
    struct names services, secrets, queues;
};

static int read_conf(struct cli *cli, struct there *t)
{
    const struct conf *conf = cli_conf(cli);
    if (!conf)
        return CLI_PROBLEMS;
    t->services.at = mem_array(1, sizeof *t->services.at);
    t->secrets.at = mem_array(1, sizeof *t->secrets.at);
    for (size_t i = 0; i < conf->flows.services.count; i++)
        add_keys(&t->services, conf->flows.services.at[i]);
    add_keys(&t->secrets, conf->flows.secrets);
    return CLI_OK;
}

static int read_database(struct cli *cli, struct there *t)
{
    struct db *db = NULL;
    struct db_rows *rows = NULL;
    int code = db_open_ready(cli, &db);
    if (code != CLI_OK)
        return code;
    parley_status st = db_query(db, "select name from queue order by name", DB_ARGS(), &rows);
    if (st == PARLEY_OK) {
        t->queues.at = mem_array(1, sizeof *t->queues.at);
        for (size_t i = 0; i < db_count(rows); i++)
            add_name(&t->queues, span_str(db_cell(rows, i, 0)));
    } else {
        code = db_fail(db, st, "cannot read the queues");
    }
    db_rows_free(&rows);
    db_close(&db);
    return code;
}

struct checking {
    struct cli *cli;
    struct starts *starts; /* of the folder that is being looked at; NULL: none is */
    const struct flow_known *known;
    int code, count;
};

/* Of the files before it in the folder; they come by name. */
static void compare_start(struct checking *c, const char *path, struct span source)
{
    char name[FLOW_NAME];
    struct arena arena;
    arena_init(&arena, ARENA);
    struct value start = start_read(&arena, source);
    if (flow_name_of(path, name)) {
        flow_start_remark(c->cli, c->starts, name, &start);
        starts_add(c->starts, span_str(name), &start);
    }
    arena_done(&arena);
}

static void check_file(void *arg, const char *path)
{
    struct checking *c = arg;
    struct flow_source source = {0};
    int code = flow_source_check(path, c->known, &source);
    if (code == CLI_OK)
        cli_say(c->cli, "%s: ok", path);
    else
        c->code = code;
    if (code == CLI_OK && c->starts)
        compare_start(c, path, buf_span(&source.text));
    c->count++;
    buf_done(&source.text);
}

static bool check_folder(struct checking *c, const char *folder)
{
    c->starts = starts_new();
    bool is_one = flow_each_file(folder, ".lua", check_file, c);
    starts_free(&c->starts);
    return is_one;
}

/* A file, a flow by its name, or a folder of them. */
static void check_path(struct checking *c, const char *operand)
{
    char room[FLOW_PATH];
    if (!check_folder(c, operand))
        check_file(c, flow_file(operand, room, sizeof room));
}

static int check_all(struct cli *cli, const struct flow_known *known)
{
    struct checking c = {.cli = cli, .known = known, .code = CLI_OK};
    for (int i = 0; i < cli_operand_count(cli); i++)
        check_path(&c, cli_operand(cli, i));
    if (cli_operand_count(cli) == 0)
        check_folder(&c, "flows");
    return c.count ? c.code : cli_fail(CLI_NOT_FOUND, "no flows: there is no *.lua in flows/");
}

int flow_check(struct cli *cli)
{
    struct there there = {0};
    bool configured = cli_flag(cli, "config") || cli_flag(cli, "set"), online = cli_has(cli, "online");
    int code = configured || online ? read_conf(cli, &there) : CLI_OK;
    if (code == CLI_OK && online)
        code = read_database(cli, &there);
    if (code == CLI_OK)
        code = check_all(cli, &(struct flow_known){there.services.at, there.secrets.at, there.queues.at});
    names_done(&there.services);
    names_done(&there.secrets);
    names_done(&there.queues);
    return code;
}

bool flow_help_page(const char *code)
{
    struct buf page;
    buf_init(&page, PAGE_MAX);
    bool found = flow_page_print(code, &page);
    if (found)
        printf("%.*s", SPAN_ARG(buf_span(&page)));
    buf_done(&page);
    return found;
}

int flow_help(struct cli *cli)
{
    const char *code = cli_operand(cli, 0);
    return flow_help_page(code)
               ? CLI_OK
               : cli_fail(CLI_NOT_FOUND, "there is no error %.16s; they are listed in server/flow/ERRORS.md", code);
}
