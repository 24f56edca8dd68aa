/* The transaction around one row's change, and its answer. */
#include "server/cli/touch.h"

#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/out.h"

#include <stdio.h>

int touch_refuse(struct cli *cli, struct db *db, const struct touch *touch, parley_status st)
{
    char what[64];
    if (st == PARLEY_NOT_FOUND)
        return cli_fail(CLI_NOT_FOUND, "no %s `%.254s`; `parley %s` shows them", touch->noun, cli_operand(cli, 0),
                        touch->list);
    snprintf(what, sizeof what, "cannot change the %s", touch->changed);
    return db_fail(db, st, what);
}

static int write_row(struct cli *cli, struct db *db, const struct touch *touch)
{
    const char *const columns[] = {touch->column, "disabled", NULL};
    parley_status st = db_begin(db);
    if (st == PARLEY_OK)
        st = touch->write(db, cli_operand(cli, 0));
    if (st == PARLEY_OK)
        st = db_commit(db, touch->changed);
    if (st != PARLEY_OK)
        return touch_refuse(cli, db, touch, st);
    struct out *out = out_one(cli, columns);
    out_text(out, cli_operand(cli, 0));
    out_bool(out, touch->disabled);
    out_end(&out);
    return CLI_OK;
}

int touch_row(struct cli *cli, const struct touch *touch)
{
    struct db *db = NULL;
    int code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = write_row(cli, db, touch);
    db_close(&db);
    return code;
}
