/* The calls every app makes: life of the connection, events, and saying something. */
#include "sdk-c/src/api.h"

#include "protocol/item.h"
#include "protocol/text.h"
#include "protocol/wire_json.h"
#include "sdk-c/src/token.h"

#include <stdlib.h>

const char *parley_status_name(parley_status st)
{
    return status_name(st);
}

const char *parley_status_text(parley_status st)
{
    return status_text(st);
}

const char *parley_version(void)
{
    return PARLEY_CLIENT_VERSION;
}

/* --- what calls have in common --- */

void api_enter(struct parley_client *c)
{
    client_lock(c);
    arena_reset(&c->arena);
}

parley_status api_leave(struct parley_client *c, parley_status st)
{
    client_unlock(c);
    return st;
}

parley_status api_id(const char *text, struct uuid *out)
{
    return text ? uuid_parse(span_str(text), out) : PARLEY_BAD_ID;
}

parley_status api_conversation_or_nil(struct parley_client *c, const char *text, struct uuid *out)
{
    if (text)
        return api_id(text, out);
    *out = c->inbox.main ? c->inbox.main->id : (struct uuid){0};
    return client_is_staff(c) ? PARLEY_INVALID : PARLEY_OK;
}

parley_status api_conversation(struct parley_client *c, const char *text, struct uuid *out)
{
    parley_status st = api_conversation_or_nil(c, text, out);
    return st == PARLEY_OK && uuid_is_nil(*out) ? PARLEY_WRONG_STATE : st;
}

parley_status api_text(const char *text, struct span *out)
{
    *out = span_str(text);
    return text && text_valid(*out) == out->len ? PARLEY_OK : PARLEY_INVALID;
}

parley_status api_optional(const char *text, struct span *out, bool *out_has)
{
    *out_has = text != NULL;
    return text ? api_text(text, out) : PARLEY_OK;
}

static const struct wire_limits limits = {.depth = LIMIT_DEPTH_DATA + 1, .nodes = LIMIT_NODES};

parley_status api_map(struct parley_client *c, struct span json, struct value *out)
{
    struct wire_error error;
    if (json.len > LIMIT_MESSAGE)
        return PARLEY_TOO_BIG;
    parley_status st = wire_json_read(&c->arena, json, &limits, out, &error);
    return st == PARLEY_OK && out->type != VALUE_MAP ? PARLEY_INVALID : st;
}

static parley_status read_value(struct parley_client *c, struct span json, struct value *out)
{
    struct buf wrapped;
    struct value array;
    struct wire_error error;
    buf_init(&wrapped, LIMIT_MESSAGE);
    buf_add_char(&wrapped, '[');
    buf_add_span(&wrapped, json);
    buf_add_char(&wrapped, ']');
    struct span text = wrapped.status == PARLEY_OK ? arena_span(&c->arena, buf_span(&wrapped)) : (struct span){0};
    parley_status st = wrapped.status != PARLEY_OK ? wrapped.status : text.ptr ? PARLEY_OK : PARLEY_NOMEM;
    buf_done(&wrapped);
    if (st == PARLEY_OK)
        st = wire_json_read(&c->arena, text, &limits, &array, &error);
    if (st == PARLEY_OK && array.count != 1)
        st = PARLEY_MALFORMED;
    if (st == PARLEY_OK)
        *out = array.items[0];
    return st;
}

parley_status api_value(struct parley_client *c, struct span json, struct buf *out)
{
    struct value v;
    parley_status st = read_value(c, json, &v);
    if (st == PARLEY_OK)
        wire_json_put_value(out, &v);
    return st == PARLEY_OK ? out->status : st;
}

parley_status api_masked(struct parley_client *c, struct span key, struct span json, struct buf *out)
{
    struct value v;
    parley_status st = read_value(c, json, &v);
    if (st == PARLEY_OK)
        st = mask_value(&c->mask, &c->arena, key, &v);
    if (st == PARLEY_OK)
        wire_json_put_value(out, &v);
    return st == PARLEY_OK ? out->status : st;
}

/* --- the connection --- */

parley_status parley_connect(parley_client *c)
{
    api_enter(c);
    link_start(c);
    return api_leave(c, PARLEY_OK);
}

void parley_close(parley_client *c)
{
    api_enter(c);
    link_stop(c, PARLEY_CANCELED);
    requests_cancel(c, PARLEY_CANCELED);
    api_leave(c, PARLEY_OK);
}

parley_status parley_set_token(parley_client *c, const char *token)
{
    struct span text;
    if (api_text(token, &text) != PARLEY_OK || text.len == 0 || text.len > LIMIT_TOKEN)
        return PARLEY_INVALID;
    char *copy = strdup(token);
    if (!copy)
        return PARLEY_NOMEM;
    api_enter(c);
    if (token_is_refused(c, text)) {
        free(copy);
        return api_leave(c, c->link.refusal);
    }
    /* a guest who becomes known does so on the connection that the old token opened */
    bool signs_in = c->role == role_guest && !uuid_is_nil(c->me) && c->settings.token &&
                    strncmp(token, "pg_", 3) != 0 && !c->link.token_refused;
    char **slot = signs_in ? &c->settings.next_token : &c->settings.token;
    free(*slot);
    *slot = copy;
    link_token(c);
    return api_leave(c, PARLEY_OK);
}

void parley_set_foreground(parley_client *c, int32_t on)
{
    api_enter(c);
    link_foreground(c, on != 0);
    api_leave(c, PARLEY_OK);
}

void parley_network_changed(parley_client *c, int32_t reachable)
{
    api_enter(c);
    link_network(c, reachable != 0);
    api_leave(c, PARLEY_OK);
}

int32_t parley_state(parley_client *c)
{
    client_lock(c);
    int32_t state = c->link.state;
    client_unlock(c);
    return state;
}

/* --- events --- */

parley_event *parley_next_event(parley_client *c, int32_t timeout_ms)
{
    struct timespec until = events_after(timeout_ms > 0 ? timeout_ms : 0);
    bool may_wait = timeout_ms != 0 && !(c->settings.flags & PARLEY_HOST_DRIVEN);
    client_lock(c);
    struct parley_event *e;
    int gone = 0;
    while (!(e = events_take(&c->events)) && may_wait && !gone && !(timeout_ms < 0 && c->events.ended))
        gone = timeout_ms < 0 ? pthread_cond_wait(&c->events.some, &c->lock)
                              : pthread_cond_timedwait(&c->events.some, &c->lock, &until);
    client_unlock(c);
    return e;
}

int32_t parley_event_fd(const parley_client *c)
{
    return c->events.fd[0];
}

void parley_set_wakeup(parley_client *c, void (*wakeup)(void *user), void *user)
{
    client_lock(c);
    c->events.wakeup = wakeup;
    c->events.wakeup_user = user;
    c->events.wake_due = wakeup && c->events.count > 0;
    client_unlock(c);
}

/* --- saying something --- */

static void give_id(char *out_id, struct uuid id)
{
    if (out_id)
        uuid_format(id, out_id);
}

/* What it answers, or the words in the composer. */
static int64_t form_of(const struct value *body)
{
    const struct value *to = value_find(body, "to");
    return to && to->type == VALUE_INT && to->integer > 0 ? to->integer : 0;
}

parley_status api_post_as(struct parley_client *c, struct uuid conversation, struct span kind, const struct value *body,
                          struct uuid id)
{
    struct wire_error error;
    parley_status st = text_is_name(kind) && kind.len <= LIMIT_NAME ? PARLEY_OK : PARLEY_INVALID;
    if (st == PARLEY_OK && item_kind_of(kind) != ITEM_none)
        st = item_validate_body(item_kind_of(kind), body, &error);
    if (st != PARLEY_OK)
        return st;
    struct buf json;
    buf_init(&json, LIMIT_BODY);
    item_canonical(body, &json);
    struct draft draft = {.conversation = conversation, .kind = kind, .body = buf_span(&json), .form = form_of(body)};
    st = json.status == PARLEY_OK ? outbox_add_as(c, &draft, id) : json.status;
    buf_done(&json);
    return st;
}

parley_status api_post(struct parley_client *c, struct uuid conversation, struct span kind, const struct value *body,
                       struct uuid *out_id)
{
    struct uuid id = client_id(c);
    parley_status st = api_post_as(c, conversation, kind, body, id);
    if (st == PARLEY_OK)
        *out_id = id;
    return st;
}

/* As api_post with the conversation as the app gave it. */
static parley_status post(struct parley_client *c, const char *conversation, const char *kind, const struct value *body,
                          char *out_id)
{
    struct uuid conv, id;
    parley_status st = api_conversation_or_nil(c, conversation, &conv);
    if (st == PARLEY_OK)
        st = api_post(c, conv, span_str(kind), body, &id);
    if (st == PARLEY_OK)
        give_id(out_id, id);
    return st;
}

parley_status parley_send_text(parley_client *c, const char *conversation, const char *text, char *out_id)
{
    struct span words;
    parley_status st = api_text(text, &words);
    if (st != PARLEY_OK)
        return st;
    api_enter(c);
    struct value body;
    st = value_map(&c->arena, 1, &body);
    if (st == PARLEY_OK) {
        value_put(&body, span_str("text"), value_text(words));
        st = post(c, conversation, "text", &body, out_id);
    }
    return api_leave(c, st);
}

parley_status parley_post(parley_client *c, const char *conversation, const char *kind, const char *body_json,
                          char *out_id)
{
    if (!kind || !body_json)
        return PARLEY_INVALID;
    api_enter(c);
    struct value body;
    parley_status st = api_map(c, span_str(body_json), &body);
    if (st == PARLEY_OK)
        st = post(c, conversation, kind, &body, out_id);
    return api_leave(c, st);
}

parley_status parley_tap(parley_client *c, const char *conversation, int64_t seq, const char *value, const char *label,
                         char *out_id)
{
    struct span chosen, shown;
    bool has_label;
    if (api_text(value, &chosen) != PARLEY_OK || api_optional(label, &shown, &has_label) != PARLEY_OK)
        return PARLEY_INVALID;
    api_enter(c);
    struct value body;
    parley_status st = value_map(&c->arena, 3, &body);
    if (st == PARLEY_OK) {
        value_put(&body, span_str("to"), value_int(seq));
        value_put(&body, span_str("value"), value_text(chosen));
        if (has_label)
            value_put(&body, span_str("text"), value_text(shown));
        st = post(c, conversation, "choice", &body, out_id);
    }
    return api_leave(c, st);
}

parley_status parley_submit_form(parley_client *c, const char *conversation, int64_t seq, const char *values_json,
                                 char *out_id)
{
    if (!values_json)
        return PARLEY_INVALID;
    api_enter(c);
    struct value body, values;
    parley_status st = api_map(c, span_str(values_json), &values);
    if (st == PARLEY_OK)
        st = value_map(&c->arena, 2, &body);
    if (st == PARLEY_OK) {
        value_put(&body, span_str("to"), value_int(seq));
        value_put(&body, span_str("values"), values);
        st = post(c, conversation, "form_answer", &body, out_id);
    }
    return api_leave(c, st);
}

parley_status parley_note(parley_client *c, const char *conversation, const char *text, const char *to, char *out_id)
{
    struct draft draft = {.kind = span_str("note"), .form = -1, .is_note = true, .has_to = to != NULL};
    struct uuid id;
    parley_status st = api_text(text, &draft.body);
    if (st == PARLEY_OK && (draft.body.len == 0 || draft.body.len > LIMIT_TEXT))
        st = draft.body.len ? PARLEY_TOO_BIG : PARLEY_INVALID;
    if (st == PARLEY_OK && to)
        st = api_id(to, &draft.to);
    if (st != PARLEY_OK)
        return st;
    api_enter(c);
    st = api_conversation(c, conversation, &draft.conversation);
    if (st == PARLEY_OK)
        st = outbox_add(c, &draft, &id);
    if (st == PARLEY_OK)
        give_id(out_id, id);
    return api_leave(c, st);
}

parley_status parley_outbox_retry(parley_client *c, const char *text)
{
    struct uuid id;
    parley_status st = api_id(text, &id);
    if (st != PARLEY_OK)
        return st;
    api_enter(c);
    return api_leave(c, outbox_retry(c, id));
}

parley_status parley_outbox_discard(parley_client *c, const char *text)
{
    struct uuid id;
    parley_status st = api_id(text, &id);
    if (st != PARLEY_OK)
        return st;
    api_enter(c);
    return api_leave(c, outbox_discard(c, id));
}

uint32_t parley_outbox_count(parley_client *c)
{
    client_lock(c);
    uint32_t n = (uint32_t)c->outbox.waiting;
    client_unlock(c);
    return n;
}

parley_status parley_mark_read(parley_client *c, const char *conversation, int64_t seq)
{
    struct uuid id;
    api_enter(c);
    parley_status st = api_conversation(c, conversation, &id);
    struct conversation *conv = st == PARLEY_OK ? inbox_find(&c->inbox, id) : NULL;
    if (!conv)
        return api_leave(c, st == PARLEY_OK ? PARLEY_NOT_FOUND : st);
    int64_t upto = seq < conv->head ? seq : conv->head;
    if (upto > conv->read) {
        conv->read = upto;
        conv->dirty = true;
        receipt_due(c, conv);
    }
    return api_leave(c, PARLEY_OK);
}

void parley_typing(parley_client *c, const char *conversation, int32_t on)
{
    struct uuid id;
    api_enter(c);
    if (api_conversation(c, conversation, &id) == PARLEY_OK && inbox_find(&c->inbox, id))
        receipt_type(c, inbox_find(&c->inbox, id), on != 0);
    api_leave(c, PARLEY_OK);
}

parley_status parley_context_set(parley_client *c, const char *conversation, const char *key, const char *value_json)
{
    struct span name;
    struct uuid id;
    if (api_text(key, &name) != PARLEY_OK || name.len == 0 || name.len > LIMIT_NAME)
        return PARLEY_INVALID;
    struct buf json;
    buf_init(&json, LIMIT_DATA);
    api_enter(c);
    parley_status st = value_json ? api_masked(c, name, span_str(value_json), &json) : PARLEY_OK;
    if (st == PARLEY_OK)
        st = api_conversation_or_nil(c, conversation, &id);
    struct conversation *conv = st == PARLEY_OK ? inbox_open(&c->inbox, id) : NULL;
    if (st == PARLEY_OK)
        st = conv ? context_set(c, conv, name, buf_span(&json)) : PARLEY_NOMEM;
    buf_done(&json);
    return api_leave(c, st);
}

parley_status parley_context_mask(parley_client *c, const char *name, const char *keys, const char *shape)
{
    api_enter(c);
    parley_status st = name ? mask_set(&c->mask, span_str(name), span_str(keys), span_str(shape)) : PARLEY_INVALID;
    return api_leave(c, st);
}
