/* The thread as lines: bubbles, who said them, when, and what became of them. */
#include "messenger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wctype.h>

enum { NARROW = 4 };

wchar_t *widen(const char *text)
{
    size_t length = text ? strlen(text) : 0;
    wchar_t *wide = calloc(length + 1, sizeof *wide);
    if (!wide)
        return NULL;
    if (length && mbstowcs(wide, text, length + 1) == (size_t)-1)
        wcscpy(wide, L"?");
    for (wchar_t *c = wide; *c; c++)
        if (*c != L'\n' && wcwidth(*c) < 0) /* an escape sequence in a message is no order to this terminal */
            *c = L' ';
    return wide;
}

int columns(const wchar_t *text, size_t len)
{
    int width = 0;
    for (size_t i = 0; i < len; i++)
        width += wcwidth(text[i]) > 0 ? wcwidth(text[i]) : 0;
    return width;
}

size_t wrap(const wchar_t *text, size_t len, int width, size_t *out_skip)
{
    size_t at = 0, space = 0;
    int used = 0;
    *out_skip = 0;
    for (; at < len && text[at] != L'\n'; at++) {
        used += columns(text + at, 1);
        if (text[at] == L' ')
            space = at;
        if (used <= width || at == 0)
            continue;
        if (space)
            *out_skip = 1;
        return space ? space : at;
    }
    *out_skip = at < len;
    return at;
}

/* --- making lines --- */

static void add(struct lines *lines, enum look look, int column, wchar_t *text)
{
    struct line *grown = text ? realloc(lines->at, (lines->count + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(text);
        return;
    }
    lines->at = grown;
    lines->at[lines->count++] = (struct line){.text = text, .column = column, .look = look};
}

static void add_text(struct lines *lines, enum look look, int width, int place, const char *text)
{
    wchar_t *wide = widen(text);
    int room = wide ? width - columns(wide, wcslen(wide)) : 0;
    add(lines, look, room > 0 ? room * place / 2 : 0, wide); /* 0 left, 1 middle, 2 right */
}

/* Pieces of text of the same width, with a column of air on both sides. */
static void add_bubble(struct lines *lines, const struct row *row, const wchar_t *text, int width)
{
    size_t len = wcslen(text), from, skip;
    int widest = 0, most = width * 3 / 4 - 2;
    for (from = 0; from == 0 || from < len; from += skip) {
        size_t n = wrap(text + from, len - from, most, &skip);
        int used = columns(text + from, n);
        widest = used > widest ? used : widest;
        skip += n;
        if (len == 0)
            break;
    }
    for (from = 0; from == 0 || from < len; from += skip) {
        size_t n = wrap(text + from, len - from, most, &skip);
        int air = widest - columns(text + from, n);
        wchar_t *line = calloc(n + (size_t)air + 3, sizeof *line);
        if (line) {
            line[0] = L' ';
            wmemcpy(line + 1, text + from, n);
            wmemset(line + 1 + n, L' ', (size_t)air + 1);
        }
        add(lines, row->mine ? LOOK_MINE : LOOK_THEIRS, row->mine ? width - widest - 2 : 0, line);
        skip += n;
        if (len == 0)
            break;
    }
}

static void add_words(struct lines *lines, const struct row *row, int width)
{
    size_t size = (row->text ? strlen(row->text) : 0) + 1;
    for (unsigned i = 0; i < row->option_count; i++)
        size += strlen(row->options[i].label ? row->options[i].label : "") + 16;
    char *words = malloc(size);
    if (!words)
        return;
    int used = snprintf(words, size, "%s", row->text ? row->text : "");
    for (unsigned i = 0; i < row->option_count; i++)
        used += snprintf(words + used, size - (size_t)used, "\n  %u  %s", i + 1,
                         row->options[i].label ? row->options[i].label : "");
    wchar_t *wide = widen(words);
    if (wide)
        add_bubble(lines, row, wide, width);
    free(wide);
    free(words);
}

/* --- what stands around the bubbles --- */

static struct tm local_time(int64_t at)
{
    time_t seconds = (time_t)(at / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    return local;
}

static bool is_same_day(int64_t a, int64_t b)
{
    struct tm one = local_time(a), other = local_time(b);
    return one.tm_yday == other.tm_yday && one.tm_year == other.tm_year;
}

static const char *speaker(const struct row *row)
{
    if (row->mine)
        return "You";
    if (row->name && *row->name)
        return row->name;
    return strcmp(row->role, "bot") == 0 ? "Bot" : strcmp(row->role, "customer") == 0 ? "You" : "Somebody";
}

static bool is_one_group(const struct row *a, const struct row *b)
{
    return a && b && !a->is_notice && !b->is_notice && a->mine == b->mine && strcmp(speaker(a), speaker(b)) == 0 &&
           strcmp(a->state, b->state) == 0 && is_same_day(a->at, b->at);
}

static void add_fate(struct lines *lines, const struct row *row, int width)
{
    static const struct {
        const char *state, *words;
    } fates[] = {{"queued", "waits to be sent"},
                 {"sending", "sending"},
                 {"sent", "\u2713"},
                 {"delivered", "\u2713\u2713"},
                 {"read", "\u2713\u2713 read"}};
    char line[300], when[16] = "";
    const char *fate = "";
    for (size_t i = 0; row->mine && i < sizeof fates / sizeof *fates; i++)
        if (strcmp(row->state, fates[i].state) == 0)
            fate = fates[i].words;
    struct tm local = local_time(row->at);
    if (row->at)
        strftime(when, sizeof when, "%H:%M ", &local);
    if (strncmp(row->state, "failed", 6) == 0) {
        snprintf(line, sizeof line, "not sent: %s  (^X discards%s)", row->why && *row->why ? row->why : "refused",
                 strcmp(row->state, "failed_retry") == 0 ? ", ^R tries again" : "");
        add_text(lines, LOOK_FAILED, width, 2, line);
        return;
    }
    snprintf(line, sizeof line, "%s%s", when, fate);
    add_text(lines, LOOK_DIM, width, row->mine ? 2 : 0, line);
}

static void add_row(struct lines *lines, const struct row *before, const struct row *row, const struct row *after,
                    int width)
{
    char day[64];
    if (row->at && (!before || !before->at || !is_same_day(before->at, row->at))) {
        struct tm local = local_time(row->at);
        strftime(day, sizeof day, "\u2500\u2500 %A, %e %B \u2500\u2500", &local);
        add_text(lines, LOOK_DIM, width, 1, day);
        before = NULL;
    }
    if (row->is_notice) {
        add_text(lines, LOOK_DIM, width, 1, row->text);
        return;
    }
    if (is_one_group(before, row))
        add_text(lines, LOOK_PLAIN, width, 0, "");
    else if (!row->mine)
        add_text(lines, LOOK_NAME, width, 0, speaker(row));
    add_words(lines, row, width);
    if (!is_one_group(row, after))
        add_fate(lines, row, width);
}

/* The next row from here on that has something to show. */
static const struct row *shown(const struct thread *t, size_t from)
{
    while (from < t->count && (!t->rows[from].text || (t->rows[from].is_notice && !*t->rows[from].text)))
        from++;
    return from < t->count ? &t->rows[from] : NULL;
}

struct lines lines_of(const struct thread *t, int width)
{
    struct lines lines = {0};
    if (width < NARROW)
        return lines;
    if (t->has_start || t->asks_older)
        add_text(&lines, LOOK_DIM, width, 1, t->has_start ? "this is where it began" : "older messages are coming");
    const struct row *before = NULL;
    for (const struct row *row = shown(t, 0), *after; row; before = row, row = after) {
        after = shown(t, (size_t)(row - t->rows) + 1);
        add_row(&lines, before, row, after, width);
    }
    return lines;
}

void lines_free(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free(lines->at[i].text);
    free(lines->at);
    *lines = (struct lines){0};
}
