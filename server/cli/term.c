/* The edited line is erased before something is said, and drawn again afterwards. */
#include "server/cli/term.h"

#include "server/base/mem.h"

#include <editline/readline.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <utf8proc.h>

enum { LABEL = 10, COLUMNS_DEFAULT = 80, COLUMNS_MIN = 24, LINE_MAX_BYTES = 65536 };

struct term {
    bool interactive, color;
    bool shown; /* the edited line is on the screen */
    bool fresh; /* nothing was typed since it is shown: what libedit still holds is the line before */
    bool held;
    bool ended; /* end of input */
    sigset_t signals_before;
    struct sigaction int_before, term_before;
    char *prompt;
    char *line; /* complete, not taken yet */
    char *part; /* plain input that has no line end yet */
    size_t part_len;
};

static struct term *the_term; /* libedit calls back without an argument */
static volatile sig_atomic_t interrupted;

static const char *const tones[] = {
    [TONE_PLAIN] = "",       [TONE_DIM] = "\033[2m",    [TONE_BOLD] = "\033[1m",  [TONE_MINE] = "\033[34m",
    [TONE_BOT] = "\033[36m", [TONE_AGENT] = "\033[35m", [TONE_GOOD] = "\033[32m", [TONE_BAD] = "\033[31m",
};

/* --- width --- */

/* The next character and its cells; bytes that are no UTF-8 and control characters become one '?'. */
static size_t next_char(struct span text, int *out_cells, bool *out_plain)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text.ptr, (utf8proc_ssize_t)text.len, &c);
    bool direction =
        n > 0 && ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)); /* would turn our own text */
    *out_plain = n > 0 && c >= ' ' && !(c >= 0x7f && c < 0xa0) && !direction;
    *out_cells = *out_plain ? utf8proc_charwidth(c) : 1;
    return n > 0 ? (size_t)n : 1;
}

size_t term_width(struct span text)
{
    size_t cells = 0, n;
    int w;
    bool plain;
    for (; text.len; text = span_of(text.ptr + n, text.len - n)) {
        n = next_char(text, &w, &plain);
        cells += (size_t)w;
    }
    return cells;
}

static size_t columns(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return COLUMNS_DEFAULT;
    return size.ws_col < COLUMNS_MIN ? COLUMNS_MIN : size.ws_col;
}

/* --- the edited line --- */

/* What was said comes back as an item of the conversation: its first copy goes. A command stays. */
static void erase_typed(const struct term *t, const char *line)
{
    size_t cells = term_width(span_str(t->prompt)) + term_width(span_str(line));
    printf("\033[%zuA\r\033[J", cells / columns() + 1);
    fflush(stdout);
}

static void on_line(char *line)
{
    rl_callback_handler_remove();
    the_term->shown = false;
    if (line && *line != '/')
        erase_typed(the_term, line);
    if (!line) {
        the_term->ended = true;
        return;
    }
    if (*line)
        add_history(line);
    the_term->line = line;
}

static void show(struct term *t)
{
    if (!t->interactive || t->shown || t->line || t->ended)
        return;
    rl_callback_handler_install(t->prompt, on_line);
    t->shown = t->fresh = true;
}

/* Up to the first row of prompt and text, and clear from there. */
static void erase(struct term *t)
{
    if (!t->shown)
        return;
    size_t typed = t->fresh ? 0 : term_width(span_of(rl_line_buffer, (size_t)rl_point));
    size_t up = (term_width(span_str(t->prompt)) + typed) / columns();
    if (up)
        printf("\033[%zuA", up);
    printf("\r\033[J");
}

static void redraw(struct term *t)
{
    fflush(stdout);
    if (t->shown)
        rl_forced_update_display();
}

void term_prompt(struct term *t, const char *prompt)
{
    if (strcmp(t->prompt, prompt) == 0)
        return;
    if (t->interactive)
        erase(t);
    mem_free(t->prompt);
    t->prompt = mem_text(prompt);
    rl_set_prompt(t->prompt);
    redraw(t);
}

/* --- saying --- */

static void put_plain(struct span text)
{
    int cells;
    bool plain;
    for (size_t n; text.len; text = span_of(text.ptr + n, text.len - n)) {
        n = next_char(text, &cells, &plain);
        if (plain)
            fwrite(text.ptr, 1, n, stdout);
        else
            putchar('?');
    }
}

/* How much of a line of text goes into so many cells; it ends before a word if it can. */
static size_t fit(struct span text, size_t room)
{
    size_t at = 0, cells = 0, space = 0;
    while (at < text.len) {
        int w;
        bool plain;
        size_t n = next_char(span_of(text.ptr + at, text.len - at), &w, &plain);
        if (cells + (size_t)w > room && at > 0)
            return space ? space : at;
        cells += (size_t)w;
        at += n;
        if (text.ptr[at - 1] == ' ')
            space = at;
    }
    return at;
}

static void put_wrapped(const struct term *t, struct span line, size_t indent, bool first)
{
    size_t room = t->interactive ? columns() - indent - 1 : SIZE_MAX;
    do {
        size_t n = fit(line, room);
        printf("%*s", first ? 0 : (int)indent, "");
        first = false;
        put_plain(span_of(line.ptr, n));
        putchar('\n');
        line = span_of(line.ptr + n, line.len - n);
    } while (line.len);
}

void term_say(struct term *t, enum tone tone, const char *label, struct span text)
{
    erase(t);
    size_t width = label ? term_width(span_str(label)) : 0;
    size_t indent = label ? LABEL : text.len ? strspn(text.ptr, " ") : 0;
    if (label) {
        fputs(t->color ? tones[tone] : "", stdout);
        put_plain(span_str(label));
        printf("%s%*s", t->color && *tones[tone] ? "\033[0m" : "", width < LABEL ? (int)(LABEL - width) : 1, "");
    } else {
        fputs(t->color ? tones[tone] : "", stdout);
    }
    bool first = true;
    do {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t n = end ? (size_t)(end - text.ptr) : text.len;
        put_wrapped(t, span_of(text.ptr, n), indent, first);
        first = false;
        text = end ? span_of(end + 1, text.len - n - 1) : (struct span){0};
    } while (text.len);
    if (!label && t->color && *tones[tone])
        fputs("\033[0m", stdout);
    redraw(t);
}

void term_line(struct term *t, enum tone tone, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    if (n >= 0)
        term_say(t, tone, NULL, span_of(text, (size_t)n));
    free(n >= 0 ? text : NULL);
}

/* --- reading --- */

/* Plain input: whole lines out of what has arrived. */
static void split_line(struct term *t)
{
    char *end = t->part_len ? memchr(t->part, '\n', t->part_len) : NULL;
    if (t->line || (!end && !(t->ended && t->part_len)))
        return;
    size_t n = end ? (size_t)(end - t->part) : t->part_len;
    t->line = strndup(t->part, n);
    n += end != NULL;
    t->part_len -= n;
    memmove(t->part, t->part + n, t->part_len);
}

static void read_plain(struct term *t)
{
    t->part = mem_resize(t->part, t->part_len + 4096);
    ssize_t n = t->part_len < LINE_MAX_BYTES ? read(STDIN_FILENO, t->part + t->part_len, 4096) : 0;
    if (n <= 0 && !(n < 0 && errno == EINTR))
        t->ended = true;
    if (n > 0)
        t->part_len += (size_t)n;
}

static enum term_news news(struct term *t)
{
    if (!t->interactive)
        split_line(t);
    return t->line ? TERM_LINE : t->ended ? TERM_END : TERM_TIMEOUT;
}

static void read_some(struct term *t)
{
    t->fresh = false;
    if (t->interactive)
        rl_callback_read_char();
    else
        read_plain(t);
}

enum term_news term_wait(struct term *t, int fd, int timeout_ms)
{
    struct pollfd on[2] = {{.fd = fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    struct timespec time = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
    if (news(t) == TERM_LINE)
        return TERM_LINE;
    show(t);
    int n = ppoll(on, t->ended || t->held ? 1 : 2, timeout_ms < 0 ? NULL : &time, &t->signals_before);
    if (interrupted)
        return TERM_INTERRUPT;
    if (n > 0 && on[0].revents)
        return TERM_EVENT;
    if (n > 0 && on[1].revents)
        read_some(t);
    return news(t);
}

void term_hold(struct term *t, bool hold)
{
    t->held = hold;
}

char *term_take_line(struct term *t)
{
    char *line = t->line;
    t->line = NULL;
    return line;
}

bool term_ask_secret(const char *question, char *out, size_t size)
{
    struct termios was, quiet;
    bool is_tty = tcgetattr(STDIN_FILENO, &was) == 0;
    if (is_tty) {
        fputs(question, stderr);
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    bool read = fgets(out, (int)size, stdin) != NULL;
    if (is_tty) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
        fputc('\n', stderr);
    }
    size_t n = read ? strcspn(out, "\r\n") : 0;
    if (!read || out[n] == '\0')
        return false; /* the end, or cut off */
    out[n] = '\0';
    return true;
}

/* --- life --- */

static void on_signal(int signal)
{
    interrupted = 1;
}

/* They come only while we wait, so that none is overlooked, and the terminal is always given back. */
static void take_signals(struct term *t)
{
    const struct sigaction action = {.sa_handler = on_signal};
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigprocmask(SIG_BLOCK, &ours, &t->signals_before);
    sigaction(SIGINT, &action, &t->int_before);
    sigaction(SIGTERM, &action, &t->term_before);
}

static void give_signals_back(struct term *t)
{
    sigaction(SIGINT, &t->int_before, NULL);
    sigaction(SIGTERM, &t->term_before, NULL);
    sigprocmask(SIG_SETMASK, &t->signals_before, NULL);
}

struct term *term_open(bool color)
{
    struct term *t = mem_alloc(sizeof *t);
    const char *name = getenv("TERM");
    t->interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && name && strcmp(name, "dumb") != 0;
    t->color = color;
    t->prompt = mem_text("> ");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8"); /* what is typed is sent as UTF-8, whatever the environment forgot to say */
    the_term = t;
    take_signals(t);
    return t;
}

void term_close(struct term **term)
{
    struct term *t = *term;
    if (!t)
        return;
    if (t->shown) {
        erase(t);
        rl_callback_handler_remove();
    }
    fflush(stdout);
    give_signals_back(t);
    free(t->line);
    mem_free(t->part);
    mem_free(t->prompt);
    mem_free(t);
    the_term = NULL;
    *term = NULL;
}

bool term_is_interactive(const struct term *t)
{
    return t->interactive;
}
