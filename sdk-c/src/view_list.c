/* The list of conversations. */
#include "protocol/wire_json.h"
#include "sdk-c/src/client.h"
#include "sdk-c/src/view_row.h"

static bool copy_last(void *arg, int64_t seq, int64_t prev, struct uuid author, struct span json)
{
    struct buf *out = arg;
    if (!json.ptr)
        return true;
    buf_add_str(out, ",\"last\":");
    buf_add_span(out, json);
    return true;
}

static void put_conversation(struct parley_client *c, struct parley_event *e, struct conversation *conv)
{
    struct buf text;
    int64_t top = coverage_top(&conv->held);
    buf_init(&text, LIMIT_MESSAGE);
    buf_add_str(&text, "{\"conversation\":");
    wire_json_put_id(&text, conv->id);
    buf_add_str(&text, ",\"topic\":");
    wire_json_put_text(&text, span_str(conv->topic));
    buf_printf(&text, ",\"main\":%s,\"head\":%lld,\"unread\":%lld", conv->main ? "true" : "false",
               (long long)conv->head, (long long)conv->unread);
    if (conv->service.open)
        buf_printf(&text, ",\"state\":\"%s\"", session_state_name(conv->service.now.state));
    if (top)
        cache_page(c, conv, top, top, 1, copy_last, &text);
    row_end(e, &text, (struct span){0});
}

void view_list_conversation(struct parley_client *c, struct view *v, struct conversation *conv)
{
    size_t index = row_find(v, conv->id);
    bool known = index < v->len;
    size_t place = conv->main ? 0 : v->len;
    if (known && conv->main && index > 0) {
        row_remove(c, v, index);
        known = false;
    }
    if (!known && !row_put(v, place, (struct row){.id = conv->id}))
        return;
    struct parley_event *e = view_change(v, known ? PARLEY_VIEW_UPDATE : PARLEY_VIEW_INSERT, known ? index : place);
    put_conversation(c, e, conv);
    view_tell(c, v, e);
}

bool view_is_listed(const struct conversation *conv)
{
    return *conv->topic && !uuid_is_nil(conv->id);
}

void view_fill_list(struct parley_client *c, struct view *v)
{
    for (struct conversation *conv = c->inbox.first; conv; conv = conv->next)
        if (view_is_listed(conv))
            view_list_conversation(c, v, conv);
}
