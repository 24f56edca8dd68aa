/* What a flow has learnt, for whoever serves the customer next: what it has set itself, and the answers to questions
 * with an id. Of these the database gets the number of the item alone, and how its question reads it (parley_told). */
#include "server/flow/input.h"
#include "server/flow/json.h"
#include "server/flow/run.h"

/* ---- how an answer is read ---- */

static struct value choice_of(struct arena *arena, const struct value *choice, const struct value *rating, uint32_t n)
{
    static const char *const parts[] = {"wire", "label", "value"};
    struct value out = {.type = VALUE_NULL};
    if (value_array(arena, 4, &out) != PARLEY_OK)
        return out;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        value_push(&out, value_text(json_text(choice, parts[i])));
    if (rating)
        value_push(&out, value_int(n + 1));
    return out;
}

static bool put_choices(struct arena *arena, const struct value *question, const struct value *choices,
                        struct value *out)
{
    struct value list;
    if (value_array(arena, choices->count, &list) != PARLEY_OK)
        return false;
    for (uint32_t i = 0; i < choices->count; i++)
        value_push(&list, choice_of(arena, &choices->items[i], value_find(question, "rating"), i));
    value_put(out, span_str("choices"), list);
    return true;
}

static bool put_reading(struct arena *arena, const struct value *question, struct value *out)
{
    const struct value *choices = value_find(question, "choices"), *options = value_find(question, "options");
    enum input input = (enum input)json_int(question, "type");
    if (choices || options)
        return put_choices(arena, question, choices ? choices : options, out);
    if (input != INPUT_TEXT)
        value_put(out, span_str("type"), value_text(span_str(input_name(input))));
    return true;
}

/* Of those that have an answer. */
static bool put_fields(struct arena *arena, const struct value *fields, const struct value *answers, struct value *out)
{
    struct value map;
    if (value_map(arena, fields->count, &map) != PARLEY_OK)
        return false;
    for (uint32_t i = 0; i < fields->count; i++) {
        struct value reading;
        if (!value_get(answers, json_text(&fields->items[i], "id")))
            continue;
        if (value_map(arena, 1, &reading) != PARLEY_OK || !put_reading(arena, &fields->items[i], &reading))
            return false;
        value_put(&map, json_text(&fields->items[i], "id"), reading);
    }
    value_put(out, span_str("fields"), map);
    return true;
}

bool collect_reference(struct arena *arena, const struct value *args, const struct value *told, struct value *out)
{
    const struct value *fields = value_find(args, "fields");
    if (value_map(arena, 4, out) != PARLEY_OK)
        return false;
    value_put(out, span_str("item"), value_int(json_int(told, "said")));
    if (value_find(told, "bytes")) {
        value_put(out, span_str("from"), value_int(json_int(told, "from")));
        value_put(out, span_str("bytes"), value_int(json_int(told, "bytes")));
    }
    return fields ? put_fields(arena, fields, value_find(told, "value"), out) : put_reading(arena, args, out);
}

/* ---- what is kept ---- */

static bool read_kept(struct arena *arena, const char *text, struct value *out)
{
    *out = (struct value){.type = VALUE_MAP};
    return !text || json_read(arena, span_str(text), out) == PARLEY_OK;
}

/* The map with this key anew; v NULL: without it. */
static struct span changed(struct arena *arena, const char *kept, struct span key, const struct value *v)
{
    struct value old, map;
    if (!read_kept(arena, kept, &old) || value_map(arena, (size_t)old.count + 1, &map) != PARLEY_OK)
        return (struct span){0};
    for (uint32_t i = 0; i < old.count; i++)
        if (!span_equal(old.members[i].key, key))
            value_put(&map, old.members[i].key, old.members[i].value);
    if (v)
        value_put(&map, key, *v);
    return json_write(arena, &map);
}

void collect_store(struct flow_run *run)
{
    struct flow_step *s = run->work ? &run->work->step : NULL;
    if (!s)
        return;
    s->learnt = arena_span(&run->work->arena, span_str(run->collected ? run->collected : "{}"));
    collect_share(run, NULL, &s->collected, &s->said);
}

parley_status step_collect(struct flow_run *run, struct span key, const struct value *value, const struct value *said)
{
    size_t max = run->engine->limits.collected_bytes;
    struct arena scratch;
    arena_init(&scratch, STEP_ARENA);
    struct span all = changed(&scratch, run->collected, key, value->type == VALUE_NULL ? NULL : value);
    struct span names = changed(&scratch, run->said, key, said);
    bool fits = all.ptr && names.ptr && all.len <= max && names.len <= max;
    if (fits) {
        run_replace_text(&run->collected, all);
        run_replace_text(&run->said, names);
        if (run->before)
            run_replace_text(&run->before, changed(&scratch, run->before, key, NULL));
    }
    arena_done(&scratch);
    if (fits)
        collect_store(run);
    return fits ? PARLEY_OK : PARLEY_TOO_BIG;
}

/* ---- kept from before a restart ---- */

bool collect_put_before(struct flow_run *run, struct arena *arena, struct value *told)
{
    struct span own, said;
    struct value before, all, references;
    if (!run->before || strcmp(run->before, "{}") == 0)
        return true;
    collect_share(run, NULL, &own, &said);
    if (json_read(arena, own, &all) != PARLEY_OK || json_read(arena, said, &references) != PARLEY_OK ||
        value_map(arena, 2, &before) != PARLEY_OK)
        return false;
    value_put(&before, span_str("own"), all);
    value_put(&before, span_str("said"), references);
    value_put(told, span_str("before"), before);
    return true;
}

void collect_read_before(struct flow_run *run, struct arena *arena, const struct value *told)
{
    static const struct value nothing = {.type = VALUE_MAP}, unknown = {.type = VALUE_NULL};
    const struct value *before = value_find(told, "before");
    const struct value *own = before ? value_find(before, "own") : NULL,
                       *said = before ? value_find(before, "said") : NULL;
    struct value all;
    own = own ? own : &nothing;
    said = said ? said : &nothing;
    if (!before || value_map(arena, (size_t)own->count + said->count + 1, &all) != PARLEY_OK)
        return;
    for (uint32_t i = 0; i < own->count; i++)
        value_put(&all, own->members[i].key, own->members[i].value);
    for (uint32_t i = 0; i < said->count; i++)
        value_put(&all, said->members[i].key, unknown);
    run_replace_text(&run->collected, json_write(arena, &all));
    run_replace_text(&run->said, json_write(arena, said));
    run_replace_text(&run->before, json_write(arena, &all));
}

static bool is_named(const struct value *names, struct span key)
{
    for (uint32_t i = 0; names && i < names->count; i++)
        if (span_equal(names->items[i].text, key))
            return true;
    return !names;
}

void collect_share(struct flow_run *run, const struct value *names, struct span *out_own, struct span *out_said)
{
    struct arena *arena = &run->work->arena;
    struct value all, references, own, said;
    *out_own = *out_said = span_str("{}");
    if (!read_kept(arena, run->collected, &all) || !read_kept(arena, run->said, &references) ||
        value_map(arena, all.count, &own) != PARLEY_OK || value_map(arena, all.count, &said) != PARLEY_OK)
        return;
    for (uint32_t i = 0; i < all.count; i++) {
        const struct value *reference = value_get(&references, all.members[i].key);
        if (is_named(names, all.members[i].key))
            value_put(reference ? &said : &own, all.members[i].key, reference ? *reference : all.members[i].value);
    }
    *out_own = json_write(arena, &own);
    *out_said = json_write(arena, &said);
}
