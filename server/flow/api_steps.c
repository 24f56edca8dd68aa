/* The steps of a process: in order, each with a name and perhaps a label for people. */
#include "protocol/limits.h"
#include "protocol/text.h"
#include "server/flow/api.h"

static bool is_text(const struct value *v, bool name)
{
    if (flow_is_unknown(v))
        return true;
    if (v->type != VALUE_TEXT)
        return false;
    return name ? text_is_name(v->text) && v->text.len <= LIMIT_NAME : v->text.len > 0 && v->text.len <= LIMIT_TITLE;
}

/* "received" or { "received", "We have it" }. */
static bool read_step(const struct value *entry, struct value *name, struct value *label)
{
    bool pair = entry->type == VALUE_ARRAY && entry->count == 2;
    *name = pair ? entry->items[0] : *entry;
    *label = pair ? entry->items[1] : (struct value){.type = VALUE_NULL};
    return is_text(name, true) && (!pair || is_text(label, false));
}

static bool is_there(const struct value *list, const struct value *name)
{
    for (uint32_t i = 0; name->type == VALUE_TEXT && i < list->count; i++) {
        const struct value *other = value_find(&list->items[i], "step");
        if (other->type == VALUE_TEXT && span_equal(other->text, name->text))
            return true;
    }
    return false;
}

static parley_status add_step(const struct flow_shape *at, const struct value *entry, uint32_t place, struct value *out)
{
    struct value name, label, step;
    if (!read_step(entry, &name, &label))
        return flow_refuse(at, "E203",
                           "entry %u of 'steps' must be a name of a-z 0-9 _ . : / -, or { \"name\", \"Label\" }",
                           place + 1);
    if (is_there(out, &name))
        return flow_refuse(at, "E204", "entry %u of 'steps' is there twice", place + 1);
    if (value_map(at->arena, 2, &step) != PARLEY_OK)
        return flow_refuse(at, "E204", "the arguments are too large");
    value_put(&step, span_str("step"), name);
    if (label.type != VALUE_NULL)
        value_put(&step, span_str("label"), label);
    value_push(out, step);
    return PARLEY_OK;
}

parley_status flow_check_steps(const struct flow_shape *at, const struct value *v, struct value *out)
{
    if (v->type != VALUE_ARRAY || v->count < at->arg->min || v->count > at->arg->max)
        return flow_refuse(at, "E203", "'steps' must be a list of %lld to %lld steps", (long long)at->arg->min,
                           (long long)at->arg->max);
    if (value_array(at->arena, v->count, out) != PARLEY_OK)
        return flow_refuse(at, "E204", "the arguments are too large");
    for (uint32_t i = 0; i < v->count; i++) {
        parley_status st = add_step(at, &v->items[i], i, out);
        if (st != PARLEY_OK)
            return st;
    }
    return PARLEY_OK;
}

static bool has_unknown(const struct value *steps)
{
    for (uint32_t i = 0; i < steps->count; i++)
        if (flow_is_unknown(value_find(&steps->items[i], "step")))
            return true;
    return false;
}

parley_status flow_check_process(struct flow_shape *at, const struct value *map)
{
    const struct value *steps = value_find(map, "steps"), *step = value_find(map, "step"),
                       *data = value_find(map, "data");
    if (!steps || flow_is_unknown(steps))
        return PARLEY_OK;
    if (data && data->type == VALUE_MAP && (value_find(data, "steps") || value_find(data, "progress")))
        return flow_refuse(at, "E201", "with 'steps' the data's 'steps' and 'progress' are Parley's");
    if (!step || flow_is_unknown(step) || has_unknown(steps) || is_there(steps, step))
        return PARLEY_OK;
    return flow_refuse(at, "E204", "'step' is none of 'steps': \"%.*s\"", SPAN_ARG(step->text));
}
