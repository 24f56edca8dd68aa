/* Pictures and files that a flow says: published with it, and lent to the conversation with the item that shows them.
 * The item's place gives the blob its id, so a step that is made again says the same. */
#include "protocol/item.h"
#include "server/flow/bundle.h"
#include "server/flow/json.h"
#include "server/flow/run.h"

static parley_status find(const struct flow_run *run, struct span name, struct bundle_said *out,
                          struct flow_error *error)
{
    struct span lines = span_str(run->version->files ? run->version->files : "");
    while (bundle_next_said(&lines, out))
        if (span_equal(out->name, name))
            return PARLEY_OK;
    flow_error_set(error, "E113", "say: the file '%.*s' was not published with the flow", SPAN_ARG(name));
    return PARLEY_INVALID;
}

static parley_status has(const struct flow_run *run, const struct value *map, const char *key, struct flow_error *error)
{
    struct span name = map ? json_text(map, key) : span_of("", 0);
    struct bundle_said said;
    return name.len ? find(run, name, &said, error) : PARLEY_OK;
}

parley_status say_has_files(const struct flow_run *run, const struct value *args, struct flow_error *error)
{
    const struct value *cards = value_find(args, "carousel");
    parley_status st = has(run, args, "image", error);
    if (st == PARLEY_OK)
        st = has(run, args, "file", error);
    if (st == PARLEY_OK)
        st = has(run, value_find(args, "card"), "image", error);
    for (uint32_t i = 0; cards && st == PARLEY_OK && i < cards->count; i++)
        st = has(run, &cards->items[i], "image", error);
    return st;
}

parley_status say_find_file(struct flow_run *run, struct span name, struct flow_file *out, struct flow_error *error)
{
    struct bundle_said said;
    parley_status st = find(run, name, &said, error);
    if (st == PARLEY_OK)
        *out = (struct flow_file){
            .blob = step_derive(run, 'f', run->work->step.number, (int)run->work->step.item_count),
            .name = said.name,
            .type = said.type,
            .sha256 = said.sha256,
            .bytes = said.bytes,
        };
    return st;
}

parley_status say_shows(struct flow_run *run, const struct flow_file *file)
{
    struct flow_work *w = run->work;
    struct flow_file *copy = arena_array(&w->arena, 1, sizeof *copy);
    if (!copy)
        return PARLEY_LIMIT;
    *copy = *file; /* what it names lives as long as the version */
    w->items[w->step.item_count - 1].shows = copy;
    return PARLEY_OK;
}

parley_status say_media(struct flow_run *run, const struct shown_file *what, struct flow_error *error)
{
    struct flow_file shown;
    parley_status st = say_find_file(run, what->file, &shown, error);
    if (st != PARLEY_OK)
        return st;
    struct frame_media_body body = {.blob = shown.blob,
                                    .name = what->name.len ? what->name : shown.name,
                                    .type = shown.type,
                                    .bytes = shown.bytes,
                                    .sha256 = shown.sha256,
                                    .alt = what->alt,
                                    .has_alt = what->alt.len > 0,
                                    .fallback = what->fallback,
                                    .has_fallback = what->fallback.len > 0};
    st = step_add_item(run, ITEM_media, &body, error);
    return st == PARLEY_OK ? say_shows(run, &shown) : st;
}
