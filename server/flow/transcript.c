/* Playing a transcript, line by line. */
#include "server/flow/transcript.h"

#include "protocol/item.h"
#include "protocol/wire_json.h"
#include "server/flow/bundle.h"
#include "server/flow/json.h"
#include "server/flow/render.h"
#include "server/flow/stage.h"
#include "server/flow/transcript_expect.h"
#include "server/flow/words.h"

#include <inttypes.h>
#include <stdio.h>

enum { REPORT_MAX = 1 << 16, ACTUAL_MAX = 1 << 20, ARENA = 1 << 20 };

struct playing {
    const struct transcript *t;
    struct transcript_result *out;
    struct stage *stage;
    struct span line;
    int number;
    bool failed;
};

/* ---- lines ---- */

static struct span take_line(struct span *rest)
{
    const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    struct span line = span_of(rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len);
    *rest = span_of(line.ptr + line.len + (end ? 1 : 0), rest->len - line.len - (end ? 1 : 0));
    return line;
}

/* A remark begins the line, or stands behind two spaces. */
static struct span without_remark(struct span line)
{
    struct span s = words_trim(line);
    if (s.len && *s.ptr == '#')
        return span_of(s.ptr, 0);
    for (size_t i = 2; i < s.len; i++)
        if (s.ptr[i] == '#' && s.ptr[i - 1] == ' ' && s.ptr[i - 2] == ' ')
            return words_trim(span_of(s.ptr, i));
    return s;
}

static bool starts(struct span line, const char *word, struct span *out_rest)
{
    *out_rest = line;
    return span_is(words_take(out_rest), word);
}

struct span transcript_flow(struct span text)
{
    struct span rest;
    while (text.len)
        if (starts(without_remark(take_line(&text)), "flow", &rest))
            return rest;
    return span_of("", 0);
}

struct span transcript_begins(struct span text)
{
    struct span rest;
    while (text.len) {
        struct span line = without_remark(take_line(&text));
        if (starts(line, ">", &rest) || starts(line, "event", &rest))
            return line;
    }
    return span_of("", 0);
}

/* ---- what went wrong ---- */

static size_t folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

static void fail(struct playing *p, const char *expected, struct span what, struct span got,
                 const struct memory_item *item)
{
    struct buf *b = &p->out->report;
    p->failed = true;
    buf_printf(b, "%s:%d: %.*s\n", p->t->path, p->number, SPAN_ARG(p->line));
    if (what.len)
        buf_printf(b, "  %-9s %.*s\n", expected, SPAN_ARG(what));
    if (got.ptr)
        buf_printf(b, "  got       %.*s\n", SPAN_ARG(got));
    if (item && item->line)
        buf_printf(b, "  said by   %.*s%s:%d\n", (int)folder_of(p->t->flow_path), p->t->flow_path, item->file,
                   item->line);
    if (stage_offline(p->stage))
        buf_add_str(b, "  the customer is offline, and sees what is said once they are  online\n");
    const char *unknown = host_memory_unknown_call(stage_host(p->stage));
    if (*unknown)
        buf_printf(b, "  nothing was said of this call: stub %s -> 200 {...}\n", unknown);
    const struct flow_error *e = host_memory_error(stage_host(p->stage));
    if (e)
        buf_printf(b, "  the flow failed: %.*s%s:%d: %s [%s]\n", (int)folder_of(p->t->flow_path), p->t->flow_path,
                   e->file, e->line, e->text, e->code);
}

static void complain(struct playing *p, const char *text)
{
    fail(p, "", span_of("", 0), span_str(text), NULL);
}

/* ---- what the flow says ---- */

void transcript_write(const struct memory_item *item, struct buf *out)
{
    buf_add_str(out, item->kind == ITEM_queued ? "" : "< ");
    render_item(item->kind, span_str(item->body), out);
    buf_add_char(out, '\n');
}

static const struct memory_item *next_said(struct playing *p)
{
    const struct memory_item *item = stage_next(p->stage);
    if (item)
        transcript_write(item, &p->out->actual);
    return item;
}

static void compare_said(struct playing *p, struct span pattern)
{
    const struct memory_item *item = next_said(p);
    struct buf got, wide;
    if (!item) {
        fail(p, "expected", pattern, span_str("nothing"), NULL);
        return;
    }
    buf_init(&got, 1 << 17);
    buf_init(&wide, 1 << 17);
    render_item(item->kind, span_str(item->body), &got);
    buf_add_span(&wide, pattern);
    buf_add_char(&wide, '*');
    bool exact = item->kind == ITEM_text || item->kind == ITEM_choices;
    if (item->kind == ITEM_queued || !words_fit(exact ? pattern : buf_span(&wide), buf_span(&got)))
        fail(p, "expected", pattern, buf_span(&got), item);
    buf_done(&got);
    buf_done(&wide);
}

static bool holds(const struct words_pair *pair, const struct value *v)
{
    if (!v || v->type != VALUE_TEXT)
        return false;
    if (pair->op == '~')
        return memmem(v->text.ptr, v->text.len, pair->value.ptr, pair->value.len) != NULL;
    return words_fit(pair->value, v->text);
}

static void compare_handoff(struct playing *p, struct span wanted)
{
    const struct memory_item *item = next_said(p);
    struct words_pair pair;
    struct arena arena;
    struct value body;
    struct buf got;
    buf_init(&got, 1 << 17);
    arena_init(&arena, ARENA);
    bool fits = item && item->kind == ITEM_queued && json_read(&arena, span_str(item->body), &body) == PARLEY_OK;
    for (struct span rest = wanted; fits && words_take_pair(&rest, &pair);)
        fits = pair.op && holds(&pair, value_get(&body, pair.key));
    if (item)
        render_item(item->kind, span_str(item->body), &got);
    if (!fits)
        fail(p, "expected", p->line, item ? buf_span(&got) : span_str("nothing"), NULL);
    arena_done(&arena);
    buf_done(&got);
}

/* Whatever was not expected. */
static void said_more(struct playing *p)
{
    const struct memory_item *item;
    while (!p->failed && (item = next_said(p))) {
        struct buf got;
        buf_init(&got, 1 << 17);
        render_item(item->kind, span_str(item->body), &got);
        fail(p, "expected", span_str("nothing more to be said before this"), buf_span(&got), item);
        buf_done(&got);
    }
}

/* ---- the whole ---- */

static void check_expectation(struct playing *p, struct span rest)
{
    char got[TRANSCRIPT_GOT];
    if (transcript_holds(stage_host(p->stage), rest, got))
        return;
    fail(p, "expected", rest, span_str(got), NULL);
}

static void act(struct playing *p)
{
    char why[STAGE_WHY];
    if (!stage_knows(p->line)) {
        complain(p, "  this is no line of a transcript; see server/flow/README.md");
        return;
    }
    if (!span_is(p->line, "crash"))
        said_more(p);
    if (p->failed)
        return;
    buf_add_span(&p->out->actual, p->line);
    buf_add_char(&p->out->actual, '\n');
    if (!stage_act(p->stage, p->line, why))
        complain(p, why);
}

static void play_line(struct playing *p)
{
    struct span rest;
    p->out->lines++;
    if (starts(p->line, "<", &rest))
        compare_said(p, rest);
    else if (starts(p->line, "handoff", &rest))
        compare_handoff(p, rest);
    else if (starts(p->line, "expect", &rest))
        check_expectation(p, rest);
    else if (starts(p->line, "flow", &rest))
        p->out->lines--;
    else
        act(p);
}

static void play_all(struct playing *p)
{
    struct span rest = p->t->text;
    char why[STAGE_WHY];
    while (rest.len && !p->failed) {
        p->line = without_remark(take_line(&rest));
        p->number++;
        if (p->line.len)
            play_line(p);
    }
    if (p->failed)
        return;
    p->line = span_str("(the end)");
    if (stage_offline(p->stage) && stage_act(p->stage, span_str("online"), why))
        buf_add_str(&p->out->actual, "online\n");
    said_more(p);
}

bool transcript_play(const struct transcript *t, struct transcript_result *out)
{
    struct flow_error error = {0};
    *out = (struct transcript_result){0};
    buf_init(&out->report, REPORT_MAX);
    buf_init(&out->actual, ACTUAL_MAX);
    struct playing p = {.t = t, .out = out};
    p.stage = stage_new(t->flow_path, t->flow, t->crash, &error);
    if (!p.stage) {
        flow_error_print(&error, bundle_file(t->flow, error.file), &out->report);
        return false;
    }
    if (transcript_flow(t->text).len)
        buf_printf(&out->actual, "flow %.*s\n", SPAN_ARG(transcript_flow(t->text)));
    play_all(&p);
    while (stage_next(p.stage))
        ;
    out->steps = host_memory_step(stage_host(p.stage));
    stage_free(&p.stage);
    return !p.failed;
}

void transcript_done(struct transcript_result *result)
{
    buf_done(&result->report);
    buf_done(&result->actual);
}
