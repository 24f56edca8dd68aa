/* Whether what the customer posted answers the question that a run has asked. */
#include "server/flow/json.h"
#include "server/flow/pattern.h"
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
static enum answer judge_choice(const struct value *choices, struct span said, bool tapped, struct value *out)
{
    for (uint32_t i = 0; i < choices->count; i++) {
        const struct value *c = &choices->items[i];
        struct span value = json_text(c, "value");
        bool is = tapped ? span_equal(said, json_text(c, "wire"))
                         : same_word(said, json_text(c, "label")) || same_word(said, value);
        if (!is)
            continue;
        *out = value_text(value);
        return ANSWER_FITS;
    }
    return ANSWER_WRONG;
}

static bool matches(struct flow_run *run, struct span pattern, struct span said)
{
    char why[PATTERN_WHY_MAX];
    struct pattern *p;
    struct pattern_match m;
    if (pattern_new(pattern, &p, why) != PARLEY_OK)
        return false;
    parley_status st = pattern_search(p, said, 0, &m);
    pattern_free(&p);
    if (st == PARLEY_LIMIT)
        step_add_log(run, LOG_WARN, run->wait.line, span_str("the pattern takes too long on an answer"));
    return st == PARLEY_OK;
}

static enum answer judge_text(struct flow_run *run, const struct value *args, struct span said, struct value *out)
{
    const struct value *patterns = value_find(args, "match");
    if (said.len == 0)
        return ANSWER_WRONG;
    *out = value_text(said);
    if (!patterns)
        return ANSWER_FITS;
    for (uint32_t i = 0; i < patterns->count; i++)
        if (matches(run, patterns->items[i].text, said))
            return ANSWER_FITS;
    return ANSWER_WRONG;
}

/* A tap on an older question is none. Words are taken in the order in which they were said, even when the question was
 * asked a moment later: so what comes of a dialogue does not depend on who was faster. */
enum answer answer_judge(struct flow_run *run, const struct value *args, const struct flow_event *e,
                         const struct value *body, struct value *out)
{
    const struct value *choices = value_find(args, "choices");
    int64_t to = json_int(body, "to");
    if (e->kind == ITEM_choice) {
        if (!choices || (to && to < run->question_seq))
            return ANSWER_NONE;
        return judge_choice(choices, json_text(body, "value"), true, out);
    }
    struct span said = e->kind == ITEM_text ? trim(json_text(body, "text")) : span_of("", 0);
    return choices ? judge_choice(choices, said, false, out) : judge_text(run, args, said, out);
}
