/* parley flow play: a dialogue with a flow in the terminal, without server or database. The time stands still but for
 * /clock, so a dialogue can be gone through again: /back is that, without the last thing that happened. */
#include "server/cli/flow_play.h"
#include "protocol/item.h"
#include "server/base/mem.h"
#include "server/cli/cli.h"
#include "server/cli/command.h"
#include "server/cli/files.h"
#include "server/cli/term.h"
#include "server/flow/bundle.h"
#include "server/flow/render.h"
#include "server/flow/stage.h"
#include "server/flow/transcript.h"

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

static void show_wait(struct play *p)
{
    struct host_memory *host = stage_host(p->stage);
    const struct memory_rows *rows = host_memory_rows(host);
    if (!uuid_is_nil(rows->timer))
        term_line(p->term, TONE_DIM, "  goes on by itself in %" PRId64 " s: /clock +%" PRId64 "s",
                  (rows->timer_due_ms - host_memory_clock(host) + 999) / 1000,
                  (rows->timer_due_ms - host_memory_clock(host) + 999) / 1000);
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

static bool open_stage(struct play *p)
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
    if (!open_stage(p)) {
        p->over = true;
        return;
    }
    for (size_t i = 0; i < p->act_count; i++)
        stage_act(p->stage, span_str(p->acts[i]), why);
    while (stage_next(p->stage))
        ;
}

/* Everything once more, and shown. */
static void again(struct play *p)
{
    char why[STAGE_WHY];
    if (!open_stage(p)) {
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

/* ---- commands ---- */

static void on_back(void *arg, char *rest)
{
    struct play *p = arg;
    if (p->act_count == 0) {
        term_line(p->term, TONE_BAD, "  nothing has happened yet");
        return;
    }
    mem_free(p->acts[--p->act_count]);
    again(p);
}

static void on_crash(void *arg, char *rest)
{
    struct play *p = arg;
    play_happens(p, "crash");
    term_line(p->term, TONE_DIM, "  taken out of memory; what happens next brings it back from its journal");
}

static void with_word(struct play *p, const char *word, const char *rest)
{
    struct buf line;
    buf_init(&line, LINE_ROOM);
    buf_printf(&line, "%s %s", word, rest);
    buf_add_char(&line, '\0');
    play_happens(p, line.ptr);
    buf_done(&line);
}

static void on_clock(void *arg, char *rest)
{
    with_word(arg, "advance", *rest == '+' ? rest + 1 : rest);
}

static void on_person(void *arg, char *rest)
{
    play_happens(arg, "escape");
}

static void on_offline(void *arg, char *rest)
{
    play_happens(arg, "offline");
}

static void on_online(void *arg, char *rest)
{
    play_happens(arg, "online");
}

static void on_resolve(void *arg, char *rest)
{
    with_word(arg, "resolve", rest);
}

static void on_form(void *arg, char *rest)
{
    with_word(arg, "form", rest);
}

static void on_user(void *arg, char *rest)
{
    with_word(arg, "user", rest);
}

static void on_context(void *arg, char *rest)
{
    with_word(arg, "context", rest);
}

static void on_stub(void *arg, char *rest)
{
    with_word(arg, "stub", rest);
}

static void on_event(void *arg, char *rest)
{
    with_word(arg, "event", rest);
}

static void on_process(void *arg, char *rest)
{
    with_word(arg, "process", rest);
}

static void on_json(void *arg, char *rest)
{
    struct play *p = arg;
    p->json = !p->json;
    term_line(p->term, TONE_DIM, "  %s", p->json ? "items are shown as JSON" : "items are shown as words");
}

void play_journal(struct play *p)
{
    const struct memory_rows *rows = host_memory_rows(stage_host(p->stage));
    for (size_t i = 0; i < rows->journal_count; i++) {
        const struct memory_row *row = &rows->journal[i];
        char *said = memory_rows_said(rows, row);
        term_line(p->term, TONE_DIM, "  %" PRId64 "  step %" PRId64 "  %s:%d  %s  %s", row->entry, row->step, row->call,
                  row->line, row->data, said ? said : "");
        mem_free(said);
    }
    term_line(p->term, TONE_DIM, "  stands at %s", rows->waiting);
}

static void on_journal(void *arg, char *rest)
{
    play_journal(arg);
}

static void on_step(void *arg, char *rest)
{
    stepping_open(arg);
}

/* The flow's name, as transcripts have it. */
static struct span flow_name(const struct play *p)
{
    const char *slash = strrchr(p->path, '/'), *base = slash ? slash + 1 : p->path, *dot = strrchr(base, '.');
    return span_of(base, dot ? (size_t)(dot - base) : strlen(base));
}

static void record(struct play *p, struct buf *out)
{
    char why[STAGE_WHY];
    const struct memory_item *item;
    buf_printf(out, "flow %.*s\n", SPAN_ARG(flow_name(p)));
    if (!open_stage(p))
        return;
    for (size_t i = 0; i < p->act_count; i++) {
        buf_printf(out, "%s\n", p->acts[i]);
        stage_act(p->stage, span_str(p->acts[i]), why);
        while ((item = stage_next(p->stage)))
            transcript_write(item, out);
    }
}

static void on_save(void *arg, char *rest)
{
    struct play *p = arg;
    struct buf text;
    FILE *f = *rest ? fopen(rest, "wxe") : NULL;
    if (!f) {
        term_line(p->term, TONE_BAD, "  /save FILE.chat: a file that is not there yet");
        return;
    }
    buf_init(&text, 1 << 20);
    record(p, &text);
    bool ok = fwrite(text.ptr, 1, text.len, f) == text.len;
    ok = fclose(f) == 0 && ok;
    term_line(p->term, ok ? TONE_GOOD : TONE_BAD, ok ? "  saved: parley flow test %s" : "  cannot write %s", rest);
    buf_done(&text);
}

static void on_reload(void *arg, char *rest)
{
    struct play *p = arg;
    bool stepping = p->stepping;
    stepping_close(p);
    buf_done(&p->source.text);
    if (flow_source_read(p->path, &p->source) == CLI_OK)
        again(p);
    if (stepping && !p->over)
        stepping_open(p);
}

static void on_quit(void *arg, char *rest)
{
    ((struct play *)arg)->over = true;
}

static void on_help(void *arg, char *rest);

static const struct command commands[] = {
    {"back", on_back, "/back", "undo the last thing that happened"},
    {"crash", on_crash, "/crash", "take the run out of memory here"},
    {"clock", on_clock, "/clock +2d", "let time pass"},
    {"context", on_context, "/context {JSON}", "what the app reports"},
    {"event", on_event, "/event TYPE {JSON}", "something happened in the app or a back end"},
    {"form", on_form, "/form {JSON}", "fill in the form"},
    {"help", on_help, "/help", "this list"},
    {"json", on_json, "/json", "items as JSON, or as words again"},
    {"journal", on_journal, "/journal", "what the run has been told"},
    {"offline", on_offline, "/offline", "the customer's connection is gone; what is said meanwhile is seen later"},
    {"online", on_online, "/online", "the customer is back"},
    {"person", on_person, "/person", "ask for a person"},
    {"process", on_process, "/process TYPE step=NAME", "move a process, as a back end would"},
    {"quit", on_quit, "/quit", "leave; so does the end of input"},
    {"reload", on_reload, "/reload", "read the file again and go through it all again"},
    {"resolve", on_resolve, "/resolve [OUTCOME]", "the person is done"},
    {"save", on_save, "/save FILE.chat", "write this dialogue as a test"},
    {"step", on_step, "/step", "go through the flow line by line, forward and back"},
    {"stub", on_stub, "/stub GET {shop}/* -> 200 {}", "what the outside answers to http"},
    {"user", on_user, "/user Ana language=de", "who the customer is"},
};

static const struct command_list command_list = {commands, sizeof commands / sizeof *commands};

static void on_help(void *arg, char *rest)
{
    struct play *p = arg;
    command_help(&command_list, p->term);
    term_line(p->term, TONE_DIM, "  anything else is what the customer says; [Label] taps a choice");
}

/* ---- the loop ---- */

void play_command(struct play *p, char *line)
{
    command_run(&command_list, p->term, p, line);
}

static void on_line(struct play *p, char *line)
{
    if (p->stepping)
        stepping_line(p, line);
    else if (*line == '/')
        play_command(p, line + 1);
    else if (*line)
        with_word(p, ">", line);
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
    if (code == CLI_OK && !open_stage(&p))
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
