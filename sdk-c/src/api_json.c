/* Every call as one line of JSON: the API's own by a table, the protocol's through the same checks as on the server. */
#include "sdk-c/src/api.h"

#include "protocol/wire_json.h"

#include <stdio.h>
#include <stdlib.h>

enum { JSON_ARENA_MAX = 4 << 20, SYNC_LIMIT_MS = 25000 };

/* One line being carried out. The tree lives in an arena of its own, as the calls below lock for themselves. */
struct line {
    struct parley_client *c;
    struct arena arena;
    struct value root;
    const struct value *data;
    const char *conversation; /* terminated, or NULL */
};

static const char *terminated(struct line *l, struct span text)
{
    char *copy = arena_alloc(&l->arena, text.len + 1);
    if (copy) {
        memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
    }
    return copy;
}

static const char *text_at(struct line *l, const char *key)
{
    const struct value *v = value_find(l->data, key);
    return v && v->type == VALUE_TEXT ? terminated(l, v->text) : NULL;
}

static int64_t int_at(struct line *l, const char *key, int64_t otherwise)
{
    const struct value *v = value_find(l->data, key);
    if (v && v->type == VALUE_BOOL)
        return v->boolean;
    return v && v->type == VALUE_INT ? v->integer : otherwise;
}

static const char *json_at(struct line *l, const char *key)
{
    const struct value *v = value_find(l->data, key);
    if (!v)
        return NULL;
    struct buf json;
    buf_init(&json, LIMIT_MESSAGE);
    wire_json_put_value(&json, v);
    const char *text = json.status == PARLEY_OK ? terminated(l, buf_span(&json)) : NULL;
    buf_done(&json);
    return text;
}

/* What a call hands out here comes as the answer to it. With the lock held. */
static parley_status reply(struct parley_client *c, const char *type, struct span data, uint64_t *out_call)
{
    struct parley_event *e = event_new(PARLEY_EVENT_REPLY, (struct uuid){0});
    uint64_t call = request_number(c);
    if (e)
        e->call = call;
    event_put_int(e, "call", (int64_t)call);
    event_put_word(e, "type", type);
    event_put_word(e, "status", status_name(PARLEY_OK));
    event_put_json(e, "data", data);
    parley_status st = events_push(&c->events, e);
    if (st == PARLEY_OK)
        *out_call = call;
    return st;
}

/* The id of what was said. Without memory for it that is said all the same, and there is no reply. */
static void reply_id(struct parley_client *c, const char *type, const char *id, uint64_t *out_call)
{
    char data[UUID_TEXT + 16];
    snprintf(data, sizeof data, "{\"id\":\"%s\"}", id);
    reply(c, type, span_str(data), out_call);
}

static parley_status said(struct line *l, const char *type, parley_status st, const char *id, uint64_t *out_call)
{
    if (st != PARLEY_OK)
        return st;
    api_enter(l->c);
    reply_id(l->c, type, id, out_call);
    return api_leave(l->c, PARLEY_OK);
}

/* --- the API's own calls --- */

static parley_status do_connect(struct line *l, uint64_t *out_call)
{
    return parley_connect(l->c);
}

static parley_status do_close(struct line *l, uint64_t *out_call)
{
    parley_close(l->c);
    return PARLEY_OK;
}

static parley_status do_token(struct line *l, uint64_t *out_call)
{
    return parley_set_token(l->c, text_at(l, "token"));
}

static parley_status do_foreground(struct line *l, uint64_t *out_call)
{
    parley_set_foreground(l->c, int_at(l, "on", 1) != 0);
    return PARLEY_OK;
}

static parley_status do_network(struct line *l, uint64_t *out_call)
{
    parley_network_changed(l->c, int_at(l, "reachable", 1) != 0);
    return PARLEY_OK;
}

static parley_status do_send(struct line *l, uint64_t *out_call)
{
    char id[UUID_TEXT + 1];
    return said(l, "send", parley_send_text(l->c, l->conversation, text_at(l, "text"), id), id, out_call);
}

static parley_status do_tap(struct line *l, uint64_t *out_call)
{
    char id[UUID_TEXT + 1];
    parley_status st =
        parley_tap(l->c, l->conversation, int_at(l, "seq", 0), text_at(l, "value"), text_at(l, "label"), id);
    return said(l, "tap", st, id, out_call);
}

static parley_status do_submit(struct line *l, uint64_t *out_call)
{
    char id[UUID_TEXT + 1];
    parley_status st = parley_submit_form(l->c, l->conversation, int_at(l, "seq", 0), json_at(l, "values"), id);
    return said(l, "submit", st, id, out_call);
}

static parley_status do_context(struct line *l, uint64_t *out_call)
{
    return parley_context_set(l->c, l->conversation, text_at(l, "key"), json_at(l, "value"));
}

static parley_status do_read(struct line *l, uint64_t *out_call)
{
    return parley_mark_read(l->c, l->conversation, int_at(l, "seq", 0));
}

static parley_status do_older(struct line *l, uint64_t *out_call)
{
    int64_t count = int_at(l, "count", 50);
    return parley_load_older(l->c, l->conversation, count > 0 && count <= LIMIT_PAGE_ITEMS ? (uint32_t)count : 0,
                             out_call);
}

static parley_status do_retry(struct line *l, uint64_t *out_call)
{
    return parley_outbox_retry(l->c, text_at(l, "id"));
}

static parley_status do_discard(struct line *l, uint64_t *out_call)
{
    return parley_outbox_discard(l->c, text_at(l, "id"));
}

static parley_status do_draft(struct line *l, uint64_t *out_call)
{
    return parley_draft_set(l->c, l->conversation, int_at(l, "number", 0), json_at(l, "value"));
}

static parley_status do_view(struct line *l, uint64_t *out_call)
{
    int64_t count = int_at(l, "count", 50);
    return parley_view_thread(l->c, l->conversation, count > 0 && count <= LIMIT_PAGE_ITEMS ? (uint32_t)count : 0,
                              out_call);
}

static parley_status do_list(struct line *l, uint64_t *out_call)
{
    return parley_view_list(l->c, out_call);
}

static parley_status do_more(struct line *l, uint64_t *out_call)
{
    int64_t count = int_at(l, "count", 50);
    return parley_view_more(l->c, (uint64_t)int_at(l, "view", 0),
                            count > 0 && count <= LIMIT_PAGE_ITEMS ? (uint32_t)count : 0);
}

static parley_status do_close_view(struct line *l, uint64_t *out_call)
{
    parley_view_close(l->c, (uint64_t)int_at(l, "view", 0));
    return PARLEY_OK;
}

static parley_status do_sign_out(struct line *l, uint64_t *out_call)
{
    return parley_sign_out(l->c);
}

static parley_status do_mask(struct line *l, uint64_t *out_call)
{
    return parley_context_mask(l->c, text_at(l, "class"), text_at(l, "keys"), text_at(l, "shape"));
}

static parley_status do_begin(struct line *l, uint64_t *out_call)
{
    char id[UUID_TEXT + 1];
    parley_status st = parley_process_begin(l->c, l->conversation, text_at(l, "type"), text_at(l, "title"),
                                            text_at(l, "step"), json_at(l, "data"), id);
    return said(l, "process.begin", st, id, out_call);
}

static parley_status do_edit(struct line *l, uint64_t *out_call)
{
    char id[UUID_TEXT + 1];
    parley_status st = parley_process_edit(l->c, l->conversation, text_at(l, "process"), text_at(l, "step"),
                                           text_at(l, "state"), json_at(l, "data"), id);
    return said(l, "process.edit", st, id, out_call);
}

static parley_status do_merge(struct line *l, uint64_t *out_call)
{
    return parley_process_merge(l->c, text_at(l, "id"), text_at(l, "step"), text_at(l, "state"), json_at(l, "data"));
}

static parley_status do_push(struct line *l, uint64_t *out_call)
{
    return parley_push_register(l->c, text_at(l, "platform"), text_at(l, "token"));
}

/* Does not wait, as the typed call does: the REPLY tells. */
static parley_status do_sync(struct line *l, uint64_t *out_call)
{
    struct parley_client *c = l->c;
    int64_t limit = int_at(l, "limit_ms", SYNC_LIMIT_MS);
    if (limit < 1 || limit > INT32_MAX)
        return PARLEY_INVALID;
    api_enter(c);
    uint64_t call = request_number(c);
    parley_status st = sync_begin(c, (int32_t)limit, call);
    if (st == PARLEY_OK)
        *out_call = call;
    return api_leave(c, st);
}

static parley_status answer(struct line *l, const char *type, struct parley_event *found, uint64_t *out_call)
{
    if (!found)
        return PARLEY_NOMEM;
    api_enter(l->c);
    parley_status st = reply(l->c, type, span_str(parley_event_json(found)), out_call);
    parley_event_free(found);
    return api_leave(l->c, st);
}

static parley_status do_outbox(struct line *l, uint64_t *out_call)
{
    return answer(l, "outbox", parley_outbox_list(l->c), out_call);
}

static parley_status do_recap(struct line *l, uint64_t *out_call)
{
    struct parley_event *found = parley_recap(l->c, l->conversation);
    return found ? answer(l, "recap", found, out_call) : PARLEY_INVALID;
}

static const struct command {
    const char *name;
    parley_status (*run)(struct line *l, uint64_t *out_call);
} commands[] = {
    {"connect", do_connect},
    {"close", do_close},
    {"token", do_token},
    {"foreground", do_foreground},
    {"network", do_network},
    {"send", do_send},
    {"tap", do_tap},
    {"submit", do_submit},
    {"context", do_context},
    {"read", do_read},
    {"older", do_older},
    {"retry", do_retry},
    {"discard", do_discard},
    {"draft", do_draft},
    {"outbox", do_outbox},
    {"recap", do_recap},
    {"sign_out", do_sign_out},
    {"view", do_view},
    {"view.list", do_list},
    {"view.more", do_more},
    {"view.close", do_close_view},
    {"push", do_push},
    {"sync", do_sync},
    {"mask", do_mask},
    {"process.begin", do_begin},
    {"process.edit", do_edit},
    {"process.merge", do_merge},
};

static const struct command *find_command(struct span type)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (span_is(type, commands[i].name))
            return &commands[i];
    return NULL;
}

/* --- the protocol's requests --- */

static bool is_one_of(struct span type, const char *const *names)
{
    for (; *names; names++)
        if (span_is(type, *names))
            return true;
    return false;
}

static parley_status put_id(struct line *l, struct value *map, const char *key, struct uuid id)
{
    char *text = arena_alloc(&l->arena, UUID_TEXT + 1);
    if (!text)
        return PARLEY_NOMEM;
    uuid_format(id, text);
    value_put(map, span_str(key), value_text(span_of(text, UUID_TEXT)));
    return PARLEY_OK;
}

/* What the client knows better than the caller: the main conversation, the epoch, a new id. */
static parley_status fill_in(struct line *l, struct span type, struct value *out)
{
    static const char *const with_epoch[] = {"transfer", "release", "resolve", NULL};
    static const char *const with_id[] = {"post", "note", "process.step", NULL};
    struct parley_client *c = l->c;
    parley_status st = value_map(&l->arena, l->data->count + 4, out);
    for (uint32_t i = 0; st == PARLEY_OK && i < l->data->count; i++)
        value_put(out, l->data->members[i].key, l->data->members[i].value);

    struct conversation *conv = c->inbox.main;
    struct uuid id;
    if (l->conversation && uuid_parse(span_str(l->conversation), &id) == PARLEY_OK)
        conv = inbox_find(&c->inbox, id);
    if (st == PARLEY_OK && !l->conversation && conv && !uuid_is_nil(conv->id))
        st = put_id(l, out, "conversation", conv->id);
    bool needs_epoch = is_one_of(type, with_epoch) ||
                       (client_is_staff(c) && (span_is(type, "process.step") || span_is(type, "process.start")));
    if (needs_epoch && conv && conv->epoch && !value_find(out, "epoch"))
        value_put(out, span_str("epoch"), value_int(conv->epoch));
    const char *made = span_is(type, "process.start") ? "process" : is_one_of(type, with_id) ? "id" : NULL;
    if (st == PARLEY_OK && made && !value_find(out, made))
        st = put_id(l, out, made, client_id(c));
    return st;
}

/* Through the decoder that the server uses, so that what it would refuse is refused here. */
static parley_status decode(struct line *l, struct span type, const struct value *data, struct frame *out)
{
    struct buf text;
    struct frame_reader reader;
    struct wire_error error;
    buf_init(&text, LIMIT_MESSAGE);
    buf_add_str(&text, "{\"id\":1,\"type\":");
    wire_json_put_text(&text, type);
    buf_add_str(&text, ",\"data\":");
    wire_json_put_value(&text, data);
    buf_add_char(&text, '}');
    parley_status st = text.status;
    if (st == PARLEY_OK)
        st = frame_reader_init(&reader, ENCODING_JSON, buf_span(&text), &error);
    if (st == PARLEY_OK) {
        frame_next_request(&reader, &l->arena, out, &error);
        st = error.status;
    }
    buf_done(&text);
    return st;
}

static parley_status submit_note(struct parley_client *c, const struct frame_note *f, struct uuid *out_id)
{
    struct draft draft = {
        .conversation = f->conversation, .kind = span_str("note"), .body = f->text, .form = -1, .is_note = true};
    draft.has_to = f->has_to;
    draft.to = f->to;
    return outbox_add(c, &draft, out_id);
}

static parley_status submit_said(struct parley_client *c, const struct frame *f, uint64_t *out_call)
{
    struct uuid id;
    char text[UUID_TEXT + 1];
    bool is_note = f->type == FRAME_note;
    parley_status st = is_note ? submit_note(c, &f->note, &id)
                               : api_post(c, f->post.conversation, f->post.kind, f->post.body.value, &id);
    if (st != PARLEY_OK)
        return st;
    uuid_format(id, text);
    reply_id(c, is_note ? "note" : "post", text, out_call);
    return PARLEY_OK;
}

static parley_status submit_context(struct parley_client *c, const struct frame *f, uint64_t *out_call)
{
    struct value masked = *f->context_put.context.value;
    struct frame_context_put put = {.conversation = f->context_put.conversation, .context.value = &masked};
    parley_status st = mask_value(&c->mask, &c->arena, (struct span){0}, &masked);
    return st == PARLEY_OK ? request_call(c, FRAME_context_put, &put, out_call) : st;
}

static parley_status submit(struct parley_client *c, const struct frame *f, uint64_t *out_call)
{
    switch (f->type) {
    case FRAME_hello:
    case FRAME_auth:
        return PARLEY_UNKNOWN_TYPE; /* connect and token do that */
    case FRAME_post:
    case FRAME_note:
        return submit_said(c, f, out_call);
    case FRAME_context_put:
        return submit_context(c, f, out_call);
    case FRAME_push_set:
        return push_register(c, f->push_set.platform, f->push_set.token);
    case FRAME_subscribe:
    case FRAME_conversation_open:
    case FRAME_offer_accept:
        return inbox_follow(c, f->type, &f->error, out_call);
    default:
        return request_call(c, f->type, &f->error, out_call);
    }
}

static parley_status request(struct line *l, struct span type, uint64_t *out_call)
{
    struct value data;
    struct frame frame;
    api_enter(l->c);
    parley_status st = fill_in(l, type, &data);
    if (st == PARLEY_OK)
        st = decode(l, type, &data, &frame);
    if (st == PARLEY_OK)
        st = submit(l->c, &frame, out_call);
    return api_leave(l->c, st);
}

static parley_status carry_out(struct line *l, const char *json, uint64_t *out_call)
{
    static const struct wire_limits limits = {.depth = LIMIT_DEPTH_MESSAGE, .nodes = LIMIT_NODES};
    static const struct value nothing = {.type = VALUE_MAP};
    struct wire_error error;
    struct span text = span_str(json);
    if (text.len > LIMIT_MESSAGE)
        return PARLEY_TOO_BIG;
    parley_status st = wire_json_read(&l->arena, text, &limits, &l->root, &error);
    if (st != PARLEY_OK)
        return st;
    const struct value *type = l->root.type == VALUE_MAP ? value_find(&l->root, "type") : NULL;
    if (!type || type->type != VALUE_TEXT)
        return PARLEY_INVALID;
    l->data = value_find(&l->root, "data");
    if (!l->data)
        l->data = &nothing;
    if (l->data->type != VALUE_MAP)
        return PARLEY_INVALID;
    l->conversation = text_at(l, "conversation");
    const struct command *command = find_command(type->text);
    return command ? command->run(l, out_call) : request(l, type->text, out_call);
}

parley_status parley_call_json(parley_client *c, const char *json, uint64_t *out_call)
{
    struct line l = {.c = c};
    uint64_t call = 0;
    if (!json)
        return PARLEY_INVALID;
    arena_init(&l.arena, JSON_ARENA_MAX);
    parley_status st = carry_out(&l, json, &call);
    arena_done(&l.arena);
    if (st == PARLEY_OK && out_call)
        *out_call = call;
    return st;
}
