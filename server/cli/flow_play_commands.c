/* What stands behind a slash in `parley flow play`. */
#include "server/base/mem.h"
#include "server/cli/cli.h"
#include "server/cli/command.h"
#include "server/cli/flow_play.h"
#include "server/cli/term.h"
#include "server/flow/stage.h"
#include "server/flow/transcript.h"

#include <inttypes.h>
#include <stdio.h>

static void on_back(void *arg, char *rest)
{
    struct play *p = arg;
    if (p->act_count == 0) {
        term_line(p->term, TONE_BAD, "  nothing has happened yet");
        return;
    }
    mem_free(p->acts[--p->act_count]);
    play_again(p);
}

static void on_crash(void *arg, char *rest)
{
    struct play *p = arg;
    play_happens(p, "crash");
    term_line(p->term, TONE_DIM, "  taken out of memory; what happens next brings it back from its journal");
}

static void on_clock(void *arg, char *rest)
{
    play_word(arg, "advance", *rest == '+' ? rest + 1 : rest);
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

static void on_accept(void *arg, char *rest)
{
    play_happens(arg, "accept");
}

static void on_hours(void *arg, char *rest)
{
    play_word(arg, "hours", rest);
}

static void on_queue(void *arg, char *rest)
{
    play_word(arg, "queue", rest);
}

static void on_resolve(void *arg, char *rest)
{
    play_word(arg, "resolve", rest);
}

static void on_form(void *arg, char *rest)
{
    play_word(arg, "form", rest);
}

static void on_user(void *arg, char *rest)
{
    play_word(arg, "user", rest);
}

static void on_context(void *arg, char *rest)
{
    play_word(arg, "context", rest);
}

static void on_stub(void *arg, char *rest)
{
    play_word(arg, "stub", rest);
}

static void on_event(void *arg, char *rest)
{
    play_word(arg, "event", rest);
}

static void on_process(void *arg, char *rest)
{
    play_word(arg, "process", rest);
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
    if (play_has_flow(arg))
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
    if (!play_open(p))
        return;
    for (size_t i = 0; i < p->act_count; i++) {
        buf_printf(out, "%s\n", p->acts[i]);
        stage_act(p->stage, span_str(p->acts[i]), why);
        while ((item = stage_next(p->stage)))
            transcript_write(item, out);
    }
    stage_next_lines(p->stage);
}

static void on_save(void *arg, char *rest)
{
    struct play *p = arg;
    struct buf text;
    if (!play_has_flow(p))
        return;
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
    if (!play_has_flow(p))
        return;
    stepping_close(p);
    buf_done(&p->source.text);
    if (flow_source_read(p->path, &p->source) == CLI_OK)
        play_again(p);
    if (stepping && !p->over)
        stepping_open(p);
}

static void on_quit(void *arg, char *rest)
{
    ((struct play *)arg)->over = true;
}

static void on_help(void *arg, char *rest);

static const struct command commands[] = {
    {"accept", on_accept, "/accept", "a person takes what was handed over"},
    {"back", on_back, "/back", "undo the last thing that happened"},
    {"crash", on_crash, "/crash", "take the run out of memory here"},
    {"clock", on_clock, "/clock +2d", "let time pass"},
    {"context", on_context, "/context {JSON}", "what the app reports"},
    {"event", on_event, "/event TYPE {JSON}", "something happened in the app or a back end"},
    {"form", on_form, "/form {JSON}", "fill in the form"},
    {"help", on_help, "/help", "this list"},
    {"hours", on_hours, "/hours QUEUE TEXT", "when a queue has people, as  mon-fri 9:00-17:00"},
    {"json", on_json, "/json", "items as JSON, or as words again"},
    {"journal", on_journal, "/journal", "what the run has been told"},
    {"offline", on_offline, "/offline", "the customer's connection is gone; what is said meanwhile is seen later"},
    {"online", on_online, "/online", "the customer is back"},
    {"person", on_person, "/person", "ask for a person"},
    {"process", on_process, "/process TYPE step=NAME", "move a process, as a back end would"},
    {"queue", on_queue, "/queue QUEUE free=0", "who waits there: waiting=, agents=, free="},
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

void play_command(struct play *p, char *line)
{
    command_run(&command_list, p->term, p, line);
}
