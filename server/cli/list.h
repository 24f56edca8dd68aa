/* `parley ... list`: the rows of one statement as a table or as JSON. Single thread. */
#ifndef SERVER_CLI_LIST_H
#define SERVER_CLI_LIST_H

#include <stddef.h>

struct cli;

/* Columns of the answer in order; a name that ends in '#' is a number, in '?' a boolean. NULL-ended. A cli_exit. */
int list_rows(struct cli *cli, const char *sql, const char *const *args, const char *const *columns);

/* The same, and the first cell of the first row; empty when there is none. */
int list_rows_first(struct cli *cli, const char *sql, const char *const *args, const char *const *columns, char *first,
                    size_t size);

#endif
