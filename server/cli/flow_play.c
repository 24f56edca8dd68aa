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

static void show_news(struct play *p)
{
    const struct memory_item *item;
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

void play_happens(struct play *p, const char *line)
{
    if (p->act_count == ACTS_MAX) {
        term_line(p->term, TONE_BAD, "  this dialogue is too long; begin a new one");
        return;
    }
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

int flow_play(struct cli *cli)
{
    struct play p = {.cli = cli};
    char room[PATH_ROOM];
    snprintf(p.path, sizeof p.path, "%s", flow_file(cli_operand(cli, 0), room, sizeof room));
    int code = flow_source_read(p.path, &p.source);
    if (code == CLI_OK && !play_open(&p))
        code = CLI_PROBLEMS;
    if (code == CLI_OK) {
        p.term = term_open(cli_color(cli));
        term_prompt(p.term, "you> ");
        term_line(p.term, TONE_DIM, "  %s: say something to start it; /help lists what else can happen", p.path);
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
