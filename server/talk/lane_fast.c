/* The fast lane: plain posts of many conversations in one insert, one batch in flight. While it commits the next one
 * gathers, so batches grow by themselves under load, and at rest a post goes out alone at once. */
#include "server/talk/lane.h"

#include "server/base/clock.h"
#include "server/base/fault.h"
#include "server/base/metric.h"

#include <stdlib.h>

static void on_turn(void *arg)
{
    batch_leave(arg);
}

void batch_soon(struct talk *talk, struct conversation *conv)
{
    if (list_empty(&conv->in_ready))
        list_push(&talk->ready, &conv->in_ready);
    if (!talk->flying && !talk->stalled)
        loop_at_turn_end(talk->loop, &talk->turn, on_turn, talk);
}

/* ---- gathering ---- */

static bool in_batch(const struct batch *batch, int first, const struct work *work)
{
    for (int i = first; i < batch->n; i++)
        if (uuid_equal(batch->rows[i].id, work->row.id) && uuid_equal(batch->rows[i].author, work->row.author))
            return true;
    return false;
}

static void number(struct batch *batch, struct conversation *conv, struct work *work, int64_t at_ms)
{
    struct log_row *row = &batch->rows[batch->n];
    *row = work->row;
    row->seq = ++conv->head;
    row->prev = conv->public_head;
    row->at_ms = at_ms;
    if (row->audience == 0)
        conv->public_head = row->seq;
    batch->works[batch->n++] = work;
}

/* False when the work has to wait for something else. */
static bool take_one(struct batch *batch, struct conversation *conv, struct work *work, int first, int64_t at_ms)
{
    struct refusal refusal = {0};
    if (batch->n == TALK_BATCH || work->stale_id || work->doubtful || in_batch(batch, first, work))
        return false;

    struct move *move = talk_spare_move(conv->talk, conv, work);
    enum verdict verdict = work->class->decide(work, conv, move, &refusal);
    if (verdict == WORK_REFUSE)
        refuse_decided(conv, work, move, &refusal);
    else
        move_done(move);
    if (verdict == WORK_PLAIN)
        number(batch, conv, work, at_ms);
    return verdict == WORK_REFUSE || verdict == WORK_PLAIN;
}

/* Takes what may go: the plain ones at the front. The heads count up meanwhile, and are as committed again afterwards.
 */
static void take(struct batch *batch, struct conversation *conv, int64_t at_ms)
{
    int64_t head = conv->head, public_head = conv->public_head;
    int first = batch->n;
    conv->lane = LANE_FAST; /* nobody else decides on heads that are not committed */
    LIST_EACH(&conv->works, node)
    if (!take_one(batch, conv, LIST_ITEM(node, struct work, node), first, at_ms))
        break;
    conv->head = head;
    conv->public_head = public_head;
    if (batch->n == first)
        conv->lane = LANE_IDLE;
}

static int by_id(const void *a, const void *b)
{
    const struct conversation *const *i = a, *const *j = b;
    return uuid_compare((*i)->id, (*j)->id);
}

/* In order of (conversation, number), so that two writers wait for each other instead of in a circle. */
static void gather(struct talk *talk, struct batch *batch)
{
    struct conversation *convs[TALK_BATCH];
    int n = 0;
    LIST_EACH(&talk->ready, node)
    {
        struct conversation *conv = LIST_ITEM(node, struct conversation, in_ready);
        if (n == TALK_BATCH)
            break;
        list_remove(&conv->in_ready);
        if (conv->lane == LANE_IDLE && conv->loaded)
            convs[n++] = conv;
    }
    qsort(convs, (size_t)n, sizeof *convs, by_id);
    int64_t at_ms = clock_ms();
    batch->n = 0;
    for (int i = 0; i < n; i++)
        take(batch, convs[i], at_ms);
    for (int i = 0; i < n; i++)
        if (convs[i]->lane == LANE_IDLE)
            conversation_pump(convs[i]);
}

/* ---- what became of it ---- */

static void stored(struct conversation *conv, struct work *work, const struct log_row *row)
{
    conversation_apply(conv, row);
    conversation_remember(conv, row, work->digest);
    item_stored(conv, row); /* first: its body is the work's, and ends with it */
    FAULT_POINT(batch_after_publish);
    work_stored(conv, work, row);
}

static void not_stored(struct conversation *conv, struct work *work, parley_status status)
{
    if (status == PARLEY_UNCERTAIN || status == PARLEY_CANCELED)
        work->doubtful = true;
    if (status != PARLEY_UNAVAILABLE)
        conversation_bitten(conv);
}

static void on_batch(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct talk *talk = arg;
    struct batch *batch = &talk->batch;
    struct conversation *last = NULL;

    talk->flying = false;
    if (status == PARLEY_OK) {
        FAULT_POINT(batch_after_commit);
        metric_add(METRIC_batches_total, 1);
        metric_observe_us(METRIC_message_commit_duration_seconds, clock_mono_us() - talk->left_us);
    }
    for (int i = 0; i < batch->n; i++) {
        struct conversation *conv = map_get(&talk->conversations, batch->rows[i].conversation);
        if (conv != last && last)
            last->lane = LANE_IDLE;
        last = conv;
        if (status == PARLEY_OK)
            stored(conv, batch->works[i], &batch->rows[i]);
        else
            not_stored(conv, batch->works[i], status);
    }
    if (last)
        last->lane = LANE_IDLE;
    for (int i = 0; i < batch->n; i++)
        if (i == 0 || !uuid_equal(batch->rows[i].conversation, batch->rows[i - 1].conversation))
            conversation_pump(map_get(&talk->conversations, batch->rows[i].conversation));
    if (!list_empty(&talk->ready) && !talk->stalled)
        loop_at_turn_end(talk->loop, &talk->turn, on_turn, talk);
}

void batch_leave(struct talk *talk)
{
    struct batch *batch = &talk->batch;
    if (talk->flying || list_empty(&talk->ready) || !store_is_up(talk->store))
        return;
    gather(talk, batch);
    if (batch->n == 0)
        return;
    talk->flying = true;
    talk->left_us = clock_mono_us();
    FAULT_POINT(batch_before_submit);
    parley_status st = log_append(talk->store, batch->rows, batch->n, on_batch, talk);
    if (st == PARLEY_OK) {
        FAULT_POINT(batch_after_submit);
        return;
    }
    talk->stalled = true; /* until the next tick: trying again at once would spin */
    on_batch(talk, PARLEY_UNAVAILABLE, NULL);
}
