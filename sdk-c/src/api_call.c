/* The calls that ask the server for something, typed: each fills its frame and makes a request of it. */
#include "sdk-c/src/api.h"

#include "sdk-c/src/history.h"

/* Checks the arguments in turn and stops at the first that is wrong. */
struct check {
    struct parley_client *c;
    parley_status st;
};

static struct check begin(struct parley_client *c)
{
    api_enter(c);
    return (struct check){.c = c, .st = PARLEY_OK};
}

static void conversation(struct check *k, const char *text, struct uuid *out)
{
    if (k->st == PARLEY_OK)
        k->st = api_conversation(k->c, text, out);
}

static void id(struct check *k, const char *text, struct uuid *out)
{
    if (k->st == PARLEY_OK)
        k->st = api_id(text, out);
}

static void required(struct check *k, const char *text, struct span *out)
{
    if (k->st == PARLEY_OK)
        k->st = api_text(text, out);
}

static void optional(struct check *k, const char *text, struct span *out, bool *out_has)
{
    if (k->st == PARLEY_OK)
        k->st = api_optional(text, out, out_has);
}

static void data(struct check *k, const char *json, struct value *room, struct body *out, bool *out_has)
{
    *out_has = json != NULL;
    if (k->st == PARLEY_OK && json)
        k->st = api_map(k->c, span_str(json), room);
    out->value = room;
}

/* The control of a conversation as seen last. */
static void epoch(struct check *k, struct uuid conv_id, int64_t *out)
{
    struct conversation *conv = k->st == PARLEY_OK ? inbox_find(&k->c->inbox, conv_id) : NULL;
    if (k->st == PARLEY_OK && (!conv || conv->epoch == 0))
        k->st = PARLEY_WRONG_STATE;
    else if (conv)
        *out = conv->epoch;
}

static parley_status finish(struct check *k, enum frame_type type, const void *frame, uint64_t *out_call)
{
    if (k->st == PARLEY_OK)
        k->st = request_call(k->c, type, frame, out_call);
    return api_leave(k->c, k->st);
}

static parley_status finish_following(struct check *k, enum frame_type type, const void *frame, uint64_t *out_call)
{
    if (k->st == PARLEY_OK)
        k->st = inbox_follow(k->c, type, frame, out_call);
    return api_leave(k->c, k->st);
}

parley_status parley_load_older(parley_client *c, const char *conv_text, uint32_t count, uint64_t *out_call)
{
    struct uuid conv_id;
    struct check k = begin(c);
    conversation(&k, conv_text, &conv_id);
    if (count < 1 || count > LIMIT_PAGE_ITEMS)
        k.st = PARLEY_INVALID;
    struct conversation *conv = k.st == PARLEY_OK ? inbox_find(&c->inbox, conv_id) : NULL;
    if (k.st == PARLEY_OK)
        k.st = conv ? history_older(c, conv, count, out_call) : PARLEY_NOT_FOUND;
    return api_leave(c, k.st);
}

parley_status parley_request_human(parley_client *c, const char *conv, const char *queue, const char *reason,
                                   uint64_t *out_call)
{
    struct frame_handoff_request f = {0};
    struct check k = begin(c);
    conversation(&k, conv, &f.conversation);
    optional(&k, queue, &f.queue, &f.has_queue);
    optional(&k, reason, &f.reason, &f.has_reason);
    f.has_epoch = client_is_staff(c);
    if (f.has_epoch)
        epoch(&k, f.conversation, &f.epoch);
    return finish(&k, FRAME_handoff_request, &f, out_call);
}

parley_status parley_leave_queue(parley_client *c, const char *conv, uint64_t *out_call)
{
    struct frame_queue_leave f = {0};
    struct check k = begin(c);
    conversation(&k, conv, &f.conversation);
    return finish(&k, FRAME_queue_leave, &f, out_call);
}

parley_status parley_open_conversation(parley_client *c, const char *topic, uint64_t *out_call)
{
    struct frame_conversation_open f = {0};
    struct check k = begin(c);
    required(&k, topic, &f.topic);
    return finish_following(&k, FRAME_conversation_open, &f, out_call);
}

parley_status parley_process_start(parley_client *c, const char *conv, const char *type, const char *title,
                                   const char *step, const char *data_json, char *out_id, uint64_t *out_call)
{
    struct frame_process_start f = {0};
    struct value room;
    struct check k = begin(c);
    conversation(&k, conv, &f.conversation);
    required(&k, type, &f.type);
    optional(&k, title, &f.title, &f.has_title);
    optional(&k, step, &f.step, &f.has_step);
    data(&k, data_json, &room, &f.data, &f.has_data);
    f.process = client_id(c);
    f.has_epoch = client_is_staff(c);
    if (f.has_epoch)
        epoch(&k, f.conversation, &f.epoch);
    if (k.st == PARLEY_OK && out_id)
        uuid_format(f.process, out_id);
    return finish(&k, FRAME_process_start, &f, out_call);
}

parley_status parley_process_step(parley_client *c, const char *conv, const char *process, int64_t revision,
                                  const char *step, const char *state, const char *data_json, uint64_t *out_call)
{
    struct frame_process_step f = {.revision = revision, .has_state = state != NULL};
    struct value room;
    struct check k = begin(c);
    conversation(&k, conv, &f.conversation);
    id(&k, process, &f.process);
    optional(&k, step, &f.step, &f.has_step);
    data(&k, data_json, &room, &f.data, &f.has_data);
    f.state = process_state_of(span_str(state));
    if (f.has_state && f.state < 0)
        k.st = PARLEY_INVALID;
    f.id = client_id(c);
    f.has_epoch = client_is_staff(c);
    if (f.has_epoch)
        epoch(&k, f.conversation, &f.epoch);
    return finish(&k, FRAME_process_step, &f, out_call);
}

parley_status parley_process_get(parley_client *c, const char *conv, const char *process, uint64_t *out_call)
{
    struct frame_process_get f = {.has_process = process != NULL};
    struct check k = begin(c);
    conversation(&k, conv, &f.conversation);
    if (process)
        id(&k, process, &f.process);
    return finish(&k, FRAME_process_get, &f, out_call);
}

/* --- reading --- */

parley_status parley_range(parley_client *c, const char *conv, int64_t after, int64_t before, uint32_t count,
                           uint64_t *out_call)
{
    struct frame_range f = {.has_limit = true, .limit = count, .has_after = after >= 0, .has_before = before > 0};
    struct check k = begin(c);
    f.after = after;
    f.before = before;
    conversation(&k, conv, &f.conversation);
    if (count < 1 || count > LIMIT_PAGE_ITEMS || (f.has_after && f.has_before))
        k.st = PARLEY_INVALID;
    return finish(&k, FRAME_range, &f, out_call);
}

parley_status parley_get_conversations(parley_client *c, const char *customer, uint64_t *out_call)
{
    struct frame_conversations f = {.has_customer = customer != NULL};
    struct check k = begin(c);
    if (customer)
        id(&k, customer, &f.customer);
    return finish(&k, FRAME_conversations, &f, out_call);
}

parley_status parley_get_starts(parley_client *c, const char *language, uint64_t *out_call)
{
    struct frame_starts f = {0};
    struct check k = begin(c);
    optional(&k, language, &f.language, &f.has_language);
    return finish(&k, FRAME_starts, &f, out_call);
}

parley_status parley_context_get(parley_client *c, const char *conv, int64_t at, uint64_t *out_call)
{
    struct frame_context_get f = {.has_at = at > 0, .at = at};
    struct check k = begin(c);
    conversation(&k, conv, &f.conversation);
    return finish(&k, FRAME_context_get, &f, out_call);
}

/* --- files --- */

parley_status parley_upload(parley_client *c, const char *conv, const char *name, const char *type, int64_t bytes,
                            const char *sha256, uint64_t *out_call)
{
    struct frame_upload f = {.bytes = bytes};
    struct check k = begin(c);
    conversation(&k, conv, &f.conversation);
    required(&k, name, &f.name);
    required(&k, type, &f.type);
    required(&k, sha256, &f.sha256);
    if (k.st == PARLEY_OK && (bytes < 1 || f.sha256.len != 64))
        k.st = PARLEY_INVALID;
    if (k.st == PARLEY_OK && bytes > LIMIT_UPLOAD)
        k.st = PARLEY_TOO_BIG;
    return finish(&k, FRAME_upload, &f, out_call);
}

parley_status parley_download(parley_client *c, const char *conv, const char *blob, uint64_t *out_call)
{
    struct frame_download f = {0};
    struct check k = begin(c);
    conversation(&k, conv, &f.conversation);
    id(&k, blob, &f.blob);
    return finish(&k, FRAME_download, &f, out_call);
}

/* --- agents --- */

parley_status parley_set_status(parley_client *c, const char *status, uint64_t *out_call)
{
    struct frame_status_set f = {.status = status ? agent_status_of(span_str(status)) : -1};
    struct check k = begin(c);
    if (f.status < 0)
        k.st = PARLEY_INVALID;
    return finish(&k, FRAME_status_set, &f, out_call);
}

parley_status parley_get_inbox(parley_client *c, uint64_t *out_call)
{
    struct frame_inbox f;
    memset(&f, 0, sizeof f);
    struct check k = begin(c);
    return finish(&k, FRAME_inbox, &f, out_call);
}

parley_status parley_accept(parley_client *c, const char *conv, const char *offer, uint64_t *out_call)
{
    struct frame_offer_accept f = {0};
    struct check k = begin(c);
    conversation(&k, conv, &f.conversation);
    id(&k, offer, &f.offer);
    return finish_following(&k, FRAME_offer_accept, &f, out_call);
}

parley_status parley_decline(parley_client *c, const char *conv, const char *offer, const char *reason,
                             uint64_t *out_call)
{
    struct frame_offer_decline f = {0};
    struct check k = begin(c);
    conversation(&k, conv, &f.conversation);
    id(&k, offer, &f.offer);
    optional(&k, reason, &f.reason, &f.has_reason);
    return finish(&k, FRAME_offer_decline, &f, out_call);
}

parley_status parley_subscribe(parley_client *c, const char *conv_text, uint64_t *out_call)
{
    struct frame_subscribe f = {0};
    struct check k = begin(c);
    conversation(&k, conv_text, &f.conversation);
    struct conversation *conv = k.st == PARLEY_OK ? inbox_find(&c->inbox, f.conversation) : NULL;
    f.has_have = conv && conv->held.len > 0;
    f.have = f.has_have ? coverage_top(&conv->held) : 0;
    return finish_following(&k, FRAME_subscribe, &f, out_call);
}

parley_status parley_unsubscribe(parley_client *c, const char *conv_text, uint64_t *out_call)
{
    struct frame_unsubscribe f = {0};
    struct check k = begin(c);
    conversation(&k, conv_text, &f.conversation);
    struct conversation *conv = k.st == PARLEY_OK ? inbox_find(&c->inbox, f.conversation) : NULL;
    if (conv)
        conv->followed = conv->following = false;
    return finish(&k, FRAME_unsubscribe, &f, out_call);
}

parley_status parley_transfer(parley_client *c, const char *conv, const char *queue, const char *reason,
                              uint64_t *out_call)
{
    struct frame_transfer f = {0};
    struct check k = begin(c);
    conversation(&k, conv, &f.conversation);
    required(&k, queue, &f.queue);
    optional(&k, reason, &f.reason, &f.has_reason);
    epoch(&k, f.conversation, &f.epoch);
    return finish(&k, FRAME_transfer, &f, out_call);
}

parley_status parley_release(parley_client *c, const char *conv, const char *outcome, const char *note,
                             uint64_t *out_call)
{
    struct frame_release f = {0};
    struct check k = begin(c);
    conversation(&k, conv, &f.conversation);
    optional(&k, outcome, &f.outcome, &f.has_outcome);
    optional(&k, note, &f.note, &f.has_note);
    epoch(&k, f.conversation, &f.epoch);
    return finish(&k, FRAME_release, &f, out_call);
}

parley_status parley_resolve(parley_client *c, const char *conv, const char *outcome, const char *note,
                             uint64_t *out_call)
{
    struct frame_resolve f = {0};
    struct check k = begin(c);
    conversation(&k, conv, &f.conversation);
    optional(&k, outcome, &f.outcome, &f.has_outcome);
    optional(&k, note, &f.note, &f.has_note);
    epoch(&k, f.conversation, &f.epoch);
    return finish(&k, FRAME_resolve, &f, out_call);
}

parley_status parley_reopen(parley_client *c, const char *conv, uint64_t *out_call)
{
    struct frame_reopen f = {0};
    struct check k = begin(c);
    conversation(&k, conv, &f.conversation);
    return finish(&k, FRAME_reopen, &f, out_call);
}
