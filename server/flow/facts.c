/* What a script may know: of the customer and the context, of its own beginning, the time, chance. */
#include "server/flow/json.h"
#include "server/flow/run.h"

static bool is_from_before(const struct flow_run *run, struct arena *arena, struct span key)
{
    struct value map;
    return run->before && json_read(arena, span_str(run->before), &map) == PARLEY_OK && value_get(&map, key);
}

/* A value that the flow itself has set, since it began or restarted. */
static const struct value *collected_value(struct flow_run *run, struct flow_call *call, struct span key)
{
    struct value *map = arena_alloc(call->arena, sizeof *map);
    if (is_from_before(run, call->arena, key) || !run->collected || !map ||
        json_read(call->arena, span_str(run->collected), map) != PARLEY_OK)
        return NULL;
    return value_get(map, key);
}

enum sandbox_verdict call_context_get(struct flow_run *run, struct flow_call *call)
{
    struct span key = json_text(&call->args, "key");
    const struct value *told, *own = key.len ? collected_value(run, call, key) : NULL;
    enum sandbox_verdict verdict;
    if (own)
        return call_give(call, *own);
    if (call_replayed(run, call, &told, &verdict))
        return run->broken ? verdict : call_give_told(call, told);
    struct step_read *r = call_need(run, call, &(struct flow_read){.kind = FLOW_READ_CONTEXT});
    if (!r)
        return SANDBOX_WAIT;
    const struct value *found = !r->found ? NULL : key.len ? value_get(&r->value, key) : &r->value;
    return call_give_recorded(run, call, found, NULL);
}

enum sandbox_verdict call_context_set(struct flow_run *run, struct flow_call *call)
{
    const struct value *value = value_find(&call->args, "value");
    struct value nothing = {.type = VALUE_NULL};
    if (step_collect(run, json_text(&call->args, "key"), value ? value : &nothing, NULL) == PARLEY_OK)
        return SANDBOX_RETURN;
    return call_raise(call, "E204", "context.set: all that is set together may have %zu bytes",
                      run->engine->limits.collected_bytes);
}

enum sandbox_verdict call_customer_read(struct flow_run *run, struct flow_call *call)
{
    const struct flow_fact *customer = &flow_facts[FLOW_FACT_CUSTOMER];
    struct span field = json_text(&call->args, "field");
    const struct value *told;
    enum sandbox_verdict verdict;
    if (!flow_fact_has(customer, field))
        return call_raise(call, "E102", "customer has no '%.*s'; it has %s", SPAN_ARG(field), customer->list);
    if (call_replayed(run, call, &told, &verdict))
        return run->broken ? verdict : call_give_told(call, told);
    struct step_read *r = call_need(run, call, &(struct flow_read){.kind = FLOW_READ_CUSTOMER});
    if (!r)
        return SANDBOX_WAIT;
    return call_give_recorded(run, call, r->found ? value_get(&r->value, field) : NULL, NULL);
}

enum sandbox_verdict call_started_read(struct flow_run *run, struct flow_call *call)
{
    struct value map;
    struct span field = json_text(&call->args, "field");
    if (!flow_fact_has(&flow_facts[FLOW_FACT_STARTED], field))
        return call_raise(call, "E102", "started has no '%.*s'; it has %s", SPAN_ARG(field),
                          flow_facts[FLOW_FACT_STARTED].list);
    if (json_read(call->arena, span_str(run->started), &map) != PARLEY_OK)
        return call_raise(call, "E204", "what started the flow is too large");
    const struct value *v = value_get(&map, field);
    if (!v && span_is(field, value_find(&map, "event") ? "data" : "text") && value_find(&map, "said"))
        return recall_break(run, call, json_int(&map, "said"));
    return call_give(call, v ? *v : (struct value){.type = VALUE_NULL});
}

/* The time stands still within a step. */
enum sandbox_verdict call_now(struct flow_run *run, struct flow_call *call)
{
    const struct value *told;
    enum sandbox_verdict verdict;
    if (run->now_ms)
        return call_give(call, value_int(run->now_ms));
    if (call_replayed(run, call, &told, &verdict)) {
        if (run->broken)
            return verdict;
        run->now_ms = json_int(told, "value");
        return call_give_told(call, told);
    }
    struct value now = value_int(run_now_ms(run));
    run->now_ms = now.integer;
    return call_give_recorded(run, call, &now, NULL);
}

/* Numbers that follow from the run and how many it has had: the same when it is rebuilt, without being written down. */
static uint64_t next_random(struct flow_run *run)
{
    struct uuid id = step_derive(run, 'r', run->random_from, (int)run->random_count++);
    uint64_t high;
    memcpy(&high, id.b + 8, sizeof high);
    memcpy(&high, id.b, 6); /* past the bits of the version */
    return high;
}

enum sandbox_verdict call_random(struct flow_run *run, struct flow_call *call)
{
    const struct value *first = value_find(&call->args, "low"), *second = value_find(&call->args, "high");
    if (!first)
        return call_give(call, value_number((double)(next_random(run) >> 11) * 0x1p-53));
    int64_t low = second ? first->integer : 1, high = second ? second->integer : first->integer;
    if (low > high)
        return call_raise(call, "E204", "random: nothing lies between %lld and %lld", (long long)low, (long long)high);
    uint64_t width = (uint64_t)high - (uint64_t)low;
    uint64_t r = next_random(run);
    if (width < UINT64_MAX)
        r = (uint64_t)(((unsigned __int128)r * (width + 1)) >> 64);
    return call_give(call, value_int((int64_t)((uint64_t)low + r)));
}

enum sandbox_verdict call_uuid(struct flow_run *run, struct flow_call *call)
{
    char text[UUID_TEXT + 1];
    uuid_format(step_derive(run, 'u', run->random_from, (int)run->random_count++), text);
    return call_give(call, value_text(arena_span(call->arena, span_of(text, UUID_TEXT))));
}

/* True, and written down, for a run that comes here with the mark in its flow; false for one that came by before. */
enum sandbox_verdict call_since(struct flow_run *run, struct flow_call *call)
{
    const struct value *told;
    enum sandbox_verdict verdict;
    struct value yes = value_bool(true);
    if (!run->journal)
        return call_give_recorded(run, call, &yes, NULL);
    if (!journal_is_next(run->journal, &call->journal)) {
        run->chain = run->chain_before;
        return call_give(call, value_bool(false));
    }
    call_replayed(run, call, &told, &verdict);
    return run->broken ? verdict : call_give_told(call, told);
}
