/* One line for each kind that a flow, its customer or the routing may put into a conversation. */
#include "server/flow/render.h"

#include "protocol/item.h"
#include "server/flow/json.h"

enum { ARENA = 1 << 20 };

static void words(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n')
            buf_add_str(out, "\\n");
        else
            buf_add_char(out, text.ptr[i]);
    }
}

static void quoted(struct buf *out, const char *kind, struct span text)
{
    buf_printf(out, "%s \"", kind);
    words(out, text);
    buf_add_char(out, '"');
}

/* A word more, when there is one. */
static void also(struct buf *out, struct span text)
{
    if (text.len)
        buf_add_char(out, ' ');
    words(out, text);
}

static void labels(struct buf *out, const struct value *list)
{
    for (uint32_t i = 0; list && i < list->count; i++)
        buf_printf(out, " [%.*s]", SPAN_ARG(json_text(&list->items[i], "label")));
}

static void handoff(struct buf *out, const struct value *body)
{
    static const char *const keys[] = {"queue", "why", "mode", "reason", "summary", "priority"};
    buf_add_str(out, "handoff");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct span text = json_text(body, keys[i]);
        if (text.len == 0)
            continue;
        bool word = i < 3 || i == 5;
        buf_printf(out, word ? " %s=" : " %s=\"", keys[i]);
        words(out, text);
        buf_add_str(out, word ? "" : "\"");
    }
}

static void show(int kind, const struct value *body, struct span json, struct buf *out)
{
    switch (kind) {
    case ITEM_text:
        words(out, json_text(body, "text"));
        return;
    case ITEM_choices:
        words(out, json_text(body, "text"));
        labels(out, value_find(body, "options"));
        return;
    case ITEM_card:
        quoted(out, "card", json_text(body, "title"));
        also(out, json_text(body, "text"));
        labels(out, value_find(body, "buttons"));
        return;
    case ITEM_form:
        quoted(out, "form", json_text(body, "title"));
        labels(out, value_find(body, "fields"));
        return;
    case ITEM_process:
        quoted(out, "process", json_text(body, value_find(body, "title") ? "title" : "type"));
        also(out, json_text(body, "state"));
        also(out, json_text(body, "step"));
        return;
    case ITEM_custom:
        quoted(out, "custom", json_text(body, "type"));
        also(out, json_text(body, "fallback"));
        return;
    case ITEM_media:
        quoted(out, "media", json_text(body, "name"));
        also(out, json_text(body, "alt"));
        return;
    case ITEM_queued:
        handoff(out, body);
        return;
    default:
        buf_printf(out, "%s %.*s", item_kind_name(kind), SPAN_ARG(json));
    }
}

void render_item(int kind, struct span json, struct buf *out)
{
    struct arena arena;
    struct value body;
    arena_init(&arena, ARENA);
    if (json_read(&arena, json, &body) == PARLEY_OK)
        show(kind, &body, json, out);
    arena_done(&arena);
}
