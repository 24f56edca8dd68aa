/* Every call as one line of JSON: the API's own by a table, the protocol's through the same checks as on the server. */
#include "protocol/wire_json.h"
#include "sdk-c/src/api_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { JSON_ARENA_MAX = 4 << 20 };

/* --- what was wrong --- */

static _Thread_local char said[sizeof((struct wire_error){0}.path) + sizeof((struct wire_error){0}.text) + 2];

const char *parley_call_json_error(void)
{
    return said;
}

parley_status line_wrong(struct line *l, parley_status st, const char *member, const char *format, ...)
{
    va_list args;
    if (l->error.status != PARLEY_OK)
        return st;
    l->error.status = st;
    snprintf(l->error.path, sizeof l->error.path, "data.%s", member);
    va_start(args, format);
    vsnprintf(l->error.text, sizeof l->error.text, format, args);
    va_end(args);
    return st;
}

/* Of the line itself; path may be empty. */
static parley_status wrong(struct line *l, parley_status st, const char *path, const char *text)
{
    l->error.status = st;
    snprintf(l->error.path, sizeof l->error.path, "%s", path);
    snprintf(l->error.text, sizeof l->error.text, "%s", text);
    return st;
}

/* For the caller, in words: where, and what. */
static parley_status say_wrong(const struct line *l, parley_status st)
{
    const struct wire_error *e = &l->error;
    bool known = st != PARLEY_OK && e->status == st && *e->text;
    snprintf(said, sizeof said, "%s%s%s", known ? e->path : "", known && *e->path ? ": " : "", known ? e->text : "");
    return st;
}

/* --- the line --- */

/* In place of what was given and cannot be had: NULL would mean that it was not given. It is no UTF-8, so that every
 * call refuses it. */
static const char *unusable(struct line *l, parley_status why, const char *key)
{
    l->failed = line_wrong(l, why, key, "%s", status_text(why));
    return "\xff";
}

static const char *terminated(struct line *l, struct span text, const char *key)
{
    char *copy = arena_alloc(&l->arena, text.len + 1);
    if (!copy)
        return unusable(l, PARLEY_NOMEM, key);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

const char *line_text(struct line *l, const char *key)
{
    const struct value *v = value_find(l->data, key);
    if (!v || v->type == VALUE_NULL)
        return NULL;
    if (v->type == VALUE_TEXT)
        return terminated(l, v->text, key);
    line_wrong(l, PARLEY_INVALID, key, "is %s; text is due", value_type_name(v->type));
    return unusable(l, PARLEY_INVALID, key);
}

int64_t line_int(struct line *l, const char *key, int64_t otherwise)
{
    const struct value *v = value_find(l->data, key);
    if (v && v->type == VALUE_BOOL)
        return v->boolean;
    return v && v->type == VALUE_INT ? v->integer : otherwise;
}

const char *line_json(struct line *l, const char *key)
{
    const struct value *v = value_find(l->data, key);
    if (!v)
        return NULL;
    struct buf json;
    buf_init(&json, LIMIT_MESSAGE);
    wire_json_put_value(&json, v);
    const char *text = json.status == PARLEY_OK ? terminated(l, buf_span(&json), key) : unusable(l, json.status, key);
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

parley_status line_answer(struct line *l, const char *type, struct parley_event *found, uint64_t *out_call)
{
    if (!found)
        return PARLEY_NOMEM;
    api_enter(l->c);
    parley_status st = reply(l->c, type, span_str(parley_event_json(found)), out_call);
    parley_event_free(found);
    return api_leave(l->c, st);
}

/* With the lock held. Without memory for the reply it is said all the same, and there is none. */
static void give_id(struct line *l, const char *type, const char *id, uint64_t *out_call)
{
    char data[UUID_TEXT + 16];
    if (l->out_id) {
        memcpy(l->out_id, id, UUID_TEXT + 1);
        return;
    }
    snprintf(data, sizeof data, "{\"id\":\"%s\"}", id);
    reply(l->c, type, span_str(data), out_call);
}

parley_status line_said(struct line *l, const char *type, parley_status st, const char *id, uint64_t *out_call)
{
    if (st != PARLEY_OK)
        return st;
    api_enter(l->c);
    give_id(l, type, id, out_call);
    return api_leave(l->c, PARLEY_OK);
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
    static const char *const staff_with_epoch[] = {"process.step", "process.start", "handoff.request", NULL};
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
    bool needs_epoch = is_one_of(type, with_epoch) || (client_is_staff(c) && is_one_of(type, staff_with_epoch));
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
    buf_init(&text, LIMIT_MESSAGE);
    buf_add_str(&text, "{\"id\":1,\"type\":");
    wire_json_put_text(&text, type);
    buf_add_str(&text, ",\"data\":");
    wire_json_put_value(&text, data);
    buf_add_char(&text, '}');
    parley_status st = text.status;
    if (st == PARLEY_OK)
        st = frame_reader_init(&reader, ENCODING_JSON, buf_span(&text), &l->error);
    if (st == PARLEY_OK) {
        frame_next_request(&reader, &l->arena, out, &l->error);
        st = l->error.status;
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

static parley_status submit_said(struct line *l, const struct frame *f, uint64_t *out_call)
{
    struct parley_client *c = l->c;
    struct uuid id = f->post.id; /* given, or made where it was not */
    char text[UUID_TEXT + 1];
    bool is_note = f->type == FRAME_note;
    parley_status st = is_note ? submit_note(c, &f->note, &id)
                               : api_post_as(c, f->post.conversation, f->post.kind, f->post.body.value, id);
    if (st != PARLEY_OK)
        return st;
    uuid_format(id, text);
    give_id(l, is_note ? "note" : "post", text, out_call);
    return PARLEY_OK;
}

static parley_status submit_context(struct parley_client *c, const struct frame *f, uint64_t *out_call)
{
    struct value masked = *f->context_put.context.value;
    struct frame_context_put put = {.conversation = f->context_put.conversation, .context.value = &masked};
    parley_status st = mask_value(&c->mask, &c->arena, (struct span){0}, &masked);
    return st == PARLEY_OK ? request_call(c, FRAME_context_put, &put, out_call) : st;
}

static parley_status submit(struct line *l, const struct frame *f, uint64_t *out_call)
{
    struct parley_client *c = l->c;
    switch (f->type) {
    case FRAME_hello:
    case FRAME_auth:
        return PARLEY_UNKNOWN_TYPE; /* connect and token do that */
    case FRAME_post:
    case FRAME_note:
        return submit_said(l, f, out_call);
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
        st = submit(l, &frame, out_call);
    return api_leave(l->c, st);
}

static parley_status read_line(struct line *l, const char *json, struct span *out_type)
{
    static const struct wire_limits limits = {.depth = LIMIT_DEPTH_MESSAGE, .nodes = LIMIT_NODES};
    static const struct value nothing = {.type = VALUE_MAP};
    struct span text = span_str(json);
    if (text.len > LIMIT_MESSAGE)
        return wrong(l, PARLEY_TOO_BIG, "", "the line is longer than a message may be");
    parley_status st = wire_json_read(&l->arena, text, &limits, &l->root, &l->error);
    if (st != PARLEY_OK)
        return st;
    if (l->root.type != VALUE_MAP)
        return wrong(l, PARLEY_INVALID, "", "a line is a map: {\"type\": ..., \"data\": {...}}");
    const struct value *type = value_find(&l->root, "type");
    if (!type || type->type != VALUE_TEXT)
        return wrong(l, PARLEY_INVALID, "type", type ? "has to be a text" : "is missing");
    l->data = value_find(&l->root, "data");
    if (!l->data)
        l->data = &nothing;
    if (l->data->type != VALUE_MAP)
        return wrong(l, PARLEY_INVALID, "data", "has to be a map");
    *out_type = type->text;
    return PARLEY_OK;
}

static parley_status carry_out(struct line *l, const char *json, uint64_t *out_call)
{
    struct span type;
    parley_status st = read_line(l, json, &type);
    if (st != PARLEY_OK)
        return st;
    const struct command *command = command_find(type);
    bool says = command ? command->says : span_is(type, "post") || span_is(type, "note");
    if (l->out_id && !says)
        return wrong(l, PARLEY_UNKNOWN_TYPE, "type", "is none that says something");
    if (command)
        st = command_check(command, l);
    if (st != PARLEY_OK)
        return st;
    l->conversation = line_text(l, "conversation");
    st = command ? command->run(l, out_call) : request(l, type, out_call);
    return st != PARLEY_OK && l->failed != PARLEY_OK ? l->failed : st;
}

static parley_status call(struct line *l, const char *json, uint64_t *out_call)
{
    if (!json)
        return say_wrong(l, PARLEY_INVALID);
    arena_init(&l->arena, JSON_ARENA_MAX);
    parley_status st = carry_out(l, json, out_call);
    arena_done(&l->arena);
    return say_wrong(l, st);
}

parley_status parley_call_json(parley_client *c, const char *json, uint64_t *out_call)
{
    struct line l = {.c = c};
    uint64_t number = 0;
    parley_status st = call(&l, json, &number);
    if (st == PARLEY_OK && out_call)
        *out_call = number;
    return st;
}

parley_status parley_say_json(parley_client *c, const char *json, char *out_id)
{
    char id[UUID_TEXT + 1];
    struct line l = {.c = c, .out_id = out_id ? out_id : id};
    uint64_t number;
    return call(&l, json, &number);
}
