/* The fast lane: plain posts of many conversations in one insert. Two batches may be in flight, never with the same
 * conversation in both: Postgres has something to do while this worker tells what has become of the other. What comes
 * meanwhile gathers, so batches grow by themselves under load, and at rest a post goes out alone at once. A commit
 * costs as much as many rows, so beside one that is under way a few posts wait for its end and share the next. */
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
    batch_go_on(talk);
}

void batch_go_on(struct talk *talk)
{
    if (!list_empty(&talk->ready) && talk->flying < TALK_BATCHES && !talk->stalled)
        loop_at_turn_end(talk->loop, &talk->turn, on_turn, talk);
}

/* ---- gathering ---- */

static void number(struct batch *batch, struct conversation *conv, struct work *work, int64_t at_ms)
{
    struct log_row *row = &batch->rows[batch->n];
    *row = work->row;
    row->seq = ++conv->head;
    row->prev = conv->public_head;
    row->at_ms = at_ms;
    if (row->audience == audience_public)
        conv->public_head = row->seq;
    batch->works[batch->n] = work;
    batch->convs[batch->n] = conv;
    batch->n++;
}

/* False when the work is not plain or has to wait for something else: then it is decided once it is the first. */
static bool take_one(struct batch *batch, struct conversation *conv, struct work *work, int first, int64_t at_ms)
{
    struct refusal refusal = {0};
    if (batch->n == TALK_BATCH || work->stale_id || work->doubtful ||
        work_among(&batch->rows[first], batch->n - first, work))
        return false;

    struct move *move = talk_spare_move(conv->talk, conv, work);
    enum verdict verdict = work->class->decide(work, conv, move, &refusal);
    move_done(move);
    if (verdict == WORK_PLAIN)
        number(batch, conv, work, at_ms);
    return verdict == WORK_PLAIN;
}

/* Takes what may go: the plain ones at the front. Nothing is finished here, so the list stays as it is. The heads count
 * up meanwhile, and are as committed again afterwards. */
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

/* How many works wait, up to so many. */
static int count_works(const struct conversation *conv, int most)
{
    int n = 0;
    for (const struct list *node = conv->works.next; node != &conv->works && n < most; node = node->next)
        n++;
    return n;
}

/* In order of (conversation, number), so that two writers wait for each other instead of in a circle. */
static void gather(struct talk *talk, struct batch *batch)
{
    struct conversation *convs[TALK_BATCH];
    int n = 0, room = TALK_BATCH;
    LIST_EACH(&talk->ready, node)
    {
        struct conversation *conv = LIST_ITEM(node, struct conversation, in_ready);
        if (room == 0)
            break;
        list_remove(&conv->in_ready);
        if (conv->lane != LANE_IDLE || !conv->loaded)
            continue;
        room -= count_works(conv, room);
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
    work_stored(conv, work, row->seq, row->at_ms);
}

/* Somebody repeats what this worker does not remember: that says nothing about other writers. */
static bool is_repeat(parley_status status, const struct pg_fault *fault)
{
    return status == PARLEY_CONFLICT && fault && strcmp(fault->constraint, "item_id_conversation_author_key") == 0;
}

static void not_stored(struct conversation *conv, struct work *work, parley_status status, const struct pg_fault *fault)
{
    if (status == PARLEY_UNCERTAIN || status == PARLEY_CANCELED)
        work->doubtful = true;
    if (is_repeat(status, fault))
        work->stale_id = true; /* one of the batch is it */
    else if (status != PARLEY_UNAVAILABLE)
        conversation_bitten(conv);
}

/* Its conversation, if this row is the first one of it; else NULL. */
static struct conversation *first_of(const struct batch *batch, int i)
{
    return i > 0 && batch->convs[i] == batch->convs[i - 1] ? NULL : batch->convs[i];
}

static void committed(const struct batch *batch)
{
    FAULT_POINT(batch_after_commit);
    metric_add(METRIC_batches_total, 1);
    metric_observe_us(METRIC_message_commit_duration_seconds, clock_mono_us() - batch->left_us);
    for (int i = 0; i < batch->n; i++) {
        stored(batch->convs[i], batch->works[i], &batch->rows[i]);
        if (i + 1 == batch->n || first_of(batch, i + 1))
            batch->convs[i]->lane = LANE_IDLE;
    }
}

static void failed(const struct batch *batch, parley_status status, const struct pg_fault *fault)
{
    for (int i = 0; i < batch->n; i++) {
        not_stored(batch->convs[i], batch->works[i], status, fault);
        batch->convs[i]->lane = LANE_IDLE;
    }
}

static void on_batch(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct batch *batch = arg;
    struct talk *talk = batch->talk;
    struct conversation *conv;
    if (status == PARLEY_OK)
        committed(batch);
    else
        failed(batch, status, fault);
    if (status == PARLEY_UNAVAILABLE)
        talk->stalled = true; /* until the next tick: trying again at once would spin */
    batch->flying = false;
    talk->flying--;
    for (int i = 0; i < batch->n; i++)
        if ((conv = first_of(batch, i)))
            conversation_pump(conv);
    batch_go_on(talk);
}

static void leave(struct batch *batch)
{
    struct talk *talk = batch->talk;
    gather(talk, batch);
    if (batch->n == 0)
        return;
    batch->flying = true;
    batch->left_us = clock_mono_us();
    talk->flying++;
    FAULT_POINT(batch_before_submit);
    parley_status st = log_append(talk->store, batch->rows, batch->n, on_batch, batch);
    if (st == PARLEY_OK) {
        FAULT_POINT(batch_after_submit);
        return;
    }
    on_batch(batch, PARLEY_UNAVAILABLE, NULL);
}

/* Whether what is ready may leave now: anything when nothing is under way, else enough for a commit of its own. */
static bool may_leave(const struct talk *talk)
{
    int n = 0;
    if (talk->stalled || !store_is_up(talk->store))
        return false;
    if (!talk->flying)
        return !list_empty(&talk->ready);
    for (const struct list *node = talk->ready.next; node != &talk->ready && n < TALK_SECOND; node = node->next)
        n += count_works(LIST_ITEM(node, struct conversation, in_ready), TALK_SECOND);
    return n >= TALK_SECOND;
}

void batch_leave(struct talk *talk)
{
    for (int i = 0; i < TALK_BATCHES; i++)
        if (!talk->batches[i].flying && may_leave(talk))
            leave(&talk->batches[i]);
}
