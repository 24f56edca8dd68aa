/* How a run comes into memory: begun by a customer's words, or rebuilt from its journal. */
#include "protocol/item.h"
#include "server/flow/json.h"
#include "server/flow/meant.h"

#include "server/base/mem.h"

void run_begin_script(struct flow_run *run)
{
    meant_forget(run);
    on_free(run);
    sandbox_run_free(&run->lua);
    run->lua = sandbox_run_new(run->version->sandbox, run);
    run->declared = false;
    run->called = false;
    run->knows_language = false;
    run->waited = false;
    run->restarting = false;
    run->chain = 0;
    run->now_ms = 0;
    run->random_count = 0;
    run->corrected = 0;
    memset(run->events, 0, sizeof run->events);
}

parley_status run_record_start(struct flow_run *run, struct flow_error *error)
{
    static const struct journal_call call = {.name = "start"};
    struct value started, told;
    struct arena *arena = &run->work->arena;
    if (json_read(arena, span_str(run->started), &started) != PARLEY_OK ||
        value_map(arena, (size_t)started.count + 1, &told) != PARLEY_OK)
        return PARLEY_INVALID;
    for (uint32_t i = 0; i < started.count; i++)
        value_put(&told, started.members[i].key, started.members[i].value);
    if (!collect_put_before(run, arena, &told))
        return PARLEY_NOMEM;
    return step_add_entry(run, &call, &told, error);
}

void flow_birth_by(struct flow_birth *birth, int64_t seq, int kind, const struct value *body)
{
    bool event = kind == ITEM_custom;
    birth->input_seq = seq;
    birth->kind = span_str(event ? "event" : item_kind_name(kind));
    birth->text = event ? (struct span){0} : json_text(body, "text");
    birth->event = event ? json_text(body, "type") : (struct span){0};
    birth->data = event ? value_find(body, "data") : NULL;
}

static char *start_text(const struct flow_birth *birth)
{
    struct arena arena;
    struct value map;
    arena_init(&arena, STEP_ARENA);
    char *text = NULL;
    if (value_map(&arena, 6, &map) == PARLEY_OK) {
        value_put(&map, span_str("seq"), value_int(birth->input_seq));
        if (birth->text.len)
            value_put(&map, span_str("text"), value_text(birth->text));
        if (birth->data)
            value_put(&map, span_str("data"), *birth->data);
        if ((birth->text.len || birth->data) && birth->input_seq)
            value_put(&map, span_str("said"), value_int(birth->input_seq));
        if (birth->kind.len)
            value_put(&map, span_str("kind"), value_text(birth->kind));
        if (birth->event.len)
            value_put(&map, span_str("event"), value_text(birth->event));
        text = mem_span(json_write(&arena, &map));
    }
    arena_done(&arena);
    return text;
}

static bool has_room(const struct flow_version *v)
{
    return v->run_count < v->engine->limits.runs_per_version;
}

parley_status flow_start(struct flow_engine *engine, struct flow_version *version, const struct flow_birth *birth,
                         void *owner, struct flow_run **out)
{
    struct flow_error error = {0};
    if (!has_room(version))
        return PARLEY_BUSY;
    struct flow_run *run = run_new(version, birth->run, birth->conversation, owner);
    run_begin_script(run);
    if (!run->lua) {
        run_free(&run);
        return PARLEY_BUSY;
    }
    run->input_seq = birth->input_seq;
    run->event_seq = birth->input_seq;
    run->random_from = 1;
    run->started = start_text(birth);
    step_open(run);
    *out = run;
    if (run_record_start(run, &error) == PARLEY_OK)
        run_advance(run);
    else
        run_fail(run, &error);
    return PARLEY_OK;
}

static parley_status read_waiting(struct flow_run *run, struct span text)
{
    struct arena arena;
    struct value map;
    arena_init(&arena, STEP_ARENA);
    parley_status st = json_read(&arena, text, &map);
    if (st == PARLEY_OK) {
        struct span timer = json_text(&map, "timer");
        run->until_ms = json_int(&map, "until");
        run->warned = json_true(&map, "warned");
        journal_stand(run->journal, run->step, &map);
        if (timer.len)
            st = uuid_parse(timer, &run->timer);
    }
    arena_done(&arena);
    return st == PARLEY_OK ? st : PARLEY_INVALID;
}

/* The first entry says how it began. */
static parley_status read_start(struct flow_run *run)
{
    static const struct journal_call call = {.name = "start"};
    struct flow_error error;
    struct arena arena;
    const struct value *told;
    if (journal_next(run->journal, &call, &told, &error) != PARLEY_OK)
        return PARLEY_INVALID;
    arena_init(&arena, STEP_ARENA);
    recall_start(run, &told);
    run_replace_text(&run->started, json_write(&arena, told));
    collect_read_before(run, &arena, told);
    run->event_seq = json_int(told, "seq");
    arena_done(&arena);
    return run->started ? PARLEY_OK : PARLEY_INVALID;
}

static parley_status restore(struct flow_run *run, const struct flow_saved *saved)
{
    run->state = saved->state;
    run->step = saved->step;
    run->input_seq = saved->input_seq;
    run->question_seq = saved->question_seq;
    run->next_entry = (int64_t)saved->entry_count + 1;
    for (size_t i = 0; i < saved->entry_count; i++)
        run->journal_bytes += saved->entries[i].data.len + saved->entries[i].item.len;
    parley_status st = journal_open(saved->entries, saved->entry_count, &run->journal);
    if (st == PARLEY_OK)
        st = read_waiting(run, saved->waiting);
    if (st == PARLEY_OK)
        st = read_start(run);
    if (st != PARLEY_OK)
        return st;
    run_begin_script(run);
    run->random_from = journal_first_step(run->journal);
    return run->lua ? PARLEY_OK : PARLEY_BUSY;
}

parley_status flow_load(struct flow_engine *engine, struct flow_version *version, const struct flow_saved *saved,
                        void *owner, struct flow_run **out)
{
    if (saved->state != FLOW_WAITING && saved->state != FLOW_HANDOFF)
        return PARLEY_WRONG_STATE;
    if (!has_room(version))
        return PARLEY_BUSY;
    struct flow_run *run = run_new(version, saved->run, saved->conversation, owner);
    parley_status st = restore(run, saved);
    if (st != PARLEY_OK) {
        run_free(&run);
        return st;
    }
    *out = run;
    run_advance(run);
    return PARLEY_OK;
}
