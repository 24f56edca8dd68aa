/* The first call of flow, and the first catalogue, as the parser sees them. */
#include "server/flow/start.h"

#include "server/flow/bundle.h"
#include "server/flow/json.h"
#include "server/flow/locale.h"
#include "server/flow/parser.h"

enum { PARSED_MAX = 8 << 20 };

struct reading {
    struct value about, texts; /* of flow{} and texts{}; null: not seen yet */
};

static void on_call(void *owner, struct span table, struct span name, const struct value *args, size_t count, bool open,
                    int line)
{
    struct reading *r = owner;
    struct value *into = span_is(name, "flow") ? &r->about : span_is(name, "texts") ? &r->texts : NULL;
    if (into && table.len == 0 && count && into->type == VALUE_NULL)
        *into = args[0];
}

static void on_name(void *owner, enum parser_use use, struct span table, struct span name, int line)
{
}

static void on_local(void *owner, struct span name, int line)
{
}

static const struct value *map_at(const struct value *map, const char *key)
{
    const struct value *found = map->type == VALUE_MAP ? value_find(map, key) : NULL;
    return found;
}

/* The text itself, or what the flow's catalogue calls so, in each language. */
static parley_status read_button(struct arena *arena, const struct value *texts, const struct value *button,
                                 struct value *out)
{
    uint32_t languages = texts->type == VALUE_MAP ? texts->count : 0;
    parley_status st = value_map(arena, languages + 1, out);
    for (uint32_t i = 0; st == PARLEY_OK && i < languages; i++) {
        const struct value_member *m = &texts->members[i];
        const struct value *text = m->value.type == VALUE_MAP ? value_get(&m->value, button->text) : NULL;
        if (text && text->type == VALUE_TEXT)
            value_put(out, m->key, *text);
    }
    if (st == PARLEY_OK && out->count == 0)
        value_put(out, span_str(""), *button);
    return st;
}

/* A text, or a list of them. */
static parley_status read_list(struct arena *arena, const struct value *v, struct value *out)
{
    const struct value *items = v->type == VALUE_ARRAY ? v->items : v;
    uint32_t count = v->type == VALUE_ARRAY ? v->count : 1;
    parley_status st = value_array(arena, count, out);
    for (uint32_t i = 0; st == PARLEY_OK && i < count; i++)
        if (items[i].type == VALUE_TEXT)
            value_push(out, items[i]);
    return st;
}

static void put_button(struct value *out, struct value *button, const struct value *about)
{
    const struct value *language = map_at(about, "language");
    value_put(out, span_str("button"), *button);
    if (language && language->type == VALUE_TEXT)
        value_put(out, span_str("language"), *language);
}

static parley_status read_all(struct arena *arena, const struct reading *r, const struct value *start,
                              struct value *out)
{
    static const char *const lists[] = {"match", "event"};
    const struct value *button = map_at(start, "button"), *where = map_at(start, "where");
    struct value part;
    parley_status st = PARLEY_OK;
    if (button && button->type == VALUE_TEXT && (st = read_button(arena, &r->texts, button, &part)) == PARLEY_OK)
        put_button(out, &part, &r->about);
    for (size_t i = 0; st == PARLEY_OK && i < sizeof lists / sizeof *lists; i++) {
        const struct value *list = map_at(start, lists[i]);
        if (list && (st = read_list(arena, list, &part)) == PARLEY_OK && part.count)
            value_put(out, span_str(lists[i]), part);
    }
    if (json_true(start, "fallback"))
        value_put(out, span_str("fallback"), value_bool(true));
    if (where && where->type == VALUE_MAP)
        value_put(out, span_str("where"), *where);
    return st;
}

/* As it is, then of another region. */
static const struct value *button_in(const struct value *button, struct span language)
{
    const struct value *found = value_get(button, language);
    for (uint32_t i = 0; !found && i < button->count; i++)
        if (locale_same(button->members[i].key, language))
            found = &button->members[i].value;
    return found;
}

struct span start_button(const struct value *start, struct span language)
{
    const struct value *button = value_find(start, "button"), *found = NULL;
    if (!button || button->type != VALUE_MAP || button->count == 0)
        return (struct span){0};
    if (language.len)
        found = button_in(button, language);
    if (!found)
        found = button_in(button, json_text(start, "language"));
    if (!found)
        found = &button->members[0].value;
    return found->type == VALUE_TEXT ? found->text : (struct span){0};
}

struct value start_read(struct arena *arena, struct span source)
{
    struct reading r = {0};
    struct bundle bundle;
    struct value out = {.type = VALUE_MAP}, made;
    const struct parser_events events = {.owner = &r, .on_name = on_name, .on_call = on_call, .on_local = on_local};
    bundle_split(source, &bundle);
    const struct value *start =
        parser_read(bundle.parts[0].text, arena, &events) == PARLEY_OK ? map_at(&r.about, "start") : NULL;
    if (start && start->type == VALUE_MAP && value_map(arena, 6, &made) == PARLEY_OK &&
        read_all(arena, &r, start, &made) == PARLEY_OK)
        out = made;
    return out;
}

struct span start_text(struct arena *arena, struct span source)
{
    struct arena parsed;
    arena_init(&parsed, PARSED_MAX);
    struct value start = start_read(&parsed, source);
    struct span text = arena_span(arena, json_write(&parsed, &start));
    arena_done(&parsed);
    return text;
}
