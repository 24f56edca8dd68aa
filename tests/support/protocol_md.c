/* Writes the generated parts of PROTOCOL.md from the tables: parley_protocol_md FILE, or with --check says whether the
 * file is out of date. A part stands between "<!-- from NAME -->" and "<!-- end -->". */
#include "protocol/buf.h"
#include "protocol/item.h"
#include "protocol/limits.h"
#include "protocol/status.h"

#include <stdio.h>
#include <stdlib.h>

static const char *or_dash(const char *text)
{
    return *text ? text : "-";
}

/* --- sorts of fields, in words --- */

static void put_range(struct buf *b, long long low, long long high)
{
    if (high == INT64_MAX)
        buf_printf(b, ", >= %lld", low);
    else
        buf_printf(b, ", %lld to %lld", low, high);
}

static void put_ID(struct buf *b, long long low, long long high)
{
    buf_add_str(b, "id");
}

static void put_ID7(struct buf *b, long long low, long long high)
{
    buf_add_str(b, "id, version 7");
}

static void put_INT(struct buf *b, long long low, long long high)
{
    buf_add_str(b, "integer");
    put_range(b, low, high);
}

static void put_TIME(struct buf *b, long long low, long long high)
{
    buf_add_str(b, "time");
}

static void put_REAL(struct buf *b, long long low, long long high)
{
    buf_add_str(b, "number");
    put_range(b, low, high);
}

static void put_BOOL(struct buf *b, long long low, long long high)
{
    buf_add_str(b, "boolean");
}

static void put_length(struct buf *b, const char *sort, long long low, long long high)
{
    if (low == high)
        buf_printf(b, "%s, %lld bytes", sort, high);
    else if (low == 0)
        buf_printf(b, "%s, <= %lld bytes", sort, high);
    else
        buf_printf(b, "%s, %lld to %lld bytes", sort, low, high);
}

static void put_TEXT(struct buf *b, long long low, long long high)
{
    put_length(b, "text", low, high);
}

static void put_NAME(struct buf *b, long long low, long long high)
{
    put_length(b, "name", low, high);
}

static void put_BODY(struct buf *b, long long low, long long high)
{
    buf_printf(b, "%s, <= %lld bytes", low ? "data" : "body", high);
}

/* --- frames.def --- */

#define REQUIRED_REQ ""
#define REQUIRED_SOME ""
#define REQUIRED_OPT "?"
#define LEAST_REQ "<= "
#define LEAST_SOME "1 to "
#define LEAST_OPT "<= "

/* What the first column of the next table is called; written with its first row, for a map may have none. */
static const char *head_due;

static void put_head(struct buf *b)
{
    if (head_due)
        buf_printf(b, "\n| %s | is | |\n| --- | --- | --- |\n", head_due);
    head_due = NULL;
}

static void put_row(struct buf *b, const char *name, const char *need, struct span sort, const char *doc)
{
    put_head(b);
    buf_printf(b, "| `%s`%s | %.*s | %s |\n", name, need, SPAN_ARG(sort), doc);
}

/* One field: `sort` has been written to the scratch buf. */
#define ROW(name, need, doc, ...)                                                                                      \
    {                                                                                                                  \
        struct buf sort;                                                                                               \
        buf_init(&sort, 4096);                                                                                         \
        __VA_ARGS__;                                                                                                   \
        put_row(b, #name, REQUIRED_##need, buf_span(&sort), doc);                                                      \
        buf_done(&sort);                                                                                               \
    }

static void put_enumerations(struct buf *b)
{
#define ENUM_BEGIN(name, doc)                                                                                          \
    buf_printf(b, "\n**%s**: %s\n", #name, doc);                                                                       \
    head_due = "name";
#define VALUE(name, value, number, doc)                                                                                \
    put_head(b);                                                                                                       \
    buf_printf(b, "| `%s` | %d | %s |\n", #value, number, doc);
#include "protocol/frames.def"
}

#define FIELD(owner, type, name, need, low, high, doc) ROW(name, need, doc, put_##type(&sort, low, high))
#define CHOICE(owner, choice, name, need, doc) ROW(name, need, doc, buf_add_str(&sort, "one of **" #choice "**"))
#define ONE(owner, record, name, need, doc) ROW(name, need, doc, buf_add_str(&sort, "a *" #record "*"))
#define LIST(owner, record, name, need, high, doc)                                                                     \
    ROW(name, need, doc, buf_printf(&sort, "list of *%s*, " LEAST_##need "%lld", #record, (long long)(high)))
/* The tables are gone through whole; what is not of the wanted part is written to `other` and forgotten. */
enum part { PART_RECORDS, PART_REQUESTS, PART_PUSHES, PART_KINDS };

/* A heading has its text below it, a name in italics beside it. */
static void put_title(struct buf *b, const char *title, const char *doc)
{
    bool heading = title[0] == '#';
    buf_printf(b, "\n%s%s%s\n", title, *doc == '\0' ? "" : heading ? "\n" : ": ", doc);
}

static void put_posters(struct buf *b, unsigned posters)
{
    static const char *const names[] = {"customers", "agents in control", "staff", "bots in control", "back ends"};
    const char *between = "";
    for (int i = 0; i < 5; i++)
        if (posters & 1u << i) {
            buf_printf(b, "%s%s", between, names[i]);
            between = ", ";
        }
    if (posters == 0)
        buf_add_str(b, "only the server");
}

static void put_kind(struct buf *b, int number, const char *doc)
{
    const struct item_row *row = item_row(number);
    buf_printf(b, "\n#### `%s`\n%s. %s; posted by ", row->name, doc,
               row->audience == audience_staff ? "Staff only" : "Public");
    put_posters(b, row->posters);
    buf_printf(b, "%s.\n", row->moves ? "; moves the state of service" : "");
    head_due = "body";
}

static void put_frames(struct buf *b, enum part wanted, struct buf *other)
{
    struct buf *all = b;
#define RECORD_BEGIN(name, doc)                                                                                        \
    b = wanted == PART_RECORDS ? all : other;                                                                          \
    put_title(b, "*" #name "*", doc);                                                                                  \
    head_due = "field";
#define REQUEST_BEGIN(name, wire, reply, doc)                                                                          \
    b = wanted == PART_REQUESTS ? all : other;                                                                         \
    put_title(b, "#### `" wire "` -> *" #reply "*", doc);                                                              \
    head_due = "data";
#define REPLY_BEGIN(name, doc)                                                                                         \
    b = wanted == PART_REQUESTS ? all : other;                                                                         \
    put_title(b, "Reply *" #name "*", doc);                                                                            \
    head_due = "data";
#define PUSH_BEGIN(name, wire, doc)                                                                                    \
    b = wanted == PART_PUSHES ? all : other;                                                                           \
    put_title(b, "#### push `" wire "`", doc);                                                                         \
    head_due = "data";
#define ITEM_BEGIN(name, number, wire, audience, moves, posters, doc)                                                  \
    b = wanted == PART_KINDS ? all : other;                                                                            \
    put_kind(b, number, doc);
#include "protocol/maps.def"
}

/* --- the other tables --- */

static void put_limits(struct buf *b)
{
    buf_add_str(b, "\n| limit | | |\n| --- | --- | --- |\n");
#define LIMIT(name, value, unit, meaning) buf_printf(b, "| `%s` | %d %s | %s |\n", #name, value, unit, meaning);
#include "protocol/limits.def"
#undef LIMIT
}

static void put_errors(struct buf *b)
{
    buf_add_str(b, "\n| code | again | close | HTTP | |\n| --- | --- | --- | --- | --- |\n");
#define STATUS(name, number, wire, close, http, again, text)                                                           \
    buf_printf(b, "| `%s` | %s | %d | %d | %s |\n", wire, again ? "yes" : "-", close, http, or_dash(text));
#include "protocol/status.def"
#undef STATUS
}

/* --- the file --- */

static void put_part(struct buf *b, struct span name)
{
    struct buf other;
    buf_init(&other, 1 << 20);
    if (span_is(name, "enumerations"))
        put_enumerations(b);
    else if (span_is(name, "records"))
        put_frames(b, PART_RECORDS, &other);
    else if (span_is(name, "requests"))
        put_frames(b, PART_REQUESTS, &other);
    else if (span_is(name, "pushes"))
        put_frames(b, PART_PUSHES, &other);
    else if (span_is(name, "kinds"))
        put_frames(b, PART_KINDS, &other);
    else if (span_is(name, "limits"))
        put_limits(b);
    else if (span_is(name, "errors"))
        put_errors(b);
    else
        fprintf(stderr, "no part is called %.*s\n", SPAN_ARG(name));
    buf_add_char(b, '\n');
    buf_done(&other);
}

/* Copies the file and writes its generated parts anew. */
static void regenerate(struct buf *b, const char *text)
{
    static const char begin[] = "<!-- from ", end[] = "<!-- end -->";
    for (const char *part; (part = strstr(text, begin));) {
        const char *name = part + sizeof begin - 1, *name_end = strstr(name, " -->"), *close = strstr(part, end);
        if (!name_end || !close)
            break;
        buf_add(b, text, (size_t)(name_end + strlen(" -->\n") - text));
        put_part(b, span_of(name, (size_t)(name_end - name)));
        text = close;
    }
    buf_add_str(b, text);
}

static char *read_whole(const char *path, size_t *out_size)
{
    FILE *in = fopen(path, "r");
    if (!in)
        return NULL;
    fseek(in, 0, SEEK_END);
    *out_size = (size_t)ftell(in);
    rewind(in);
    char *text = calloc(1, *out_size + 1);
    *out_size = fread(text, 1, *out_size, in);
    fclose(in);
    return text;
}

static bool write_whole(const char *path, const struct buf *b)
{
    FILE *out = fopen(path, "w");
    bool good = out && fwrite(b->ptr, 1, b->len, out) == b->len;
    return out && fclose(out) == 0 && good;
}

int main(int argc, char **argv)
{
    bool check = argc == 3 && strcmp(argv[2], "--check") == 0, good;
    size_t size = 0;
    char *text = argc == 2 || check ? read_whole(argv[1], &size) : NULL;
    if (!text) {
        fprintf(stderr, "usage: parley_protocol_md FILE [--check]\n");
        return 2;
    }
    struct buf b;
    buf_init(&b, 1 << 22);
    regenerate(&b, text);
    good = b.status == PARLEY_OK && b.len == size && memcmp(b.ptr, text, size) == 0;
    if (!good && check)
        fprintf(stderr, "%s is out of date: run parley_protocol_md %s\n", argv[1], argv[1]);
    else if (!good)
        good = write_whole(argv[1], &b);
    buf_done(&b);
    free(text);
    return good ? 0 : 1;
}
