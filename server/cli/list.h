/* `parley ... list`: the rows of one statement as a table or as JSON. Single thread. */
#ifndef SERVER_CLI_LIST_H
#define SERVER_CLI_LIST_H

struct cli;

/* Columns of the answer in order; a name that ends in '#' is a number, in '?' a boolean. NULL-ended. A cli_exit. */
int list_rows(struct cli *cli, const char *sql, const char *const *args, const char *const *columns);

#endif
