/* parley flow play: a dialogue with a flow in the terminal, without server or database. The time stands still but for
 * /clock, so a dialogue can be gone through again: /back is that, without the last thing that happened. */
#include "server/cli/flow_play.h"
#include "protocol/item.h"
#include "server/base/mem.h"
#include "server/cli/cli.h"
#include "server/cli/term.h"
#include "server/flow/bundle.h"
#include "server/flow/render.h"
#include "server/flow/stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- showing ---- */

static void show_item(struct play *p, const struct memory_item *item)
{
    struct buf line;
    buf_init(&line, LINE_ROOM);
    if (p->json)
        buf_add_str(&line, item->body);
    else
        render_item(item->kind, span_str(item->body), &line);
    term_say(p->term, item->kind == ITEM_queued ? TONE_AGENT : TONE_BOT, "bot", buf_span(&line));
    buf_done(&line);
}

/* In the largest unit that says it exactly. */
static void show_wait(struct play *p)
{
    static const struct {
        char letter;
        int64_t s;
    } units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
    struct host_memory *host = stage_host(p->stage);
    const struct memory_rows *rows = host_memory_rows(host);
    int64_t left = (rows->timer_due_ms - host_memory_clock(host) + 999) / 1000;
    size_t i = 0;
    if (uuid_is_nil(rows->timer))
        return;
    while (left % units[i].s)
        i++;
    term_line(p->term, TONE_DIM, "  goes on by itself: /clock +%" PRId64 "%c", left / units[i].s, units[i].letter);
}

static void show_state(struct play *p)
{
    struct host_memory *host = stage_host(p->stage);
    const struct memory_rows *rows = host_memory_rows(host);
    const struct flow_error *error = host_memory_error(host);
    struct buf text;
    buf_init(&text, LINE_ROOM);
    if (host_memory_state(host) == FLOW_HANDOFF)
        term_line(p->term, TONE_DIM, "  a person has it now: /resolve [OUTCOME] gives it back");
    if (host_memory_state(host) == FLOW_ENDED)
        term_line(p->term, TONE_DIM, "  the flow has ended");
    if (error && host_memory_state(host) == FLOW_FAILED) {
        flow_error_print(error, bundle_file(buf_span(&p->source.text), error->file), &text);
        term_say(p->term, TONE_BAD, NULL, buf_span(&text));
    }
    if (stage_offline(p->stage))
        term_line(p->term, TONE_DIM, "  the customer is offline: /online brings them back, and shows what was said");
    show_wait(p);
    if (*host_memory_unknown_call(host))
        term_line(p->term, TONE_DIM, "  nothing was said of this call: /stub %s -> 200 {}",
                  host_memory_unknown_call(host));
    term_line(p->term, TONE_DIM, "  journal %zu · context %s", host_memory_journal(host),
              rows->collected ? rows->collected : "{}");
    buf_done(&text);
}

static void show_lines(struct play *p)
{
    struct span lines = stage_next_lines(p->stage);
    while (lines.len) {
        size_t n = (size_t)((const char *)memchr(lines.ptr, '\n', lines.len) - lines.ptr);
        term_line(p->term, TONE_DIM, "  %.*s", (int)n, lines.ptr);
        lines = span_of(lines.ptr + n + 1, lines.len - n - 1);
    }
}

static void show_news(struct play *p)
{
    const struct memory_item *item;
    show_lines(p);
    while ((item = stage_next(p->stage)))
        show_item(p, item);
}

/* ---- what happens ---- */

static bool act(struct play *p, const char *line)
{
    char why[STAGE_WHY];
    if (stage_act(p->stage, span_str(line), why))
        return true;
    term_line(p->term, TONE_BAD, "  %s", why);
    return false;
}

/* ---- which flow ---- */

static bool begins(const char *line)
{
    return *line == '>' || strncmp(line, "event ", 6) == 0;
}

static bool has_begun(const struct play *p)
{
    bool found = false;
    for (size_t i = 0; !found && i < p->act_count; i++)
        found = begins(p->acts[i]);
    return found;
}

bool play_has_flow(struct play *p)
{
    if (*p->path)
        return true;
    term_line(p->term, TONE_BAD, "  say something first: your first words say which flow of %s it is", p->folder);
    return false;
}

/* Something to know the customer and the world by, until they have said something. */
static void stand_by(struct play *p)
{
    buf_init(&p->source.text, LINE_ROOM);
    buf_add_str(&p->source.text, "flow { id = \"none\", title = \"None yet\" }\n");
}

static bool choose(struct play *p, const char *line)
{
    char path[PATH_ROOM];
    struct flow_source source = {0};
    if (!flow_start_in(span_str(line), p->folder, path, sizeof path)) {
        term_line(p->term, TONE_BAD, "  no flow of %s starts by this%s", p->folder,
                  *line == '>' ? ", and none has start.fallback" : "");
        return false;
    }
    if (flow_source_read(path, &source) != CLI_OK) {
        buf_done(&source.text);
        return false;
    }
    buf_done(&p->source.text);
    p->source = source;
    snprintf(p->path, sizeof p->path, "%s", path);
    term_line(p->term, TONE_DIM, "  %s", path);
    play_anew(p);
    return !p->over;
}

void play_happens(struct play *p, const char *line)
{
    if (p->act_count == ACTS_MAX) {
        term_line(p->term, TONE_BAD, "  this dialogue is too long; begin a new one");
        return;
    }
    if (*p->folder && begins(line) && !has_begun(p) && !choose(p, line))
        return;
    if (!act(p, line))
        return;
    p->acts[p->act_count++] = mem_text(line);
    show_news(p);
    show_state(p);
}

bool play_open(struct play *p)
{
    struct flow_error error;
    struct buf text;
    stage_free(&p->stage);
    p->stage = stage_new(p->path, buf_span(&p->source.text), MEMORY_CRASH_NEVER, &error);
    if (p->stage)
        return true;
    buf_init(&text, LINE_ROOM);
    flow_error_print(&error, bundle_file(buf_span(&p->source.text), error.file), &text);
    fprintf(stderr, "%.*s", SPAN_ARG(buf_span(&text)));
    buf_done(&text);
    return false;
}

void play_anew(struct play *p)
{
    char why[STAGE_WHY];
    if (!play_open(p)) {
        p->over = true;
        return;
    }
    for (size_t i = 0; i < p->act_count; i++)
        stage_act(p->stage, span_str(p->acts[i]), why);
    while (stage_next(p->stage))
        ;
    stage_next_lines(p->stage);
}

void play_again(struct play *p)
{
    char why[STAGE_WHY];
    if (!play_open(p)) {
        p->over = true;
        return;
    }
    for (size_t i = 0; i < p->act_count; i++) {
        term_say(p->term, TONE_MINE, "", span_str(p->acts[i]));
        if (!stage_act(p->stage, span_str(p->acts[i]), why))
            term_line(p->term, TONE_BAD, "  %s", why);
        show_news(p);
    }
    show_state(p);
}

void play_word(struct play *p, const char *word, const char *rest)
{
    struct buf line;
    buf_init(&line, LINE_ROOM);
    buf_printf(&line, "%s %s", word, rest);
    buf_add_char(&line, '\0');
    play_happens(p, line.ptr);
    buf_done(&line);
}

/* ---- the loop ---- */

static void on_line(struct play *p, char *line)
{
    if (p->stepping)
        stepping_line(p, line);
    else if (*line == '/')
        play_command(p, line + 1);
    else if (*line)
        play_word(p, ">", line);
}

static int converse(struct play *p)
{
    while (!p->over) {
        enum term_news news = term_wait(p->term, -1, -1);
        if (news == TERM_LINE) {
            char *line = term_take_line(p->term);
            if (term_is_interactive(p->term) && !p->stepping && *line && *line != '/')
                term_say(p->term, TONE_MINE, "you", span_str(line));
            on_line(p, line);
            free(line);
        } else if (news == TERM_END || news == TERM_INTERRUPT) {
            return news == TERM_INTERRUPT ? CLI_INTERRUPTED : CLI_OK;
        }
    }
    return CLI_OK;
}

/* A flow, or a folder of them. */
static int open_source(struct play *p, const char *operand)
{
    char room[PATH_ROOM];
    struct stat st;
    const char *file = flow_file(operand, room, sizeof room);
    bool folder = stat(file, &st) == 0 && S_ISDIR(st.st_mode);
    snprintf(folder ? p->folder : p->path, PATH_ROOM, "%s", file);
    if (!folder)
        return flow_source_read(p->path, &p->source);
    if (cli_has(p->cli, "step"))
        return cli_fail(CLI_USAGE, "--step needs one flow; in a folder, /step once you have said something");
    stand_by(p);
    return CLI_OK;
}

int flow_play(struct cli *cli)
{
    struct play p = {.cli = cli};
    int code = open_source(&p, cli_operand(cli, 0) ? cli_operand(cli, 0) : "flows");
    if (code == CLI_OK && !play_open(&p))
        code = CLI_PROBLEMS;
    if (code == CLI_OK) {
        p.term = term_open(cli_color(cli));
        term_prompt(p.term, "you> ");
        term_line(p.term, TONE_DIM, "  %s: say something to start %s; /help lists what else can happen",
                  *p.folder ? p.folder : p.path, *p.folder ? "one of its flows" : "it");
        if (cli_has(cli, "step"))
            stepping_open(&p);
        code = converse(&p);
        stepping_close(&p);
        term_close(&p.term);
    }
    for (size_t i = 0; i < p.act_count; i++)
        mem_free(p.acts[i]);
    stage_free(&p.stage);
    buf_done(&p.source.text);
    return code;
}
