/* One statement, one table. */
#include "server/cli/list.h"

#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 16, NAME_MAX_BYTES = 32 };

struct columns {
    char names[COLUMNS_MAX][NAME_MAX_BYTES];
    const char *at[COLUMNS_MAX + 1];
    char kinds[COLUMNS_MAX]; /* '#', '?' or 0 */
    int count;
};

static void read_columns(struct columns *c, const char *const *columns)
{
    *c = (struct columns){0};
    for (; columns[c->count] && c->count < COLUMNS_MAX; c->count++) {
        char *name = c->names[c->count];
        snprintf(name, NAME_MAX_BYTES, "%s", columns[c->count]);
        char *kind = name + strcspn(name, "#?");
        c->kinds[c->count] = *kind;
        *kind = '\0';
        c->at[c->count] = name;
    }
}

static void print_cell(struct out *out, char kind, const char *text)
{
    if (text && kind == '#')
        out_int(out, strtoll(text, NULL, 10));
    else if (text && kind == '?')
        out_bool(out, *text == 't');
    else
        out_text(out, text);
}

int list_rows(struct cli *cli, const char *sql, const char *const *args, const char *const *columns)
{
    char first[2];
    return list_rows_first(cli, sql, args, columns, first, sizeof first);
}

int list_rows_first(struct cli *cli, const char *sql, const char *const *args, const char *const *columns, char *first,
                    size_t size)
{
    struct db *db = NULL;
    struct db_rows *rows = NULL;
    struct columns c;
    int code = db_open_ready(cli, &db);
    if (code != CLI_OK)
        return code;
    parley_status st = db_query(db, sql, args, &rows);
    if (st != PARLEY_OK) {
        code = db_fail(db, st, "cannot read the list");
        db_close(&db);
        return code;
    }
    read_columns(&c, columns);
    struct out *out = out_table(cli, c.at);
    for (size_t row = 0; row < db_count(rows); row++)
        for (int i = 0; i < c.count; i++)
            print_cell(out, c.kinds[i], db_cell(rows, row, i));
    out_end(&out);
    snprintf(first, size, "%s", db_count(rows) && db_cell(rows, 0, 0) ? db_cell(rows, 0, 0) : "");
    db_rows_free(&rows);
    db_close(&db);
    return CLI_OK;
}
