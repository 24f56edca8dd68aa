/* The slow lane: the settling function locks the conversation, looks what is there and stores what is not. */
#include "server/talk/lane.h"

#include "server/base/clock.h"
#include "server/base/fault.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/store/settle.h"

struct settling {
    struct conversation *conv;
    struct log_row rows[SETTLE_MAX];
    struct work *works[SETTLE_MAX];
    int n;
};

/* The plain ones at the front; what is not plain waits its turn. */
static void collect(struct settling *s)
{
    struct conversation *conv = s->conv;
    int64_t at_ms = clock_ms();
    LIST_EACH(&conv->works, node)
    {
        struct work *work = LIST_ITEM(node, struct work, node);
        struct refusal refusal = {0};
        if (s->n == SETTLE_MAX || work_among(s->rows, s->n, work))
            return;
        struct move *move = talk_spare_move(conv->talk, conv, work);
        enum verdict verdict = work->class->decide(work, conv, move, &refusal);
        move_done(move);
        if (verdict != WORK_PLAIN)
            return;
        s->works[s->n] = work;
        s->rows[s->n] = work->row;
        s->rows[s->n].at_ms = at_ms;
        s->rows[s->n].basis = conv->moved;
        s->rows[s->n].group = s->n;
        s->n++;
    }
}

static void conflict(struct conversation *conv, struct work *work)
{
    struct refusal refusal;
    refuse(&refusal, PARLEY_CONFLICT, NULL);
    work_refuse(conv, work, &refusal);
}

/* Whether the answers are the next numbers one after another, so that nothing of others lies between. */
static bool in_sequence(const struct settling *s, const struct settle_answer *answers)
{
    int64_t next = s->conv->head + 1;
    for (int i = 0; i < s->n; i++)
        if (answers[i].outcome == SETTLE_STALE || (answers[i].outcome == SETTLE_STORED && answers[i].seq != next++))
            return false;
    return true;
}

/* Shown here when nothing of others lies before it, else by the reload that follows. */
static void settled(struct settling *s, int i, const struct settle_answer *answer, bool show)
{
    struct log_row row = s->rows[i];
    row.seq = answer->seq;
    row.prev = answer->prev;
    row.at_ms = answer->at_ms;
    switch (answer->outcome) {
    case SETTLE_STORED:
        if (show) {
            conversation_apply(s->conv, &row);
            item_stored(s->conv, &row);
        }
        conversation_remember(s->conv, &row, s->works[i]->digest);
        work_stored(s->conv, s->works[i], row.seq, row.at_ms);
        return;
    case SETTLE_REPEAT:
        work_repeat(s->conv, s->works[i], row.seq, row.at_ms);
        return;
    case SETTLE_CONFLICT:
        conflict(s->conv, s->works[i]);
        return;
    case SETTLE_STALE:
        return; /* it stays where it is, and is decided anew on the state as it will be read */
    }
}

/* A repeat of one in doubt was stored and never shown: it is above the head that we know, and read with the rest. */
static bool hidden(const struct settling *s, const struct settle_answer *answers)
{
    for (int i = 0; i < s->n; i++)
        if (answers[i].outcome == SETTLE_REPEAT && answers[i].seq > s->conv->head)
            return true;
    return false;
}

static void on_settled(void *arg, parley_status status, const struct settle_answer *answers, int n)
{
    struct settling *s = arg;
    struct conversation *conv = s->conv;
    bool known = status == PARLEY_OK && in_sequence(s, answers) && !hidden(s, answers);

    FAULT_POINT(settle_after_commit);
    metric_add(METRIC_settled_total, s->n);
    for (int i = 0; status == PARLEY_OK && i < n; i++)
        settled(s, i, &answers[i], known);
    for (int i = 0; status != PARLEY_OK && i < s->n; i++)
        s->works[i]->doubtful |= status == PARLEY_UNCERTAIN || status == PARLEY_CANCELED;
    mem_free(s);
    conv->tries = status == PARLEY_OK ? 0 : conv->tries + 1;
    if (known) {
        conv->lane = LANE_IDLE;
        conversation_pump(conv);
        return;
    }
    conversation_bitten(conv);
    conversation_reload(conv);
}

void settle_leave(struct conversation *conv)
{
    struct settling *s = mem_alloc(sizeof *s);
    s->conv = conv;
    conv->lane = LANE_SETTLE;
    collect(s);
    if (s->n && settle(conv->talk->store, s->rows, s->n, on_settled, s) == PARLEY_OK) {
        FAULT_POINT(settle_after_submit);
        return;
    }
    mem_free(s);
    conv->lane = LANE_IDLE; /* the tick tries again */
}

/* ---- only looking ---- */

static void on_looked_up(void *arg, parley_status status, const struct settle_answer *answers, int n)
{
    struct settling *s = arg;
    struct conversation *conv = s->conv;
    bool unseen = status == PARLEY_OK && hidden(s, answers);
    conv->lane = LANE_IDLE;
    if (status == PARLEY_OK && answers[0].outcome != SETTLE_STALE)
        settled(s, 0, &answers[0], false);
    else if (status == PARLEY_OK)
        s->works[0]->looked_up = true;
    else
        conv->tries++;
    mem_free(s);
    if (unseen)
        conversation_reload(conv); /* stored by a transaction that came to its end after we read the state */
    else
        conversation_pump(conv);
}

void settle_look_up(struct conversation *conv, struct work *work)
{
    struct settling *s = mem_alloc(sizeof *s);
    s->conv = conv;
    s->works[0] = work;
    s->rows[0] = work->row;
    s->rows[0].basis = SETTLE_LOOK_ONLY;
    s->n = 1;
    conv->lane = LANE_SETTLE;
    if (settle(conv->talk->store, s->rows, 1, on_looked_up, s) == PARLEY_OK)
        return;
    mem_free(s);
    conv->lane = LANE_IDLE; /* the tick tries again */
}
