/* parley flow logs: what flows wrote, of all runs or of one, and on as it comes. */
#include "server/cli/flow_lines.h"

#include "protocol/wire_json.h"
#include "server/base/log.h"
#include "server/base/suggest.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/flow_tools.h"
#include "server/cli/out.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LINE_ROOM = 1 << 16, TX_TEXT = 24 };
enum column { AT, LEVEL, FLOW, VERSION, RUN, STEP, FILE_NAME, LINE, TEXT };

enum { LEVELS = LOG_ERROR + 1 };

const struct flow_lines flow_lines_all = {"", "", "", 0, "1000000"};

parley_status flow_lines_read(struct db *db, const struct flow_lines *wish, const char *tx_from, const char *tx_before,
                              struct db_rows **out)
{
    char level[2] = {(char)('0' + wish->level), '\0'};
    return db_query(
        db,
        "select to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), level, flow,"
        "       left(encode(hash, 'hex'), 12), run, step, file, line, text"
        "  from (select * from flow_log where ($1 = '' or flow = $1) and ($2 = '' or run = nullif($2, '')::uuid)"
        "           and ($3 = '' or conversation = nullif($3, '')::uuid) and level >= $4::int"
        "           and tx >= $5::xid8 and tx < $6::xid8 order by at desc, run desc, number desc limit $7::bigint) l"
        " order by at, run, number",
        DB_ARGS(wish->flow, wish->run, wish->conversation, level, tx_from ? tx_from : "0",
                tx_before ? tx_before : "18446744073709551615", wish->limit),
        out);
}

static enum log_level level_of(const struct db_rows *rows, size_t row)
{
    return (enum log_level)(*db_cell(rows, row, LEVEL) - '0');
}

void flow_line_say(const struct cli *cli, const struct db_rows *rows, size_t row)
{
    static const char *const colors[LEVELS] = {"\033[2m", "", "\033[33m", "\033[31m"};
    const char *text = db_cell(rows, row, TEXT);
    enum log_level level = level_of(rows, row);
    bool color = cli_color(cli);
    printf("%s %s%-5s %s:%s  ", db_cell(rows, row, AT), color ? colors[level] : "", log_level_name(level),
           db_cell(rows, row, FILE_NAME), db_cell(rows, row, LINE));
    out_plain(text ? text : "(erased)");
    printf("%s%s  flow=%s version=%s run=%s%s\n", color ? "\033[0m" : "", color ? "\033[2m" : "",
           db_cell(rows, row, FLOW), db_cell(rows, row, VERSION), db_cell(rows, row, RUN), color ? "\033[0m" : "");
}

static void put(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, ",\"%s\":", name);
    if (text)
        wire_json_put_text(out, span_str(text));
    else
        buf_add_str(out, "null");
}

void flow_line_put(struct buf *out, const struct db_rows *rows, size_t row)
{
    buf_printf(out, "{\"at\":\"%s\"", db_cell(rows, row, AT));
    put(out, "level", log_level_name(level_of(rows, row)));
    put(out, "flow", db_cell(rows, row, FLOW));
    put(out, "version", db_cell(rows, row, VERSION));
    put(out, "run", db_cell(rows, row, RUN));
    buf_printf(out, ",\"step\":%s", db_cell(rows, row, STEP));
    put(out, "file", db_cell(rows, row, FILE_NAME));
    buf_printf(out, ",\"line\":%s", db_cell(rows, row, LINE));
    put(out, "text", db_cell(rows, row, TEXT));
    buf_add_char(out, '}');
}

/* ---- the verb ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    interrupted = 1;
}

static void show(const struct cli *cli, const struct db_rows *rows)
{
    struct buf out;
    for (size_t row = 0; row < db_count(rows); row++) {
        if (!cli_json(cli)) {
            flow_line_say(cli, rows, row);
            continue;
        }
        buf_init(&out, LINE_ROOM);
        flow_line_put(&out, rows, row);
        printf("%.*s\n", SPAN_ARG(buf_span(&out)));
        buf_done(&out);
    }
    fflush(stdout);
}

/* All that transactions before this number have done can be seen. */
static parley_status settled(struct db *db, char tx[TX_TEXT])
{
    struct db_rows *rows = NULL;
    parley_status st = db_query(db, "select pg_snapshot_xmin(pg_current_snapshot())::text", DB_ARGS(), &rows);
    if (st == PARLEY_OK)
        snprintf(tx, TX_TEXT, "%s", db_cell(rows, 0, 0));
    db_rows_free(&rows);
    return st;
}

static parley_status show_between(struct cli *cli, struct db *db, const struct flow_lines *wish, const char *tx_from,
                                  const char *tx_before)
{
    struct db_rows *rows = NULL;
    parley_status st = flow_lines_read(db, wish, tx_from, tx_before, &rows);
    if (st == PARLEY_OK)
        show(cli, rows);
    if (st == PARLEY_OK && !tx_before && db_count(rows) == 0)
        cli_say(cli, "nothing%s has been logged", cli_has(cli, "level") ? " of that level" : "");
    db_rows_free(&rows);
    return st;
}

/* Each second what has been committed since: by transaction, so that none is missed and none is shown twice. */
static parley_status follow(struct cli *cli, struct db *db, struct flow_lines *wish)
{
    char from[TX_TEXT] = "", before[TX_TEXT] = "";
    sigaction(SIGINT, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
    parley_status st = settled(db, from);
    if (st == PARLEY_OK)
        st = show_between(cli, db, wish, NULL, from);
    wish->limit = flow_lines_all.limit;
    while (st == PARLEY_OK && !interrupted) {
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        st = interrupted ? PARLEY_OK : settled(db, before);
        if (st == PARLEY_OK && !interrupted)
            st = show_between(cli, db, wish, from, before);
        memcpy(from, before, sizeof from);
    }
    return st;
}

static int read_level(const struct cli *cli, struct flow_lines *wish)
{
    const char *name = cli_flag_or(cli, "level", log_level_name(LOG_DEBUG));
    for (enum log_level i = LOG_DEBUG; i <= LOG_ERROR; i++)
        if (strcmp(name, log_level_name(i)) == 0) {
            wish->level = (int)i;
            return CLI_OK;
        }
    return cli_fail(CLI_USAGE, "--level is debug, info, warn or error, not \"%.40s\"", name);
}

int flow_limit(struct cli *cli, const char **out)
{
    *out = cli_flag_or(cli, "limit", "50");
    if (strspn(*out, "0123456789") != strlen(*out) || !**out || strlen(*out) > 6)
        return cli_fail(CLI_USAGE, "--limit is a number, not \"%.40s\"", *out);
    return CLI_OK;
}

/* The flow, or the one that was meant. */
static int find_flow(struct db *db, const char *name)
{
    struct db_rows *rows = NULL;
    struct suggest s;
    parley_status st = db_query(db, "select name from flow order by name", DB_ARGS(), &rows);
    if (st != PARLEY_OK)
        return db_fail(db, st, "cannot read the flows");
    bool found = false;
    suggest_init(&s, name);
    for (size_t row = 0; row < db_count(rows); row++) {
        found |= strcmp(name, db_cell(rows, row, 0)) == 0;
        suggest_offer(&s, db_cell(rows, row, 0));
    }
    int code = CLI_OK;
    if (!found && s.best)
        code = cli_fail(CLI_NOT_FOUND, "no flow %.80s is published; did you mean %s?", name, s.best);
    else if (!found)
        code = cli_fail(CLI_NOT_FOUND, "no flow %.80s is published; parley flow list has those that are", name);
    db_rows_free(&rows);
    return code;
}

static int show_lines(struct cli *cli, struct flow_lines *wish)
{
    struct db *db = NULL;
    int code = db_open_ready(cli, &db);
    if (code == CLI_OK && *wish->flow)
        code = find_flow(db, wish->flow);
    if (code != CLI_OK) {
        db_close(&db);
        return code;
    }
    parley_status st = cli_has(cli, "follow") ? follow(cli, db, wish) : show_between(cli, db, wish, NULL, NULL);
    if (st != PARLEY_OK)
        code = db_fail(db, st, "cannot read the lines");
    db_close(&db);
    return code;
}

int flow_logs(struct cli *cli)
{
    const char *which = cli_operand(cli, 0);
    struct flow_lines wish = flow_lines_all;
    struct uuid id;
    int code = read_level(cli, &wish);
    bool one = which && uuid_parse(span_str(which), &id) == PARLEY_OK;
    if (code == CLI_OK)
        code = flow_limit(cli, &wish.limit);
    if (code != CLI_OK)
        return code;
    if (one && !cli_has(cli, "follow"))
        return flow_run_show(cli, which, wish.level);
    wish.run = one ? which : "";
    wish.flow = one || !which ? "" : which;
    return show_lines(cli, &wish);
}
