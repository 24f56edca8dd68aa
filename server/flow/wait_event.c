/* What an event means to a run that waits, and what is said and told because of it. */
#include "server/flow/json.h"
#include "server/flow/run.h"

enum { TRIES = 3 };

static const char say_again[] = "Sorry, I did not understand that.";
static const char choose_again[] = "Please choose one of these.";
static const char please_check[] = "Please check: ";
static const char fill_in_again[] = "Please fill in the form.";

struct moment {
    struct flow_run *run;
    const struct flow_event *event;
    struct value args;
    struct arena *arena;
    bool *out_go;
    struct flow_error *error;
};

static parley_status tell(struct moment *m, const struct value *told)
{
    struct flow_run *run = m->run;
    struct journal_call call = wait_journal_call(&run->wait);
    parley_status st = step_add_entry(run, &call, told, m->error);
    if (st != PARLEY_OK) {
        m->error->line = run->wait.line;
        return st;
    }
    if (wait_is_final(told)) {
        step_clear_timer(run);
        run->work->until_ms = 0;
        run->result_count = wait_conclude(run, &m->args, told, run->results);
        *m->out_go = true;
    } else {
        wait_note(&run->wait, told);
    }
    return PARLEY_OK;
}

static parley_status tell_pair(struct moment *m, const char *key, struct value v)
{
    struct value told;
    if (json_pair(m->arena, key, v, &told) != PARLEY_OK)
        return PARLEY_NOMEM;
    return tell(m, &told);
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
        return tell_pair(m, "why", value_text(span_str("gave_up")));
    parley_status st = tell_pair(m, "retry", value_text(span_str("wrong")));
    if (st == PARLEY_OK)
        st = wait_put_question(run, &m->args, say_instead(m, label), m->error);
    return st;
}

static parley_status on_item(struct moment *m)
{
    struct flow_run *run = m->run;
    struct value body, answer, told;
    if (run->wait.escaped || json_read(m->arena, m->event->body, &body) != PARLEY_OK)
        return PARLEY_WRONG_STATE;
    if (run->wait.function == FLOW_CALL_wait && event_is(run, &m->args, m->event, &body, &answer) &&
        wait_event_told(m->arena, &answer, m->event->seq, &told))
        return tell(m, &told);
    if (!wait_asks(&run->wait))
        return PARLEY_WRONG_STATE;
    switch (answer_judge(run, &m->args, m->event, &body, &answer)) {
    case ANSWER_FITS:
        return tell_pair(m, "value", answer);
    case ANSWER_WRONG:
        return on_wrong_answer(m, &answer);
    default:
        return PARLEY_WRONG_STATE;
    }
}

/* The delay is over, or the time for it: whichever was set. */
static parley_status time_is_up(struct moment *m)
{
    const struct value *delay = value_find(&m->args, "delay"), *till = value_find(&m->args, "till");
    const struct value *timeout = value_find(&m->args, "timeout");
    bool fired = m->run->wait.function == FLOW_CALL_wait && (delay || till);
    if (fired && timeout &&
        ((delay && timeout->integer < delay->integer) || (till && till->integer > run_now_ms(m->run))))
        fired = false;
    if (fired)
        return tell_pair(m, "fired", value_bool(true));
    return tell_pair(m, "why", value_text(span_str("timeout")));
}

static parley_status say_reminder(struct moment *m)
{
    struct flow_run *run = m->run;
    parley_status st = tell_pair(m, "reminded", value_bool(true));
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
    return http_told(m->run, m->event, m->arena, &told) ? tell(m, &told) : PARLEY_WRONG_STATE;
}

static parley_status on_timer(struct moment *m)
{
    struct flow_run *run = m->run;
    struct value told;
    if (uuid_is_nil(run->timer) || !uuid_equal(run->timer, m->event->timer))
        return PARLEY_WRONG_STATE;
    if (value_find(&m->args, "remind") && !run->wait.reminded)
        return say_reminder(m);
    if (flow_is_http(run->wait.function))
        return http_failed(m->arena, "timeout", &told) ? tell(m, &told) : PARLEY_NOMEM;
    return time_is_up(m);
}

static parley_status on_escape(struct moment *m)
{
    struct flow_run *run = m->run;
    if (run->wait.escaped || run->wait.function == FLOW_CALL_handoff)
        return PARLEY_WRONG_STATE;
    parley_status st = tell_pair(m, "escape", value_bool(true));
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
    return PARLEY_OK;
}

/* An event may have come while a person had the conversation: the host is asked, and then the call made once more. */
static parley_status look_again(struct moment *m)
{
    struct flow_run *run = m->run;
    struct flow_call *call = &run->work->call;
    struct flow_read read = event_read(run, &m->args, m->arena);
    *call = (struct flow_call){
        .function = run->wait.function, .args = m->args, .journal = wait_journal_call(&run->wait), .arena = m->arena};
    call->journal.label = arena_span(m->arena, call->journal.label);
    call_need(run, call, &read);
    run->looking = true;
    return PARLEY_OK;
}

/* The question is asked again, with all its time; a wait goes on to its old end. */
static parley_status take_up_again(struct moment *m)
{
    struct flow_run *run = m->run;
    if (wait_asks(&run->wait) || flow_is_http(run->wait.function))
        return wait_start(run, &m->args, m->error);
    if (value_find(&m->args, "event"))
        return look_again(m);
    if (run->until_ms <= run_now_ms(run))
        return time_is_up(m);
    step_set_timer(run, run->until_ms);
    return PARLEY_OK;
}

static parley_status on_back(struct moment *m)
{
    struct flow_run *run = m->run;
    struct span outcome = m->event->outcome.len ? m->event->outcome : span_str("resolved");
    struct value told;
    if (run->wait.escaped) {
        parley_status st = tell_pair(m, "back", value_text(outcome));
        return st == PARLEY_OK ? take_up_again(m) : st;
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
    return tell(m, &told);
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
    }
    return PARLEY_WRONG_STATE;
}
