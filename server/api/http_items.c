/* POST and GET /v1/conversations/{id}/items, POST /v1/events: requests of the WebSocket, over HTTP, by the same
 * handlers. */
#include "protocol/item.h"
#include "server/api/api.h"
#include "server/api/http.h"
#include "server/api/verb.h"
#include "server/base/mem.h"
#include "server/talk/directory.h"

#include <stdio.h>
#include <stdlib.h>

/* The request, kept until the caller is known: a frame in JSON. */
struct kept {
    struct buf frame;
};

static void ask(struct api *api, struct link *link, const struct kept *kept)
{
    struct frame_reader reader;
    struct frame frame;
    struct wire_error error = {0};
    parley_status st = frame_reader_init(&reader, ENCODING_JSON, buf_span(&kept->frame), &error);
    if (st == PARLEY_OK && frame_next_request(&reader, &api->arena, &frame, &error) && error.status == PARLEY_OK) {
        const struct verb *verb = verb_of(frame.type);
        struct frame_error slower = frame_error_status(PARLEY_RATE_LIMITED);
        slower.has_retry_after_ms = true;
        if (!directory_may(api->directory, link->who->role, verb->needs))
            api_refuse(link, 0, PARLEY_DENIED, NULL, NULL);
        else if (link_spend(link, verb->rate, &slower.retry_after_ms) == PARLEY_OK)
            verb->handler(api, link, &frame);
        else
            link_refuse(link, 0, &slower);
    } else {
        struct frame_error refusal = frame_error_of(&error);
        link_refuse(link, 0, &refusal);
    }
    arena_reset(&api->arena);
}

static void run(struct api *api, struct link *link, void *arg)
{
    struct kept *kept = arg;
    if (link)
        ask(api, link, kept);
    buf_done(&kept->frame);
    mem_free(kept);
}

static struct kept *keep(void)
{
    struct kept *kept = mem_alloc(sizeof *kept);
    buf_init(&kept->frame, LIMIT_MESSAGE * 2);
    return kept;
}

static parley_status conversation_of(const struct http_call *call, struct uuid *out)
{
    parley_status st = uuid_parse(call->part, out);
    if (st != PARLEY_OK)
        http_refuse(call->exchange, st, "the conversation in the path is not a UUID", "path");
    return st;
}

/* The body's entries with the conversation of the path are the data of `post`. */
void http_post_items(const struct http_call *call)
{
    struct uuid conversation;
    char text[UUID_TEXT + 1];
    if (conversation_of(call, &conversation) != PARLEY_OK)
        return;
    const struct value *map = http_json_body(call);
    if (!map)
        return;
    struct value data;
    uuid_format(conversation, text);
    if (value_map(&call->api->arena, map->count + 1, &data) != PARLEY_OK) {
        http_refuse(call->exchange, PARLEY_TOO_BIG, NULL, NULL);
        return;
    }
    for (uint32_t i = 0; i < map->count; i++)
        value_put(&data, map->members[i].key, map->members[i].value);
    value_put(&data, span_str("conversation"), value_text(span_str(text)));

    struct kept *kept = keep();
    buf_add_str(&kept->frame, "{\"id\":1,\"type\":\"post\",\"data\":");
    item_canonical(&data, &kept->frame);
    buf_add_char(&kept->frame, '}');
    http_as_link(call, run, kept);
}

static void add_number(const struct http_call *call, struct buf *out, const char *name)
{
    struct span value = http_parameter(call->exchange, name);
    char text[20] = "", *end;
    if (!value.ptr)
        return;
    if (value.len < sizeof text)
        memcpy(text, value.ptr, value.len);
    long long number = strtoll(text, &end, 10);
    if (text[0] && !*end)
        buf_printf(out, ",\"%s\":%lld", name, number);
    else
        buf_printf(out, ",\"%s\":\"no number\"", name); /* which is refused like any other text there */
}

void http_get_items(const struct http_call *call)
{
    struct uuid conversation;
    char text[UUID_TEXT + 1];
    if (conversation_of(call, &conversation) != PARLEY_OK)
        return;
    struct kept *kept = keep();
    uuid_format(conversation, text);
    buf_printf(&kept->frame, "{\"id\":1,\"type\":\"range\",\"data\":{\"conversation\":\"%s\"", text);
    add_number(call, &kept->frame, "after");
    add_number(call, &kept->frame, "before");
    add_number(call, &kept->frame, "limit");
    buf_add_str(&kept->frame, "}}");
    http_as_link(call, run, kept);
}

/* What is missing or wrong is refused where the frame is read. */
static void pass_on(struct value *map, const char *key, const struct value *value)
{
    if (value)
        value_put(map, span_str(key), *value);
}

/* An event of the company's systems becomes an item of kind custom, so that it is kept, shown and seen by flows. */
void http_post_event(const struct http_call *call)
{
    const struct value *map = http_json_body(call);
    if (!map)
        return;
    struct value data, body;
    struct arena *arena = &call->api->arena;
    if (value_map(arena, 4, &data) != PARLEY_OK || value_map(arena, 3, &body) != PARLEY_OK) {
        http_refuse(call->exchange, PARLEY_TOO_BIG, NULL, NULL);
        return;
    }
    pass_on(&body, "type", value_find(map, "type"));
    pass_on(&body, "fallback", value_find(map, value_find(map, "text") ? "text" : "type"));
    pass_on(&body, "data", value_find(map, "data"));
    pass_on(&data, "conversation", value_find(map, "conversation"));
    pass_on(&data, "id", value_find(map, "id"));
    value_put(&data, span_str("kind"), value_text(span_str("custom")));
    value_put(&data, span_str("body"), body);

    struct kept *kept = keep();
    buf_add_str(&kept->frame, "{\"id\":1,\"type\":\"post\",\"data\":");
    item_canonical(&data, &kept->frame);
    buf_add_char(&kept->frame, '}');
    http_as_link(call, run, kept);
}
