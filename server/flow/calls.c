/* What the calls of a script do, but for what it may know (facts.c), processes (processes.c) and waiting
 * (waits.c). */
#include "server/flow/json.h"
#include "server/flow/meant.h"

#include <stdio.h>

typedef enum sandbox_verdict handler(struct flow_run *run, struct flow_call *call);

enum sandbox_verdict call_raise(struct flow_call *call, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    flow_error_vset(call->error, code, format, args);
    va_end(args);
    return SANDBOX_RAISE;
}

enum sandbox_verdict call_break(struct flow_run *run, struct flow_call *call)
{
    if (call->error->line == 0)
        call->error->line = call->journal.line;
    run_set_error(run, call->error);
    run->broken = true;
    sandbox_stop(run->lua);
    return SANDBOX_WAIT;
}

enum sandbox_verdict call_give(struct flow_call *call, struct value v)
{
    call->results[0] = v;
    call->result_count = 1;
    return SANDBOX_RETURN;
}

bool call_replayed(struct flow_run *run, struct flow_call *call, const struct value **told,
                   enum sandbox_verdict *verdict)
{
    if (!run->journal)
        return false;
    parley_status st = journal_next(run->journal, &call->journal, told, call->error);
    if (st == PARLEY_NOT_FOUND)
        journal_differs(run->journal, &call->journal, call->error);
    if (st == PARLEY_OK)
        run->chain = 0;
    else
        *verdict = call_break(run, call);
    return true;
}

/* ---- what the host knows ---- */

static bool answers(const struct step_read *r, const struct flow_read *read)
{
    return r->kind == read->kind && uuid_equal(r->process, read->process) && span_equal(r->type, read->type) &&
           r->after == read->after && span_equal(r->where, read->where);
}

struct step_read *call_need(struct flow_run *run, struct flow_call *call, const struct flow_read *read)
{
    struct flow_work *w = run->work;
    for (size_t i = 0; i < w->read_count; i++)
        if (answers(&w->reads[i], read))
            return &w->reads[i];
    w->read = *read;
    w->read.type = arena_span(&w->arena, read->type.ptr ? read->type : span_of("", 0));
    w->read.where = arena_span(&w->arena, read->where.ptr ? read->where : span_of("", 0));
    if (call != &w->call) {
        w->call = *call;
        json_copy(&w->arena, &call->args, &w->call.args);
        w->call.journal.label = arena_span(&w->arena, call->journal.label);
        w->call.arena = &w->arena;
    }
    run->phase = PHASE_READ;
    return NULL;
}

/* ---- the calls ---- */

static void copy_text(char *out, size_t size, struct span text)
{
    snprintf(out, size, "%.*s", (int)text.len, text.ptr);
}

/* A pattern alone is a list of one. */
static const struct value *as_list(struct flow_call *call, const struct value *v, struct value *room)
{
    if (v->type == VALUE_ARRAY || value_array(call->arena, 1, room) != PARLEY_OK)
        return v;
    value_push(room, *v);
    return room;
}

static enum sandbox_verdict call_flow(struct flow_run *run, struct flow_call *call)
{
    struct flow_version *v = run->version;
    const struct value *escape = value_find(&call->args, "escape");
    if (run->declared)
        return call_raise(call, "E208", "flow{} may be called only once");
    run->declared = true;
    if (v->has_about)
        return SANDBOX_RETURN;
    v->has_about = true;
    copy_text(v->about.id, sizeof v->about.id, json_text(&call->args, "id"));
    copy_text(v->about.title, sizeof v->about.title, json_text(&call->args, "title"));
    copy_text(v->about.language, sizeof v->about.language, json_text(&call->args, "language"));
    copy_text(v->about.zone, sizeof v->about.zone, json_text(&call->args, "zone"));
    copy_text(v->about.apology, sizeof v->about.apology, json_text(&call->args, "apology"));
    struct value words;
    if (escape && value_find(escape, "match"))
        run_replace_text(&v->escape_words, json_write(call->arena, as_list(call, value_find(escape, "match"), &words)));
    if (escape)
        copy_text(v->about.escape_queue, sizeof v->about.escape_queue, json_text(escape, "queue"));
    return SANDBOX_RETURN;
}

/* ---- answers that are recorded ---- */

enum sandbox_verdict call_give_recorded(struct flow_run *run, struct flow_call *call, const struct value *found,
                                        const char *why)
{
    struct value told, nothing = {.type = VALUE_NULL};
    if (value_map(call->arena, 2, &told) != PARLEY_OK)
        return call_raise(call, "E204", "the answer is too large");
    value_put(&told, span_str("value"), found ? *found : nothing);
    if (why)
        value_put(&told, span_str("why"), value_text(span_str(why)));
    if (step_add_entry(run, &call->journal, &told, call->error) != PARLEY_OK)
        return call_break(run, call);
    run->chain = 0;
    return call_give_told(call, &told);
}

enum sandbox_verdict call_give_told(struct flow_call *call, const struct value *told)
{
    const struct value *v = value_find(told, "value"), *why = value_find(told, "why");
    call->results[0] = v ? *v : (struct value){.type = VALUE_NULL};
    call->results[1] = why ? *why : (struct value){.type = VALUE_NULL};
    call->result_count = why ? 2 : 1;
    return SANDBOX_RETURN;
}

/* What it is about happens in the prelude. */
static enum sandbox_verdict call_flow_of(struct flow_run *run, struct flow_call *call)
{
    run->called = true;
    if (call->function == FLOW_CALL_jump)
        on_keep_only(run, 0);
    return call_give(call, value_int(on_count(run)));
}

/* What is left for somebody who has time goes with the step in which the run ends: it may say more, and not wait. */
static enum sandbox_verdict call_handoff(struct flow_run *run, struct flow_call *call)
{
    struct value outcome;
    if (!json_true(&call->args, "mode"))
        return call_wait(run, call);
    run->left_message = true;
    if (!run->journal) {
        wait_request_person(run, &call->args, "message");
        run->work->step.handoff.message = true;
    }
    if (json_pair(call->arena, "outcome", value_text(span_str("message")), &outcome) != PARLEY_OK)
        return call_raise(call, "E204", "handoff: the arguments are too large");
    return call_give(call, outcome);
}

static enum sandbox_verdict call_stop(struct flow_run *run, struct flow_call *call)
{
    sandbox_stop(run->lua);
    return SANDBOX_WAIT;
}

static enum sandbox_verdict call_restart(struct flow_run *run, struct flow_call *call)
{
    const struct value *data = value_find(&call->args, "data");
    struct value told;
    if (!run->waited)
        return call_raise(call, "E302", "restart: this flow has not waited since it began");
    if (run->journal) {
        journal_differs(run->journal, &call->journal, call->error);
        return call_break(run, call);
    }
    if (value_map(call->arena, 3, &told) != PARLEY_OK)
        return call_raise(call, "E204", "restart: the data is too large");
    value_put(&told, span_str("seq"), value_int(run->input_seq));
    value_put(&told, span_str("kind"), value_text(span_str("restart")));
    if (data)
        value_put(&told, span_str("data"), *data);
    struct span text = json_write(call->arena, &told);
    if (!text.ptr || text.len > LIMIT_DATA)
        return call_raise(call, "E204", "restart: the data is too large");
    run_replace_text(&run->started, text);
    run->event_seq = run->input_seq;
    run->restarting = true;
    return call_stop(run, call);
}

static handler *const handlers[FLOW_CALLS] = {
    [FLOW_CALL_flow] = call_flow,
    [FLOW_CALL_say] = call_say,
    [FLOW_CALL_ask] = call_wait,
    [FLOW_CALL_form] = call_wait,
    [FLOW_CALL_wait] = call_wait,
    [FLOW_CALL_handoff] = call_handoff,
    [FLOW_CALL_http_get] = call_wait,
    [FLOW_CALL_http_post] = call_wait,
    [FLOW_CALL_http_put] = call_wait,
    [FLOW_CALL_http_delete] = call_wait,
    [FLOW_CALL_secret] = call_secret,
    [FLOW_CALL_context_get] = call_context_get,
    [FLOW_CALL_context_set] = call_context_set,
    [FLOW_CALL_process_start] = call_process_start,
    [FLOW_CALL_process_get] = call_process_get,
    [FLOW_CALL_process_step] = call_process_move,
    [FLOW_CALL_process_done] = call_process_move,
    [FLOW_CALL_process_failed] = call_process_move,
    [FLOW_CALL_process_stuck] = call_process_move,
    [FLOW_CALL_hours_open] = call_hours,
    [FLOW_CALL_hours_next_open] = call_hours,
    [FLOW_CALL_queue_load] = call_queue_load,
    [FLOW_CALL_on_escape] = call_on,
    [FLOW_CALL_on_idle] = call_on,
    [FLOW_CALL_on_event] = call_on,
    [FLOW_CALL_on_topic] = call_on,
    [FLOW_CALL_on_leave] = call_on_leave,
    [FLOW_CALL_now] = call_now,
    [FLOW_CALL_uuid] = call_uuid,
    [FLOW_CALL_texts] = call_texts,
    [FLOW_CALL_t] = call_t,
    [FLOW_CALL_fmt_number] = call_fmt_number,
    [FLOW_CALL_fmt_money] = call_fmt_money,
    [FLOW_CALL_fmt_date] = call_fmt_date,
    [FLOW_CALL_fmt_when] = call_fmt_when,
    [FLOW_CALL_since] = call_since,
    [FLOW_CALL_random] = call_random,
    [FLOW_CALL_log_debug] = call_log,
    [FLOW_CALL_log_info] = call_log,
    [FLOW_CALL_log_warn] = call_log,
    [FLOW_CALL_log_error] = call_log,
    [FLOW_CALL_call] = call_flow_of,
    [FLOW_CALL_jump] = call_flow_of,
    [FLOW_CALL_stop] = call_stop,
    [FLOW_CALL_restart] = call_restart,
    [FLOW_CALL_customer_read] = call_customer_read,
    [FLOW_CALL_started_read] = call_started_read,
};

/* Never within a character. */
static struct span cut(struct span text)
{
    text.len = LIMIT_NAME;
    while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80)
        text.len--;
    return text;
}

/* What a person knows a call by. */
static struct span label_of(const struct value *args)
{
    static const char *const keys[] = {"id",   "key", "type",   "field", "queue", "text", "event",
                                       "mark", "url", "reason", "step",  "delay", "title"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct span text = json_text(args, keys[i]);
        if (text.len == 0)
            continue;
        return text.len > LIMIT_NAME ? cut(text) : text;
    }
    return span_of("", 0);
}

/* What a call of these comes to is in what the flow says next, or is seen by nobody who takes part. */
static bool is_silent(enum flow_function_id f)
{
    return f == FLOW_CALL_flow || f == FLOW_CALL_texts || f == FLOW_CALL_t || f == FLOW_CALL_fmt_number ||
           f == FLOW_CALL_fmt_money || f == FLOW_CALL_fmt_date || f == FLOW_CALL_fmt_when ||
           (f >= FLOW_CALL_log_debug && f <= FLOW_CALL_log_error);
}

/* Every other call goes into the digest of the next one that is recorded. */
static bool describe_call(struct flow_run *run, struct flow_call *call, int line)
{
    struct span args = json_write(call->arena, &call->args);
    const char *name = flow_functions[call->function].name;
    if (!args.ptr)
        return false;
    run->chain_before = run->chain;
    if (!is_silent(call->function))
        run->chain = span_hash(span_hash(run->chain, span_str(name)), args);
    call->journal = (struct journal_call){
        .name = name,
        .label = label_of(&call->args),
        .line = line,
        .file = strcmp(run->file, run->version->file) == 0 ? NULL : run->file,
        .digest = run->chain,
    };
    return true;
}

enum sandbox_verdict call_again(struct flow_run *run, struct flow_call *call)
{
    return handlers[call->function](run, call);
}

enum sandbox_verdict run_on_call(void *owner, struct sandbox_call *lua)
{
    struct flow_run *run = owner;
    struct flow_call call = {
        .function = (enum flow_function_id)lua->function,
        .arena = lua->arena,
        .error = lua->error,
    };
    const struct flow_function *f = &flow_functions[call.function];
    if (run->called && call.function == FLOW_CALL_flow)
        return SANDBOX_RETURN; /* what it says of itself holds where it comes first */
    if (!run->declared && call.function != FLOW_CALL_flow)
        return call_raise(&call, "E208", "%s: begin the file with flow{}", f->name);
    if (flow_check_arguments(f, lua->args, lua->count, lua->arena, &run->engine->patterns, &call.args, lua->error) !=
        PARLEY_OK)
        return SANDBOX_RAISE;
    run->line = lua->line;
    run->file = lua->file;
    if (call.function == FLOW_CALL_on_leave)
        return call_on_leave(run, &call); /* it is not the script's doing, and says nothing of where it goes */
    if (!describe_call(run, &call, lua->line))
        return call_raise(&call, "E204", "%s: the arguments are too large", f->name);
    if (meant_seals(call.function))
        meant_forget(run);
    enum sandbox_verdict verdict = call_again(run, &call);
    lua->result_count = call.result_count;
    memcpy(lua->results, call.results, sizeof call.results);
    return verdict;
}
