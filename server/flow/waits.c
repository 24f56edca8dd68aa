/* Waiting: ask, wait and handoff - what they say when they begin, and what an event means to them.
 *
 * A wait may take several entries of the journal: each answer that did not fit {retry}, each interruption by a wish for
 * a person {escape} and its end {back}, at last the one that the script is told. */
#include "server/base/mem.h"
#include "server/flow/json.h"
#include "server/flow/run.h"

#include <stdio.h>

enum { TRIES = 3, SCRATCH = 1 << 20 };

static const char say_again[] = "Sorry, I did not understand that.";
static const char choose_again[] = "Please choose one of these.";
static const char please_check[] = "Please check: ";
static const char fill_in_again[] = "Please fill in the form.";

void wait_forget(struct flow_wait *w)
{
    mem_free(w->args);
    mem_free(w->label);
    *w = (struct flow_wait){.function = FLOW_CALLS};
}

static bool wait_begin(struct flow_run *run, const struct flow_call *call)
{
    struct flow_wait *w = &run->wait;
    struct span args = json_write(call->arena, &call->args);
    if (!args.ptr)
        return false;
    wait_forget(w);
    w->function = call->function;
    w->args = mem_span(args);
    w->label = mem_span(call->journal.label);
    w->line = call->journal.line;
    w->digest = call->journal.digest;
    w->entry = run->journal ? journal_position(run->journal) : run->next_entry + (int64_t)run->work->step.entry_count;
    return true;
}

struct journal_call wait_journal_call(const struct flow_wait *w)
{
    return (struct journal_call){
        .name = flow_functions[w->function].name,
        .label = span_str(w->label),
        .line = w->line,
        .digest = w->digest,
    };
}

/* ---- what is said when a wait begins, or begins again ---- */

/* The question, or `instead` of its words. What is asked once more is no new question: an answer to either counts. */
static parley_status put_question(struct flow_run *run, const struct value *args, const char *instead,
                                  struct flow_error *error)
{
    struct span text = instead ? span_str(instead) : json_text(args, "text");
    struct span invalid = json_text(args, "invalid");
    if (instead && invalid.len)
        text = invalid;
    if (!instead)
        run->work->step.question = (int)run->work->step.item_count;
    if (run->wait.function == FLOW_CALL_ask)
        return say_question(run, text, args, error);
    parley_status st = instead ? say_words(run, text, NULL, error) : PARLEY_OK;
    return st == PARLEY_OK ? say_form(run, args, error) : st;
}

static bool asks(const struct flow_wait *w)
{
    return w->function == FLOW_CALL_ask || w->function == FLOW_CALL_form;
}

static int64_t now_ms(const struct flow_run *run)
{
    return run->engine->host->now_ms(run->engine->host);
}

/* The timer comes sooner, the wait ends when it would. */
static void start_reminder(struct flow_run *run, const struct value *args, int64_t now, int64_t due)
{
    const struct value *remind = value_find(args, "remind");
    if (!remind || run->wait.reminded || now + json_int(remind, "after") >= due)
        return;
    step_set_timer(run, now + json_int(remind, "after"));
    run->work->until_ms = due == INT64_MAX ? 0 : due;
}

/* Zero durations and times gone by fire at once, by a timer too: a wait always waits. */
static void start_timer(struct flow_run *run, const struct value *args)
{
    const struct value *delay = value_find(args, "delay"), *till = value_find(args, "till");
    const struct value *timeout = value_find(args, "timeout");
    int64_t now = now_ms(run), due = INT64_MAX;
    if (delay)
        due = now + delay->integer;
    if (till)
        due = till->integer;
    if (timeout && now + timeout->integer < due)
        due = now + timeout->integer;
    if (due != INT64_MAX)
        step_set_timer(run, due);
    start_reminder(run, args, now, due);
}

static void request_person(struct flow_run *run, const struct value *args, const char *why)
{
    const struct flow_about *about = &run->version->about;
    struct span queue = json_text(args, "queue");
    run->work->step.handoff = (struct flow_handoff){
        .wanted = true,
        .queue = queue.len ? arena_span(&run->work->arena, queue) : span_str(about->escape_queue),
        .why = span_str(why),
        .reason = arena_span(&run->work->arena, json_text(args, "reason")),
        .summary = arena_span(&run->work->arena, json_text(args, "summary")),
        .priority = (int)json_int(args, "priority"),
    };
}

static parley_status begin_waiting(struct flow_run *run, const struct value *args, struct flow_error *error)
{
    parley_status st = PARLEY_OK;
    if (asks(&run->wait))
        st = put_question(run, args, NULL, error);
    if (run->wait.function == FLOW_CALL_handoff)
        request_person(run, args, "flow");
    else if (flow_is_http(run->wait.function))
        step_set_timer(run, now_ms(run) + http_patience_ms(args));
    else
        start_timer(run, args);
    return st;
}

/* ---- what the script is told ---- */

static bool is_final(const struct value *told)
{
    return !json_text(told, "retry").len && !json_true(told, "escape") && !value_find(told, "back") &&
           !json_true(told, "reminded");
}

static void note(struct flow_wait *w, const struct value *told)
{
    if (json_true(told, "escape"))
        w->escaped = true;
    else if (value_find(told, "back"))
        w->escaped = false;
    else if (json_true(told, "reminded"))
        w->reminded = true;
    else
        w->tries++;
}

/* The answer to a question with an id is kept for the agent; one that has no room there is not lost to the script. */
static void keep_answer(struct flow_run *run, const struct value *args, const struct value *value)
{
    struct span id = json_text(args, "id");
    struct value given = value_bool(true);
    if (asks(&run->wait) && id.len && value)
        step_collect(run, id, json_true(args, "secret") ? &given : value);
}

static size_t results_of(const struct flow_wait *w, const struct value *told, struct value *results)
{
    const struct value *why = value_find(told, "why"), *value = value_find(told, "value");
    if (flow_is_http(w->function))
        return http_results(told, results);
    if (why) {
        results[0] = (struct value){.type = VALUE_NULL};
        results[1] = *why;
        return 2;
    }
    if (w->function == FLOW_CALL_handoff)
        results[0] = *told;
    else
        results[0] = value ? *value : value_bool(true);
    return 1;
}

/* The wait is over: the next step of the script begins. */
static size_t conclude(struct flow_run *run, const struct value *args, const struct value *told, struct value *results)
{
    keep_answer(run, args, value_find(told, "value"));
    size_t count = results_of(&run->wait, told, results);
    if (value_find(told, "seq"))
        event_taken(run, json_text(args, "event"), json_int(told, "seq"));
    wait_forget(&run->wait);
    if (!run->journal)
        run->question_seq = 0;
    run->chain = 0;
    run->now_ms = 0;
    run->waited = true;
    sandbox_step(run->lua);
    return count;
}

/* From the journal: over, or where the run stands. */
static enum sandbox_verdict replay_wait(struct flow_run *run, struct flow_call *call)
{
    const struct value *told;
    enum sandbox_verdict verdict;
    while (!journal_at_end(run->journal)) {
        call_replayed(run, call, &told, &verdict);
        if (run->broken)
            return verdict;
        if (is_final(told)) {
            call->result_count = conclude(run, &call->args, told, call->results);
            return SANDBOX_RETURN;
        }
        note(&run->wait, told);
    }
    run->chain = 0;
    return SANDBOX_WAIT;
}

static bool event_told(struct arena *arena, const struct value *data, int64_t seq, struct value *out)
{
    if (value_map(arena, 2, out) != PARLEY_OK)
        return false;
    value_put(out, span_str("seq"), value_int(seq));
    value_put(out, span_str("value"), *data);
    return true;
}

/* An event that came before the flow waited for it. False: there is none, or it is not known yet (*verdict). */
static bool came_before(struct flow_run *run, struct flow_call *call, enum sandbox_verdict *verdict)
{
    struct flow_read read = {.kind = FLOW_READ_EVENT,
                             .type = json_text(&call->args, "event"),
                             .after = event_after(run, json_text(&call->args, "event"))};
    struct step_read *r = call_need(run, call, &read);
    struct value told;
    int64_t seq = 0;
    *verdict = SANDBOX_WAIT;
    if (!r)
        return true;
    const struct value *data = r->found ? event_pick(run, &call->args, value_find(&r->value, "events"), &seq) : NULL;
    if (!data)
        return false;
    if (!event_told(&run->work->arena, data, seq, &told) ||
        step_add_entry(run, &call->journal, &told, call->error) != PARLEY_OK) {
        *verdict = call_break(run, call);
        return true;
    }
    call->result_count = conclude(run, &call->args, &told, call->results);
    *verdict = SANDBOX_RETURN;
    return true;
}

/* The person is gone, and the event has not come meanwhile: to the old end. */
static enum sandbox_verdict go_on_waiting(struct flow_run *run)
{
    run->looking = false;
    if (run->until_ms)
        step_set_timer(run, run->until_ms);
    return SANDBOX_WAIT;
}

enum sandbox_verdict call_wait(struct flow_run *run, struct flow_call *call)
{
    enum sandbox_verdict verdict;
    if (!run->looking && !wait_begin(run, call))
        return call_raise(call, "E204", "%s: the arguments are too large", call->journal.name);
    if (run->journal)
        return replay_wait(run, call);
    if (value_find(&call->args, "event") && came_before(run, call, &verdict)) {
        run->looking = run->looking && verdict == SANDBOX_WAIT && !run->broken;
        return verdict;
    }
    if (run->looking)
        return go_on_waiting(run);
    if (begin_waiting(run, &call->args, call->error) == PARLEY_OK)
        return SANDBOX_WAIT;
    return call_break(run, call);
}

/* ---- events ---- */

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
    if (is_final(told)) {
        step_clear_timer(run);
        run->work->until_ms = 0;
        run->result_count = conclude(run, &m->args, told, run->results);
        *m->out_go = true;
    } else {
        note(&run->wait, told);
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
        st = put_question(run, &m->args, say_instead(m, label), m->error);
    return st;
}

static parley_status on_item(struct moment *m)
{
    struct flow_run *run = m->run;
    struct value body, answer, told;
    if (run->wait.escaped || json_read(m->arena, m->event->body, &body) != PARLEY_OK)
        return PARLEY_WRONG_STATE;
    if (run->wait.function == FLOW_CALL_wait && event_is(run, &m->args, m->event, &body, &answer) &&
        event_told(m->arena, &answer, m->event->seq, &told))
        return tell(m, &told);
    if (!asks(&run->wait))
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
    if (fired && timeout && ((delay && timeout->integer < delay->integer) || (till && till->integer > now_ms(m->run))))
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
    request_person(run, &wish, "customer");
    return PARLEY_OK;
}

/* An event may have come while a person had the conversation: the host is asked, and then the call made once more. */
static parley_status look_again(struct moment *m)
{
    struct flow_run *run = m->run;
    struct flow_call *call = &run->work->call;
    struct flow_read read = {.kind = FLOW_READ_EVENT,
                             .type = json_text(&m->args, "event"),
                             .after = event_after(run, json_text(&m->args, "event"))};
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
    if (asks(&run->wait) || flow_is_http(run->wait.function))
        return begin_waiting(run, &m->args, m->error);
    if (value_find(&m->args, "event"))
        return look_again(m);
    if (run->until_ms <= now_ms(run))
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
