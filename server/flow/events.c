/* Events of the app and of back ends, for which a flow may wait: items of kind custom. */
#include "server/flow/json.h"
#include "server/flow/run.h"

int64_t event_after(const struct flow_run *run, struct span type)
{
    uint64_t digest = span_hash(0, type);
    for (size_t i = 0; i < RUN_EVENTS; i++)
        if (run->events[i].type == digest)
            return run->events[i].seq;
    return run->event_seq;
}

bool event_has_room(const struct flow_run *run, struct span type)
{
    uint64_t digest = span_hash(0, type);
    for (size_t i = 0; i < RUN_EVENTS; i++)
        if (run->events[i].type == digest || !run->events[i].type)
            return true;
    return false;
}

struct flow_read event_read(const struct flow_run *run, const struct value *args, struct arena *arena)
{
    const struct value *where = value_find(args, "where");
    struct span type = json_text(args, "event");
    return (struct flow_read){.kind = FLOW_READ_EVENT,
                              .type = type,
                              .after = event_after(run, type),
                              .where = where ? json_write(arena, where) : span_of("", 0)};
}

void event_taken(struct flow_run *run, struct span type, int64_t seq)
{
    uint64_t digest = span_hash(0, type);
    struct run_event *row = run->events;
    while (row->type && row->type != digest)
        row++; /* there is room: event_has_room */
    *row = (struct run_event){digest, seq};
}

static bool same(const struct value *a, const struct value *b)
{
    struct value number_a = *a, number_b = *b;
    if (a->type == VALUE_INT && b->type == VALUE_REAL)
        number_a = (struct value){.type = VALUE_REAL, .real = (double)a->integer};
    if (b->type == VALUE_INT && a->type == VALUE_REAL)
        number_b = (struct value){.type = VALUE_REAL, .real = (double)b->integer};
    if (number_a.type != number_b.type)
        return false;
    switch (number_a.type) {
    case VALUE_TEXT:
        return span_equal(a->text, b->text);
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_INT:
        return a->integer == b->integer;
    case VALUE_REAL:
        return number_a.real == number_b.real;
    default:
        return false;
    }
}

bool event_fits(const struct value *where, const struct value *data)
{
    for (uint32_t i = 0; where && i < where->count; i++) {
        const struct value *v = value_get(data, where->members[i].key);
        if (!v || !same(v, &where->members[i].value))
            return false;
    }
    return true;
}

struct value event_data(const struct value *body)
{
    const struct value *data = value_find(body, "data");
    return data && data->type == VALUE_MAP ? *data : (struct value){.type = VALUE_MAP};
}

const struct value *event_pick(const struct flow_run *run, const struct value *args, const struct value *events,
                               int64_t *out_seq)
{
    static const struct value nothing = {.type = VALUE_MAP};
    for (uint32_t i = 0; events && events->type == VALUE_ARRAY && i < events->count; i++) {
        const struct value *event = &events->items[i], *data = value_find(event, "data");
        data = data && data->type == VALUE_MAP ? data : &nothing;
        *out_seq = json_int(event, "seq");
        if (*out_seq > event_after(run, json_text(args, "event")) && event_fits(value_find(args, "where"), data))
            return data;
    }
    return NULL;
}

bool event_is(const struct flow_run *run, const struct value *args, const struct flow_event *event,
              const struct value *body, struct value *out)
{
    struct span wanted = json_text(args, "event");
    *out = event_data(body);
    return wanted.len && event->kind == ITEM_custom && event->seq > event_after(run, wanted) &&
           span_equal(json_text(body, "type"), wanted) && event_fits(value_find(args, "where"), out);
}
