/* Transactions that a flow starts and moves. Each change is made on the revision that was read in the same step; when
 * somebody else was faster, the host calls the step stale, and the run does it again on what is true then. */
#include "server/flow/json.h"
#include "server/flow/run.h"
#include "server/io/crypto.h"

/* The same key in a conversation is the same process, whichever run asks. */
static struct uuid keyed(const struct flow_run *run, struct span key)
{
    uint8_t digest[CRYPTO_DIGEST];
    struct crypto_hash *hash = crypto_hash_new();
    crypto_hash_add(hash, span_of(run->conversation.b, 16));
    crypto_hash_add(hash, span_str("process"));
    crypto_hash_add(hash, key);
    crypto_hash_done(&hash, digest);
    return uuid_v8(digest);
}

static struct value id_text(struct arena *arena, struct uuid id)
{
    char text[UUID_TEXT + 1];
    uuid_format(id, text);
    return value_text(arena_span(arena, span_of(text, UUID_TEXT)));
}

static struct span state_name(int state)
{
    return span_str(process_state_name(state));
}

static void put_all(struct value *map, const struct value *from)
{
    for (uint32_t i = 0; from->type == VALUE_MAP && i < from->count; i++)
        value_put(map, from->members[i].key, from->members[i].value);
}

/* One change after the other as one. Both have been made in this step, so both can be read. */
static struct span joined(struct arena *arena, struct span first, struct span second)
{
    struct value a, b, both;
    if (!first.ptr || !second.ptr)
        return first.ptr ? first : second;
    if (json_read(arena, first, &a) != PARLEY_OK || json_read(arena, second, &b) != PARLEY_OK ||
        value_map(arena, (size_t)a.count + b.count + 1, &both) != PARLEY_OK)
        return second;
    put_all(&both, &a);
    put_all(&both, &b);
    return json_write(arena, &both);
}

/* A process that moves several times in a step is one row for the host. */
static void fold(struct flow_work *w, const struct flow_process *p)
{
    for (size_t i = 0; i < w->step.process_count; i++) {
        struct flow_process *row = &w->processes[i];
        if (!uuid_equal(row->id, p->id))
            continue;
        row->revision = p->revision;
        row->state = p->state;
        row->step = p->step;
        row->data = joined(&w->arena, row->data, p->data);
        return;
    }
    w->processes[w->step.process_count++] = *p;
}

/* Adds the change and the item that shows it. */
static parley_status add_change(struct flow_run *run, struct flow_call *call, const struct flow_process *p)
{
    struct flow_work *w = run->work;
    struct frame_process_body body = {
        .process = p->id,
        .type = p->type,
        .has_title = p->title.len > 0,
        .title = p->title,
        .revision = p->revision,
        .state = p->state,
        .has_step = p->step.len > 0,
        .step = p->step,
        .has_data = p->data.ptr != NULL,
        .data.json = p->data,
    };
    if (w->step.process_count == STEP_PROCESSES) {
        flow_error_set(call->error, "E404", "more than %d changes of processes in one step", STEP_PROCESSES);
        return PARLEY_LIMIT;
    }
    fold(w, p);
    return step_add_item(run, ITEM_process, &body, call->error);
}

/* Later reads of this step see the change, by whatever way they ask. */
static void share(struct flow_work *w, const struct value *record)
{
    struct span id = json_text(record, "process");
    for (size_t i = 0; i < w->read_count; i++) {
        struct step_read *r = &w->reads[i];
        if (r->kind == FLOW_READ_PROCESS && r->found && span_equal(json_text(&r->value, "process"), id))
            r->value = *record;
    }
}

static void remember(struct flow_work *w, struct uuid id, const struct value *record)
{
    for (size_t i = 0; i < w->read_count; i++) {
        struct step_read *r = &w->reads[i];
        if (r->kind == FLOW_READ_PROCESS && uuid_equal(r->process, id)) {
            r->found = true;
            r->value = *record;
            return;
        }
    }
    if (w->read_count < STEP_READS)
        w->reads[w->read_count++] =
            (struct step_read){.kind = FLOW_READ_PROCESS, .process = id, .found = true, .value = *record};
}

static enum sandbox_verdict no_room(struct flow_run *run, struct flow_call *call)
{
    flow_error_set(call->error, "E404", "more data of processes than a step can hold");
    return call_break(run, call);
}

static void describe(struct flow_run *run, bool begins, struct value *record)
{
    struct flow_host *host = run->engine->host;
    if (host->describe)
        host->describe(host, run, begins, &run->work->arena, record);
}

/* Texts and values of the call live only as long as the call; what is kept is copied. */
static parley_status begin(struct flow_run *run, struct flow_call *call, struct uuid id, struct value *out_record)
{
    struct arena *arena = &run->work->arena;
    struct value args, empty, record;
    if (json_copy(arena, &call->args, &args) != PARLEY_OK || value_map(arena, 1, &empty) != PARLEY_OK ||
        value_map(arena, 10, &record) != PARLEY_OK)
        return PARLEY_NOMEM;
    const struct value *data = value_find(&args, "data"), *steps = value_find(&args, "steps");
    struct span step = json_text(&args, "step");
    struct value with_steps;
    if (steps && !process_steps_begin(arena, steps, &step, data, &with_steps))
        return PARLEY_NOMEM;
    if (steps)
        data = &with_steps;
    struct flow_process p = {
        .id = id,
        .revision = 1,
        .state = process_state_open,
        .type = json_text(&args, "type"),
        .title = json_text(&args, "title"),
        .step = step,
        .data = data ? json_write(arena, data) : (struct span){0},
    };
    value_put(&record, span_str("process"), id_text(arena, id));
    value_put(&record, span_str("type"), value_text(p.type));
    value_put(&record, span_str("state"), value_text(state_name(p.state)));
    value_put(&record, span_str("revision"), value_int(1));
    value_put(&record, span_str("data"), data ? *data : empty);
    if (p.title.len)
        value_put(&record, span_str("title"), value_text(p.title));
    if (p.step.len)
        value_put(&record, span_str("step"), value_text(p.step));
    describe(run, true, &record);
    p.step = json_text(&record, "step");
    *out_record = record;
    return add_change(run, call, &p);
}

enum sandbox_verdict call_process_start(struct flow_run *run, struct flow_call *call)
{
    struct span key = json_text(&call->args, "key");
    const struct value *told;
    enum sandbox_verdict verdict;
    if (call_replayed(run, call, &told, &verdict))
        return run->broken ? verdict : call_give_told(call, told);

    struct uuid id = key.len ? keyed(run, key) : (struct uuid){0};
    if (key.len) {
        struct step_read *r = call_need(run, call, &(struct flow_read){.kind = FLOW_READ_PROCESS, .process = id});
        if (!r)
            return SANDBOX_WAIT;
        if (r->found)
            return call_give_recorded(run, call, &r->value, NULL);
    } else {
        id = step_derive(run, 'p', run->work->step.number, run->work->ids++);
    }
    struct value record;
    parley_status st = begin(run, call, id, &record);
    if (st != PARLEY_OK)
        return st == PARLEY_NOMEM ? no_room(run, call) : call_break(run, call);
    remember(run->work, id, &record);
    return call_give_recorded(run, call, &record, NULL);
}

/* By key or id, else the newest open one of the type, else the newest open one. */
static bool which(const struct flow_run *run, const struct flow_call *call, struct flow_read *out)
{
    struct span key = json_text(&call->args, "key"), id = json_text(&call->args, "id");
    *out = (struct flow_read){.kind = FLOW_READ_PROCESS, .type = json_text(&call->args, "type")};
    if (key.len)
        out->process = keyed(run, key);
    else if (id.len)
        return uuid_parse(id, &out->process) == PARLEY_OK;
    return true;
}

enum sandbox_verdict call_process_get(struct flow_run *run, struct flow_call *call)
{
    struct flow_read read;
    const struct value *told;
    enum sandbox_verdict verdict;
    if (!which(run, call, &read))
        return call_raise(call, "E204", "process.get: 'id' is not an id");
    if (call_replayed(run, call, &told, &verdict))
        return run->broken ? verdict : call_give_told(call, told);
    struct step_read *r = call_need(run, call, &read);
    if (!r)
        return SANDBOX_WAIT;
    return call_give_recorded(run, call, r->found ? &r->value : NULL, NULL);
}

/* ---- step, done, failed ---- */

/* What the call wants to change: the new step and state, and data to merge. */
struct move {
    int state;
    struct span step;
    struct value data; /* map, or VALUE_NULL */
};

static parley_status read_move(struct flow_run *run, const struct flow_call *call, const struct value *old,
                               struct move *out)
{
    struct arena *arena = &run->work->arena;
    struct value args;
    if (json_copy(arena, &call->args, &args) != PARLEY_OK)
        return PARLEY_NOMEM;
    const struct value *data = value_find(&args, "data"), *reason = value_find(&args, "reason");
    *out = (struct move){.state = process_state_open, .step = json_text(&args, "step"), .data.type = VALUE_NULL};
    if (call->function == FLOW_CALL_process_done)
        out->state = process_state_done;
    if (call->function == FLOW_CALL_process_failed)
        out->state = process_state_failed;
    if (reason)
        return json_pair(arena, call->function == FLOW_CALL_process_stuck ? "stuck" : "reason", *reason, &out->data);
    if (data)
        out->data = *data;
    bool steps = process_steps_move(arena, old, out->step, out->state == process_state_done, &out->data);
    return steps ? PARLEY_OK : PARLEY_NOMEM;
}

static parley_status merge(struct arena *arena, const struct value *old, const struct value *changes, struct value *out)
{
    size_t room = (size_t)(old ? old->count : 0) + (changes->type == VALUE_MAP ? changes->count : 0);
    if (value_map(arena, room + 1, out) != PARLEY_OK)
        return PARLEY_NOMEM;
    if (old)
        put_all(out, old);
    put_all(out, changes);
    struct span text = json_write(arena, out);
    return text.ptr && text.len <= LIMIT_DATA ? PARLEY_OK : PARLEY_TOO_BIG;
}

/* The record after the move. */
static parley_status moved(struct arena *arena, const struct value *old, const struct move *m, struct value *out)
{
    struct value data;
    parley_status st = merge(arena, value_find(old, "data"), &m->data, &data);
    if (st != PARLEY_OK || value_map(arena, (size_t)old->count + 6, out) != PARLEY_OK)
        return st == PARLEY_OK ? PARLEY_NOMEM : st;
    put_all(out, old);
    value_put(out, span_str("data"), data);
    value_put(out, span_str("state"), value_text(state_name(m->state)));
    value_put(out, span_str("revision"), value_int(json_int(old, "revision") + 1));
    if (m->step.len)
        value_put(out, span_str("step"), value_text(m->step));
    return PARLEY_OK;
}

static enum sandbox_verdict move(struct flow_run *run, struct flow_call *call, struct uuid id, const struct value *old)
{
    struct arena *arena = &run->work->arena;
    struct move m;
    struct value record;
    parley_status st = read_move(run, call, old, &m);
    if (st == PARLEY_OK)
        st = moved(arena, old, &m, &record);
    if (st == PARLEY_OK)
        describe(run, false, &record);
    if (st == PARLEY_TOO_BIG)
        return call_give_recorded(run, call, NULL, "too_big");
    if (st != PARLEY_OK)
        return no_room(run, call);
    struct flow_process p = {
        .id = id,
        .was = json_int(old, "revision"),
        .revision = json_int(old, "revision") + 1,
        .state = m.state,
        .type = json_text(old, "type"),
        .title = json_text(old, "title"),
        .step = m.step.len ? m.step : json_text(old, "step"),
        .data = m.data.type == VALUE_MAP ? json_write(arena, &m.data) : (struct span){0},
    };
    if (add_change(run, call, &p) != PARLEY_OK)
        return call_break(run, call);
    share(run->work, &record);
    return call_give_recorded(run, call, &record, NULL);
}

/* An error of the script's, of which the journal knows: what is there decides on it, and may be another when the run is
 * rebuilt. */
static enum sandbox_verdict refuse_step(struct flow_run *run, struct flow_call *call)
{
    struct flow_error error = *call->error;
    struct value told;
    bool room = json_pair(call->arena, "refused", value_text(span_str(error.text)), &told) == PARLEY_OK;
    if (!room || step_add_entry(run, &call->journal, &told, call->error) != PARLEY_OK)
        return call_break(run, call);
    run->chain = 0;
    *call->error = error;
    return SANDBOX_RAISE;
}

static enum sandbox_verdict move_told(struct flow_call *call, const struct value *told)
{
    struct span refused = json_text(told, "refused");
    return refused.len ? call_raise(call, "E204", "%.*s", SPAN_ARG(refused)) : call_give_told(call, told);
}

enum sandbox_verdict call_process_move(struct flow_run *run, struct flow_call *call)
{
    const struct value *told;
    enum sandbox_verdict verdict;
    struct uuid id;
    if (call_replayed(run, call, &told, &verdict))
        return run->broken ? verdict : move_told(call, told);
    if (uuid_parse(json_text(&call->args, "process"), &id) != PARLEY_OK)
        return call_raise(call, "E203", "%s: this is no process", call->journal.name);
    struct step_read *r = call_need(run, call, &(struct flow_read){.kind = FLOW_READ_PROCESS, .process = id});
    if (!r)
        return SANDBOX_WAIT;
    if (!r->found)
        return call_give_recorded(run, call, NULL, "not_found");
    if (!span_is(json_text(&r->value, "state"), "open"))
        return call_give_recorded(run, call, NULL, "closed");
    if (call->function == FLOW_CALL_process_step &&
        !process_steps_allow(&r->value, json_text(&call->args, "step"), call->error))
        return refuse_step(run, call);
    struct value old = r->value;
    return move(run, call, id, &old);
}
