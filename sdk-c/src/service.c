/* The state machine of a session as its items show it. */
#include "sdk-c/src/service.h"

#include "protocol/item.h"
#include "sdk-c/src/client.h"

parley_status service_tell(struct parley_client *c, const struct conversation *conv)
{
    struct frame_push_service push = {.conversation = conv->id, .has_service = conv->service.open};
    push.service = conv->service.now;
    struct parley_event *e = event_new(PARLEY_EVENT_SERVICE, (struct uuid){0});
    event_put_frame(e, FRAME_push_service, &push);
    return events_push(&c->events, e);
}

static void keep_text(char *room, size_t size, struct span text, struct span *out, bool *out_has)
{
    size_t n = text.len < size - 1 ? text.len : size - 1;
    if (n)
        memmove(room, text.ptr, n);
    room[n] = '\0';
    *out = span_of(room, n);
    *out_has = n > 0;
}

static void keep_epoch(struct conversation *conv, int64_t epoch)
{
    if (epoch > conv->epoch)
        conv->epoch = epoch;
}

void service_keep(struct conversation *conv, const struct frame_service *s)
{
    struct service *to = &conv->service;
    to->open = s != NULL;
    if (s) {
        to->now = *s;
        keep_text(to->queue, sizeof to->queue, s->has_queue ? s->queue : (struct span){0}, &to->now.queue,
                  &to->now.has_queue);
        keep_text(to->agent_name, sizeof to->agent_name, s->has_agent_name ? s->agent_name : (struct span){0},
                  &to->now.agent_name, &to->now.has_agent_name);
        keep_epoch(conv, s->epoch);
    }
    conv->dirty = true;
}

parley_status service_set(struct parley_client *c, struct conversation *conv, const struct frame_service *s)
{
    service_keep(conv, s);
    return service_tell(c, conv);
}

/* --- items --- */

static int64_t int_in(const struct value *body, const char *key)
{
    const struct value *v = value_find(body, key);
    return v && v->type == VALUE_INT ? v->integer : 0;
}

static struct span text_in(const struct value *body, const char *key)
{
    const struct value *v = value_find(body, key);
    return v && v->type == VALUE_TEXT ? v->text : (struct span){0};
}

static bool bool_in(const struct value *body, const char *key, bool otherwise)
{
    const struct value *v = value_find(body, key);
    return v && v->type == VALUE_BOOL ? v->boolean : otherwise;
}

static void not_waiting(struct service *s)
{
    s->now.has_place = s->now.has_estimate_ms = s->now.has_message = s->now.message = false;
}

static void to_agent(struct service *s, const struct value *body)
{
    s->now.state = session_state_live;
    s->now.has_agent = uuid_parse(text_in(body, "agent"), &s->now.agent) == PARLEY_OK;
    keep_text(s->agent_name, sizeof s->agent_name, text_in(body, "name"), &s->now.agent_name, &s->now.has_agent_name);
    not_waiting(s);
}

static void to_queue(struct service *s, const struct value *body)
{
    s->now.state = session_state_queued;
    keep_text(s->queue, sizeof s->queue, text_in(body, "queue"), &s->now.queue, &s->now.has_queue);
    s->now.has_agent = s->now.has_agent_name = false;
    not_waiting(s);
    s->now.has_message = s->now.message = span_is(text_in(body, "why"), "message");
}

static void to_bot(struct service *s)
{
    s->now.state = session_state_bot;
    s->now.has_agent = s->now.has_agent_name = false;
    not_waiting(s);
}

/* `offered` is for staff alone, and the server's word on place follows it. */
static bool move(struct service *s, int kind, const struct value *body)
{
    switch (kind) {
    case ITEM_opened:
    case ITEM_left:
        to_bot(s);
        break;
    case ITEM_queued:
    case ITEM_transferred:
        to_queue(s, body);
        break;
    case ITEM_joined:
    case ITEM_reopened:
        to_agent(s, body);
        break;
    case ITEM_resolved:
        to_bot(s);
        s->open = !bool_in(body, "closed", true);
        return true;
    default:
        return false;
    }
    s->open = true;
    return true;
}

/* Who joins says their name in the item; it is told once, and kept for the rows of what they say. */
static parley_status meet(struct parley_client *c, const struct conversation *conv, const struct value *body)
{
    struct frame_person known, person = {.role = role_agent, .name = text_in(body, "name")};
    if (person.name.len == 0 || uuid_parse(text_in(body, "agent"), &person.id) != PARLEY_OK)
        return PARLEY_OK;
    if (cache_find_person(c, person.id, &known) && span_equal(known.name, person.name))
        return PARLEY_OK;
    cache_person(c, &person);
    return inbox_tell_person(c, conv, &person);
}

parley_status service_follow(struct parley_client *c, struct conversation *conv, const struct frame_item *item)
{
    int kind = item->has_kind ? item_kind_of(item->kind) : ITEM_none;
    const struct value *body = item->has_body ? item->body.value : NULL;
    if (!item_moves(kind) || !body)
        return PARLEY_OK;
    keep_epoch(conv, int_in(body, "epoch"));
    struct service *s = &conv->service;
    if (!move(s, kind, body))
        return PARLEY_OK;
    uuid_parse(text_in(body, "session"), &s->now.session);
    s->now.epoch = conv->epoch;
    parley_status st = kind == ITEM_joined || kind == ITEM_reopened ? meet(c, conv, body) : PARLEY_OK;
    return conv->opening || st != PARLEY_OK ? st : service_tell(c, conv);
}
