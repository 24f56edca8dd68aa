/* The acts, a function each. */
#include "server/flow/stage_inside.h"

#include "protocol/item.h"
#include "server/base/mem.h"
#include "server/flow/api.h"
#include "server/flow/json.h"
#include "server/flow/words.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA = 4 << 20 };

typedef bool stage_act_run(struct stage *s, struct span rest, char why[STAGE_WHY]);

bool stage_no(char why[STAGE_WHY], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, STAGE_WHY, format, args);
    va_end(args);
    return false;
}

const char *stage_text(struct stage *s, struct span text)
{
    char *copy = arena_alloc(&s->arena, text.len + 1);
    memcpy(copy, text.ptr ? text.ptr : "", text.len);
    copy[text.len] = '\0';
    return copy;
}

const char *stage_json(struct stage *s, const struct value *v)
{
    return stage_text(s, json_write(&s->arena, v));
}

bool stage_map(struct stage *s, struct span text, struct value *out, char why[STAGE_WHY])
{
    if (json_read(&s->arena, text, out) == PARLEY_OK && out->type == VALUE_MAP)
        return true;
    return stage_no(why, "expected a map as JSON, as {\"key\":\"value\"}");
}

/* ---- the customer ---- */

void stage_post(struct stage *s, int kind, int64_t to, const char *key, struct value v)
{
    struct value body;
    if (value_map(&s->arena, 2, &body) != PARLEY_OK)
        return;
    value_put(&body, span_str("to"), value_int(to));
    value_put(&body, span_str(key), v);
    host_memory_post(s->host, kind, stage_json(s, &body));
}

static bool tap_one_of(struct stage *s, int64_t seq, const struct value *options, struct span label)
{
    for (uint32_t i = 0; options && i < options->count; i++) {
        struct span value = json_text(&options->items[i], "value");
        if (!span_equal(label, json_text(&options->items[i], "label")) && !span_equal(label, value))
            continue;
        stage_post(s, ITEM_choice, seq, "value", value_text(value));
        return true;
    }
    return false;
}

/* The newest that is called so, also of an older question. */
static bool tap(struct stage *s, struct span label, char why[STAGE_WHY])
{
    const struct memory_rows *rows = host_memory_rows(s->host);
    bool any = false;
    for (size_t i = rows->item_count; i-- > 0;) {
        struct value body;
        if (rows->items[i].kind != ITEM_choices ||
            json_read(&s->arena, span_str(rows->items[i].body), &body) != PARLEY_OK)
            continue;
        any = true;
        if (tap_one_of(s, (int64_t)i + 1, value_find(&body, "options"), label))
            return true;
    }
    return any ? stage_no(why, "there is no [%.*s] to tap", SPAN_ARG(label)) : stage_no(why, "there is nothing to tap");
}

static bool start(struct stage *s, struct span words)
{
    s->started = true;
    host_memory_start(s->host, stage_text(s, words));
    return true;
}

static bool act_say(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    struct span label;
    bool taps = words_label(rest, &label);
    if (!s->started)
        return start(s, taps ? label : rest);
    if (taps)
        return tap(s, label, why);
    host_memory_say(s->host, stage_text(s, rest));
    return true;
}

static bool act_offline(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    s->away = true;
    return true;
}

static bool act_online(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    if (!s->away)
        return stage_no(why, "the customer is not offline");
    s->away = false;
    return true;
}

static bool act_escape(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    host_memory_escape(s->host);
    return true;
}

/* ---- the world ---- */

static bool act_advance(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    int64_t ms;
    if (rest.len && *rest.ptr == '+')
        rest = span_of(rest.ptr + 1, rest.len - 1);
    if (!flow_duration(rest, &ms))
        return stage_no(why, "'%.*s' is no duration; write 90s, 10m, 2h or 5d", SPAN_ARG(rest));
    host_memory_advance(s->host, ms);
    return true;
}

static bool act_resolve(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    const char *outcome = "resolved", *note = "", *by = "";
    struct words_pair pair;
    while (words_take_pair(&rest, &pair)) {
        if (pair.op == 0)
            outcome = stage_text(s, pair.key);
        else if (span_is(pair.key, "note"))
            note = stage_text(s, pair.value);
        else if (span_is(pair.key, "by"))
            by = stage_text(s, pair.value);
        else
            return stage_no(why, "resolve has outcome, note and by, but no '%.*s'", SPAN_ARG(pair.key));
    }
    if (host_memory_state(s->host) != FLOW_HANDOFF)
        return stage_no(why, "no person has this conversation");
    host_memory_back(s->host, outcome, note, by);
    return true;
}

static bool act_accept(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    if (host_memory_state(s->host) != FLOW_HANDOFF)
        return stage_no(why, "nobody waits for a person");
    host_memory_accept(s->host);
    return true;
}

static bool state_of(struct span name, int *out)
{
    for (*out = process_state_open; *out <= process_state_failed; ++*out)
        if (span_is(name, process_state_name(*out)))
            return true;
    return false;
}

static bool act_process(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    struct flow_process change = {.type = words_take(&rest), .state = process_state_open};
    struct words_pair pair;
    while (words_take_pair(&rest, &pair)) {
        if (span_is(pair.key, "step"))
            change.step = pair.value;
        else if (span_is(pair.key, "data"))
            change.data = pair.value;
        else if (!span_is(pair.key, "state") || !state_of(pair.value, &change.state))
            return stage_no(why, "a process has step=, data= and state=open, done or failed");
    }
    return host_memory_move_process(s->host, &change) ||
           stage_no(why, "there is no process of type '%.*s'", SPAN_ARG(change.type));
}

/* stub GET {shop}/orders* -> 200 {"state":"sent"} */
static bool act_stub(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    struct span method = words_take(&rest), url = words_take(&rest), arrow = words_take(&rest), end = words_take(&rest);
    bool status = end.len == 3 && *end.ptr >= '1' && *end.ptr <= '5';
    if (!span_is(arrow, "->") || end.len == 0)
        return stage_no(why, "stub GET {service}/path* -> 200 {\"key\":\"value\"}, or -> timeout, unreachable, hang");
    host_memory_stub(s->host, &(struct memory_stub){.method = (char *)stage_text(s, method),
                                                    .url = (char *)stage_text(s, url),
                                                    .status = status ? atoi(stage_text(s, end)) : 0,
                                                    .why = (char *)stage_text(s, status ? span_of("", 0) : end),
                                                    .body = (char *)stage_text(s, rest)});
    return true;
}

static bool act_event(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    struct span type = words_take(&rest);
    struct value body, data = {.type = VALUE_MAP};
    if (rest.len && !stage_map(s, rest, &data, why))
        return false;
    if (type.len == 0 || value_map(&s->arena, 3, &body) != PARLEY_OK)
        return stage_no(why, "event TYPE {\"key\":\"value\"}");
    value_put(&body, span_str("type"), value_text(type));
    value_put(&body, span_str("fallback"), value_text(type));
    value_put(&body, span_str("data"), data);
    (s->started ? host_memory_post : host_memory_begin)(s->host, ITEM_custom, stage_json(s, &body));
    s->started = true;
    return true;
}

static bool act_crash(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    host_memory_crash(s->host);
    return true;
}

enum { EARLY = 1, BY_CUSTOMER = 2 }; /* may come before the flow has started; needs the customer to be online */

static const struct {
    const char *word;
    int when;
    stage_act_run *run;
} acts[] = {{">", EARLY | BY_CUSTOMER, act_say},
            {"user", EARLY, stage_user},
            {"context", EARLY | BY_CUSTOMER, stage_context},
            {"hours", EARLY, stage_hours},
            {"queue", EARLY, stage_queue},
            {"form", BY_CUSTOMER, stage_form},
            {"escape", BY_CUSTOMER, act_escape},
            {"offline", 0, act_offline},
            {"online", 0, act_online},
            {"advance", 0, act_advance},
            {"accept", 0, act_accept},
            {"resolve", 0, act_resolve},
            {"process", 0, act_process},
            {"event", EARLY, act_event},
            {"stub", EARLY, act_stub},
            {"crash", 0, act_crash}};

enum { ACTS = sizeof acts / sizeof *acts };

static size_t find_act(struct span *line)
{
    struct span word = words_take(line);
    size_t i = 0;
    while (i < ACTS && !span_is(word, acts[i].word))
        i++;
    return i;
}

bool stage_knows(struct span line)
{
    return find_act(&line) < ACTS;
}

bool stage_act(struct stage *s, struct span line, char why[STAGE_WHY])
{
    struct span rest = line;
    size_t i = find_act(&rest);
    if (i == ACTS)
        return stage_no(why, "nothing is known by this word");
    if (!s->started && !(acts[i].when & EARLY))
        return stage_no(why, "the flow has not started yet: let the customer say something, as in  > Hello");
    if (s->away && acts[i].when & BY_CUSTOMER)
        return stage_no(why, "the customer is offline: write  online  first");
    arena_reset(&s->arena);
    return acts[i].run(s, rest, why);
}

const struct memory_item *stage_next(struct stage *s)
{
    const struct memory_rows *rows = host_memory_rows(s->host);
    while (!s->away && s->shown < rows->item_count) {
        const struct memory_item *item = &rows->items[s->shown++];
        if (!memory_item_is_input(item))
            return item;
    }
    return NULL;
}

struct span stage_next_lines(struct stage *s)
{
    struct span all = buf_span(&host_memory_rows(s->host)->lines);
    struct span news = span_of(all.ptr + s->lines_shown, all.len - s->lines_shown);
    s->lines_shown = all.len;
    return news;
}

bool stage_offline(const struct stage *s)
{
    return s->away;
}

struct host_memory *stage_host(struct stage *s)
{
    return s->host;
}

/* ---- life ---- */

struct stage *stage_new(const char *path, struct span source, enum memory_crash crash, struct flow_error *error)
{
    struct memory_options options = {.crash = crash, .limits = flow_limits_default};
    struct stage *s = mem_alloc(sizeof *s);
    *s = (struct stage){.host = host_memory_new(&options)};
    arena_init(&s->arena, ARENA);
    const char *slash = strrchr(path, '/'); /* published flows have no folder either */
    if (host_memory_use(s->host, slash ? slash + 1 : path, source, error) != PARLEY_OK)
        stage_free(&s);
    return s;
}

void stage_free(struct stage **stage)
{
    struct stage *s = *stage;
    if (!s)
        return;
    host_memory_free(&s->host);
    arena_done(&s->arena);
    mem_free(s);
    *stage = NULL;
}
