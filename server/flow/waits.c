/* Waiting: ask, wait and handoff - what they say when they begin, and what the script is told (wait_event.c: when).
 *
 * A wait may take several entries of the journal: each answer that did not fit {retry}, each interruption by a wish for
 * a person {escape} and its end {back}, each function of the script's that began meanwhile {on}, at last the one that
 * the script is told. */
#include "server/base/mem.h"
#include "server/flow/json.h"
#include "server/flow/meant.h"

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
    w->file = call->journal.file;
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
        .file = w->file,
        .digest = w->digest,
    };
}

/* ---- what is said when a wait begins, or begins again ---- */

parley_status wait_put_question(struct flow_run *run, const struct value *args, const char *instead,
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

bool wait_asks(const struct flow_wait *w)
{
    return w->function == FLOW_CALL_ask || w->function == FLOW_CALL_form;
}

/* When something is to be done meanwhile; 0: nothing is. */
static int64_t meanwhile_ms(const struct flow_run *run, const struct value *args)
{
    const struct value *remind = value_find(args, "remind");
    if (wait_asks(&run->wait))
        return on_idle_ms(run);
    return remind && !run->wait.reminded ? json_int(remind, "after") : 0;
}

void wait_set_timer(struct flow_run *run, const struct value *args, int64_t due)
{
    int64_t now = run_now_ms(run), sooner = meanwhile_ms(run, args);
    bool is_sooner = sooner && now + sooner < due;
    if (is_sooner)
        step_set_timer(run, now + sooner);
    else if (due != INT64_MAX)
        step_set_timer(run, due);
    if (is_sooner)
        run->work->until_ms = due == INT64_MAX ? 0 : due;
}

/* When a question without an end of its own is left, so that what it stands above goes on waiting; INT64_MAX: never, or
 * the silence ends the whole run, for which the session is looked after (server/route/silence.c). */
static int64_t silent_ms(const struct flow_run *run, const struct value *args)
{
    int64_t patience = run->engine->limits.silence_ms;
    bool left = patience && wait_asks(&run->wait) && !value_find(args, "timeout") && on_holds_what_waits(run);
    return left ? run_now_ms(run) + patience : INT64_MAX;
}

void wait_heard(struct flow_run *run, const struct value *args)
{
    int64_t silent = silent_ms(run, args), until = run->until_ms ? run->until_ms : INT64_MAX;
    if (on_idle_ms(run) || silent != INT64_MAX)
        wait_set_timer(run, args, silent != INT64_MAX ? silent : until);
}

/* Zero durations and times gone by fire at once, by a timer too: a wait always waits. */
static void start_timer(struct flow_run *run, const struct value *args)
{
    const struct value *delay = value_find(args, "delay"), *till = value_find(args, "till");
    const struct value *timeout = value_find(args, "timeout");
    int64_t now = run_now_ms(run), due = silent_ms(run, args);
    if (delay)
        due = now + delay->integer;
    if (till)
        due = till->integer;
    if (timeout && now + timeout->integer < due)
        due = now + timeout->integer;
    wait_set_timer(run, args, due);
}

void wait_request_person(struct flow_run *run, const struct value *args, const char *why)
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
    collect_share(run, value_find(args, "share"), &run->work->step.handoff.collected, &run->work->step.handoff.said);
}

parley_status wait_start(struct flow_run *run, const struct value *args, struct flow_error *error)
{
    parley_status st = PARLEY_OK;
    if (wait_asks(&run->wait))
        st = wait_put_question(run, args, NULL, error);
    if (run->wait.function == FLOW_CALL_handoff) {
        wait_request_person(run, args, "flow");
        if (value_find(args, "max_wait"))
            step_set_timer(run, run_now_ms(run) + json_int(args, "max_wait"));
    } else if (flow_is_http(run->wait.function))
        step_set_timer(run, run_now_ms(run) + http_patience_ms(args));
    else
        start_timer(run, args);
    return st;
}

/* ---- what the script is told ---- */

bool wait_is_final(const struct value *told)
{
    return !json_text(told, "retry").len && !json_true(told, "escape") && !value_find(told, "back") &&
           !json_true(told, "reminded") && !value_find(told, "on") && !json_true(told, "cancel") &&
           !json_true(told, "recalled") && !value_find(told, "corrects");
}

void wait_note(struct flow_run *run, const struct value *told)
{
    struct flow_wait *w = &run->wait;
    if (json_true(told, "escape")) {
        w->escaped = true;
        meant_forget(run);
    } else if (value_find(told, "corrects")) {
        w->corrects = true;
        run->corrected = json_int(told, "corrects");
    } else if (value_find(told, "back"))
        w->escaped = false;
    else if (json_true(told, "reminded"))
        w->reminded = true;
    else if (!json_true(told, "recalled"))
        w->tries++;
}

/* The answer to a question with an id is kept for the agent; one that has no room there is not lost to the script. */
static void keep_answer(struct flow_run *run, const struct value *args, const struct value *told)
{
    const struct value *value = value_find(told, "value");
    int64_t seq = json_int(told, "said");
    struct span id = json_text(args, "id");
    struct value given = value_bool(true), said;
    struct arena arena;
    if (wait_asks(&run->wait) && value && json_true(args, "secret"))
        lines_hide(run, value);
    if (!wait_asks(&run->wait) || !id.len || !value)
        return;
    arena_init(&arena, STEP_ARENA);
    if (json_true(args, "secret"))
        step_collect(run, id, &given, NULL);
    else if (!seq)
        step_collect(run, id, value, NULL); /* from a journal that has the answer in itself */
    else if (collect_reference(&arena, args, told, &said))
        step_collect(run, id, value, &said);
    arena_done(&arena);
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

/* The next step of the script begins. */
size_t wait_conclude(struct flow_run *run, const struct value *args, const struct value *told, struct value *results)
{
    keep_answer(run, args, told);
    if (run->wait.corrects)
        collect_store(run); /* what was kept of later answers is gone */
    meant_note(run, args, told);
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

bool wait_interrupts(struct flow_run *run, const struct value *told)
{
    if (json_true(told, "cancel"))
        on_cancel(run);
    else if (value_find(told, "on"))
        on_begin(run, told);
    else
        return false;
    return true;
}

static bool is_possible(const struct flow_run *run, const struct value *told)
{
    if (value_find(told, "on"))
        return on_knows(run, told);
    return !json_true(told, "cancel") || on_active(run);
}

enum sandbox_verdict wait_replay(struct flow_run *run, struct flow_call *call)
{
    const struct value *told;
    enum sandbox_verdict verdict;
    while (!journal_at_end(run->journal)) {
        call_replayed(run, call, &told, &verdict);
        if (run->broken)
            return verdict;
        if (!recall_told(run, call, &told))
            return recall_break(run, call, json_int(told, "said"));
        if (wait_is_final(told)) {
            call->result_count = wait_conclude(run, &call->args, told, call->results);
            return SANDBOX_RETURN;
        }
        if (!is_possible(run, told)) {
            journal_differs(run->journal, &call->journal, call->error);
            return call_break(run, call);
        }
        if (wait_interrupts(run, told))
            return SANDBOX_WAIT;
        wait_note(run, told);
    }
    run->chain = 0;
    return SANDBOX_WAIT;
}

bool wait_event_told(struct arena *arena, const struct value *data, int64_t seq, struct value *out)
{
    if (value_map(arena, 3, out) != PARLEY_OK)
        return false;
    value_put(out, span_str("seq"), value_int(seq));
    value_put(out, span_str("said"), value_int(seq));
    value_put(out, span_str("value"), *data);
    return true;
}

/* An event that came before the flow waited for it. False: there is none, or it is not known yet (*verdict). */
static bool came_before(struct flow_run *run, struct flow_call *call, enum sandbox_verdict *verdict)
{
    struct flow_read read = event_read(run, &call->args, call->arena);
    struct step_read *r = call_need(run, call, &read);
    struct value told;
    int64_t seq = 0;
    *verdict = SANDBOX_WAIT;
    if (!r)
        return true;
    const struct value *data = r->found ? event_pick(run, &call->args, value_find(&r->value, "events"), &seq) : NULL;
    if (!data)
        return false;
    if (!wait_event_told(&run->work->arena, data, seq, &told) ||
        step_add_entry(run, &call->journal, &told, call->error) != PARLEY_OK) {
        *verdict = call_break(run, call);
        return true;
    }
    call->result_count = wait_conclude(run, &call->args, &told, call->results);
    *verdict = SANDBOX_RETURN;
    return true;
}

static enum sandbox_verdict no_room(struct flow_run *run, struct flow_call *call)
{
    flow_error_set(call->error, "E403", "events of %d types have been waited for since the flow began", RUN_EVENTS);
    return call_break(run, call);
}

static enum sandbox_verdict begin_handler(struct flow_run *run, struct flow_call *call, const struct on_start *start)
{
    struct value told;
    if (!event_has_room(run, start->event))
        return no_room(run, call);
    if (!on_told(run, &run->work->arena, start, &told) ||
        step_add_entry(run, &call->journal, &told, call->error) != PARLEY_OK)
        return call_break(run, call);
    on_begin(run, &told);
    return SANDBOX_WAIT;
}

/* An event for a handler that came before the flow stands here. As came_before. */
static bool handler_before(struct flow_run *run, struct flow_call *call, enum sandbox_verdict *verdict)
{
    *verdict = SANDBOX_WAIT;
    for (int i = on_count(run) - 1; i >= 0; i--) {
        struct span type = on_event_of(run, i, call->arena);
        struct on_start start = {.handler = i, .unbegun = true, .event = type};
        struct value any;
        if (!type.len || json_pair(call->arena, "event", value_text(type), &any) != PARLEY_OK)
            continue;
        struct flow_read read = event_read(run, &any, call->arena);
        struct step_read *r = call_need(run, call, &read);
        if (!r)
            return true;
        const struct value *data = r->found ? event_pick(run, &any, value_find(&r->value, "events"), &start.seq) : NULL;
        if (!data)
            continue;
        start.argument = *data;
        start.said = start.seq;
        *verdict = begin_handler(run, call, &start);
        return true;
    }
    return false;
}

/* It stands where it stood: with its old end, and its question where that is in the dialogue. */
static void stand_again(struct flow_run *run, const struct value *args)
{
    bool reminds = run->wait.function == FLOW_CALL_wait;
    if (reminds && run->until_ms)
        step_set_timer(run, run->until_ms);
    else if (!reminds)
        wait_set_timer(run, args, run->until_ms ? run->until_ms : INT64_MAX);
}

static parley_status begin_or_stand(struct flow_run *run, struct flow_call *call, enum again again)
{
    bool begins = again == AGAIN_NO || again == AGAIN_BEGIN || (again == AGAIN_ASK && wait_asks(&run->wait));
    if (begins)
        return wait_start(run, &call->args, call->error);
    stand_again(run, &call->args);
    return PARLEY_OK;
}

/* Whoever is asked something in a handler has to be asked again what stood before. */
static void note_disturbance(struct flow_run *run)
{
    struct run_on *on = run->on;
    if (on && on->held_count && run->wait.function != FLOW_CALL_wait && !flow_is_http(run->wait.function))
        on->held[on->held_count - 1].disturbed = true;
}

enum sandbox_verdict call_wait(struct flow_run *run, struct flow_call *call)
{
    enum sandbox_verdict verdict;
    enum again again = run->again;
    if (value_find(&call->args, "event") && !event_has_room(run, json_text(&call->args, "event")))
        return no_room(run, call);
    if (!again && !wait_begin(run, call))
        return call_raise(call, "E204", "%s: the arguments are too large", call->journal.name);
    if (!again)
        note_disturbance(run);
    if (run->journal)
        return wait_replay(run, call);
    if (handler_before(run, call, &verdict) || (value_find(&call->args, "event") && came_before(run, call, &verdict))) {
        if (run->phase != PHASE_READ)
            run->again = AGAIN_NO;
        return verdict;
    }
    run->again = AGAIN_NO;
    if (begin_or_stand(run, call, again) == PARLEY_OK)
        return SANDBOX_WAIT;
    return call_break(run, call);
}
