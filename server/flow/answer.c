/* Whether what the customer posted answers the question that a run has asked. */
#include "server/flow/input.h"
#include "server/flow/json.h"
#include "server/flow/run.h"

#include <strings.h>

static struct span trim(struct span s)
{
    const char *space = " \t\r\n";
    while (s.len && strchr(space, s.ptr[s.len - 1]) && s.ptr[s.len - 1])
        s.len--;
    while (s.len && strchr(space, *s.ptr) && *s.ptr) {
        s.ptr++;
        s.len--;
    }
    return s;
}

static bool same_word(struct span a, struct span b)
{
    return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

/* A tap says which; words may be the label, or the value. */
static bool read_choice(const struct value *choices, struct span said, bool tapped, struct value *out)
{
    for (uint32_t i = 0; i < choices->count; i++) {
        const struct value *c = &choices->items[i];
        struct span value = json_text(c, "value");
        bool is = tapped ? span_equal(said, json_text(c, "wire"))
                         : same_word(said, json_text(c, "label")) || same_word(said, value);
        if (!is)
            continue;
        *out = value_text(value);
        return true;
    }
    return false;
}

/* The points are the place among the choices. */
static bool read_rating(const struct value *choices, struct value *out)
{
    for (uint32_t i = 0; i < choices->count; i++)
        if (span_equal(json_text(&choices->items[i], "value"), out->text)) {
            *out = value_int(i + 1);
            return true;
        }
    return false;
}

static struct span words_of(int kind, const struct value *body)
{
    return kind == ITEM_text ? trim(json_text(body, "text")) : span_of("", 0);
}

/* A run is rebuilt by reading its answers again: what was an answer once has to stay the same one. */
bool answer_value(const struct value *args, int kind, const struct value *body, struct arena *arena, struct value *out)
{
    const struct value *choices = value_find(args, "choices");
    bool tapped = kind == ITEM_choice;
    struct value said = value_text(tapped ? json_text(body, "value") : words_of(kind, body));
    if (!choices)
        return said.text.len && input_read((enum input)json_int(args, "type"), &said, arena, out);
    return read_choice(choices, said.text, tapped, out) && (!value_find(args, "rating") || read_rating(choices, out));
}

static bool matches_one(struct flow_run *run, struct span pattern, struct span said)
{
    char why[PATTERN_WHY_MAX];
    const struct pattern *p;
    struct pattern_match m = {.work = 0};
    if (pattern_get(&run->engine->patterns, pattern, &p, why) != PARLEY_OK)
        return false;
    parley_status st = pattern_search(p, said, 0, &m);
    if (st == PARLEY_LIMIT)
        step_log(run, &(struct flow_log_line){.level = LOG_WARN,
                                              .own = true,
                                              .file = run->wait.file,
                                              .line = run->wait.line,
                                              .text = span_str("the pattern takes too long on an answer")});
    return st == PARLEY_OK;
}

bool answer_matches(struct flow_run *run, const struct value *patterns, struct span said)
{
    for (uint32_t i = 0; patterns && i < patterns->count; i++)
        if (matches_one(run, patterns->items[i].text, said))
            return true;
    return !patterns;
}

static double real_of(const struct value *v)
{
    return v->type == VALUE_INT ? (double)v->integer : v->real;
}

bool answer_in_range(const struct value *args, const struct value *v)
{
    const struct value *min = value_find(args, "min"), *max = value_find(args, "max");
    if (v->type != VALUE_INT && v->type != VALUE_REAL)
        return true;
    return !(min && real_of(v) < real_of(min)) && !(max && real_of(v) > real_of(max));
}

/* A tap on an older question is none. Words are taken in the order in which they were said, even when the question was
 * asked a moment later: so what comes of a dialogue does not depend on who was faster. */
enum answer answer_judge(struct flow_run *run, const struct value *args, const struct flow_event *e,
                         const struct value *body, struct value *out)
{
    const struct value *choices = value_find(args, "choices");
    int64_t to = json_int(body, "to");
    if (run->wait.function == FLOW_CALL_form)
        return answer_form(run, args, e, body, out);
    if (e->kind == ITEM_custom || e->kind == ITEM_form_answer)
        return ANSWER_NONE;
    if (e->kind == ITEM_choice && (!choices || (to && to < run->question_seq)))
        return ANSWER_NONE;
    if (!answer_value(args, e->kind, body, &run->work->arena, out))
        return ANSWER_WRONG;
    bool fits = choices ||
                (answer_in_range(args, out) && answer_matches(run, value_find(args, "match"), words_of(e->kind, body)));
    return fits ? ANSWER_FITS : ANSWER_WRONG;
}
