/* The debugger of parley flow play: through the flow statement by statement, forward and back. Going anywhere is
 * playing the dialogue once more up to there. */
#include "server/base/mem.h"
#include "server/cli/flow_play.h"
#include "server/cli/term.h"
#include "server/flow/bundle.h"
#include "server/flow/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BREAKS_MAX = 32, AROUND = 2, AROUND_LIST = 8, VARIABLES_MAX = 1 << 18, NOWHERE = -1 };

struct mark {
    char file[FLOW_ERROR_FILE_MAX];
    int line;
};

struct stepping {
    struct trace *trace;
    size_t at;
    struct mark breaks[BREAKS_MAX];
    size_t break_count;
    char *seen; /* the variables as they were shown last */
    char file[FLOW_ERROR_FILE_MAX];
    long act; /* that was shown last */
};

/* ---- showing ---- */

/* The line of that number; ptr NULL behind the last. */
static struct span line_of(struct span text, int number)
{
    for (int n = 1; text.len; n++) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        if (n == number)
            return span_of(text.ptr, len);
        text = span_of(text.ptr + len + (end ? 1 : 0), text.len - len - (end ? 1 : 0));
    }
    return (struct span){0};
}

static void show_source(struct play *p, const struct trace_place *here, int around)
{
    struct span text = bundle_file(buf_span(&p->source.text), here->file);
    for (int n = here->line - around; n <= here->line + around; n++) {
        struct span line = n > 0 ? line_of(text, n) : (struct span){0};
        bool is_break = false;
        for (size_t i = 0; i < p->stepping->break_count; i++)
            is_break |= p->stepping->breaks[i].line == n && strcmp(p->stepping->breaks[i].file, here->file) == 0;
        if (line.ptr)
            term_line(p->term, n == here->line ? TONE_BOLD : TONE_DIM, "  %s%s%4d  %.*s", is_break ? "*" : " ",
                      n == here->line ? ">" : " ", n, SPAN_ARG(line));
    }
}

static bool has_line(const char *lines, struct span line)
{
    for (const char *at = lines; at && *at;) {
        size_t len = strcspn(at, "\n");
        if (span_equal(line, span_of(at, len)))
            return true;
        at += len + (at[len] == '\n');
    }
    return false;
}

/* Those that changed since they were last looked at, or all, or the one of that name. */
static void show_variables(struct play *p, bool all, const char *name)
{
    struct stepping *s = p->stepping;
    struct buf text;
    buf_init(&text, VARIABLES_MAX);
    trace_variables(s->trace, s->at, &text);
    buf_add(&text, "", 1);
    size_t shown = 0;
    for (const char *at = text.ptr; *at;) {
        size_t len = strcspn(at, "\n"), key = strcspn(at, " ");
        bool changed = !has_line(s->seen, span_of(at, len));
        bool wanted = name && *name ? strlen(name) == key && memcmp(name, at, key) == 0 : all || changed;
        if (wanted)
            term_line(p->term, changed ? TONE_GOOD : TONE_PLAIN, "        %.*s", (int)len, at);
        shown += wanted;
        at += len + (at[len] == '\n');
    }
    if (!shown && (all || (name && *name)))
        term_line(p->term, TONE_DIM, "        %s",
                  name && *name ? "nothing is known by this name here" : "no variables here");
    mem_free(s->seen);
    s->seen = text.ptr; /* owned from now on */
}

static void show_place(struct play *p)
{
    struct stepping *s = p->stepping;
    if (trace_count(s->trace) == 0) {
        term_line(p->term, TONE_DIM, "  nothing has run yet: type what the customer says, as  > Hello");
        return;
    }
    const struct trace_place *here = trace_at(s->trace, s->at);
    if ((long)here->act != s->act)
        term_say(p->term, TONE_MINE, "", span_str(p->acts[here->act]));
    s->act = (long)here->act;
    if (strcmp(s->file, here->file) != 0)
        term_line(p->term, TONE_DIM, "  %s", here->file);
    snprintf(s->file, sizeof s->file, "%s", here->file);
    show_source(p, here, AROUND);
    show_variables(p, false, NULL);
}

static void show_said(struct play *p, size_t from, size_t to)
{
    size_t cursor = 0;
    for (const char *text; (text = trace_said(p->stepping->trace, from, to, &cursor));)
        term_line(p->term, TONE_BOT, "  %.*s", (int)strcspn(text, "\n"), text);
}

static void go(struct play *p, size_t to)
{
    struct stepping *s = p->stepping;
    if (to >= s->at)
        show_said(p, s->at, to > s->at ? to : to + 1);
    if (to == s->at && to + 1 >= trace_count(s->trace)) {
        term_line(p->term, TONE_DIM, "  this is as far as it has come: > WORDS says what the customer says");
        return;
    }
    if (to == s->at) {
        term_line(p->term, TONE_DIM, "  this is where it begins");
        return;
    }
    s->at = to;
    show_place(p);
}

/* The dialogue has changed: to the first statement of this act. */
static void again(struct play *p, size_t act)
{
    struct stepping *s = p->stepping;
    trace_play(s->trace, p->acts, p->act_count);
    size_t count = trace_count(s->trace);
    s->at = 0;
    while (s->at + 1 < count && trace_at(s->trace, s->at)->act < act)
        s->at++;
    s->act = NOWHERE;
    show_place(p);
}

/* ---- what is typed ---- */

static void on_next(struct play *p, char *rest)
{
    go(p, trace_over(p->stepping->trace, p->stepping->at));
}

static void on_into(struct play *p, char *rest)
{
    size_t at = p->stepping->at;
    go(p, at + 1 < trace_count(p->stepping->trace) ? at + 1 : at);
}

static void on_back(struct play *p, char *rest)
{
    size_t to = trace_back(p->stepping->trace, p->stepping->at);
    if (to == p->stepping->at)
        term_line(p->term, TONE_DIM, "  this is where it begins");
    else
        go(p, to);
}

static bool is_break(const struct stepping *s, const struct trace_place *place)
{
    for (size_t i = 0; i < s->break_count; i++)
        if (s->breaks[i].line == place->line && strcmp(s->breaks[i].file, place->file) == 0)
            return true;
    return false;
}

static void on_continue(struct play *p, char *rest)
{
    struct stepping *s = p->stepping;
    size_t to = s->at + 1, count = trace_count(s->trace);
    while (to < count && !is_break(s, trace_at(s->trace, to)))
        to++;
    go(p, to < count ? to : count - (count > 0));
}

/* 23, or identity:23, or identity.lua:23; a second time it is taken away. */
static void on_break(struct play *p, char *rest)
{
    struct stepping *s = p->stepping;
    char *colon = strrchr(rest, ':');
    const char *number = colon ? colon + 1 : rest;
    struct mark mark = {.line = atoi(number)};
    if (colon)
        snprintf(mark.file, sizeof mark.file, "%.*s%s", (int)(colon - rest), rest, strstr(rest, ".lua") ? "" : ".lua");
    else
        snprintf(mark.file, sizeof mark.file, "%s", trace_count(s->trace) ? trace_at(s->trace, s->at)->file : "");
    for (size_t i = 0; i < s->break_count; i++) {
        if (s->breaks[i].line != mark.line || strcmp(s->breaks[i].file, mark.file) != 0)
            continue;
        s->breaks[i] = s->breaks[--s->break_count];
        term_line(p->term, TONE_DIM, "  no break at %s:%d any more", mark.file, mark.line);
        return;
    }
    if (mark.line <= 0 || s->break_count == BREAKS_MAX) {
        term_line(p->term, TONE_BAD, "  br LINE, or br FILE:LINE");
        return;
    }
    s->breaks[s->break_count++] = mark;
    term_line(p->term, TONE_DIM, "  c goes on to %s:%d", mark.file, mark.line);
}

static void on_print(struct play *p, char *rest)
{
    if (trace_count(p->stepping->trace))
        show_variables(p, *rest == '\0', rest);
}

static void on_list(struct play *p, char *rest)
{
    if (trace_count(p->stepping->trace))
        show_source(p, trace_at(p->stepping->trace, p->stepping->at), AROUND_LIST);
}

static void on_journal(struct play *p, char *rest)
{
    play_journal(p);
}

/* The customer has said something else where we stand, and the rest as before. */
static void on_edit(struct play *p, char *rest)
{
    struct stepping *s = p->stepping;
    if (trace_count(s->trace) == 0 || *rest == '\0') {
        term_line(p->term, TONE_BAD, "  e WORDS: what the customer says instead");
        return;
    }
    size_t act = trace_at(s->trace, s->at)->act, size = strlen(rest) + 3;
    mem_free(p->acts[act]);
    p->acts[act] = mem_alloc(size);
    snprintf(p->acts[act], size, "> %s", rest);
    play_anew(p);
    again(p, act);
}

static void on_quit(struct play *p, char *rest)
{
    stepping_close(p);
}

static void on_help(struct play *p, char *rest);

static const struct {
    const char *word;
    void (*run)(struct play *p, char *rest);
    const char *usage, *help;
} commands[] = {
    {"n", on_next, "n, or nothing", "the next statement, functions as a whole"},
    {"s", on_into, "s", "the next statement, also inside a function"},
    {"b", on_back, "b", "back to the statement before"},
    {"c", on_continue, "c", "on to the next break"},
    {"br", on_break, "br 23, br identity:23", "a break at that line, or no more"},
    {"p", on_print, "p [NAME]", "the variables, or one; those that are new or changed are green"},
    {"l", on_list, "l", "more of the lines around"},
    {"j", on_journal, "j", "what the run has been told"},
    {"e", on_edit, "e WORDS", "what the customer says here instead"},
    {"q", on_quit, "q", "back to the dialogue"},
    {"h", on_help, "h", "this list"},
};

static void on_help(struct play *p, char *rest)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        term_line(p->term, TONE_DIM, "  %-22s %s", commands[i].usage, commands[i].help);
    term_line(p->term, TONE_DIM, "  > WORDS is what the customer says next; /clock +2d and the like work as ever");
}

static void extend(struct play *p, char *line)
{
    size_t before = p->act_count;
    if (*line == '/')
        play_command(p, line + 1);
    else
        play_happens(p, line);
    if (p->stepping && !p->over && p->act_count != before)
        again(p, p->act_count < before ? p->act_count : before);
}

void stepping_line(struct play *p, char *line)
{
    size_t n = strcspn(line, " ");
    char *rest = line + n + strspn(line + n, " ");
    if (*line == '/' || *line == '>') {
        extend(p, line);
        return;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if ((n == 0 && i == 0) || (strlen(commands[i].word) == n && memcmp(commands[i].word, line, n) == 0)) {
            commands[i].run(p, rest);
            return;
        }
    }
    term_line(p->term, TONE_BAD, "  %.*s is nothing I know; h lists what there is", (int)n, line);
}

/* ---- life ---- */

void stepping_open(struct play *p)
{
    struct flow_error error;
    struct trace *trace = trace_new(p->path, buf_span(&p->source.text), &error);
    if (!trace || p->stepping) {
        trace_free(&trace);
        return;
    }
    p->stepping = mem_alloc(sizeof *p->stepping);
    *p->stepping = (struct stepping){.trace = trace, .act = NOWHERE};
    term_prompt(p->term, "step> ");
    term_line(p->term, TONE_DIM, "  n goes on, b goes back, h lists the rest");
    again(p, p->act_count ? p->act_count - 1 : 0);
}

void stepping_close(struct play *p)
{
    if (!p->stepping)
        return;
    trace_free(&p->stepping->trace);
    mem_free(p->stepping->seen);
    mem_free(p->stepping);
    p->stepping = NULL;
    term_prompt(p->term, "you> ");
}
