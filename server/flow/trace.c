/* Lua tells of lines; a statement may have many of them, so the parser says where each begins. */
#include "server/flow/trace.h"

#include "server/base/mem.h"
#include "server/flow/bundle.h"
#include "server/flow/parser.h"
#include "server/flow/stage.h"
#include "server/flow/transcript.h"
#include "server/flow/words.h"

#include <stdio.h>

enum { PLACES_MAX = 200000, LINES_MAX = 65536, ARENA = 8 << 20, SAID_MAX = 1 << 17 };

/* Something that was said, and by which statement. */
struct said {
    size_t place;
    char *text;
};

struct trace {
    char *path;
    char *source;
    size_t source_len;
    struct sandbox_watch watch;
    struct trace_place *places;
    size_t count, room;
    uint8_t *begins[BUNDLE_MAX]; /* a bit a line, of each part */
    struct bundle *bundle;
    char *const *acts;
    size_t act_count, act; /* which is being played */
    int last_line;         /* that Lua told of, in any part */
    struct said *said;
    size_t said_count;
    size_t wanted; /* the place whose variables are wanted; SIZE_MAX: none */
    struct buf *variables;
};

/* ---- where statements begin ---- */

struct marking {
    uint8_t *lines;
};

static void mark(void *owner, enum parser_shape shape, struct span text, int line)
{
    struct marking *m = owner;
    if (shape == PARSER_STATEMENT && line > 0 && line < LINES_MAX)
        m->lines[line / 8] |= (uint8_t)(1 << line % 8);
}

static void on_name(void *owner, enum parser_use use, struct span table, struct span name, int line)
{
}

static void on_call(void *owner, struct span table, struct span name, const struct value *args, size_t count, bool open,
                    int line)
{
}

static void on_local(void *owner, struct span name, int line)
{
}

static void mark_statements(struct trace *t)
{
    struct arena arena;
    arena_init(&arena, ARENA);
    for (size_t i = 0; i < t->bundle->count; i++) {
        struct marking m = {.lines = mem_alloc(LINES_MAX / 8)};
        const struct parser_events events = {&m, on_name, on_call, on_local, mark, NULL, NULL};
        parser_read(t->bundle->parts[i].text, &arena, &events);
        arena_reset(&arena);
        t->begins[i] = m.lines;
    }
    arena_done(&arena);
}

static bool begins(const struct trace *t, const char *file, int line)
{
    size_t i = 0;
    for (size_t k = 1; k < t->bundle->count; k++) {
        struct span name = t->bundle->parts[k].name;
        if (strncmp(file, name.ptr, name.len) == 0 && strcmp(file + name.len, ".lua") == 0)
            i = k;
    }
    return line > 0 && line < LINES_MAX && t->begins[i][line / 8] >> line % 8 & 1;
}

/* ---- playing ---- */

static void add_variable(void *owner, const char *name, struct span value)
{
    buf_printf(owner, "%s = %.*s\n", name, SPAN_ARG(value));
}

/* Lua comes back to the first line of a statement when all of it has been read: that is no new one. */
static bool goes_on(const struct trace *t, const char *file, int line, int depth)
{
    const struct trace_place *last = t->count ? &t->places[t->count - 1] : NULL;
    return last && last->act == t->act && last->line == line && last->depth == depth && strcmp(last->file, file) == 0 &&
           !begins(t, file, t->last_line);
}

static void on_line(void *owner, struct sandbox_run *run, const char *file, int line, int depth)
{
    struct trace *t = owner;
    bool counts = begins(t, file, line) && !goes_on(t, file, line, depth) && t->count < PLACES_MAX;
    t->last_line = line;
    if (!counts)
        return;
    if (t->count == t->room) {
        t->room = t->room ? t->room * 2 : 256;
        t->places = mem_resize(t->places, t->room * sizeof *t->places);
    }
    struct trace_place *place = &t->places[t->count];
    *place = (struct trace_place){.line = line, .depth = depth, .act = t->act};
    snprintf(place->file, sizeof place->file, "%s", file);
    if (t->count++ == t->wanted)
        sandbox_variables(run, add_variable, t->variables);
}

/* ---- what was said ---- */

/* The statement of this act that said it: behind the one that spoke before, if there is one in that line. */
static size_t speaker(const struct trace *t, const struct memory_item *item)
{
    size_t first = t->said_count ? t->said[t->said_count - 1].place : 0, found = SIZE_MAX;
    for (size_t k = first; k < t->count && (found == SIZE_MAX || found == first); k++)
        if (t->places[k].act == t->act && item->line == t->places[k].line && item->file &&
            strcmp(item->file, t->places[k].file) == 0)
            found = k;
    return found != SIZE_MAX ? found : t->count - (t->count > 0);
}

static void note_said(struct trace *t, struct stage *stage)
{
    const struct memory_item *item;
    while ((item = stage_next(stage))) {
        struct buf text;
        buf_init(&text, SAID_MAX);
        transcript_write(item, &text);
        buf_add(&text, "", 1);
        size_t place = speaker(t, item);
        t->said = mem_resize(t->said, (t->said_count + 1) * sizeof *t->said);
        t->said[t->said_count++] = (struct said){place, text.ptr};
    }
}

static void forget_said(struct trace *t)
{
    for (size_t i = 0; i < t->said_count; i++)
        mem_free(t->said[i].text);
    t->said_count = 0;
}

const char *trace_said(const struct trace *t, size_t from, size_t to, size_t *cursor)
{
    while (*cursor < t->said_count) {
        const struct said *s = &t->said[(*cursor)++];
        if (s->place >= from && s->place < to)
            return s->text;
    }
    return NULL;
}

/* ---- the whole ---- */

static void play(struct trace *t)
{
    struct flow_error error;
    char why[STAGE_WHY];
    struct stage *stage = stage_new(t->path, span_of(t->source, t->source_len), MEMORY_CRASH_NEVER, &error);
    forget_said(t);
    t->count = 0;
    t->last_line = 0;
    if (!stage)
        return;
    host_memory_watch(stage_host(stage), &t->watch);
    for (t->act = 0; t->act < t->act_count; t->act++) {
        if (!span_is(words_trim(span_str(t->acts[t->act])), "crash"))
            stage_act(stage, span_str(t->acts[t->act]), why);
        note_said(t, stage);
    }
    stage_free(&stage);
}

void trace_play(struct trace *t, char *const *acts, size_t count)
{
    t->acts = acts;
    t->act_count = count;
    t->wanted = SIZE_MAX;
    play(t);
}

void trace_variables(struct trace *t, size_t i, struct buf *out)
{
    t->wanted = i;
    t->variables = out;
    play(t);
    t->wanted = SIZE_MAX;
}

/* ---- places ---- */

size_t trace_count(const struct trace *t)
{
    return t->count;
}

const struct trace_place *trace_at(const struct trace *t, size_t i)
{
    return &t->places[i];
}

size_t trace_over(const struct trace *t, size_t i)
{
    for (size_t k = i + 1; k < t->count; k++)
        if (t->places[k].depth <= t->places[i].depth)
            return k;
    return i;
}

size_t trace_back(const struct trace *t, size_t i)
{
    for (size_t k = i; k-- > 0;)
        if (t->places[k].depth <= t->places[i].depth)
            return k;
    return i;
}

/* ---- life ---- */

struct trace *trace_new(const char *path, struct span source, struct flow_error *error)
{
    struct stage *stage = stage_new(path, source, MEMORY_CRASH_NEVER, error);
    if (!stage)
        return NULL;
    stage_free(&stage);
    struct trace *t = mem_alloc(sizeof *t);
    *t = (struct trace){
        .path = mem_text(path), .source = mem_span(source), .source_len = source.len, .wanted = SIZE_MAX};
    t->watch = (struct sandbox_watch){t, on_line};
    t->bundle = mem_alloc(sizeof *t->bundle);
    bundle_split(span_of(t->source, t->source_len), t->bundle);
    mark_statements(t);
    return t;
}

void trace_free(struct trace **trace)
{
    struct trace *t = *trace;
    if (!t)
        return;
    for (size_t i = 0; i < t->bundle->count; i++)
        mem_free(t->begins[i]);
    mem_free(t->bundle);
    forget_said(t);
    mem_free(t->said);
    mem_free(t->places);
    mem_free(t->source);
    mem_free(t->path);
    mem_free(t);
    *trace = NULL;
}
