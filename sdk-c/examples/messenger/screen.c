/* The screen: list, header, banner, thread, composer, keys. Everything is painted anew; ncurses sends what has changed.
 */
#define NCURSES_WIDECHAR 1
#include "messenger.h"

#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_WIDTH = 28, WIDE_ENOUGH = 84, COMPOSER_MAX = 5 };

/* Where things stand on a screen of this size. */
struct layout {
    int left, width;             /* of the thread's part */
    int thread_top, thread_rows; /* below header and banner */
    int composer_top, composer_rows;
};

static int thread_rows;

void screen_open(void)
{
    initscr();
    raw(); /* the keys are ours, ^C and ^Z too */
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    if (!has_colors())
        return;
    start_color();
    use_default_colors();
    bool many = COLORS >= 256;
    init_pair(LOOK_NAME, COLOR_CYAN, -1);
    init_pair(LOOK_MINE, many ? 231 : COLOR_WHITE, many ? 25 : COLOR_BLUE);
    init_pair(LOOK_THEIRS, many ? 252 : -1, many ? 237 : -1);
    init_pair(LOOK_FAILED, COLOR_RED, -1);
    init_pair(LOOK_BANNER, COLOR_BLACK, COLOR_YELLOW);
}

void screen_close(void)
{
    endwin();
}

bool screen_key(wint_t *out, bool *out_is_function)
{
    int got = get_wch(out);
    *out_is_function = got == KEY_CODE_YES;
    return got != ERR;
}

int screen_page(void)
{
    return thread_rows;
}

static attr_t look_of(enum look look)
{
    attr_t attributes[LOOKS] = {[LOOK_DIM] = A_DIM,
                                [LOOK_NAME] = A_BOLD,
                                [LOOK_FAILED] = A_BOLD,
                                [LOOK_BANNER] = has_colors() ? 0 : A_REVERSE,
                                [LOOK_MINE] = has_colors() ? 0 : A_REVERSE,
                                [LOOK_BAR] = A_REVERSE};
    return attributes[look];
}

/* Text in a look, cut to the columns that there are. */
static void put(int y, int x, int width, enum look look, const wchar_t *text)
{
    size_t n = 0;
    int used = 0;
    while (text[n] && (used += columns(text + n, 1)) <= width)
        n++;
    attr_set(look_of(look), (short)(look == LOOK_BAR || look == LOOK_DIM ? 0 : look), NULL);
    mvaddnwstr(y, x, text, (int)n);
    attr_set(A_NORMAL, 0, NULL);
}

static void put_text(int y, int x, int width, enum look look, const char *text)
{
    wchar_t *wide = widen(text);
    if (wide)
        put(y, x, width, look, wide);
    free(wide);
}

static void put_bar(int y, int x, int width, enum look look, const char *text)
{
    attr_set(look_of(look), (short)(look == LOOK_BAR ? 0 : look), NULL);
    mvhline(y, x, ' ', width);
    put_text(y, x + 1, width - 2, look, text);
}

/* --- parts --- */

static const char *topic_of(const struct app *app)
{
    for (size_t i = 0; i < app->list.count; i++)
        if (strcmp(app->list.entries[i].id, app->open) == 0 && app->list.entries[i].topic)
            return app->list.entries[i].topic;
    return "main";
}

static void draw_list(const struct app *app)
{
    for (int y = 0; y < LINES; y++)
        mvaddch(y, LIST_WIDTH - 1, ACS_VLINE);
    put_text(0, 1, LIST_WIDTH - 3, LOOK_NAME, "Conversations");
    for (size_t i = 0; i < app->list.count && (int)i * 3 + 4 < LINES; i++) {
        const struct entry *entry = &app->list.entries[i];
        int y = 2 + (int)i * 3;
        bool open = strcmp(entry->id, app->open) == 0 || (!*app->open && i == 0);
        char unread[24];
        if (open)
            put_bar(y, 0, LIST_WIDTH - 1, LOOK_BAR, entry->topic ? entry->topic : "");
        else
            put_text(y, 1, LIST_WIDTH - 8, LOOK_PLAIN, entry->topic ? entry->topic : "");
        if (entry->unread > 0 && !open) {
            snprintf(unread, sizeof unread, "%3lld", (long long)entry->unread);
            put_text(y, LIST_WIDTH - 5, 3, LOOK_NAME, unread);
        }
        put_text(y + 1, 1, LIST_WIDTH - 3, LOOK_DIM, entry->last ? entry->last : "");
    }
}

/* What the user should know of the network; NULL when all is well. */
static const char *banner_of(const struct app *app, char *room, size_t size)
{
    long long left = app->retry_at ? (app->retry_at - now_ms() + 999) / 1000 : 0;
    switch (app->state) {
    case PARLEY_STATE_BACKOFF:
        snprintf(room, size, "Offline. What you write is kept. Next try in %lld s.", left > 0 ? left : 0);
        return room;
    case PARLEY_STATE_CONNECTING:
    case PARLEY_STATE_SYNCING:
        return "Connecting...";
    case PARLEY_STATE_SUSPENDED:
        return "No network. What you write is kept.";
    case PARLEY_STATE_NEEDS_TOKEN:
        return "Signed out. Start again with a new PARLEY_TOKEN.";
    case PARLEY_STATE_BLOCKED:
    case PARLEY_STATE_CLOSED:
        snprintf(room, size, "Not connected: %s", app->why ? app->why : "closed");
        return room;
    default:
        return NULL;
    }
}

static void draw_thread(struct app *app, const struct layout *at)
{
    struct lines lines = lines_of(&app->thread, at->width - 2);
    int most = (int)lines.count - at->thread_rows;
    if (app->scroll > most)
        app->scroll = most > 0 ? most : 0;
    int first = most > 0 ? most - app->scroll : 0, gap = most < 0 ? -most : 0;
    for (int i = 0; i < at->thread_rows && first + i < (int)lines.count; i++) {
        const struct line *line = &lines.at[first + i];
        put(at->thread_top + gap + i, at->left + 1 + line->column, at->width - 2 - line->column, line->look,
            line->text);
    }
    if (first == 0 && most > 0 && app->scroll > 0 && !app->thread.asks_older && !app->thread.has_start)
        app->thread.asks_older = parley_view_more(app->client, app->thread.view, 50) == PARLEY_OK;
    lines_free(&lines);
}

/* The composer's lines; returns how many, and where the cursor stands in them. */
static int compose(const struct app *app, int width, int top, int left, int skip, int *out_y, int *out_x)
{
    int rows = 0;
    size_t more;
    *out_y = *out_x = 0;
    for (size_t from = 0;; rows++) {
        size_t n = wrap(app->input + from, app->input_len - from, width, &more);
        if (app->cursor >= from && app->cursor <= from + n) {
            *out_y = rows;
            *out_x = columns(app->input + from, app->cursor - from);
        }
        if (top >= 0 && rows >= skip && rows < skip + COMPOSER_MAX)
            mvaddnwstr(top + rows - skip, left, app->input + from, (int)n);
        if (n + more == 0 || from + n + more > app->input_len || (from + n == app->input_len && !more))
            return rows + 1;
        from += n + more;
    }
}

static void draw_composer(const struct app *app, const struct layout *at)
{
    int y, x, width = at->width - 5;
    int rows = compose(app, width, -1, 0, 0, &y, &x);
    int skip = y >= COMPOSER_MAX ? y - COMPOSER_MAX + 1 : 0;
    mvhline(at->composer_top - 1, at->left, ACS_HLINE, at->width);
    put_text(at->composer_top, at->left + 1, 2, LOOK_NAME, "\u203a");
    if (app->input_len == 0)
        put_text(at->composer_top, at->left + 3, width, LOOK_DIM,
                 app->filling.seq                ? "your answer"
                 : thread_question(&app->thread) ? "a number, or your own words"
                 : thread_form(&app->thread)     ? "/fill for the form, or your own words"
                                                 : "your message");
    compose(app, width, at->composer_top, at->left + 3, rows > COMPOSER_MAX ? skip : 0, &y, &x);
    put_text(LINES - 1, at->left + 1, at->width - 2, *app->notice ? LOOK_FAILED : LOOK_DIM,
             *app->notice       ? app->notice
             : app->filling.seq ? "Enter next  /back  /later  ^Q quit"
                                : "Enter send  PgUp older  Tab next  /person  ^Q quit");
    move(at->composer_top + y - skip, at->left + 3 + x);
}

void screen_draw(struct app *app)
{
    char room[200], head[300];
    struct layout at = {.left = COLS >= WIDE_ENOUGH ? LIST_WIDTH : 0};
    const char *banner = banner_of(app, room, sizeof room);
    int y, x;
    at.width = COLS - at.left;
    if (at.width < 12 || LINES < 8)
        return;
    int rows = compose(app, at.width - 5, -1, 0, 0, &y, &x);
    at.composer_rows = rows < COMPOSER_MAX ? rows : COMPOSER_MAX;
    at.composer_top = LINES - 1 - at.composer_rows;
    at.thread_top = 1 + (banner != NULL);
    at.thread_rows = thread_rows = at.composer_top - 2 - at.thread_top;
    erase();
    if (at.left)
        draw_list(app);
    uint32_t elsewhere = at.left ? 0 : parley_unread_total(app->client);
    snprintf(head, sizeof head, "%s%s%s", topic_of(app), *app->service ? "  \u00b7  " : "", app->service);
    put_bar(0, at.left, at.width, LOOK_BAR, head);
    if (elsewhere) {
        snprintf(head, sizeof head, "%u unread", elsewhere);
        put_text(0, COLS - 12, 11, LOOK_BAR, head);
    }
    if (banner)
        put_bar(1, at.left, at.width, LOOK_BANNER, banner);
    draw_thread(app, &at);
    snprintf(head, sizeof head, "%s is typing...", app->typist);
    const char *prompt = form_prompt(app, room, sizeof room);
    put_text(at.composer_top - 2, at.left + 1, at.width - 2, prompt ? LOOK_NAME : LOOK_DIM,
             prompt         ? prompt
             : *app->typist ? head
             : app->scroll  ? "\u2193 newer messages below"
                            : "");
    draw_composer(app, &at);
    refresh();
}
