/* A list of flows, each with its patterns compiled: a handful, so going through it is the quickest way. */
#include "server/flow/starts.h"

#include "protocol/buf.h"
#include "protocol/limits.h"
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/flow/json.h"
#include "server/flow/pattern.h"
#include "server/flow/run.h"

enum { ARENA_MAX = 16 << 20, MATCHES = 10, BUTTON_MAX = 1 << 16 };

struct start {
    char *name;
    struct pattern *button; /* in any language; NULL: none */
    struct pattern *match[MATCHES];
    size_t match_count;
    bool fallback;
    struct value events, where; /* a list and a map; null: none */
};

struct starts {
    struct arena arena;
    struct start *rows;
    size_t count;
};

struct starts *starts_new(void)
{
    struct starts *s = mem_alloc(sizeof *s);
    arena_init(&s->arena, ARENA_MAX);
    return s;
}

void starts_free(struct starts **starts)
{
    struct starts *s = *starts;
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++) {
        mem_free(s->rows[i].name);
        pattern_free(&s->rows[i].button);
        for (size_t k = 0; k < s->rows[i].match_count; k++)
            pattern_free(&s->rows[i].match[k]);
    }
    mem_free(s->rows);
    arena_done(&s->arena);
    mem_free(s);
    *starts = NULL;
}

/* ---- adding ---- */

/* As plain text in a pattern: a backslash could end that. */
static void add_plain(struct buf *out, struct span text)
{
    buf_add_str(out, "\\Q");
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\\')
            buf_add_str(out, "\\E\\\\\\Q");
        else
            buf_add_char(out, text.ptr[i]);
    buf_add_str(out, "\\E");
}

/* All languages in one pattern: so case is what Unicode says of it. */
static void add_button(struct start *row, const struct value *button)
{
    char why[PATTERN_WHY_MAX];
    struct buf text;
    if (!button || button->type != VALUE_MAP || button->count == 0)
        return;
    buf_init(&text, BUTTON_MAX);
    buf_add_str(&text, "(?i)\\A\\s*(?:");
    for (uint32_t i = 0; i < button->count; i++) {
        if (i)
            buf_add_char(&text, '|');
        if (button->members[i].value.type == VALUE_TEXT)
            add_plain(&text, button->members[i].value.text);
    }
    buf_add_str(&text, ")\\s*\\z");
    if (text.status == PARLEY_OK)
        pattern_new_own(buf_span(&text), &row->button, why);
    buf_done(&text);
}

static void add_matches(struct start *row, const struct value *match)
{
    char why[PATTERN_WHY_MAX];
    for (uint32_t i = 0; match && match->type == VALUE_ARRAY && i < match->count && row->match_count < MATCHES; i++)
        if (match->items[i].type == VALUE_TEXT &&
            pattern_new(match->items[i].text, &row->match[row->match_count], why) == PARLEY_OK)
            row->match_count++;
}

static void add_events(struct starts *s, struct start *row, const struct value *start)
{
    const struct value *events = value_find(start, "event"), *where = value_find(start, "where");
    if (events && events->type == VALUE_ARRAY)
        json_copy(&s->arena, events, &row->events);
    if (where && where->type == VALUE_MAP)
        json_copy(&s->arena, where, &row->where);
}

void starts_add(struct starts *s, struct span name, const struct value *start)
{
    if (start->type != VALUE_MAP || start->count == 0)
        return;
    s->rows = mem_resize(s->rows, (s->count + 1) * sizeof *s->rows);
    struct start *row = &s->rows[s->count++];
    *row = (struct start){.name = mem_span(name), .fallback = json_true(start, "fallback")};
    add_button(row, value_find(start, "button"));
    add_matches(row, value_find(start, "match"));
    add_events(s, row, start);
}

/* ---- choosing ---- */

/* What is there to begin with: words, or an event by its type. */
struct what {
    struct span text;
    const struct value *data; /* of an event */
};

typedef bool fits(const struct start *row, const struct what *what);

static bool is_button(const struct start *row, const struct what *what)
{
    struct pattern_match m = {.work = 0};
    return row->button && pattern_search(row->button, what->text, 0, &m) == PARLEY_OK;
}

static bool matches(const struct start *row, const struct what *what)
{
    struct pattern_match m = {.work = 0};
    parley_status st = PARLEY_NOT_FOUND;
    for (size_t i = 0; st != PARLEY_OK && st != PARLEY_LIMIT && i < row->match_count; i++)
        st = pattern_search(row->match[i], what->text, 0, &m);
    if (st == PARLEY_LIMIT)
        log_warn(NULL, "what a flow starts by takes too long on what was said", LOG_STR("flow", row->name));
    return st == PARLEY_OK;
}

static bool is_fallback(const struct start *row, const struct what *what)
{
    return row->fallback;
}

static bool hears(const struct start *row, const struct what *what)
{
    bool found = false;
    for (uint32_t i = 0; row->events.type == VALUE_ARRAY && !found && i < row->events.count; i++)
        found = row->events.items[i].type == VALUE_TEXT && span_equal(row->events.items[i].text, what->text);
    return found && event_fits(row->where.type == VALUE_MAP ? &row->where : NULL, what->data);
}

static const char *first_of(const struct starts *s, fits *fit, const struct what *what, starts_may *may,
                            const void *arg)
{
    for (size_t i = 0; i < s->count; i++)
        if ((!may || may(arg, span_str(s->rows[i].name))) && fit(&s->rows[i], what))
            return s->rows[i].name;
    return NULL;
}

const char *starts_by_button(const struct starts *s, struct span words, starts_may *may, const void *arg)
{
    return words.len ? first_of(s, is_button, &(struct what){.text = words}, may, arg) : NULL;
}

const char *starts_by_words(const struct starts *s, struct span words, starts_may *may, const void *arg)
{
    const char *name = starts_by_button(s, words, may, arg);
    return name || words.len == 0 ? name : first_of(s, matches, &(struct what){.text = words}, may, arg);
}

const char *starts_by_event(const struct starts *s, struct span type, const struct value *data, starts_may *may,
                            const void *arg)
{
    return first_of(s, hears, &(struct what){type, data}, may, arg);
}

const char *starts_otherwise(const struct starts *s, starts_may *may, const void *arg)
{
    return first_of(s, is_fallback, NULL, may, arg);
}
