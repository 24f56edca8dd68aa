/* What is known of the customer, of the app and of queues. */
#include "server/base/hours.h"
#include "server/flow/json.h"
#include "server/flow/stage_inside.h"
#include "server/flow/words.h"

bool stage_user(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    struct words_pair pair;
    struct value customer, traits;
    if (value_map(&s->arena, 8, &customer) != PARLEY_OK || value_map(&s->arena, rest.len / 2 + 1, &traits) != PARLEY_OK)
        return stage_no(why, "too much is known of this customer");
    while (words_take_pair(&rest, &pair)) {
        if (pair.op == 0 && span_is(pair.key, "verified"))
            value_put(&customer, pair.key, value_bool(true));
        else if (pair.op == 0)
            value_put(&customer, span_str("name"), value_text(pair.key));
        else if (span_is(pair.key, "language") || span_is(pair.key, "name") || span_is(pair.key, "outcome"))
            value_put(&customer, pair.key, value_text(pair.value));
        else
            value_put(&traits, pair.key, words_value(&s->arena, pair.value));
    }
    value_put(&customer, span_str("traits"), traits);
    host_memory_set_customer(s->host, stage_json(s, &customer));
    return true;
}

bool stage_context(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    struct value map;
    if (!stage_map(s, rest, &map, why))
        return false;
    host_memory_set_context(s->host, stage_json(s, &map));
    return true;
}

/* What is known of a queue, with room for two more. */
static void known_queue(struct stage *s, struct span name, struct value *out)
{
    struct value queues;
    const struct value *old = NULL;
    if (json_read(&s->arena, span_str(host_memory_queues(s->host)), &queues) == PARLEY_OK)
        old = value_get(&queues, name);
    value_map(&s->arena, 5, out);
    for (uint32_t i = 0; old && i < old->count; i++)
        value_put(out, old->members[i].key, old->members[i].value);
}

static void keep_queue(struct stage *s, struct span name, const struct value *queue)
{
    struct value old, queues;
    if (json_read(&s->arena, span_str(host_memory_queues(s->host)), &old) != PARLEY_OK ||
        value_map(&s->arena, (size_t)old.count + 1, &queues) != PARLEY_OK)
        return;
    for (uint32_t i = 0; i < old.count; i++)
        value_put(&queues, old.members[i].key, old.members[i].value);
    value_put(&queues, name, *queue);
    host_memory_set_queues(s->host, stage_json(s, &queues));
}

/* hours QUEUE [ZONE] mon-fri 9:00-17:00, 12-25 closed */
bool stage_hours(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    struct span name = words_take(&rest), after = rest, zone = words_take(&after);
    struct zone ignored;
    struct hours hours;
    struct value queue;
    bool has_zone = zone_find(zone, &ignored);
    struct span text = has_zone ? after : rest;
    known_queue(s, name, &queue);
    if (!hours_read(text, has_zone ? zone : span_of("", 0), &hours, why))
        return false;
    value_put(&queue, span_str("hours"), value_text(text));
    value_put(&queue, span_str("zone"), value_text(span_str(has_zone ? stage_text(s, zone) : "UTC")));
    keep_queue(s, name, &queue);
    return true;
}

/* queue NAME waiting=3 agents=2 free=0 */
bool stage_queue(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    struct span name = words_take(&rest);
    struct words_pair pair;
    struct value queue;
    known_queue(s, name, &queue);
    while (words_take_pair(&rest, &pair)) {
        struct value number = words_value(&s->arena, pair.value);
        bool known = span_is(pair.key, "waiting") || span_is(pair.key, "agents") || span_is(pair.key, "free");
        if (!known || number.type != VALUE_INT)
            return stage_no(why, "a queue has waiting=, agents= and free=, each a number");
        value_put(&queue, pair.key, number);
    }
    keep_queue(s, name, &queue);
    return true;
}
