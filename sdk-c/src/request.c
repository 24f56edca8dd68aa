/* The table of what was asked. A request is encoded once, when it is made; repeating it is sending the same bytes. */
#include "sdk-c/src/request.h"

#include "sdk-c/src/client.h"

#include <stdlib.h>

void requests_init(struct requests *q)
{
    *q = (struct requests){.end = &q->first};
}

static void request_free(struct request *r)
{
    buf_done(&r->bytes);
    free(r);
}

void requests_done(struct requests *q)
{
    while (q->first) {
        struct request *next = q->first->next;
        request_free(q->first);
        q->first = next;
    }
    requests_init(q);
}

static struct request *unlist(struct requests *q, struct request **at)
{
    struct request *r = *at;
    *at = r->next;
    if (q->end == &r->next)
        q->end = at;
    q->count--;
    q->in_flight -= r->sent;
    return r;
}

static void list(struct requests *q, struct request *r)
{
    r->next = NULL;
    *q->end = r;
    q->end = &r->next;
    q->count++;
    q->in_flight += r->sent;
}

static struct request **find(struct requests *q, uint64_t id)
{
    for (struct request **at = &q->first; *at; at = &(*at)->next)
        if ((*at)->id == id)
            return at;
    return NULL;
}

parley_status request_make(struct parley_client *c, enum frame_type type, const void *content, enum request_care care,
                           request_done *done, struct request **out)
{
    struct requests *q = &c->requests;
    if (q->count >= REQUESTS_WAITING_MAX)
        return PARLEY_LIMIT;
    struct request *r = calloc(1, sizeof *r);
    if (!r)
        return PARLEY_NOMEM;

    r->id = q->last_id + 1;
    r->type = type;
    r->care = care;
    r->done = done;
    r->deadline = client_now(c) + REQUEST_MS;
    buf_init(&r->bytes, type == FRAME_hello ? LIMIT_MESSAGE_BEFORE_WELCOME : LIMIT_MESSAGE);
    frame_put_type(&r->bytes, c->encoding, type, (int64_t)r->id, content);
    parley_status st = r->bytes.status;
    if (st != PARLEY_OK) {
        request_free(r);
        return st;
    }
    q->last_id = r->id;
    list(q, r);
    if (out)
        *out = r;
    return PARLEY_OK;
}

/* What an answer says of processes is kept, whoever asked. */
static parley_status learn(struct parley_client *c, const struct answer *answer)
{
    const struct frame *f = answer->frame;
    parley_status st = PARLEY_OK;
    if (answer->status == PARLEY_OK && f->type == FRAME_process_is)
        st = cache_process(c, &f->process_is.process);
    for (size_t i = 0; f->type == FRAME_process_list && st == PARLEY_OK && i < f->process_list.processes_count; i++)
        st = cache_process(c, &f->process_list.processes[i]);
    return st;
}

parley_status request_learn(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    return learn(c, answer);
}

static parley_status call_done(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    parley_status st = learn(c, answer);
    if (st != PARLEY_OK)
        return st;
    return request_reply(c, r, answer);
}

parley_status request_call(struct parley_client *c, enum frame_type type, const void *content, uint64_t *out_call)
{
    struct request *r;
    parley_status st = request_make(c, type, content, request_care_of(type), call_done, &r);
    if (st == PARLEY_OK && out_call)
        *out_call = r->id;
    return st;
}

uint64_t request_number(struct parley_client *c)
{
    return ++c->requests.last_id;
}

enum request_care request_care_of(enum frame_type type)
{
    switch (type) {
    case FRAME_range:
    case FRAME_subscribe:
    case FRAME_unsubscribe:
    case FRAME_conversations:
    case FRAME_conversation_open:
    case FRAME_starts:
    case FRAME_mark_set:
    case FRAME_context_put:
    case FRAME_context_get:
    case FRAME_process_start:
    case FRAME_process_step:
    case FRAME_process_get:
    case FRAME_status_set:
    case FRAME_inbox:
    case FRAME_upload:
    case FRAME_download:
        return REQUEST_REPEAT;
    default:
        return REQUEST_ONCE;
    }
}

parley_status request_reply(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    static const struct uuid nil;
    struct parley_event *e = event_new(PARLEY_EVENT_REPLY, nil);
    if (e) {
        e->call = r->id;
        e->status = answer->status;
    }
    event_put_int(e, "call", (int64_t)r->id);
    event_put_word(e, "type", frame_type_name(r->type));
    event_put_word(e, "status", status_name(answer->status));
    event_put_frame(e, answer->frame->type, &answer->frame->error);
    return events_push(&c->events, e);
}

/* The status that an error's code stands for. */
static parley_status status_of(const struct frame_error *error)
{
    return status_of_name(error->code.ptr, error->code.len);
}

/* hello and auth go before everything, the rest once the server knows us. */
static bool may_go(const struct parley_client *c, const struct request *r)
{
    if (r->sent)
        return false;
    if (r->type == FRAME_hello)
        return c->link.state == PARLEY_STATE_SYNCING;
    return link_online(c) && (c->requests.in_flight < LIMIT_REQUESTS_IN_FLIGHT || r->type == FRAME_post);
}

bool request_waits(const struct parley_client *c, enum frame_type type, struct uuid subject)
{
    const struct request *r = c->requests.first;
    while (r && (r->sent || r->type != type || !uuid_equal(r->subject, subject)))
        r = r->next;
    return r != NULL;
}

bool requests_may_go(const struct parley_client *c)
{
    const struct request *r = c->requests.first;
    while (r && !may_go(c, r))
        r = r->next;
    return r != NULL;
}

void requests_flush(struct parley_client *c)
{
    for (struct request *r = c->requests.first; r; r = r->next) {
        if (!may_go(c, r))
            continue;
        if (driver_send(c, c->link.socket, buf_span(&r->bytes)) != PARLEY_OK) {
            link_lost(c, PARLEY_NOMEM, "a request could not be sent", 0);
            return;
        }
        r->sent = true;
        c->requests.in_flight++;
    }
}

/* The answer when the server gave none. */
static parley_status answer_ourselves(struct parley_client *c, const struct request *r, parley_status st)
{
    struct frame frame = {.type = FRAME_error, .error = frame_error_status(st)};
    return r->done ? r->done(c, r, &(struct answer){.status = st, .frame = &frame}) : PARLEY_OK;
}

void requests_lost(struct parley_client *c)
{
    struct requests *q = &c->requests;
    for (struct request **at = &q->first; *at;) {
        struct request *r = *at;
        if (r->care == REQUEST_DROP) {
            request_free(unlist(q, at));
        } else if (r->sent && r->care == REQUEST_ONCE) {
            unlist(q, at);
            answer_ourselves(c, r, PARLEY_UNCERTAIN);
            request_free(r);
        } else {
            q->in_flight -= r->sent;
            r->sent = false;
            at = &r->next;
        }
    }
}

void requests_cancel(struct parley_client *c, parley_status st)
{
    struct requests *q = &c->requests;
    while (q->first) {
        struct request *r = unlist(q, &q->first);
        if (r->care != REQUEST_DROP)
            answer_ourselves(c, r, st);
        request_free(r);
    }
}

enum frame_type request_awaited(struct parley_client *c, int64_t id)
{
    struct request **at = find(&c->requests, (uint64_t)id);
    return at && (*at)->sent ? (*at)->type : FRAME_none;
}

parley_status request_answered(struct parley_client *c, const struct frame *frame)
{
    struct requests *q = &c->requests;
    struct request **at = find(q, (uint64_t)frame->id);
    if (!at || !(*at)->sent)
        return PARLEY_OK;

    struct request *r = unlist(q, at);
    struct answer answer = {.frame = frame};
    answer.status = frame->type == FRAME_error ? status_of(&frame->error) : PARLEY_OK;
    parley_status st = r->done ? r->done(c, r, &answer) : PARLEY_OK;
    if (st == PARLEY_NOMEM && r->care != REQUEST_DROP) {
        list(q, r); /* the answer did not get through to the app: asked again on the next connection */
        return st;
    }
    request_free(r);
    return st;
}

void requests_tick(struct parley_client *c, int64_t now)
{
    struct requests *q = &c->requests;
    for (struct request **at = &q->first; *at;) {
        struct request *r = *at;
        if (now < r->deadline) {
            at = &r->next;
            continue;
        }
        unlist(q, at);
        answer_ourselves(c, r, PARLEY_TIMEOUT);
        request_free(r);
        at = &q->first; /* done may have made others */
    }
}

int64_t requests_due(const struct parley_client *c)
{
    int64_t due = INT64_MAX;
    for (const struct request *r = c->requests.first; r; r = r->next)
        due = r->deadline < due ? r->deadline : due;
    return due;
}
