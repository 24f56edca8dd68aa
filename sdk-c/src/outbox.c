/* Entries move through their states in entry_move alone; the pump decides what goes next. */
#include "sdk-c/src/outbox.h"

#include "sdk-c/src/client.h"

#include <stdlib.h>

struct entry {
    struct entry *next;
    struct uuid id;
    struct uuid conversation; /* nil: the main one */
    int32_t state;            /* PARLEY_OUTBOX_* */
    bool in_flight;           /* its answer is awaited, also after it was seen in the log */
    int tries;
    int64_t seq;
    int64_t epoch; /* the control its author believed in; 0: none */
    bool is_note, has_to;
    struct uuid to;
    size_t kind_len, body_len;
    char text[]; /* kind, then body */
};

static const char *const state_names[] = {
    [PARLEY_OUTBOX_QUEUED] = "queued",
    [PARLEY_OUTBOX_SENDING] = "sending",
    [PARLEY_OUTBOX_SENT] = "sent",
    [PARLEY_OUTBOX_DELIVERED] = "delivered",
    [PARLEY_OUTBOX_READ] = "read",
    [PARLEY_OUTBOX_FAILED_RETRY] = "failed_retry",
    [PARLEY_OUTBOX_FAILED_FINAL] = "failed_final",
    [PARLEY_OUTBOX_DISCARDED] = "discarded",
};

static struct span kind_of(const struct entry *e)
{
    return span_of(e->text, e->kind_len);
}

static struct span body_of(const struct entry *e)
{
    return span_of(e->text + e->kind_len, e->body_len);
}

static bool is_stored(const struct entry *e)
{
    return e->state >= PARLEY_OUTBOX_SENT && e->state <= PARLEY_OUTBOX_READ;
}

void outbox_init(struct outbox *box)
{
    *box = (struct outbox){.end = &box->first};
}

void outbox_done(struct outbox *box)
{
    while (box->first) {
        struct entry *next = box->first->next;
        free(box->first);
        box->first = next;
    }
    outbox_init(box);
}

static struct entry **find(struct outbox *box, struct uuid id)
{
    for (struct entry **at = &box->first; *at; at = &(*at)->next)
        if (uuid_equal((*at)->id, id))
            return at;
    return NULL;
}

/* The disk's turn comes here: a new entry, and each state that must survive the process. */
static parley_status save(struct parley_client *c, const struct entry *e)
{
    return PARLEY_OK;
}

static void forget(struct parley_client *c, struct entry **at)
{
    struct outbox *box = &c->outbox;
    struct entry *e = *at;
    *at = e->next;
    if (box->end == &e->next)
        box->end = at;
    if (is_stored(e))
        box->sent--;
    else
        box->waiting--;
    free(e);
}

/* Keeps the newest; an older one's marks are no news. */
static void trim_sent(struct parley_client *c)
{
    struct outbox *box = &c->outbox;
    for (struct entry **at = &box->first; *at && box->sent > OUTBOX_SENT_MAX;) {
        if (is_stored(*at) && !(*at)->in_flight)
            forget(c, at);
        else
            at = &(*at)->next;
    }
}

static void entry_move(struct parley_client *c, struct entry *e, int32_t state, parley_status reason, struct span text)
{
    bool was_stored = is_stored(e);
    e->state = state;
    if (is_stored(e) && !was_stored) {
        c->outbox.waiting--;
        c->outbox.sent++;
    }
    save(c, e);
    struct parley_event *event = event_new(PARLEY_EVENT_OUTBOX, e->conversation);
    if (event) {
        event->state = state;
        event->status = reason;
        event->seq = e->seq;
    }
    event_put_id(event, "id", e->id);
    event_put_word(event, "state", state_names[state]);
    event_put_text(event, "kind", kind_of(e));
    if (e->seq)
        event_put_int(event, "seq", e->seq);
    if (reason != PARLEY_OK) {
        event_put_word(event, "reason", status_name(reason));
        event_put_text(event, "text", text.len ? text : span_str(status_text(reason)));
    }
    events_push(&c->events, event); /* without memory: the next state, or the item itself, tells */
}

parley_status outbox_add(struct parley_client *c, const struct draft *draft, struct uuid *out_id)
{
    struct outbox *box = &c->outbox;
    if (box->waiting >= OUTBOX_MAX)
        return PARLEY_LIMIT;
    struct conversation *conv = inbox_open(&c->inbox, draft->conversation);
    struct entry *e = conv ? calloc(1, sizeof *e + draft->kind.len + draft->body.len) : NULL;
    if (!e)
        return PARLEY_NOMEM;

    e->id = client_id(c);
    e->conversation = conv->id;
    e->epoch = client_is_staff(c) && !draft->is_note ? conv->epoch : 0;
    e->is_note = draft->is_note;
    e->has_to = draft->has_to;
    e->to = draft->to;
    e->kind_len = draft->kind.len;
    e->body_len = draft->body.len;
    memcpy(e->text, draft->kind.ptr, draft->kind.len);
    memcpy(e->text + draft->kind.len, draft->body.ptr, draft->body.len);
    e->state = PARLEY_OUTBOX_QUEUED;
    parley_status st = save(c, e);
    if (st != PARLEY_OK) {
        free(e);
        return st;
    }
    *box->end = e;
    box->end = &e->next;
    box->waiting++;
    *out_id = e->id;
    entry_move(c, e, PARLEY_OUTBOX_QUEUED, PARLEY_OK, (struct span){0});
    outbox_pump(c);
    return PARLEY_OK;
}

/* --- answers --- */

static void failed(struct parley_client *c, struct conversation *conv, struct entry *e, const struct answer *answer)
{
    const struct frame_error *error = &answer->frame->error;
    parley_status st = answer->status;
    bool faulty = st == PARLEY_INTERNAL && ++e->tries >= OUTBOX_TRIES;
    if (status_again(st) && !faulty) {
        int64_t wait = error->has_retry_after_ms ? error->retry_after_ms : OUTBOX_HOLD_MS;
        int64_t until = client_now(c) + wait;
        conv->hold_until = until > conv->hold_until ? until : conv->hold_until;
        conv->refusing = true;
        entry_move(c, e, PARLEY_OUTBOX_QUEUED, st, error->text);
    } else if (faulty || st == PARLEY_LIMIT) {
        entry_move(c, e, PARLEY_OUTBOX_FAILED_RETRY, st, error->text);
    } else {
        entry_move(c, e, PARLEY_OUTBOX_FAILED_FINAL, st, error->text);
    }
}

static parley_status answered(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    struct entry **at = find(&c->outbox, r->subject);
    struct conversation *conv = at ? inbox_find(&c->inbox, (*at)->conversation) : NULL;
    if (!conv)
        return PARLEY_OK;
    if (answer->status == PARLEY_TIMEOUT && answer->frame->id == 0) {
        link_lost(c, PARLEY_TIMEOUT, "the server does not answer a post", 0); /* its silence says nothing about it */
        return PARLEY_OK;
    }
    struct entry *e = *at;
    e->in_flight = false;
    conv->posting--;
    if (answer->status == PARLEY_OK && !is_stored(e)) {
        e->seq = answer->frame->posted.seq;
        entry_move(c, e, PARLEY_OUTBOX_SENT, PARLEY_OK, (struct span){0});
        trim_sent(c);
    } else if (answer->status != PARLEY_OK && !is_stored(e)) {
        failed(c, conv, e, answer);
    }
    if (conv->posting == 0)
        conv->refusing = false;
    outbox_pump(c);
    return PARLEY_OK;
}

parley_status outbox_stored(struct parley_client *c, struct uuid id, int64_t seq)
{
    struct entry **at = find(&c->outbox, id);
    if (!at || is_stored(*at))
        return PARLEY_OK;
    (*at)->seq = seq;
    entry_move(c, *at, PARLEY_OUTBOX_SENT, PARLEY_OK, (struct span){0});
    trim_sent(c);
    return PARLEY_OK;
}

static bool is_staff(int role)
{
    return role != role_customer && role != role_guest;
}

parley_status outbox_marked(struct parley_client *c, struct conversation *conv, const struct frame_mark *mark)
{
    if (is_staff(mark->role) == is_staff(c->role))
        return PARLEY_OK;
    for (struct entry **at = &c->outbox.first; *at;) {
        struct entry *e = *at;
        if (is_stored(e) && uuid_equal(e->conversation, conv->id)) {
            int32_t state = e->seq <= mark->read        ? PARLEY_OUTBOX_READ
                            : e->seq <= mark->delivered ? PARLEY_OUTBOX_DELIVERED
                                                        : PARLEY_OUTBOX_SENT;
            if (state > e->state)
                entry_move(c, e, state, PARLEY_OK, (struct span){0});
            if (e->state == PARLEY_OUTBOX_READ && !e->in_flight) {
                forget(c, at);
                continue;
            }
        }
        at = &e->next;
    }
    return PARLEY_OK;
}

/* --- sending --- */

static parley_status send_note(struct parley_client *c, const struct entry *e, struct request **out)
{
    struct frame_note note = {.conversation = e->conversation, .id = e->id, .text = body_of(e)};
    note.has_to = e->has_to;
    note.to = e->to;
    return request_make(c, FRAME_note, &note, REQUEST_DROP, answered, out);
}

static parley_status send_post(struct parley_client *c, const struct entry *e, struct request **out)
{
    struct frame_post post = {.conversation = e->conversation, .id = e->id, .kind = kind_of(e)};
    post.body.json = body_of(e);
    post.has_epoch = e->epoch > 0;
    post.epoch = e->epoch;
    return request_make(c, FRAME_post, &post, REQUEST_DROP, answered, out);
}

static bool may_go(const struct parley_client *c, const struct conversation *conv, const struct entry *e, int64_t now)
{
    return e->state == PARLEY_OUTBOX_QUEUED && conv && conv->following && !conv->refusing &&
           conv->posting < OUTBOX_IN_FLIGHT && now >= conv->hold_until;
}

static void send(struct parley_client *c, struct conversation *conv, struct entry *e)
{
    struct request *r;
    context_flush(c, conv);
    parley_status st = e->is_note ? send_note(c, e, &r) : send_post(c, e, &r);
    if (st == PARLEY_OK) {
        r->subject = e->id;
        e->in_flight = true;
        conv->posting++;
        entry_move(c, e, PARLEY_OUTBOX_SENDING, PARLEY_OK, (struct span){0});
    } else if (st == PARLEY_NOMEM || st == PARLEY_LIMIT) {
        conv->hold_until = client_now(c) + OUTBOX_HOLD_MS;
    } else {
        entry_move(c, e, PARLEY_OUTBOX_FAILED_FINAL, st, (struct span){0});
    }
}

void outbox_pump(struct parley_client *c)
{
    if (!link_online(c))
        return;
    int64_t now = client_now(c);
    for (struct entry *e = c->outbox.first; e && link_online(c); e = e->next) {
        struct conversation *conv = inbox_find(&c->inbox, e->conversation);
        if (may_go(c, conv, e, now))
            send(c, conv, e);
    }
}

void outbox_lost(struct parley_client *c)
{
    for (struct conversation *conv = c->inbox.first; conv; conv = conv->next) {
        conv->posting = 0;
        conv->refusing = false;
        conv->hold_until = 0;
    }
    for (struct entry *e = c->outbox.first; e; e = e->next) {
        e->in_flight = false;
        if (e->state == PARLEY_OUTBOX_SENDING)
            entry_move(c, e, PARLEY_OUTBOX_QUEUED, PARLEY_OK, (struct span){0});
    }
}

void outbox_main_known(struct parley_client *c, struct uuid id)
{
    for (struct entry *e = c->outbox.first; e; e = e->next)
        if (uuid_is_nil(e->conversation))
            e->conversation = id;
}

/* --- the app's wishes --- */

parley_status outbox_retry(struct parley_client *c, struct uuid id)
{
    struct entry **at = find(&c->outbox, id);
    if (!at)
        return PARLEY_NOT_FOUND;
    if ((*at)->state != PARLEY_OUTBOX_FAILED_RETRY)
        return PARLEY_WRONG_STATE;
    (*at)->tries = 0;
    entry_move(c, *at, PARLEY_OUTBOX_QUEUED, PARLEY_OK, (struct span){0});
    outbox_pump(c);
    return PARLEY_OK;
}

parley_status outbox_discard(struct parley_client *c, struct uuid id)
{
    struct entry **at = find(&c->outbox, id);
    if (!at)
        return PARLEY_NOT_FOUND;
    if ((*at)->in_flight || is_stored(*at))
        return PARLEY_WRONG_STATE;
    entry_move(c, *at, PARLEY_OUTBOX_DISCARDED, PARLEY_OK, (struct span){0});
    forget(c, at);
    return PARLEY_OK;
}

int64_t outbox_due(const struct parley_client *c)
{
    int64_t due = INT64_MAX;
    if (!link_online(c) || c->outbox.waiting == 0)
        return due;
    for (const struct conversation *conv = c->inbox.first; conv; conv = conv->next)
        if (conv->following && conv->hold_until > client_now(c) && conv->hold_until < due)
            due = conv->hold_until;
    return due;
}
