/* Functions of the script for what happens while it stands in a call: kept, chosen, begun, ended.
 *
 * The call goes on standing. Its entry {on} in the journal says which function began, and all that this is told stands
 * between that entry and the call's next one: so a run is rebuilt through its handlers as through everything else. */
#include "server/flow/on.h"
#include "server/base/mem.h"
#include "server/flow/json.h"
#include "server/flow/meant.h"

enum { ON_ARENA = 4 << 20 };

/* ---- kept ---- */

static struct run_on *on_of(struct flow_run *run)
{
    if (!run->on) {
        run->on = mem_alloc(sizeof *run->on);
        arena_init(&run->on->arena, ON_ARENA);
    }
    return run->on;
}

int on_count(const struct flow_run *run)
{
    return run->on ? run->on->handler_count : 0;
}

void on_keep_only(struct flow_run *run, int count)
{
    struct run_on *on = run->on;
    while (on && on->handler_count > count)
        mem_free(on->handlers[--on->handler_count].args);
    if (on)
        sandbox_keep_only(run->lua, count);
}

void on_free(struct flow_run *run)
{
    struct run_on *on = run->on;
    if (!on)
        return;
    for (int i = 0; i < on->handler_count; i++)
        mem_free(on->handlers[i].args);
    for (int i = 0; i < on->held_count; i++)
        wait_forget(&on->held[i].wait);
    arena_done(&on->arena);
    mem_free(on);
    run->on = NULL;
}

enum sandbox_verdict call_on(struct flow_run *run, struct flow_call *call)
{
    struct run_on *on = on_of(run);
    struct span args = json_write(call->arena, &call->args);
    int number = sandbox_keep(run->lua);
    if (number < 0 || !args.ptr)
        return call_raise(call, "E204", "%s: a flow may have %d functions for what happens", call->journal.name,
                          RUN_HANDLERS);
    on->handlers[number] = (struct run_handler){.on = call->function, .args = mem_span(args)};
    on->handler_count = number + 1;
    return SANDBOX_RETURN;
}

enum sandbox_verdict call_on_leave(struct flow_run *run, struct flow_call *call)
{
    on_keep_only(run, (int)json_int(&call->args, "count"));
    return SANDBOX_RETURN;
}

/* ---- chosen ---- */

static bool fits(struct flow_run *run, struct arena *arena, const struct run_handler *h, struct span type,
                 struct span said)
{
    struct value args;
    if (json_read(arena, span_str(h->args), &args) != PARLEY_OK)
        return false;
    if (h->on == FLOW_CALL_on_event)
        return span_equal(json_text(&args, "event"), type);
    return h->on != FLOW_CALL_on_topic || answer_matches(run, value_find(&args, "match"), said);
}

/* A handler does not interrupt itself; and what only waits for the outside, or for a person, is not interrupted. */
static bool may_begin(const struct flow_run *run)
{
    enum flow_function_id f = run->wait.function;
    bool stands = f == FLOW_CALL_ask || f == FLOW_CALL_form || f == FLOW_CALL_wait;
    return run->on && stands && !run->wait.escaped && run->on->held_count < RUN_HELD;
}

int on_find(struct flow_run *run, enum flow_function_id which, struct span type, struct span said)
{
    int found = -1;
    struct arena arena;
    arena_init(&arena, ON_ARENA);
    for (int i = may_begin(run) ? run->on->handler_count - 1 : -1; found < 0 && i >= 0; i--) {
        const struct run_handler *h = &run->on->handlers[i];
        if (h->on == which && !h->active && fits(run, &arena, h, type, said))
            found = i;
    }
    arena_done(&arena);
    return found;
}

struct span on_event_of(const struct flow_run *run, int i, struct arena *arena)
{
    const struct run_handler *h = &run->on->handlers[i];
    struct value args;
    bool begins = may_begin(run) && h->on == FLOW_CALL_on_event && !h->active;
    if (!begins || json_read(arena, span_str(h->args), &args) != PARLEY_OK)
        return span_of("", 0);
    return json_text(&args, "event");
}

int64_t on_idle_ms(const struct flow_run *run)
{
    int64_t after = 0;
    struct arena arena;
    struct value args;
    arena_init(&arena, ON_ARENA);
    for (int i = on_count(run) - 1; may_begin(run) && !run->wait.idled && after == 0 && i >= 0; i--) {
        const struct run_handler *h = &run->on->handlers[i];
        if (h->on == FLOW_CALL_on_idle && !h->active && json_read(&arena, span_str(h->args), &args) == PARLEY_OK)
            after = json_int(&args, "after");
    }
    arena_done(&arena);
    return after;
}

bool on_active(const struct flow_run *run)
{
    return run->on && run->on->held_count > 0;
}

bool on_holds_what_waits(const struct flow_run *run)
{
    const struct run_on *on = run->on;
    for (int i = 0; on && i < on->held_count; i++)
        if (on->held[i].wait.function == FLOW_CALL_wait || on->held[i].until_ms)
            return true;
    return false;
}

bool on_topic_open(const struct flow_run *run)
{
    const struct run_on *on = run->on;
    return on_active(run) && on->handlers[on->held[on->held_count - 1].handler].on == FLOW_CALL_on_topic;
}

/* ---- begun ---- */

bool on_told(const struct flow_run *run, struct arena *arena, const struct on_start *start, struct value *out)
{
    if (value_map(arena, 8, out) != PARLEY_OK)
        return false;
    value_put(out, span_str("on"), value_int(start->handler + 1));
    value_put(out, span_str("value"), start->argument);
    if (start->said)
        value_put(out, span_str("said"), value_int(start->said));
    value_put(out, span_str("until"), value_int(run->until_ms));
    value_put(out, span_str("question"), value_int(run->question_seq));
    if (start->unbegun)
        value_put(out, span_str("unbegun"), value_bool(true));
    if (start->event.len) {
        value_put(out, span_str("event"), value_text(start->event));
        value_put(out, span_str("seq"), value_int(start->seq));
    }
    return true;
}

bool on_knows(const struct flow_run *run, const struct value *told)
{
    int64_t number = json_int(told, "on");
    return number >= 1 && number <= on_count(run) && run->on->held_count < RUN_HELD;
}

void on_begin(struct flow_run *run, const struct value *told)
{
    struct run_on *on = run->on;
    const struct value *argument = value_find(told, "value");
    int handler = (int)json_int(told, "on") - 1;
    struct run_handler *h = &on->handlers[handler];
    h->active = true;
    if (h->on == FLOW_CALL_on_idle)
        run->wait.idled = true;
    if (h->on != FLOW_CALL_on_topic)
        meant_forget(run); /* what has happened cannot be taken back */
    if (value_find(told, "event"))
        event_taken(run, json_text(told, "event"), json_int(told, "seq"));
    on->held[on->held_count++] = (struct run_held){.wait = run->wait,
                                                   .until_ms = json_int(told, "until"),
                                                   .question_seq = json_int(told, "question"),
                                                   .handler = handler,
                                                   .unbegun = json_true(told, "unbegun")};
    run->wait = (struct flow_wait){.function = FLOW_CALLS};
    arena_reset(&on->arena);
    on->argument = (struct value){.type = VALUE_NULL};
    if (argument)
        json_copy(&on->arena, argument, &on->argument);
    on->next = ON_ENTER;
    run->chain = 0;
    run->now_ms = 0;
    run->waited = true;
    sandbox_step(run->lua);
}

void on_cancel(struct flow_run *run)
{
    wait_forget(&run->wait);
    run->on->next = ON_CANCEL;
    run->chain = 0;
    run->now_ms = 0;
    sandbox_step(run->lua);
}

enum on_next on_next(struct flow_run *run)
{
    struct run_on *on = run->on;
    int next = on ? on->next : ON_NOTHING;
    if (on)
        on->next = ON_NOTHING;
    if (next == ON_ENTER)
        return sandbox_enter(run->lua, on->held[on->held_count - 1].handler, &on->argument) ? ON_GO : ON_FAIL;
    if (next != ON_CANCEL)
        return ON_GO;
    sandbox_leave(run->lua);
    on->held[on->held_count - 1].disturbed = true;
    return ON_TAKE_UP;
}

/* ---- ended ---- */

/* What the handler did last belongs to the call's next entry: so that a difference there is noticed. */
struct run_held on_left(struct flow_run *run)
{
    struct run_on *on = run->on;
    struct run_held held = on->held[--on->held_count];
    on->handlers[held.handler].active = false;
    wait_forget(&run->wait);
    run->wait = held.wait;
    if (run->chain)
        run->wait.digest = span_hash(run->wait.digest, span_of(&run->chain, sizeof run->chain));
    run->chain = 0;
    return held;
}

bool on_call_again(struct flow_run *run, struct flow_call *call)
{
    struct run_on *on = run->on;
    arena_reset(&on->arena);
    *call = (struct flow_call){
        .function = run->wait.function, .journal = wait_journal_call(&run->wait), .arena = &on->arena};
    return json_read(&on->arena, span_str(run->wait.args), &call->args) == PARLEY_OK;
}
