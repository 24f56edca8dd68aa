/* Cells are kept as text until the end, when the width of every column is known. */
#include "server/cli/out.h"

#include "server/base/mem.h"
#include "server/cli/cli.h"
#include "server/cli/term.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct cell {
    char *text;
    bool quoted; /* in JSON */
};

struct out {
    const char *const *columns;
    size_t width; /* columns */
    struct cell *cells;
    size_t count;
    bool json, one, color;
};

static struct out *out_new(const struct cli *cli, const char *const *columns, bool one)
{
    struct out *out = mem_alloc(sizeof *out);
    out->columns = columns;
    while (columns[out->width])
        out->width++;
    out->json = cli_json(cli);
    out->color = cli_color(cli);
    out->one = one;
    return out;
}

struct out *out_table(const struct cli *cli, const char *const *columns)
{
    return out_new(cli, columns, false);
}

struct out *out_one(const struct cli *cli, const char *const *columns)
{
    return out_new(cli, columns, true);
}

static void add(struct out *out, const char *text, bool quoted)
{
    out->cells = mem_resize(out->cells, (out->count + 1) * sizeof *out->cells);
    out->cells[out->count++] = (struct cell){.text = mem_text(text), .quoted = quoted};
}

void out_text(struct out *out, const char *text)
{
    add(out, text, true);
}

void out_int(struct out *out, int64_t n)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, n);
    add(out, text, false);
}

void out_bool(struct out *out, bool yes)
{
    if (out->json)
        add(out, yes ? "true" : "false", false);
    else
        add(out, yes ? "yes" : "no", false);
}

void out_json_text(const char *text)
{
    putchar('"');
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            printf("\\%c", *p);
        else if (*p == '\n')
            fputs("\\n", stdout);
        else if (*p < 0x20 || *p == 0x7f)
            printf("\\u%04x", *p);
        else
            putchar(*p);
    }
    putchar('"');
}

static void print_object(const struct out *out, size_t row)
{
    putchar('{');
    for (size_t c = 0; c < out->width; c++) {
        const struct cell *cell = &out->cells[row * out->width + c];
        printf("%s\"%s\":", c ? "," : "", out->columns[c]);
        if (!cell->text)
            fputs("null", stdout);
        else if (cell->quoted)
            out_json_text(cell->text);
        else
            fputs(cell->text, stdout);
    }
    putchar('}');
}

static void print_json(const struct out *out, size_t rows)
{
    if (!out->one)
        putchar('[');
    for (size_t r = 0; r < rows; r++) {
        fputs(r ? ",\n " : "", stdout);
        print_object(out, r);
    }
    puts(out->one ? "" : "]");
}

static int columns_of(const char *text)
{
    return (int)term_width(span_str(text));
}

static void print_cell(const char *text, int width, bool last)
{
    printf("%s%*s", text, last ? 0 : width - columns_of(text) + 2, "");
}

static char tame(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f ? ' ' : c;
}

/* A cell may hold what a customer or agent chose: no escape sequence reaches the terminal. */
static void tame_cell(char *text)
{
    for (; text && *text; text++)
        *text = tame(*text);
}

void out_plain(const char *text)
{
    for (; *text; text++)
        putchar(tame(*text));
}

static void print_rows(const struct out *out, size_t rows)
{
    int *widths = mem_array(out->width, sizeof *widths);
    for (size_t i = 0; i < out->count + out->width; i++) {
        const char *text = i < out->width ? out->columns[i] : out->cells[i - out->width].text;
        int width = columns_of(text ? text : "");
        if (width > widths[i % out->width])
            widths[i % out->width] = width;
    }
    fputs(out->color ? "\033[1m" : "", stdout);
    for (size_t c = 0; c < out->width; c++)
        print_cell(out->columns[c], widths[c], c + 1 == out->width);
    puts(out->color ? "\033[0m" : "");
    for (size_t i = 0; i < rows * out->width; i++) {
        bool last = i % out->width + 1 == out->width;
        print_cell(out->cells[i].text ? out->cells[i].text : "", widths[i % out->width], last);
        if (last)
            putchar('\n');
    }
    mem_free(widths);
}

static void print_lines(const struct out *out)
{
    for (size_t c = 0; c < out->count; c++)
        if (out->cells[c].text)
            printf("%s: %s\n", out->columns[c], out->cells[c].text);
}

void out_end(struct out **at)
{
    struct out *out = *at;
    size_t rows = out->count / out->width;
    for (size_t i = 0; !out->json && i < out->count; i++)
        tame_cell(out->cells[i].text);
    if (out->json)
        print_json(out, rows);
    else if (out->one)
        print_lines(out);
    else
        print_rows(out, rows);
    for (size_t i = 0; i < out->count; i++)
        mem_free(out->cells[i].text);
    mem_free(out->cells);
    mem_free(out);
    *at = NULL;
}
