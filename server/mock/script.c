/* A script, line by line and word by word. */
#include "server/mock/script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* --- words --- */

struct words {
    struct span rest; /* of the line */
    struct script_error *error;
};

static bool wrong(struct words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(struct words *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(w->error->text, sizeof w->error->text, format, args);
    va_end(args);
    return false;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_space(struct words *w)
{
    while (w->rest.len && is_space(*w->rest.ptr))
        w->rest = span_of(w->rest.ptr + 1, w->rest.len - 1);
}

/* The next word; empty at the end. ':' is a word of its own. */
static struct span next(struct words *w)
{
    skip_space(w);
    size_t n = 0;
    while (n < w->rest.len && !is_space(w->rest.ptr[n]) && w->rest.ptr[n] != ':')
        n++;
    if (n == 0 && w->rest.len)
        n = 1;
    struct span word = span_of(w->rest.ptr, n);
    w->rest = span_of(w->rest.ptr + n, w->rest.len - n);
    return word;
}

static struct span peek(struct words *w)
{
    struct words at = *w;
    return next(&at);
}

static bool take(struct words *w, const char *word)
{
    if (!span_is(peek(w), word))
        return false;
    next(w);
    return true;
}

/* Digits, with a sign and a unit that the caller may allow; what stands behind the digits is the unit. */
static bool number(struct span word, int64_t *out, struct span *out_unit)
{
    char text[24];
    char *end;
    if (word.len == 0 || word.len >= sizeof text)
        return false;
    memcpy(text, word.ptr, word.len);
    text[word.len] = '\0';
    errno = 0;
    *out = strtoll(text, &end, 10);
    *out_unit = span_of(word.ptr + (end - text), word.len - (size_t)(end - text));
    return end != text && !errno && *out > -1000000000 && *out < 1000000000;
}

static bool plain(struct words *w, int64_t *out, int64_t low)
{
    struct span word = next(w), unit;
    if (number(word, out, &unit) && unit.len == 0 && *out >= low)
        return true;
    return wrong(w, "\"%.*s\" is no number of at least %lld", SPAN_ARG(word), (long long)low);
}

static bool as_time(struct span word, int64_t *out_ms)
{
    struct span unit;
    int64_t n;
    if (!number(word, &n, &unit) || n < 0)
        return false;
    *out_ms = span_is(unit, "ms") ? n : span_is(unit, "s") ? n * 1000 : span_is(unit, "m") ? n * 60000 : -1;
    return *out_ms >= 0;
}

static bool duration(struct words *w, int64_t *out_ms)
{
    struct span word = next(w);
    return as_time(word, out_ms) || wrong(w, "\"%.*s\" is no time; write 300ms, 2s or 1m", SPAN_ARG(word));
}

/* --- a rule --- */

static const char *const action_names[] = {
    [ACT_CUT] = "cut",     [ACT_CLOSE] = "close", [ACT_SILENCE] = "silence", [ACT_LOSE] = "lose",
    [ACT_TWICE] = "twice", [ACT_LATE] = "late",   [ACT_REFUSE] = "refuse",   [ACT_TORN] = "torn",
    [ACT_HALF] = "half",   [ACT_HEAD] = "head",   [ACT_EXPIRE] = "expires",  [ACT_DRAIN] = "drain",
    [ACT_SAY] = "say"};

enum { ACTIONS = sizeof action_names / sizeof *action_names };

const char *rule_action_name(enum rule_action action)
{
    return action_names[action];
}

static enum frame_type type_named(struct span name, bool push)
{
    for (int type = FRAME_none + 1; type < FRAME_TYPES; type++)
        if ((push ? frame_is_push(type) : frame_is_request(type)) && span_is(name, frame_type_name(type)))
            return type;
    return FRAME_none;
}

static bool read_type(struct words *w, struct rule *r)
{
    struct span word = peek(w);
    bool push = r->event == ON_PUSH;
    r->type = r->event == ON_OPEN ? FRAME_none : type_named(word, push);
    if (r->type)
        next(w);
    return true;
}

static bool read_event(struct words *w, struct rule *r)
{
    static const char *const names[] = {
        [ON_OPEN] = "open", [ON_REQUEST] = "request", [ON_ANSWER] = "answer", [ON_PUSH] = "push"};
    struct span word = next(w);
    for (int event = ON_OPEN; event <= ON_PUSH; event++) {
        r->event = (enum rule_event)event;
        if (span_is(word, names[event]))
            return read_type(w, r);
    }
    return wrong(w, "\"on %.*s\" is no event; there are open, request, answer and push", SPAN_ARG(word));
}

static bool read_which(struct words *w, struct rule *r)
{
    if (take(w, "each"))
        r->which = WHICH_EACH;
    else if (take(w, "first"))
        r->which = WHICH_FIRST;
    else if (take(w, "from"))
        r->which = WHICH_FROM;
    else if (take(w, "1")) {
        r->which = WHICH_ONE_IN;
        if (!take(w, "in"))
            return wrong(w, "write \"1 in 5\"");
    }
    return r->which == WHICH_ALL || plain(w, &r->n, 1);
}

static bool read_status(struct words *w, struct rule *r)
{
    struct span word = next(w);
    for (int st = PARLEY_OK + 1; st <= PARLEY_SIGNED_OUT; st++)
        if (span_is(word, status_name((parley_status)st)))
            r->status = (parley_status)st;
    if (!r->status)
        return wrong(w, "\"%.*s\" is no code of an error; PROTOCOL.md has the table", SPAN_ARG(word));
    return !peek(w).len || duration(w, &r->ms);
}

static bool read_close(struct words *w, struct rule *r)
{
    if (!plain(w, &r->amount, 1000) || r->amount > 4999)
        return wrong(w, "a close code is 1000 to 4999");
    skip_space(w);
    snprintf(r->text, sizeof r->text, "%.*s", SPAN_ARG(w->rest));
    w->rest.len = 0;
    return true;
}

static bool read_late(struct words *w, struct rule *r)
{
    struct span unit;
    if (as_time(peek(w), &r->ms)) {
        next(w);
        return true;
    }
    if (number(peek(w), &r->amount, &unit) && unit.len == 0 && r->amount > 0) {
        next(w);
        return true;
    }
    return wrong(w, "write \"late 3\" for behind three more frames, or \"late 300ms\"");
}

static bool read_head(struct words *w, struct rule *r)
{
    struct span unit;
    struct span word = next(w);
    if (number(word, &r->amount, &unit) && unit.len == 0 && r->amount != 0)
        return true;
    return wrong(w, "write \"head +3\" or \"head -3\"");
}

static bool read_text(struct words *w, struct rule *r)
{
    skip_space(w);
    snprintf(r->text, sizeof r->text, "%.*s", SPAN_ARG(w->rest));
    w->rest.len = 0;
    return *r->text || wrong(w, "say what?");
}

static bool read_operands(struct words *w, struct rule *r)
{
    switch (r->action) {
    case ACT_CLOSE:
        return read_close(w, r);
    case ACT_REFUSE:
        return read_status(w, r);
    case ACT_LATE:
        return read_late(w, r);
    case ACT_HEAD:
        return read_head(w, r);
    case ACT_EXPIRE:
    case ACT_DRAIN:
        return duration(w, &r->ms);
    case ACT_SAY:
        return read_text(w, r);
    default:
        return true;
    }
}

/* What can be done where. */
static bool may(const struct rule *r)
{
    bool timed = r->event == ON_EVERY || r->event == ON_AFTER, sent = r->event == ON_ANSWER || r->event == ON_PUSH;
    bool thread = r->type == FRAME_hello || r->type == FRAME_range || r->type == FRAME_subscribe;
    switch (r->action) {
    case ACT_CUT:
    case ACT_CLOSE:
    case ACT_SILENCE:
        return true;
    case ACT_LOSE:
        return sent || r->event == ON_REQUEST;
    case ACT_REFUSE:
        return r->event == ON_REQUEST;
    case ACT_HEAD:
        return r->event == ON_PUSH ? r->type == FRAME_push_head : r->event == ON_ANSWER && thread;
    case ACT_EXPIRE:
        return r->event == ON_ANSWER && r->type == FRAME_hello;
    case ACT_DRAIN:
    case ACT_SAY:
        return timed;
    default:
        return sent;
    }
}

static bool read_action(struct words *w, struct rule *r)
{
    if (!take(w, ":"))
        return wrong(w, "\"%.*s\" is not understood here; a rule is \"on EVENT [TYPE] [WHICH]: ACTION\"",
                     SPAN_ARG(peek(w)));
    struct span word = next(w);
    for (int action = 0; action < ACTIONS; action++) {
        if (!span_is(word, action_names[action]))
            continue;
        r->action = (enum rule_action)action;
        if (!may(r))
            return wrong(w, "\"%s\" cannot be done here", action_names[action]);
        return read_operands(w, r);
    }
    return wrong(w, "\"%.*s\" is no action", SPAN_ARG(word));
}

static bool read_rule(struct words *w, struct script *s, bool timed, bool once)
{
    if (s->count == RULES_MAX)
        return wrong(w, "more than %d rules", RULES_MAX);
    struct rule *r = &s->rules[s->count];
    *r = (struct rule){.line = w->error->line, .event = once ? ON_AFTER : ON_EVERY};
    bool right = timed ? duration(w, &r->period_ms) : read_event(w, r);
    if (right && timed && r->period_ms == 0)
        right = wrong(w, "nothing happens every 0 ms");
    right = right && read_which(w, r) && read_action(w, r);
    s->count += right;
    return right;
}

static bool read_line(struct words *w, struct script *s)
{
    if (take(w, "on"))
        return read_rule(w, s, false, false);
    if (take(w, "every"))
        return read_rule(w, s, true, false);
    if (take(w, "after"))
        return read_rule(w, s, true, true);
    if (take(w, "history"))
        return plain(w, &s->history, 0);
    if (take(w, "chatter"))
        return duration(w, &s->chatter_ms) && (!peek(w).len || plain(w, &s->chatter_count, 1));
    if (take(w, "beacon"))
        return duration(w, &s->beacon_ms);
    if (take(w, "echo")) {
        s->echo = span_is(peek(w), "yes");
        return take(w, "yes") || take(w, "no") || wrong(w, "echo yes, or echo no");
    }
    return wrong(w, "a line begins with on, every, after, history, chatter, beacon or echo");
}

parley_status script_read(struct script *s, struct span text, struct script_error *out_error)
{
    *s = (struct script){.echo = true};
    *out_error = (struct script_error){0};
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        struct words w = {.rest = span_of(text.ptr, len), .error = out_error};
        const char *comment = memchr(text.ptr, '#', len);
        if (comment)
            w.rest.len = (size_t)(comment - text.ptr);
        text = end ? span_of(end + 1, text.len - len - 1) : span_of(NULL, 0);
        out_error->line++;
        skip_space(&w);
        if (!w.rest.len)
            continue;
        if (!read_line(&w, s))
            return PARLEY_INVALID;
        if (peek(&w).len) {
            wrong(&w, "\"%.*s\" is too much", SPAN_ARG(peek(&w)));
            return PARLEY_INVALID;
        }
    }
    return PARLEY_OK;
}

/* --- matching --- */

bool rule_counts(struct rule *rule, uint32_t chance)
{
    rule->seen++;
    switch (rule->which) {
    case WHICH_ONE_IN:
        return chance % (uint32_t)rule->n == 0;
    case WHICH_EACH:
        return rule->seen % rule->n == 0;
    case WHICH_FIRST:
        return rule->seen <= rule->n;
    case WHICH_FROM:
        return rule->seen >= rule->n;
    default:
        return true;
    }
}

struct rule *script_match(struct script *s, enum rule_event event, enum frame_type type, uint32_t chance)
{
    struct rule *found = NULL;
    for (struct rule *r = s->rules; r < s->rules + s->count; r++) {
        if (r->event != event || (r->type != FRAME_none && r->type != type))
            continue;
        bool counts = rule_counts(r, chance); /* each counts what it names, whoever acts */
        chance = chance * 1664525u + 1013904223u;
        if (counts && !found)
            found = r;
    }
    return found;
}
