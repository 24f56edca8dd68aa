/* Taking up a call that stood aside: for a person, or for a function of the script's. */
#include "server/flow/json.h"
#include "server/flow/wait_inside.h"

/* The call is made once more: an event may have come meanwhile, for which the host is asked. */
static parley_status make_again(struct moment *m, enum again again)
{
    struct flow_run *run = m->run;
    struct flow_call *call = &run->work->call;
    *call = (struct flow_call){.function = run->wait.function,
                               .args = m->args,
                               .journal = wait_journal_call(&run->wait),
                               .arena = m->arena,
                               .error = m->error};
    call->journal.label = arena_span(m->arena, call->journal.label);
    run->again = again;
    if (call_wait(run, call) == SANDBOX_RETURN) {
        memcpy(run->results, call->results, sizeof run->results);
        run->result_count = call->result_count;
        *m->out_go = true;
    }
    *m->out_go |= run->broken || (run->on && run->on->next);
    return PARLEY_OK;
}

parley_status moment_take_up(struct moment *m, enum again again)
{
    struct flow_run *run = m->run;
    struct value told;
    if (http_is_once(&m->args)) /* it has been made, and nobody heard the answer */
        return http_unanswered(&m->args, "lost", m->arena, &told) ? moment_tell(m, &told) : PARLEY_NOMEM;
    if (flow_is_http(run->wait.function))
        return wait_start(run, &m->args, m->error);
    bool only_time = run->wait.function == FLOW_CALL_wait && !value_find(&m->args, "event") && again != AGAIN_BEGIN;
    if (only_time && run->until_ms <= run_now_ms(run))
        return moment_time_is_up(m);
    return make_again(m, again);
}

/* In the journal the call goes on where it was interrupted. */
static parley_status replay_again(struct flow_run *run, bool *out_go, struct flow_error *error)
{
    struct flow_call call;
    if (!on_call_again(run, &call))
        return PARLEY_NOMEM;
    call.error = error;
    if (wait_replay(run, &call) == SANDBOX_RETURN) {
        memcpy(run->results, call.results, sizeof run->results);
        run->result_count = call.result_count;
        *out_go = true;
    }
    *out_go |= run->broken || run->on->next;
    return PARLEY_OK;
}

parley_status wait_take_up(struct flow_run *run, bool *out_go, struct flow_error *error)
{
    static const struct flow_event nothing;
    struct run_held held = on_left(run);
    if (run->journal)
        return replay_again(run, out_go, error);
    struct moment m = {.run = run, .event = &nothing, .arena = &run->work->arena, .out_go = out_go, .error = error};
    if (json_read(m.arena, span_str(run->wait.args), &m.args) != PARLEY_OK)
        return PARLEY_NOMEM;
    run->question_seq = held.question_seq;
    run->until_ms = run->work->until_ms = held.until_ms;
    return moment_take_up(&m, held.unbegun ? AGAIN_BEGIN : held.disturbed ? AGAIN_ASK : AGAIN_STAND);
}
