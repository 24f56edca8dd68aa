/* Verbs that withdraw or give back: one row, named by the operand, changed in one transaction. Single thread. */
#ifndef SERVER_CLI_TOUCH_H
#define SERVER_CLI_TOUCH_H

#include "protocol/status.h"

#include <stdbool.h>

struct cli;
struct db;

struct touch {
    const char *column; /* what the answer calls the operand */
    const char *noun;   /* "no NOUN `operand`; `parley LIST` shows them" */
    const char *list;
    const char *changed;                                        /* as in db_commit */
    bool disabled;                                              /* what the row is afterwards */
    parley_status (*write)(struct db *db, const char *operand); /* NOT_FOUND when there is no such row */
};

/* A cli_exit. */
int touch_row(struct cli *cli, const struct touch *touch);

/* For verbs that print more: what `write` refused is said. A cli_exit. */
int touch_refuse(struct cli *cli, struct db *db, const struct touch *touch, parley_status st);

#endif
