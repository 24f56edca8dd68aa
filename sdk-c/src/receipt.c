/* What others have received and read, what we have, and who types. */
#include "sdk-c/src/receipt.h"

#include "sdk-c/src/client.h"

static struct frame_mark *find_mark(struct conversation *conv, struct uuid participant)
{
    for (size_t i = 0; i < conv->mark_count; i++)
        if (uuid_equal(conv->marks[i].participant, participant))
            return &conv->marks[i];
    if (conv->mark_count == MARKS_MAX)
        return NULL;
    struct frame_mark *mark = &conv->marks[conv->mark_count++];
    *mark = (struct frame_mark){.participant = participant};
    return mark;
}

parley_status receipt_tell(struct parley_client *c, struct conversation *conv, const struct frame_mark *mark)
{
    struct frame_push_marked push = {.conversation = conv->id, .mark = *mark};
    struct parley_event *e = event_new(PARLEY_EVENT_MARK, (struct uuid){0});
    event_put_frame(e, FRAME_push_marked, &push);
    return events_push(&c->events, e);
}

static bool is_staff(int role)
{
    return role != role_customer && role != role_guest;
}

int32_t receipt_state(const struct parley_client *c, const struct conversation *conv, int64_t seq)
{
    int32_t state = PARLEY_OUTBOX_SENT;
    for (size_t i = 0; i < conv->mark_count; i++) {
        const struct frame_mark *mark = &conv->marks[i];
        if (is_staff(mark->role) == is_staff(c->role))
            continue;
        if (seq <= mark->read)
            return PARLEY_OUTBOX_READ;
        state = seq <= mark->delivered ? PARLEY_OUTBOX_DELIVERED : state;
    }
    return state;
}

parley_status receipt_mark(struct parley_client *c, struct conversation *conv, const struct frame_mark *mark)
{
    bool mine = uuid_equal(mark->participant, c->me);
    if (mine) {
        conv->read_told = mark->read > conv->read_told ? mark->read : conv->read_told;
        conv->delivered_told = mark->delivered > conv->delivered_told ? mark->delivered : conv->delivered_told;
        conv->read = mark->read > conv->read ? mark->read : conv->read;
    }
    struct frame_mark *known = find_mark(conv, mark->participant);
    if (!known || !role_name(mark->role) || (mark->read <= known->read && mark->delivered <= known->delivered))
        return PARLEY_OK;
    conv->dirty = true;
    known->role = mark->role;
    known->read = mark->read > known->read ? mark->read : known->read;
    known->delivered = mark->delivered > known->delivered ? mark->delivered : known->delivered;
    if (!mine)
        view_marked(c, conv);
    parley_status st = receipt_tell(c, conv, known);
    return st != PARLEY_OK || mine ? st : outbox_marked(c, conv, known);
}

/* How far we can say that everything has arrived. */
static int64_t delivered(const struct parley_client *c, const struct conversation *conv)
{
    struct stretch hole;
    if (c->settings.flags & PARLEY_NO_RECEIPTS || coverage_hole(&conv->held, conv->head, &hole))
        return conv->delivered_told;
    return conv->others;
}

void receipt_due(struct parley_client *c, struct conversation *conv)
{
    if (conv->mark_at == INT64_MAX)
        conv->mark_at = client_now(c) + MARK_DELAY_MS;
}

static void send_marks(struct parley_client *c, struct conversation *conv)
{
    struct frame_mark_set marks = {.conversation = conv->id, .read = conv->read, .delivered = delivered(c, conv)};
    marks.has_read = conv->read > conv->read_told;
    marks.has_delivered = marks.delivered > conv->delivered_told;
    conv->mark_at = INT64_MAX;
    if (!marks.has_read && !marks.has_delivered)
        return;
    if (request_make(c, FRAME_mark_set, &marks, REQUEST_DROP, NULL, NULL) != PARLEY_OK) {
        receipt_due(c, conv);
        return;
    }
    /* welcome says what really arrived, so a lost one is told again */
    if (marks.has_read)
        conv->read_told = marks.read;
    if (marks.has_delivered)
        conv->delivered_told = marks.delivered;
}

static parley_status tell_typing(struct parley_client *c, struct conversation *conv, const struct typist *t, bool on)
{
    struct frame_push_typing push = {.conversation = conv->id, .participant = t->id, .role = t->role, .on = on};
    struct parley_event *e = event_new(PARLEY_EVENT_TYPING, (struct uuid){0});
    event_put_frame(e, FRAME_push_typing, &push);
    return events_push(&c->events, e);
}

static struct typist *find_typist(struct conversation *conv, struct uuid id, bool make)
{
    struct typist *free_one = NULL;
    for (struct typist *t = conv->typists; t < conv->typists + TYPISTS_MAX; t++) {
        if (t->until && uuid_equal(t->id, id))
            return t;
        if (!t->until && !free_one)
            free_one = t;
    }
    return make ? free_one : NULL;
}

parley_status receipt_typing(struct parley_client *c, struct conversation *conv, const struct frame_push_typing *push)
{
    struct typist *t = find_typist(conv, push->participant, push->on);
    if (!t || !role_name(push->role))
        return PARLEY_OK;
    bool was = t->until != 0;
    t->id = push->participant;
    t->role = push->role;
    t->until = push->on ? client_now(c) + TYPING_LASTS_MS : 0;
    return was == push->on ? PARLEY_OK : tell_typing(c, conv, t, push->on);
}

void receipt_said(struct parley_client *c, struct conversation *conv, struct uuid author)
{
    struct typist *t = find_typist(conv, author, false);
    if (!t)
        return;
    t->until = 0;
    tell_typing(c, conv, t, false);
}

void receipt_type(struct parley_client *c, struct conversation *conv, bool on)
{
    int64_t now = client_now(c);
    bool was = conv->typing_at != 0;
    if (!conv->following || !link_online(c) || (on ? was && now < conv->typing_at + TYPING_EVERY_MS : !was))
        return;
    struct frame_typing typing = {.conversation = conv->id, .on = on};
    conv->typing_at = on ? now : 0;
    request_make(c, FRAME_typing, &typing, REQUEST_DROP, NULL, NULL); /* lost without memory: it expires by itself */
}

void receipt_tick(struct parley_client *c, struct conversation *conv, int64_t now)
{
    bool hurry = c->sync.active && conv->mark_at != INT64_MAX;
    if ((now >= conv->mark_at || hurry) && conv->following && link_online(c))
        send_marks(c, conv);
    for (struct typist *t = conv->typists; t < conv->typists + TYPISTS_MAX; t++) {
        if (t->until && now >= t->until) {
            t->until = 0;
            tell_typing(c, conv, t, false);
        }
    }
}

int64_t receipt_due_at(const struct conversation *conv)
{
    int64_t due = conv->following ? conv->mark_at : INT64_MAX;
    for (const struct typist *t = conv->typists; t < conv->typists + TYPISTS_MAX; t++)
        if (t->until && t->until < due)
            due = t->until;
    return due;
}
