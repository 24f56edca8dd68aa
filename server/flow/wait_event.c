/* What an event means to a run that waits, and what is said and told because of it. */
#include "server/flow/json.h"
#include "server/flow/meant.h"

enum { TRIES = 3 };

static const char say_again[] = "Sorry, I did not understand that.";
static const char choose_again[] = "Please choose one of these.";
static const char please_check[] = "Please check: ";
static const char fill_in_again[] = "Please fill in the form.";

parley_status moment_tell(struct moment *m, const struct value *told)
{
    struct flow_run *run = m->run;
    struct journal_call call = wait_journal_call(&run->wait);
    parley_status st = step_add_entry(run, &call, told, m->error);
    if (st != PARLEY_OK) {
        m->error->line = run->wait.line;
        return st;
    }
    if (wait_is_final(told) || json_true(told, "cancel")) {
        step_clear_timer(run);
        run->work->until_ms = 0;
    }
    if (wait_is_final(told)) {
        run->result_count = wait_conclude(run, &m->args, told, run->results);
        *m->out_go = true;
    } else if (!wait_interrupts(run, told)) {
        wait_note(run, told);
    }
    return PARLEY_OK;
}

parley_status moment_tell_pair(struct moment *m, const char *key, struct value v)
{
    struct value told;
    if (json_pair(m->arena, key, v, &told) != PARLEY_OK)
        return PARLEY_NOMEM;
    return moment_tell(m, &told);
}

/* What is said when nothing else was given to be said. */
static const char *say_instead(struct moment *m, const struct value *label)
{
    if (m->run->wait.function == FLOW_CALL_ask)
        return value_find(&m->args, "choices") ? choose_again : say_again;
    if (label->type != VALUE_TEXT)
        return fill_in_again;
    char *text = arena_alloc(m->arena, label->text.len + sizeof please_check);
    if (!text)
        return fill_in_again;
    memcpy(text, please_check, sizeof please_check);
    memcpy(text + sizeof please_check - 1, label->text.ptr, label->text.len);
    text[sizeof please_check - 1 + label->text.len] = '\0';
    return text;
}

static parley_status on_wrong_answer(struct moment *m, const struct value *label)
{
    struct flow_run *run = m->run;
    const struct value *tries = value_find(&m->args, "tries");
    if (run->wait.tries + 1 >= (tries ? tries->integer : TRIES))
        return moment_tell_pair(m, "why", value_text(span_str("gave_up")));
    parley_status st = moment_tell_pair(m, "retry", value_text(span_str("wrong")));
    if (st == PARLEY_OK)
        st = wait_put_question(run, &m->args, say_instead(m, label), m->error);
    if (st == PARLEY_OK)
        wait_heard(run, &m->args);
    return st;
}

/* `meant` is what was said of it to put something right; empty: all of it. */
static parley_status tell_answer(struct moment *m, const struct value *body, struct span meant, struct value answer)
{
    struct value told;
    return meant_told(m, body, meant, answer, &told) ? moment_tell(m, &told) : PARLEY_NOMEM;
}

/* "I meant ..." to this very question. */
static parley_status on_own_correction(struct moment *m, const struct value *body)
{
    struct value meant, answer;
    bool own = m->run->wait.function == FLOW_CALL_ask && !json_true(&m->args, "secret");
    if (own && meant_words(m, body, &meant) && answer_judge(m->run, &m->args, m->event, &meant, &answer) == ANSWER_FITS)
        return tell_answer(m, body, json_text(&meant, "text"), answer);
    return PARLEY_WRONG_STATE;
}

/* What can be chosen is an answer before it is anything else; words that could be any answer are one at last. */
static parley_status on_answer(struct moment *m, const struct value *body)
{
    struct value answer;
    enum answer judged =
        wait_asks(&m->run->wait) ? answer_judge(m->run, &m->args, m->event, body, &answer) : ANSWER_NONE;
    bool words = m->event->kind == ITEM_text;
    bool answered = m->run->wait.corrects || m->run->wait.tries; /* before, and that is taken back, or did not fit */
    bool chosen = judged == ANSWER_FITS && (value_find(&m->args, "choices") || !words);
    parley_status st = answered ? on_own_correction(m, body) : PARLEY_WRONG_STATE;
    if (st == PARLEY_WRONG_STATE && !chosen)
        st = words ? moment_words(m, body) : meant_go_back(m, body);
    if (st == PARLEY_WRONG_STATE && judged == ANSWER_WRONG)
        st = on_own_correction(m, body);
    if (st != PARLEY_WRONG_STATE || judged == ANSWER_NONE)
        return st;
    return judged == ANSWER_FITS ? tell_answer(m, body, span_of("", 0), answer) : on_wrong_answer(m, &answer);
}

static parley_status on_item(struct moment *m)
{
    struct value body;
    bool with_person = m->run->wait.escaped || m->run->wait.function == FLOW_CALL_handoff;
    if (with_person || json_read(m->arena, m->event->body, &body) != PARLEY_OK)
        return PARLEY_WRONG_STATE;
    return m->event->kind == ITEM_custom ? moment_event(m, &body) : on_answer(m, &body);
}

parley_status moment_leave(struct moment *m)
{
    parley_status st = moment_tell_pair(m, "cancel", value_bool(true));
    *m->out_go = st == PARLEY_OK;
    return st;
}

/* The delay is over, or the time for it: whichever was set; or nobody has answered what a handler asks. */
parley_status moment_time_is_up(struct moment *m)
{
    const struct value *delay = value_find(&m->args, "delay"), *till = value_find(&m->args, "till");
    const struct value *timeout = value_find(&m->args, "timeout");
    bool fired = m->run->wait.function == FLOW_CALL_wait && (delay || till);
    if (fired && timeout &&
        ((delay && timeout->integer < delay->integer) || (till && till->integer > run_now_ms(m->run))))
        fired = false;
    if (fired)
        return moment_tell_pair(m, "fired", value_bool(true));
    if (wait_asks(&m->run->wait) && !timeout && on_active(m->run))
        return moment_leave(m);
    return moment_tell_pair(m, "why", value_text(span_str("timeout")));
}

static parley_status say_reminder(struct moment *m)
{
    struct flow_run *run = m->run;
    parley_status st = moment_tell_pair(m, "reminded", value_bool(true));
    if (st != PARLEY_OK)
        return st;
    int64_t until = run->until_ms;
    step_clear_timer(run);
    if (until)
        step_set_timer(run, until);
    return say_words(run, json_text(value_find(&m->args, "remind"), "say"), NULL, m->error);
}

static parley_status on_http(struct moment *m)
{
    struct value told;
    return http_told(m->run, &m->args, m->event, m->arena, &told) ? moment_tell(m, &told) : PARLEY_WRONG_STATE;
}

/* The customer has waited for a person for long enough. If one has come meanwhile, nothing follows. */
static parley_status recall(struct moment *m)
{
    parley_status st = moment_tell_pair(m, "recalled", value_bool(true));
    step_clear_timer(m->run);
    m->run->work->until_ms = 0;
    m->run->work->step.recall = true;
    return st;
}

static parley_status on_timer(struct moment *m)
{
    struct flow_run *run = m->run;
    struct value told;
    if (uuid_is_nil(run->timer) || !uuid_equal(run->timer, m->event->timer))
        return PARLEY_WRONG_STATE;
    if (run->wait.function == FLOW_CALL_handoff)
        return recall(m);
    if (value_find(&m->args, "remind") && !run->wait.reminded)
        return say_reminder(m);
    if (flow_is_http(run->wait.function))
        return http_unanswered(&m->args, "timeout", m->arena, &told) ? moment_tell(m, &told) : PARLEY_NOMEM;
    parley_status st = moment_idle(m);
    return st == PARLEY_WRONG_STATE ? moment_time_is_up(m) : st;
}

parley_status moment_give_way(struct moment *m)
{
    struct flow_run *run = m->run;
    parley_status st = moment_tell_pair(m, "escape", value_bool(true));
    if (st != PARLEY_OK)
        return st;
    step_clear_timer(run);
    run->work->until_ms = run->wait.function == FLOW_CALL_wait ? run->until_ms : 0;
    struct value wish;
    if (value_map(m->arena, 2, &wish) != PARLEY_OK)
        return PARLEY_NOMEM;
    value_put(&wish, span_str("queue"), value_text(m->event->queue));
    value_put(&wish, span_str("reason"), value_text(m->event->reason));
    wait_request_person(run, &wish, "customer");
    run->work->step.handoff.taken = m->event->type == FLOW_EVENT_ESCAPE;
    return PARLEY_OK;
}

static parley_status on_escape(struct moment *m)
{
    const struct flow_wait *w = &m->run->wait;
    return w->escaped || w->function == FLOW_CALL_handoff ? PARLEY_WRONG_STATE : moment_give_way(m);
}

static parley_status on_back(struct moment *m)
{
    struct flow_run *run = m->run;
    struct span outcome = m->event->outcome.len ? m->event->outcome : span_str("resolved");
    struct value told;
    if (run->wait.escaped) {
        parley_status st = moment_tell_pair(m, "back", value_text(outcome));
        return st == PARLEY_OK ? moment_take_up(m, AGAIN_ASK) : st;
    }
    if (run->wait.function != FLOW_CALL_handoff)
        return PARLEY_WRONG_STATE;
    if (value_map(m->arena, 3, &told) != PARLEY_OK)
        return PARLEY_NOMEM;
    value_put(&told, span_str("outcome"), value_text(outcome));
    if (m->event->note.len)
        value_put(&told, span_str("note"), value_text(m->event->note));
    if (m->event->by.len)
        value_put(&told, span_str("by"), value_text(m->event->by));
    return moment_tell(m, &told);
}

static parley_status on_told_to_leave(struct moment *m)
{
    struct flow_run *run = m->run;
    if (run->wait.escaped || run->wait.function == FLOW_CALL_handoff)
        return PARLEY_WRONG_STATE;
    flow_error_set(m->error, "E301", "the flow was published anew, and this run cannot go on with it");
    m->error->line = run->wait.line;
    return PARLEY_LIMIT;
}

parley_status wait_event(struct flow_run *run, const struct flow_event *event, bool *out_go, struct flow_error *error)
{
    struct moment m = {.run = run, .event = event, .arena = &run->work->arena, .out_go = out_go, .error = error};
    if (json_read(m.arena, span_str(run->wait.args), &m.args) != PARLEY_OK)
        return PARLEY_WRONG_STATE;
    run->work->until_ms = run->until_ms;
    run->line = run->wait.line;
    switch (event->type) {
    case FLOW_EVENT_ITEM:
        return on_item(&m);
    case FLOW_EVENT_TIMER:
        return on_timer(&m);
    case FLOW_EVENT_ESCAPE:
        return on_escape(&m);
    case FLOW_EVENT_BACK:
        return on_back(&m);
    case FLOW_EVENT_HTTP:
        return on_http(&m);
    case FLOW_EVENT_LEAVE:
        return on_told_to_leave(&m);
    }
    return PARLEY_WRONG_STATE;
}
