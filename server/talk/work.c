/* Works in, in order; which lane takes them; and the limits on what may wait. */
#include "server/talk/work.h"

#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/hub/hub.h"
#include "server/talk/lane.h"

enum { RETRY_MS = 1000 };

enum verdict refuse(struct refusal *refusal, parley_status status, const char *text)
{
    *refusal = (struct refusal){.status = status, .text = text};
    if (status_again(status))
        refusal->retry_after_ms = RETRY_MS;
    return WORK_REFUSE;
}

/* ---- works in ---- */

parley_status talk_submit(struct talk *talk, struct work *work)
{
    if (talk->closing)
        return PARLEY_CANCELED;
    if (talk->waiting >= LIMIT_POSTS_WAITING || talk->waiting_bytes + work->bytes > LIMIT_POSTS_WAITING_BYTES)
        return store_is_up(talk->store) ? PARLEY_BUSY : PARLEY_UNAVAILABLE;
    talk->waiting++;
    talk->waiting_bytes += work->bytes;
    work->queued_ms = loop_now_ms(talk->loop);

    struct conversation *conv = talk_conversation(talk, work->conversation);
    list_push(&conv->works, &work->node);
    conversation_pump(conv);
    return PARLEY_OK;
}

static void leave_queue(struct conversation *conv, struct work *work)
{
    list_remove(&work->node);
    conv->talk->waiting--;
    conv->talk->waiting_bytes -= work->bytes;
}

void work_refuse(struct conversation *conv, struct work *work, const struct refusal *refusal)
{
    leave_queue(conv, work);
    metric_add(METRIC_messages_refused_total, 1);
    work->class->finish(work, conv->loaded ? conv : NULL, NULL, refusal);
}

void work_repeat(struct conversation *conv, struct work *work, int64_t seq, int64_t at_ms)
{
    leave_queue(conv, work);
    if (seq)
        metric_add(METRIC_message_repeats_total, 1);
    work->class->finish(work, conv, &(struct outcome){.seq = seq, .at_ms = at_ms, .duplicate = seq != 0}, NULL);
}

void work_stored(struct conversation *conv, struct work *work, int64_t seq, int64_t at_ms)
{
    leave_queue(conv, work);
    work->class->finish(work, conv, &(struct outcome){.seq = seq, .at_ms = at_ms, .stored = true}, NULL);
}

void item_stored(struct conversation *conv, const struct log_row *row)
{
    metric_add(METRIC_messages_total, 1);
    conv->shown = row->seq;
    hub_publish(conv->talk->hub, row);
    for (int i = 0; i < conv->talk->nhooks; i++)
        if (conv->talk->hooks[i].stored)
            conv->talk->hooks[i].stored(conv->talk->hooks[i].arg, conv, row);
}

bool work_among(const struct log_row *rows, int n, const struct work *work)
{
    for (int i = 0; i < n; i++)
        if (uuid_equal(rows[i].id, work->row.id) && uuid_equal(rows[i].author, work->row.author))
            return true;
    return false;
}

/* ---- deciding ---- */

void work_refuse_all(struct conversation *conv, struct list *works, const struct refusal *refusal)
{
    while (!list_empty(works))
        work_refuse(conv, LIST_ITEM(works->next, struct work, node), refusal);
}

static bool speaks_too(const struct work *first, const struct work *later)
{
    return !uuid_is_nil(first->row.id) && !uuid_is_nil(later->row.id) &&
           uuid_equal(first->row.author, later->row.author);
}

/* Refuses the first work, and after it what its author said later: so repeats keep their order. */
static void refuse_first(struct conversation *conv, struct work *first, const struct refusal *refusal)
{
    struct list refused;
    list_init(&refused);
    LIST_EACH(&conv->works, node)
    {
        if (node != &first->node && !speaks_too(first, LIST_ITEM(node, struct work, node)))
            continue;
        list_remove(node);
        list_push(&refused, node);
    }
    work_refuse_all(conv, &refused, refusal);
}

static void busy(struct conversation *conv, struct work *work)
{
    struct refusal refusal;
    conv->tries = 0;
    refuse(&refusal, work->doubtful ? PARLEY_UNCERTAIN : PARLEY_BUSY, "others write to this conversation all the time");
    refuse_first(conv, work, &refusal);
}

struct move *talk_spare_move(struct talk *talk, const struct conversation *conv, const struct work *work)
{
    if (!talk->spare)
        talk->spare = mem_alloc(sizeof *talk->spare);
    move_init(talk->spare, conv, work->cause, clock_ms());
    return talk->spare;
}

/* The refusal may point into the move, and finishing may lead to the next decision: the move is set aside meanwhile. */
static void refuse_decided(struct conversation *conv, struct work *work, struct move *move,
                           const struct refusal *refusal)
{
    struct talk *talk = conv->talk;
    talk->spare = NULL;
    work_refuse(conv, work, refusal);
    move_done(move);
    if (talk->spare)
        mem_free(move);
    else
        talk->spare = move;
}

static bool must_settle(const struct conversation *conv, const struct work *work)
{
    return work->stale_id || work->doubtful || loop_now_ms(conv->talk->loop) < conv->bitten_until_ms;
}

/* Whether that depends on whose the conversation is and who serves it. */
static bool is_of_state(parley_status status)
{
    return status == PARLEY_NOT_FOUND || status == PARLEY_STALE || status == PARLEY_WRONG_STATE ||
           status == PARLEY_TAKEN || status == PARLEY_DENIED;
}

/* It may have changed in another process, and nothing that is refused collides: so it is read again before somebody is
 * told that they may not. */
static bool look_again(struct conversation *conv, struct work *work, enum verdict verdict,
                       const struct refusal *refusal)
{
    if (verdict != WORK_REFUSE || !is_of_state(refusal->status) || work->reread)
        return false;
    work->reread = true;
    conv->loaded = false;
    return true;
}

/* Decides the first work; false when it has left and the next must wait. */
static bool step(struct conversation *conv, struct work *work)
{
    struct refusal refusal = {0};
    struct move *move = talk_spare_move(conv->talk, conv, work);
    enum verdict verdict = work->class->decide(work, conv, move, &refusal);
    if (verdict == WORK_MOVE && must_settle(conv, work) && !uuid_is_nil(work->row.id) && !work->looked_up) {
        move_done(move);
        settle_look_up(conv, work);
        return false;
    }
    if (verdict == WORK_MOVE) {
        conv->talk->spare = NULL;
        move_leave(conv, work, move);
        return false;
    }
    if (look_again(conv, work, verdict, &refusal)) {
        move_done(move);
        return true;
    }
    if (verdict == WORK_REFUSE || verdict == WORK_DONE)
        conv->tries = 0; /* that led somewhere */
    if (verdict == WORK_REFUSE)
        refuse_decided(conv, work, move, &refusal);
    else
        move_done(move);
    if (verdict == WORK_DONE)
        work_repeat(conv, work, 0, 0);
    else if (verdict == WORK_PLAIN && must_settle(conv, work))
        settle_leave(conv);
    else if (verdict == WORK_PLAIN)
        batch_soon(conv->talk, conv);
    return verdict == WORK_REFUSE || verdict == WORK_DONE;
}

/* One that is listed as ready has been decided on: its works go with the next batch. */
void conversation_pump(struct conversation *conv)
{
    while (conv->lane == LANE_IDLE && !list_empty(&conv->works) && list_empty(&conv->in_ready)) {
        struct work *work = LIST_ITEM(conv->works.next, struct work, node);
        if (conv->doubt) {
            move_probe(conv);
            return;
        }
        if (!conv->loaded) {
            conversation_load(conv);
            return;
        }
        if (conv->tries > TRIES_MAX)
            busy(conv, work);
        else if (!step(conv, work))
            return;
    }
}

/* ---- waiting in vain ---- */

void work_give_up(struct conversation *conv)
{
    int64_t now = loop_now_ms(conv->talk->loop);
    struct refusal refusal;
    while (conv->lane == LANE_IDLE && !list_empty(&conv->works)) {
        struct work *work = LIST_ITEM(conv->works.next, struct work, node);
        if (now - work->queued_ms < GIVE_UP_MS)
            return;
        refuse(&refusal, work->doubtful ? PARLEY_UNCERTAIN : PARLEY_UNAVAILABLE, NULL);
        move_forget(conv);
        refuse_first(conv, work, &refusal);
    }
}
