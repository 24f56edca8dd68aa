/* Entries move through their states in outbox_move alone; the pump decides what goes next. */
#include "sdk-c/src/outbox.h"

#include "sdk-c/src/client.h"

#include <stdio.h>
#include <stdlib.h>

void outbox_init(struct outbox *box)
{
    *box = (struct outbox){.end = &box->first};
}

void outbox_done(struct outbox *box)
{
    while (box->first) {
        struct entry *next = box->first->next;
        entry_free(box->first);
        box->first = next;
    }
    outbox_init(box);
}

struct entry **outbox_find(struct outbox *box, struct uuid id)
{
    for (struct entry **at = &box->first; *at; at = &(*at)->next)
        if (uuid_equal((*at)->id, id))
            return at;
    return NULL;
}

void outbox_forget(struct parley_client *c, struct entry **at)
{
    struct outbox *box = &c->outbox;
    struct entry *e = *at;
    *at = e->next;
    if (box->end == &e->next)
        box->end = at;
    if (outbox_is_stored(e))
        box->sent--;
    else
        box->waiting--;
    entry_free(e);
}

/* Keeps the newest; an older one's marks are no news. */
static void trim_sent(struct parley_client *c)
{
    struct outbox *box = &c->outbox;
    for (struct entry **at = &box->first; *at && box->sent > OUTBOX_SENT_MAX;) {
        if (outbox_is_stored(*at) && !(*at)->in_flight)
            outbox_forget(c, at);
        else
            at = &(*at)->next;
    }
}

static bool has_failed(int32_t state)
{
    return state == PARLEY_OUTBOX_FAILED_RETRY || state == PARLEY_OUTBOX_FAILED_FINAL;
}

/* Waiting and sending are one on disk: after a restart it is not known whether it was sent, and it is sent again. */
static void save(struct parley_client *c, const struct entry *e, int32_t was)
{
    if (outbox_is_stored(e))
        keep_entry_gone(c, e->id);
    else if (has_failed(e->state) || has_failed(was))
        keep_entry_state(c, e);
}

/* Whether the process is shown with it. */
static bool is_pending(int32_t state)
{
    return state == PARLEY_OUTBOX_QUEUED || state == PARLEY_OUTBOX_SENDING || state == PARLEY_OUTBOX_FAILED_RETRY;
}

static void tell_process(struct parley_client *c, const struct entry *e)
{
    struct conversation *conv = inbox_find(&c->inbox, e->conversation);
    if (conv)
        edit_tell(c, conv, e->process); /* without memory: the next change tells */
}

void outbox_move(struct parley_client *c, struct entry *e, int32_t state, parley_status reason, struct span text)
{
    int32_t was = e->state;
    bool was_stored = outbox_is_stored(e);
    if (reason != PARLEY_OK && !text.len)
        text = span_str(status_text(reason));
    e->state = state;
    e->reason = reason;
    snprintf(e->why, sizeof e->why, "%.*s", SPAN_ARG(text));
    if (outbox_is_stored(e) && !was_stored) {
        c->outbox.waiting--;
        c->outbox.sent++;
        c->sync.sent++;
    }
    if (!was_stored)
        save(c, e, was);
    if (!e->is_edit)
        view_entry(c, e);
    else if (is_pending(was) != is_pending(state))
        tell_process(c, e);
    entry_tell(c, e); /* without memory: the next state, or the item itself, tells */
}

static void list(struct outbox *box, struct entry *e)
{
    *box->end = e;
    box->end = &e->next;
    box->waiting++;
}

parley_status outbox_add_as(struct parley_client *c, const struct draft *draft, struct uuid id)
{
    struct outbox *box = &c->outbox;
    if (box->waiting >= OUTBOX_MAX)
        return PARLEY_LIMIT;
    struct conversation *conv = inbox_open(&c->inbox, draft->conversation);
    struct entry *e = conv ? entry_new(draft, id, conv->id) : NULL;
    if (!e)
        return PARLEY_NOMEM;

    e->epoch = client_is_staff(c) && !draft->is_note ? conv->epoch : 0;
    parley_status st = keep_entry(c, e, draft->form);
    if (st != PARLEY_OK) {
        entry_free(e);
        return st;
    }
    list(box, e);
    outbox_move(c, e, PARLEY_OUTBOX_QUEUED, PARLEY_OK, (struct span){0});
    outbox_pump(c);
    return PARLEY_OK;
}

parley_status outbox_add(struct parley_client *c, const struct draft *draft, struct uuid *out_id)
{
    struct uuid id = client_id(c);
    parley_status st = outbox_add_as(c, draft, id);
    if (st == PARLEY_OK)
        *out_id = id;
    return st;
}

parley_status outbox_restore(struct parley_client *c, const struct entry_row *row)
{
    if (uuid_is_nil(row->id) || !row->draft.kind.len || row->state < 0 || row->state > PARLEY_OUTBOX_DISCARDED)
        return PARLEY_MALFORMED;
    struct entry *e = entry_new(&row->draft, row->id, row->draft.conversation);
    if (!e)
        return PARLEY_NOMEM;
    e->epoch = row->epoch;
    if (has_failed(row->state)) {
        e->state = row->state;
        e->reason = row->reason;
        snprintf(e->why, sizeof e->why, "%.*s", SPAN_ARG(row->text));
    }
    list(&c->outbox, e);
    return PARLEY_OK;
}

parley_status outbox_paint(struct parley_client *c)
{
    parley_status st = PARLEY_OK;
    for (struct entry *e = c->outbox.first; st == PARLEY_OK && e; e = e->next) {
        struct conversation *conv = inbox_open(&c->inbox, e->conversation);
        if (!conv)
            return PARLEY_NOMEM;
        conv->followed = true; /* what waits is for somewhere */
        e->conversation = conv->id;
        st = entry_tell(c, e);
        if (e->is_edit && is_pending(e->state))
            tell_process(c, e);
    }
    return st;
}

/* --- answers --- */

static void failed(struct parley_client *c, struct conversation *conv, struct entry *e, const struct answer *answer)
{
    const struct frame_error *error = &answer->frame->error;
    parley_status st = answer->status;
    bool faulty = st == PARLEY_INTERNAL && ++e->tries >= OUTBOX_TRIES;
    if (e->is_edit && st == PARLEY_STALE && edit_stale(c, e, error)) {
        outbox_move(c, e, PARLEY_OUTBOX_QUEUED, st, error->text);
    } else if (e->is_edit && st == PARLEY_CONFLICT) {
        /* stored before, on another revision: the answer was lost, and the process moved on meanwhile */
        outbox_move(c, e, PARLEY_OUTBOX_SENT, PARLEY_OK, (struct span){0});
    } else if (status_again(st) && !faulty) {
        int64_t wait = error->has_retry_after_ms ? backoff_told(error->retry_after_ms) : OUTBOX_HOLD_MS;
        int64_t until = client_now(c) + wait;
        conv->hold_until = until > conv->hold_until ? until : conv->hold_until;
        conv->refusing = true;
        outbox_move(c, e, PARLEY_OUTBOX_QUEUED, st, error->text);
    } else if (faulty || st == PARLEY_LIMIT) {
        outbox_move(c, e, PARLEY_OUTBOX_FAILED_RETRY, st, error->text);
    } else {
        outbox_move(c, e, PARLEY_OUTBOX_FAILED_FINAL, st, error->text);
    }
}

/* One that is stored is the process's from then on: nobody marks it. */
static void forget_edit(struct parley_client *c, struct uuid id)
{
    struct entry **at = outbox_find(&c->outbox, id);
    if (at && (*at)->is_edit && outbox_is_stored(*at) && !(*at)->in_flight)
        outbox_forget(c, at);
}

static parley_status answered(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    struct entry **at = outbox_find(&c->outbox, r->subject);
    struct conversation *conv = at ? inbox_find(&c->inbox, (*at)->conversation) : NULL;
    if (!conv)
        return PARLEY_OK;
    if (answer->status == PARLEY_TIMEOUT && answer->frame->id == 0) {
        link_lost(c, PARLEY_TIMEOUT, "the server does not answer a post", 0); /* its silence says nothing about it */
        return PARLEY_OK;
    }
    struct entry *e = *at;
    parley_status st = e->is_edit ? request_learn(c, r, answer) : PARLEY_OK;
    e->in_flight = false;
    conv->posting--;
    if (answer->status == PARLEY_OK && !outbox_is_stored(e)) {
        e->seq = e->is_edit ? 0 : answer->frame->posted.seq;
        conv->acked = e->seq > conv->acked ? e->seq : conv->acked;
        outbox_move(c, e, PARLEY_OUTBOX_SENT, PARLEY_OK, (struct span){0});
        trim_sent(c);
    } else if (answer->status != PARLEY_OK && !outbox_is_stored(e)) {
        failed(c, conv, e, answer);
    }
    if (conv->posting == 0)
        conv->refusing = false;
    forget_edit(c, r->subject);
    outbox_pump(c);
    return st;
}

parley_status outbox_stored(struct parley_client *c, struct uuid id, int64_t seq)
{
    struct entry **at = outbox_find(&c->outbox, id);
    if (!at || outbox_is_stored(*at))
        return PARLEY_OK;
    (*at)->seq = seq;
    outbox_move(c, *at, PARLEY_OUTBOX_SENT, PARLEY_OK, (struct span){0});
    trim_sent(c);
    forget_edit(c, id);
    return PARLEY_OK;
}

static bool is_staff(int role)
{
    return role != role_customer && role != role_guest;
}

static int32_t state_by(const struct frame_mark *mark, int64_t seq)
{
    if (seq <= mark->read)
        return PARLEY_OUTBOX_READ;
    return seq <= mark->delivered ? PARLEY_OUTBOX_DELIVERED : PARLEY_OUTBOX_SENT;
}

parley_status outbox_marked(struct parley_client *c, struct conversation *conv, const struct frame_mark *mark)
{
    if (is_staff(mark->role) == is_staff(c->role))
        return PARLEY_OK;
    for (struct entry **at = &c->outbox.first; *at;) {
        struct entry *e = *at;
        bool meant = outbox_is_stored(e) && uuid_equal(e->conversation, conv->id);
        if (meant && state_by(mark, e->seq) > e->state)
            outbox_move(c, e, state_by(mark, e->seq), PARLEY_OK, (struct span){0});
        if (meant && e->state == PARLEY_OUTBOX_READ && !e->in_flight)
            outbox_forget(c, at);
        else
            at = &e->next;
    }
    return PARLEY_OK;
}

/* --- sending --- */

static parley_status send_note(struct parley_client *c, const struct entry *e, struct request **out)
{
    struct frame_note note = {.conversation = e->conversation, .id = e->id, .text = entry_body(e)};
    note.has_to = e->has_to;
    note.to = e->to;
    return request_make(c, FRAME_note, &note, REQUEST_DROP, answered, out);
}

static parley_status send_post(struct parley_client *c, const struct entry *e, struct request **out)
{
    struct frame_post post = {.conversation = e->conversation, .id = e->id, .kind = entry_kind(e)};
    post.body.json = entry_body(e);
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
    parley_status st = e->is_edit   ? edit_send(c, conv, e, answered, &r)
                       : e->is_note ? send_note(c, e, &r)
                                    : send_post(c, e, &r);
    if (st == PARLEY_OK) {
        r->subject = e->id;
        e->in_flight = true;
        conv->posting++;
        outbox_move(c, e, PARLEY_OUTBOX_SENDING, PARLEY_OK, (struct span){0});
    } else if (st == PARLEY_NOMEM || st == PARLEY_LIMIT) {
        conv->hold_until = client_now(c) + OUTBOX_HOLD_MS;
    } else {
        outbox_move(c, e, PARLEY_OUTBOX_FAILED_FINAL, st, (struct span){0});
    }
}

bool outbox_waits(const struct parley_client *c)
{
    for (const struct entry *e = c->outbox.first; e; e = e->next)
        if (e->state == PARLEY_OUTBOX_QUEUED || e->state == PARLEY_OUTBOX_SENDING)
            return true;
    return false;
}

bool outbox_in_flight(const struct parley_client *c)
{
    for (const struct conversation *conv = c->inbox.first; conv; conv = conv->next)
        if (conv->posting)
            return true;
    return false;
}

void outbox_pump(struct parley_client *c)
{
    if (!link_may_post(c))
        return;
    int64_t now = client_now(c);
    for (struct entry *e = c->outbox.first; e && link_online(c); e = e->next) {
        struct conversation *conv = inbox_find(&c->inbox, e->conversation);
        if (may_go(c, conv, e, now) && (!e->is_edit || edit_may_go(c, conv, e)))
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
        e->in_flight = e->looking = e->lost = false;
        if (e->state == PARLEY_OUTBOX_SENDING)
            outbox_move(c, e, PARLEY_OUTBOX_QUEUED, PARLEY_OK, (struct span){0});
    }
}

void outbox_main_known(struct parley_client *c, struct uuid id)
{
    for (struct entry *e = c->outbox.first; e; e = e->next)
        if (uuid_is_nil(e->conversation))
            e->conversation = id;
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
