/* What the user does: the composer, the keys beside it, and words that begin with a slash. */
#include "messenger.h"

#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

enum { CTRL = 0x1f, KEEP_MS = 700 };

static void typed(struct app *app)
{
    parley_typing(app->client, app_conversation(app), app->input_len > 0);
    app->draft_at = now_ms() + KEEP_MS;
    *app->notice = '\0';
}

static void insert(struct app *app, wint_t c)
{
    if (app->input_len == INPUT_MAX)
        return;
    wmemmove(app->input + app->cursor + 1, app->input + app->cursor, app->input_len - app->cursor + 1);
    app->input[app->cursor++] = (wchar_t)c;
    app->input_len++;
    typed(app);
}

static void cut(struct app *app, size_t from, size_t to)
{
    wmemmove(app->input + from, app->input + to, app->input_len - to + 1);
    app->input_len -= to - from;
    app->cursor = from;
    typed(app);
}

static size_t word_start(const struct app *app)
{
    size_t at = app->cursor;
    while (at > 0 && app->input[at - 1] == L' ')
        at--;
    while (at > 0 && app->input[at - 1] != L' ')
        at--;
    return at;
}

/* --- the draft --- */

char *quoted(const char *text)
{
    char *out = malloc(strlen(text) * 6 + 3), *to = out;
    if (!out)
        return NULL;
    *to++ = '"';
    for (; *text; text++) {
        if ((unsigned char)*text < ' ') {
            to += sprintf(to, "\\u%04x", *text);
            continue;
        }
        if (*text == '"' || *text == '\\')
            *to++ = '\\';
        *to++ = *text;
    }
    *to++ = '"';
    *to = '\0';
    return out;
}

void app_set_input(struct app *app, const char *text)
{
    size_t length = text ? mbstowcs(app->input, text, INPUT_MAX) : 0;
    app->input_len = app->cursor = length == (size_t)-1 ? 0 : length;
    app->input[app->input_len] = L'\0';
}

char *app_input(const struct app *app, char *room)
{
    return wcstombs(room, app->input, INPUT_BYTES) == (size_t)-1 ? NULL : room;
}

void app_keep_draft(struct app *app)
{
    char text[INPUT_BYTES];
    if (!app->draft_at)
        return;
    app->draft_at = 0;
    if (app->filling.seq) {
        form_keep(app);
        return;
    }
    char *json = app->input_len && app_input(app, text) ? quoted(text) : NULL;
    parley_draft_set(app->client, app_conversation(app), 0, json);
    free(json);
}

/* --- sending --- */

void app_report(struct app *app, parley_status st)
{
    if (st != PARLEY_OK)
        snprintf(app->notice, sizeof app->notice, "%s", parley_status_text(st));
}

static bool command(struct app *app, const char *text)
{
    const char *conv = app_conversation(app);
    if (strcmp(text, "/person") == 0)
        app_report(app, parley_request_human(app->client, conv, NULL, NULL, NULL));
    else if (strcmp(text, "/leave") == 0)
        app_report(app, parley_leave_queue(app->client, conv, NULL));
    else if (strncmp(text, "/topic ", 7) == 0)
        app_report(app, parley_open_conversation(app->client, text + 7, NULL));
    else if (strcmp(text, "/fill") == 0)
        form_begin(app);
    else if (strcmp(text, "/quit") == 0)
        app->quits = true;
    else if (*text == '/')
        snprintf(app->notice, sizeof app->notice, "There is /person, /leave, /topic NAME, /fill and /quit.");
    else
        return false;
    return true;
}

/* The number of an option, when a question waits and nothing but a number was typed. */
static const struct option *chosen(const struct app *app, const char *text)
{
    const struct row *question = thread_question(&app->thread);
    char *end;
    long n = strtol(text, &end, 10);
    return question && *end == '\0' && n > 0 && n <= (long)question->option_count ? &question->options[n - 1] : NULL;
}

static void clear_input(struct app *app)
{
    app_set_input(app, NULL);
    app->draft_at = now_ms(); /* an answer leaves no draft; a message has taken its own with it */
    app->scroll = 0;
}

/* In a form there are two words; all else is an answer. */
static void answer_field(struct app *app, const char *text)
{
    if (strcmp(text, "/back") == 0)
        form_back(app);
    else if (strcmp(text, "/later") == 0)
        form_leave(app);
    else
        form_next(app);
}

static void send_input(struct app *app)
{
    char text[INPUT_BYTES];
    const char *conv = app_conversation(app);
    if (!app_input(app, text))
        return;
    if (app->filling.seq) {
        answer_field(app, text);
        return;
    }
    if (text[strspn(text, " \n")] == '\0')
        return;
    const struct option *option = chosen(app, text);
    parley_status st = PARLEY_OK;
    bool fills = strcmp(text, "/fill") == 0;
    if (fills)
        clear_input(app);
    if (option)
        st = parley_tap(app->client, conv, thread_question(&app->thread)->seq, option->value, option->label, NULL);
    else if (!command(app, text))
        st = parley_send_text(app->client, conv, text, NULL);
    app_report(app, st);
    if (st == PARLEY_OK && !fills) /* else it stays where it was typed */
        clear_input(app);
}

/* The newest message that could not be sent: again, or away with it. */
static void mend(struct app *app, bool again)
{
    for (size_t i = app->thread.count; i > 0; i--) {
        const struct row *row = &app->thread.rows[i - 1];
        if (!row->mine || strncmp(row->state, "failed", 6) != 0)
            continue;
        app_report(app,
                   again ? parley_outbox_retry(app->client, row->id) : parley_outbox_discard(app->client, row->id));
        return;
    }
}

/* --- moving --- */

static void turn(struct app *app, int by)
{
    struct list *l = &app->list;
    size_t at = 0;
    while (at < l->count && strcmp(l->entries[at].id, app->open) != 0)
        at++;
    if (l->count > 1)
        app_open(app, l->entries[(at % l->count + l->count + (size_t)by) % l->count].id);
}

static void scroll_by(struct app *app, int lines)
{
    app->scroll += lines;
    if (app->scroll < 0)
        app->scroll = 0;
}

static void on_function(struct app *app, wint_t key)
{
    switch (key) {
    case KEY_PPAGE:
        scroll_by(app, screen_page() - 2);
        break;
    case KEY_NPAGE:
        scroll_by(app, 2 - screen_page());
        break;
    case KEY_UP:
        scroll_by(app, 1);
        break;
    case KEY_DOWN:
        scroll_by(app, -1);
        break;
    case KEY_LEFT:
        app->cursor -= app->cursor > 0;
        break;
    case KEY_RIGHT:
        app->cursor += app->cursor < app->input_len;
        break;
    case KEY_HOME:
        app->cursor = 0;
        break;
    case KEY_END:
        app->cursor = app->input_len;
        break;
    case KEY_BACKSPACE:
        if (app->cursor > 0)
            cut(app, app->cursor - 1, app->cursor);
        break;
    case KEY_DC:
        if (app->cursor < app->input_len)
            cut(app, app->cursor, app->cursor + 1);
        break;
    case KEY_ENTER:
        send_input(app);
        break;
    case KEY_BTAB:
        turn(app, -1);
        break;
    }
}

static void on_control(struct app *app, wint_t key)
{
    switch (key) {
    case '\r':
        send_input(app);
        break;
    case '\n': /* ^J, and Alt-Enter in some terminals */
        insert(app, L'\n');
        break;
    case '\t':
        turn(app, 1);
        break;
    case 127:
    case 'H' & CTRL:
        on_function(app, KEY_BACKSPACE);
        break;
    case 'A' & CTRL:
        app->cursor = 0;
        break;
    case 'E' & CTRL:
        app->cursor = app->input_len;
        break;
    case 'U' & CTRL:
        cut(app, 0, app->input_len);
        break;
    case 'W' & CTRL:
        cut(app, word_start(app), app->cursor);
        break;
    case 'R' & CTRL:
        mend(app, true);
        break;
    case 'X' & CTRL:
        mend(app, false);
        break;
    case 'C' & CTRL:
    case 'Q' & CTRL:
    case 'D' & CTRL:
        app->quits = true;
        break;
    }
}

void app_key(struct app *app, wint_t key, bool is_function)
{
    if (is_function)
        on_function(app, key);
    else if (iswcntrl(key))
        on_control(app, key);
    else
        insert(app, key);
}
