/* Where a process stands among its steps: `steps` and `progress` of its data, so that everybody who sees it sees that.
 */
#include "server/base/suggest.h"
#include "server/flow/json.h"
#include "server/flow/run.h"

#include <stdio.h>

/* From 1; 0: the process has no such step. */
static uint32_t place_of(const struct value *steps, struct span step)
{
    for (uint32_t i = 0; steps && steps->type == VALUE_ARRAY && i < steps->count; i++)
        if (span_equal(json_text(&steps->items[i], "step"), step))
            return i + 1;
    return 0;
}

static bool put_progress(struct arena *arena, uint32_t place, uint32_t of, struct value *data)
{
    struct value progress;
    if (value_map(arena, 2, &progress) != PARLEY_OK)
        return false;
    value_put(&progress, span_str("of"), value_int(of));
    value_put(&progress, span_str("step"), value_int(place));
    value_put(data, span_str("progress"), progress);
    return true;
}

static bool copied(struct arena *arena, const struct value *data, struct value *out)
{
    uint32_t count = data && data->type == VALUE_MAP ? data->count : 0;
    if (value_map(arena, (size_t)count + 2, out) != PARLEY_OK)
        return false;
    for (uint32_t i = 0; i < count; i++)
        value_put(out, data->members[i].key, data->members[i].value);
    return true;
}

bool process_steps_begin(struct arena *arena, const struct value *steps, struct span *step, const struct value *data,
                         struct value *out)
{
    if (!copied(arena, data, out))
        return false;
    if (step->len == 0)
        *step = json_text(&steps->items[0], "step");
    value_put(out, span_str("steps"), *steps);
    return put_progress(arena, place_of(steps, *step), steps->count, out);
}

bool process_steps_move(struct arena *arena, const struct value *record, struct span step, bool done,
                        struct value *data)
{
    const struct value *known = value_find(record, "data"), *steps = known ? value_find(known, "steps") : NULL;
    uint32_t count = steps && steps->type == VALUE_ARRAY ? steps->count : 0;
    uint32_t place = done ? count : place_of(steps, step);
    struct value wider;
    if (!count || !place)
        return true;
    if (!copied(arena, data, &wider) || !put_progress(arena, place, count, &wider))
        return false;
    *data = wider;
    return true;
}

bool process_steps_allow(const struct value *record, struct span step, struct flow_error *error)
{
    const struct value *data = value_find(record, "data"), *steps = data ? value_find(data, "steps") : NULL;
    char typed[LIMIT_NAME + 1];
    struct suggest near;
    bool listed = steps && steps->type == VALUE_ARRAY && steps->count && json_text(&steps->items[0], "step").len;
    if (!listed || place_of(steps, step))
        return true;
    snprintf(typed, sizeof typed, "%.*s", SPAN_ARG(step));
    suggest_init(&near, typed);
    for (uint32_t i = 0; i < steps->count; i++)
        suggest_offer_copy(&near, json_text(&steps->items[i], "step"));
    flow_error_set(error, "E204", "process.step: '%s' is none of the steps of this process%s%s%s", typed,
                   near.best ? ", did you mean '" : "", near.best ? near.best : "", near.best ? "'?" : "");
    return false;
}
