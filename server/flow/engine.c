/* The loop of a run: run the script, ask the host, hand over the step, go on when it is committed. */
#include "server/flow/json.h"
#include "server/flow/on.h"

#include "protocol/text.h"
#include "server/base/mem.h"

#include <assert.h>
#include <stdio.h>

/* ---- committing ---- */

static void lose(struct flow_run *run, parley_status why)
{
    struct flow_host *host = run->engine->host;
    host->gone(host, run, why);
    run_free(&run);
}

static void adopt_step(struct flow_run *run)
{
    const struct flow_work *w = run->work;
    const struct flow_step *s = &w->step;
    run->step = s->number;
    run->state = s->state;
    run->next_entry += (int64_t)s->entry_count;
    for (size_t i = 0; i < s->entry_count; i++)
        run->journal_bytes += s->entries[i].bytes;
    if (!uuid_is_nil(s->timer_set) || !uuid_is_nil(s->timer_clear))
        run->timer = s->timer_set;
    run->until_ms = w->until_ms;
}

/* All is committed: what the run waits for may begin. */
static void rests(struct flow_run *run, bool rebuilt)
{
    struct flow_host *host = run->engine->host;
    http_begin(run, rebuilt);
    host->ready(host, run);
}

static void after_commit(struct flow_run *run)
{
    if (run->host_status != PARLEY_OK) {
        lose(run, run->host_status);
        return;
    }
    if (run->goes_back) {
        lose(run, PARLEY_OK);
        return;
    }
    adopt_step(run);
    step_close(run);
    bool over = run->state == FLOW_ENDED || run->state == FLOW_FAILED;
    run->phase = over ? PHASE_OVER : PHASE_REST;
    if (over)
        sandbox_run_free(&run->lua);
    rests(run, false);
}

/* The host may answer before its commit returns: then the loop in run_advance() takes it, unless this is not inside it.
 */
static void commit(struct flow_run *run, enum flow_state state)
{
    struct flow_host *host = run->engine->host;
    step_finish(run, state);
    run->phase = PHASE_COMMIT;
    run->answered = false;
    host->commit(host, run, &run->work->step);
}

static enum flow_state waiting_state(const struct flow_run *run)
{
    return run->wait.function == FLOW_CALL_handoff || run->wait.escaped ? FLOW_HANDOFF : FLOW_WAITING;
}

/* A script may have cut a character in two, or the room for the text: that could not be stored. */
static void mend(char *text)
{
    size_t len = strlen(text), good;
    while ((good = text_valid(span_of(text, len))) < len)
        text[good] = '?';
}

void run_fail(struct flow_run *run, const struct flow_error *error)
{
    struct flow_error e = *error;
    mend(e.text);
    if (!e.file[0])
        snprintf(e.file, sizeof e.file, "%s", run->file ? run->file : run->version->file);
    if (lines_hidden(run, span_str(e.text)))
        snprintf(e.text, sizeof e.text, "%s", FLOW_HIDDEN);
    run_set_error(run, &e);
    journal_close(&run->journal);
    wait_forget(&run->wait);
    step_fail(run, run->error);
    commit(run, FLOW_FAILED);
}

/* ---- running ---- */

static struct flow_error no_memory(void)
{
    struct flow_error e = {0};
    flow_error_set(&e, "E402", "no memory is left for another run of this flow");
    return e;
}

/* The journal begins anew within the same step; what was said so far stays. */
static void restart(struct flow_run *run)
{
    struct flow_error error = {0};
    struct flow_step *s = &run->work->step;
    s->forget_from = 1;
    s->entry_count = 0;
    run->next_entry = 1;
    run->journal_bytes = 0;
    run->random_from = s->number;
    run_replace_text(&run->before, span_str(run->collected ? run->collected : "{}"));
    run_begin_script(run);
    if (!run->lua)
        error = no_memory();
    else if (run_record_start(run, &error) == PARLEY_OK)
        return;
    run_fail(run, &error);
}

/* Replaying has come to its end: the run stands where its row says, or it has gone another way. */
static void arrive(struct flow_run *run)
{
    struct journal_call call = wait_journal_call(&run->wait);
    if (!journal_ends_in(run->journal, &call) || waiting_state(run) != run->state) {
        struct flow_error error = {0};
        journal_differs(run->journal, &call, &error);
        run_fail(run, &error);
        return;
    }
    journal_close(&run->journal);
    run->phase = PHASE_REST;
}

static void ended(struct flow_run *run)
{
    struct flow_error error = {0};
    if (run->broken) {
        run_fail(run, run->error);
    } else if (run->restarting) {
        restart(run);
    } else if (run->journal) {
        journal_differs(run->journal, NULL, &error);
        run_fail(run, &error);
    } else if (!run->declared) {
        flow_error_set(&error, "E106", "the flow ended without having called flow{}");
        run_fail(run, &error);
    } else {
        wait_forget(&run->wait);
        commit(run, FLOW_ENDED);
    }
}

static void ask_host(struct flow_run *run)
{
    struct flow_host *host = run->engine->host;
    host->read(host, run, &run->work->read);
}

/* Its message is a session's only when the run is over: it has nobody to answer to any more. */
static void waits_on(struct flow_run *run)
{
    struct flow_error error = {.line = run->wait.line};
    flow_error_set(&error, "E308", "the flow has left a message, and waits after it");
    error.line = run->wait.line;
    run_fail(run, &error);
}

/* The script stands in a call. */
static void stands(struct flow_run *run)
{
    if (run->phase == PHASE_READ)
        ask_host(run);
    else if (run->on && run->on->next)
        run->phase = PHASE_RUN; /* a handler first */
    else if (run->journal)
        arrive(run);
    else if (run->left_message)
        waits_on(run);
    else
        commit(run, waiting_state(run));
}

/* What came of an event, or of a call that was taken up: more of the script, or it stands. */
static void follow(struct flow_run *run, parley_status st, bool go, const struct flow_error *error)
{
    if (st != PARLEY_OK)
        run_fail(run, error);
    else if (run->broken)
        ended(run);
    else if (go)
        run->phase = PHASE_RUN;
    else
        stands(run);
}

/* A handler is over, or a topic left. */
static void take_up(struct flow_run *run)
{
    struct flow_error error = {0};
    bool go = false;
    parley_status st = wait_take_up(run, &go, &error);
    follow(run, st, go, &error);
}

/* False: something else had to be done. */
static bool may_resume(struct flow_run *run)
{
    struct flow_error error = no_memory();
    switch (on_next(run)) {
    case ON_TAKE_UP:
        take_up(run);
        return false;
    case ON_FAIL:
        run_fail(run, &error);
        return false;
    default:
        return true;
    }
}

static void go_on(struct flow_run *run)
{
    struct flow_host *host = run->engine->host;
    if (!may_resume(run))
        return;
    size_t count = run->result_count;
    run->result_count = 0;
    switch (sandbox_resume(run->lua, run->results, count)) {
    case SANDBOX_SLICE:
        run->phase = PHASE_DEFER;
        host->defer(host, run);
        return;
    case SANDBOX_WAITS:
        stands(run);
        return;
    case SANDBOX_LEFT:
        take_up(run);
        return;
    case SANDBOX_ENDED:
        ended(run);
        return;
    case SANDBOX_FAILED:
        run_fail(run, sandbox_error(run->lua));
        return;
    }
}

/* Answers that come while this runs only change the phase; so however quick the host is, the stack stays flat. What
 * may end the run's memory comes last. */
void run_advance(struct flow_run *run)
{
    run->advancing = true;
    while (run->phase == PHASE_RUN)
        go_on(run);
    run->advancing = false;
    if (run->phase == PHASE_COMMIT && run->answered)
        after_commit(run);
    else if (run->phase == PHASE_REST)
        rests(run, true);
}

/* The call that waited for the host is made once more, now that the answer is there. */
static void call_once_more(struct flow_run *run)
{
    struct flow_call *call = &run->work->call;
    struct flow_error error = {0};
    run->phase = PHASE_RUN;
    call->error = &error;
    call->result_count = 0;
    switch (call_again(run, call)) {
    case SANDBOX_WAIT:
        if (run->broken)
            ended(run);
        else
            stands(run);
        return;
    case SANDBOX_RAISE:
        error.line = call->journal.line;
        run_fail(run, &error);
        return;
    case SANDBOX_RETURN:
        memcpy(run->results, call->results, sizeof run->results);
        run->result_count = call->result_count;
    }
}

static void take_answer(struct flow_run *run, struct span json)
{
    struct flow_work *w = run->work;
    struct step_read r = {.kind = w->read.kind,
                          .process = w->read.process,
                          .type = w->read.type,
                          .after = w->read.after,
                          .where = w->read.where};
    r.found = json.len && json_read(&w->arena, json, &r.value) == PARLEY_OK && r.value.type == VALUE_MAP;
    if (w->read_count == STEP_READS)
        w->read_count = 0; /* forgotten, and asked again when needed */
    w->reads[w->read_count++] = r;
}

void flow_answered(struct flow_run *run, parley_status status, struct span json)
{
    bool inside = run->advancing;
    assert(run->phase == PHASE_READ);
    run->advancing = true;
    if (status == PARLEY_OK) {
        take_answer(run, json);
        call_once_more(run);
    } else {
        run->phase = PHASE_COMMIT;
        run->host_status = status;
        run->answered = true;
    }
    run->advancing = inside;
    if (!inside)
        run_advance(run);
}

void flow_committed(struct flow_run *run, parley_status status, int64_t question_seq)
{
    assert(run->phase == PHASE_COMMIT);
    run->host_status = status;
    if (run->work->step.question >= 0 && status == PARLEY_OK)
        run->question_seq = question_seq;
    if (run->advancing)
        run->answered = true;
    else
        after_commit(run);
}

void flow_continue(struct flow_run *run)
{
    assert(run->phase == PHASE_DEFER);
    run->phase = PHASE_RUN;
    run_advance(run);
}

/* ---- events ---- */

parley_status flow_event(struct flow_run *run, const struct flow_event *event)
{
    struct flow_error error = {0};
    bool go = false;
    if (run->phase == PHASE_OVER)
        return PARLEY_WRONG_STATE;
    if (run->phase != PHASE_REST)
        return PARLEY_BUSY;
    step_open(run);
    parley_status st = wait_event(run, event, &go, &error);
    if (event->seq > run->input_seq && !run->goes_back)
        run->input_seq = event->seq; /* also what it has no use for: it is not an answer to a later question */
    if (st == PARLEY_WRONG_STATE) {
        step_close(run);
        return st;
    }
    run->work->step.input_seq = run->input_seq;
    if (!go || st != PARLEY_OK || run->broken) {
        follow(run, st, false, &error); /* may end the run's memory */
        return PARLEY_OK;
    }
    run->state = FLOW_RUNNING;
    run->phase = PHASE_RUN;
    run_advance(run);
    return PARLEY_OK;
}

void flow_evict(struct flow_run **run)
{
    assert(!*run || (*run)->phase == PHASE_REST || (*run)->phase == PHASE_OVER);
    run_free(run);
}
