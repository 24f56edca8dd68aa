/* parley flow diff: what a file would change, or what a version has changed, file by file. */
#include "server/base/line_diff.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/flow_tools.h"
#include "server/flow/bundle.h"

#include <stdio.h>
#include <string.h>

enum { DIFF_MAX = 16 << 20 };

struct side {
    const char *name; /* "published", a version, or a path */
    struct span text;
};

static const struct bundle_part *part_of(const struct bundle *bundle, struct span name)
{
    for (size_t i = 0; i < bundle->count; i++)
        if (span_equal(bundle->parts[i].name, name))
            return &bundle->parts[i];
    return NULL;
}

static void diff_part(const char *flow, const struct side *from, const struct side *to, const struct bundle_part *a,
                      const struct bundle_part *b, struct buf *out)
{
    struct span name = a ? a->name : b->name;
    struct buf hunks;
    buf_init(&hunks, DIFF_MAX);
    if (name.len == 0)
        name = span_str(flow);
    if (line_diff(a ? a->text : span_of("", 0), b ? b->text : span_of("", 0), &hunks))
        buf_printf(out, "--- %.*s.lua %s\n+++ %.*s.lua %s\n%.*s", SPAN_ARG(name), from->name, SPAN_ARG(name), to->name,
                   SPAN_ARG(buf_span(&hunks)));
    buf_done(&hunks);
}

/* Of files the name, length and digest are all that a version has. */
static void diff_files(const char *flow, const struct side *from, const struct side *to, struct buf *out)
{
    struct buf hunks;
    buf_init(&hunks, DIFF_MAX);
    if (line_diff(bundle_said_lines(from->text), bundle_said_lines(to->text), &hunks))
        buf_printf(out, "--- files of %s %s\n+++ files of %s %s\n%.*s", flow, from->name, flow, to->name,
                   SPAN_ARG(buf_span(&hunks)));
    buf_done(&hunks);
}

static void print_diff(struct cli *cli, const char *flow, const struct side *from, const struct side *to)
{
    struct bundle a, b;
    struct buf out;
    buf_init(&out, DIFF_MAX);
    bundle_split(from->text, &a);
    bundle_split(to->text, &b);
    for (size_t i = 0; i < a.count; i++)
        diff_part(flow, from, to, &a.parts[i], part_of(&b, a.parts[i].name), &out);
    for (size_t i = 0; i < b.count; i++)
        if (!part_of(&a, b.parts[i].name))
            diff_part(flow, from, to, NULL, &b.parts[i], &out);
    diff_files(flow, from, to, &out);
    if (out.len)
        fwrite(out.ptr, 1, out.len, stdout);
    else
        cli_say(cli, "%s: no difference", flow);
    buf_done(&out);
}

/* What new runs get, or what is asked for by its hash. */
static int read_side(struct db *db, const char *flow, const char *version, struct db_rows **rows, struct side *out)
{
    int code = flow_version_of(db, flow, version, rows);
    if (code == CLI_OK)
        *out = (struct side){version, span_str(db_cell(*rows, 0, 2))};
    return code;
}

static int diff_file(struct cli *cli, struct db *db, const char *path)
{
    char flow[FLOW_NAME];
    struct flow_source source = {0};
    struct db_rows *rows = NULL;
    struct side from, to = {.name = path};
    if (!flow_name_of(path, flow))
        return cli_fail(CLI_USAGE, "%s: name the file after the flow", path);
    int code = flow_source_read(path, &source);
    if (code == CLI_OK)
        code = read_side(db, flow, FLOW_PUBLISHED, &rows, &from);
    if (code == CLI_OK) {
        to.text = buf_span(&source.text);
        print_diff(cli, flow, &from, &to);
    }
    db_rows_free(&rows);
    buf_done(&source.text);
    return code;
}

static int diff_versions(struct cli *cli, struct db *db, const char *flow)
{
    struct db_rows *a = NULL, *b = NULL;
    struct side from, to;
    bool two = cli_operand_count(cli) == 3;
    int code = read_side(db, flow, cli_operand(cli, 1), &a, &from);
    if (code == CLI_OK)
        code = read_side(db, flow, two ? cli_operand(cli, 2) : FLOW_PUBLISHED, &b, &to);
    if (code == CLI_OK)
        print_diff(cli, flow, &from, &to);
    db_rows_free(&a);
    db_rows_free(&b);
    return code;
}

int flow_diff(struct cli *cli)
{
    const char *first = cli_operand(cli, 0), *dot = strrchr(first, '.');
    bool file = dot && strcmp(dot, ".lua") == 0;
    struct db *db = NULL;
    if (file != (cli_operand_count(cli) == 1))
        return cli_fail(CLI_USAGE, "a FILE.lua to compare with what is published, or FLOW VERSION [VERSION]");
    int code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = file ? diff_file(cli, db, first) : diff_versions(cli, db, first);
    db_close(&db);
    return code;
}
