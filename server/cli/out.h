/* Data on stdout: an aligned table for people, JSON for programs, from the same calls.
 *   struct out *out = out_table(cli, (const char *const[]){"name", "waiting", NULL});
 *   out_text(out, name), out_int(out, waiting);        each row, cell by cell
 *   out_end(&out);
 * Single thread. */
#ifndef SERVER_CLI_OUT_H
#define SERVER_CLI_OUT_H

#include <stdbool.h>
#include <stdint.h>

struct cli;
struct out;

/* Many rows: a table, or an array of objects. */
struct out *out_table(const struct cli *cli, const char *const *columns);

/* One row: "name: value" lines, or one object. */
struct out *out_one(const struct cli *cli, const char *const *columns);

void out_text(struct out *out, const char *text); /* NULL is null, and nothing in the table */
void out_int(struct out *out, int64_t n);
void out_bool(struct out *out, bool yes);

/* Prints, frees, leaves NULL. */
void out_end(struct out **out);

/* A text as a JSON string, with its quotes. */
void out_json_text(const char *text);

/* A text that somebody else chose, on the terminal: no escape sequence reaches it. */
void out_plain(const char *text);

#endif
