/* What a flow writes for those who make it, and what the engine has to tell them: lines, kept with the step. */
#include "server/base/mem.h"
#include "server/flow/json.h"
#include "server/flow/run.h"

#include <inttypes.h>
#include <stdio.h>

enum { HIDDEN = 32, LINE_TEXT = 2000, SCRATCH = 1 << 16, FULL_PERCENT = 80 };

/* Texts that no line may have in it. */
struct run_hidden {
    size_t count;
    bool more; /* there are others: then no line shows anything */
    char *texts[HIDDEN];
};

/* ---- what was said in secret ---- */

static void hide(struct run_hidden *h, struct span text)
{
    for (size_t i = 0; i < h->count; i++)
        if (span_is(text, h->texts[i]))
            return;
    if (h->count == HIDDEN)
        h->more = true;
    else if (text.len)
        h->texts[h->count++] = mem_span(text);
}

/* As the script has it, and as it looks in JSON. */
void lines_hide(struct flow_run *run, const struct value *said)
{
    struct arena arena;
    arena_init(&arena, SCRATCH);
    struct span json = json_write(&arena, said);
    if (!run->hidden)
        run->hidden = mem_alloc(sizeof *run->hidden);
    if (!json.ptr)
        run->hidden->more = true;
    else if (said->type != VALUE_TEXT)
        hide(run->hidden, json);
    else
        hide(run->hidden, span_of(json.ptr + 1, json.len - 2));
    if (said->type == VALUE_TEXT)
        hide(run->hidden, said->text);
    arena_done(&arena);
}

bool lines_hidden(const struct flow_run *run, struct span text)
{
    const struct run_hidden *h = run->hidden;
    for (size_t i = 0; h && i < h->count; i++)
        if (memmem(text.ptr, text.len, h->texts[i], strlen(h->texts[i])))
            return true;
    return h && h->more;
}

void lines_free(struct flow_run *run)
{
    for (size_t i = 0; run->hidden && i < run->hidden->count; i++)
        mem_free(run->hidden->texts[i]);
    mem_free(run->hidden);
    run->hidden = NULL;
}

/* ---- lines ---- */

static struct span copy(struct arena *arena, struct span text)
{
    static const char more[] = "\xe2\x80\xa6";
    if (text.len <= LINE_TEXT)
        return arena_span(arena, text);
    size_t n = LINE_TEXT;
    while (n > 0 && ((unsigned char)text.ptr[n] & 0xc0) == 0x80)
        n--;
    char *cut = arena_alloc(arena, n + sizeof more);
    if (!cut)
        return (struct span){0};
    memcpy(cut, text.ptr, n);
    memcpy(cut + n, more, sizeof more);
    return span_of(cut, n + sizeof more - 1);
}

void step_log(struct flow_run *run, const struct flow_log_line *line)
{
    struct flow_work *w = run->work;
    bool hidden = !line->own && lines_hidden(run, line->text);
    struct span text = hidden ? span_str(FLOW_HIDDEN) : copy(&w->arena, line->text);
    bool full = w->step.log_count == FLOW_LOG_LINES;
    if (full || !text.ptr)
        w->step.log_dropped++;
    if (!text.ptr || (full && !line->own))
        return;
    struct flow_log_line *kept = &w->logs[full ? FLOW_LOG_LINES - 1 : w->step.log_count++];
    *kept = *line;
    kept->text = text;
    if (!kept->file)
        kept->file = run->version->file;
}

enum sandbox_verdict call_log(struct flow_run *run, struct flow_call *call)
{
    const struct value *data = value_find(&call->args, "data");
    struct span words = json_text(&call->args, "text"), json = {0};
    if (run->journal)
        return SANDBOX_RETURN; /* it was written when the run was here first */
    if (data)
        json = json_write(call->arena, data);
    char *text = arena_alloc(call->arena, words.len + json.len + 2);
    if (!text)
        return call_raise(call, "E204", "log: the data is too large");
    int n =
        snprintf(text, words.len + json.len + 2, "%.*s%s%.*s", SPAN_ARG(words), json.len ? " " : "", SPAN_ARG(json));
    step_log(run, &(struct flow_log_line){.level = LOG_DEBUG + (enum log_level)(call->function - FLOW_CALL_log_debug),
                                          .file = run->file,
                                          .line = call->journal.line,
                                          .text = span_of(text, (size_t)n)});
    return SANDBOX_RETURN;
}

void step_log_dropped(struct flow_run *run)
{
    char text[96];
    if (!run->work->step.log_dropped)
        return;
    snprintf(text, sizeof text, "more lines were not kept: %d is all there is between two waits", FLOW_LOG_LINES);
    step_log(run, &(struct flow_log_line){
                      .level = LOG_WARN, .own = true, .file = run->file, .line = run->line, .text = span_str(text)});
}

/* ---- a journal that gets long ---- */

static bool is_near(int64_t n, int64_t limit)
{
    return n * 100 >= limit * FULL_PERCENT;
}

void step_log_journal(struct flow_run *run, const struct journal_call *call, int64_t entries, size_t bytes)
{
    const struct flow_limits *l = &run->engine->limits;
    char text[192];
    if (run->warned || !(is_near(entries, l->journal_entries) || is_near((int64_t)bytes, (int64_t)l->journal_bytes)))
        return;
    run->warned = run->work->step.journal_near = true;
    snprintf(text, sizeof text,
             "the journal has %" PRId64 " of %" PRId64
             " entries and %zu of %zu bytes; when it is full the run fails: restart{} begins a new one",
             entries, l->journal_entries, bytes, l->journal_bytes);
    step_log(run, &(struct flow_log_line){
                      .level = LOG_WARN, .own = true, .file = call->file, .line = call->line, .text = span_str(text)});
}
