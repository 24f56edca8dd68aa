/* Works in, in order; which lane takes them; and the limits on what may wait. */
#include "server/talk/talk.h"

#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/hub/hub.h"
#include "server/talk/lane.h"

enum { TICK_MS = 250, IDLE_MS = 60000, CONVERSATIONS_KEPT = 20000, RETRY_MS = 1000, MISSED_MAX = 1000 };

static void on_tick(void *arg);

struct talk *talk_new(struct loop *loop, struct store *store, struct hub *hub, const struct peers *peers, int self,
                      struct directory *directory)
{
    struct talk *talk = mem_alloc(sizeof *talk);
    talk->loop = loop;
    talk->store = store;
    talk->hub = hub;
    talk->peers = peers;
    talk->self = self;
    talk->directory = directory;
    list_init(&talk->ready);
    list_init(&talk->all);
    for (int i = 0; i < TALK_BATCHES; i++)
        talk->batches[i].talk = talk;
    loop_timer_start(loop, &talk->tick, TICK_MS, on_tick, talk);
    return talk;
}

enum verdict refuse(struct refusal *refusal, parley_status status, const char *text)
{
    *refusal = (struct refusal){.status = status, .text = text};
    if (status_again(status))
        refusal->retry_after_ms = RETRY_MS;
    return WORK_REFUSE;
}

/* ---- conversations ---- */

struct conversation *talk_conversation(struct talk *talk, struct uuid id)
{
    struct conversation *conv = map_get(&talk->conversations, id);
    if (!conv) {
        conv = mem_alloc(sizeof *conv);
        conv->id = id;
        conv->talk = talk;
        list_init(&conv->works);
        list_init(&conv->in_ready);
        list_push(&talk->all, &conv->in_all);
        map_put(&talk->conversations, id, conv);
    }
    conv->used_ms = loop_now_ms(talk->loop);
    list_remove(&conv->in_all);
    list_push(&talk->all, &conv->in_all);
    return conv;
}

static void conversation_free(struct conversation *conv)
{
    map_remove(&conv->talk->conversations, conv->id);
    list_remove(&conv->in_all);
    list_remove(&conv->in_ready);
    mem_free(conv->recent);
    mem_free(conv);
}

void conversation_pin(struct conversation *conv)
{
    conv->pins++;
}

void conversation_unpin(struct conversation *conv)
{
    conv->pins--;
}

static bool is_idle(const struct conversation *conv)
{
    return conv->lane == LANE_IDLE && conv->pins == 0 && list_empty(&conv->works);
}

static void drop_idle(struct talk *talk)
{
    int64_t now = loop_now_ms(talk->loop);
    LIST_EACH(&talk->all, node)
    {
        struct conversation *conv = LIST_ITEM(node, struct conversation, in_all);
        if (talk->conversations.len <= CONVERSATIONS_KEPT && now - conv->used_ms < IDLE_MS)
            return;
        if (is_idle(conv))
            conversation_free(conv);
    }
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

void work_stored(struct conversation *conv, struct work *work, const struct log_row *row)
{
    leave_queue(conv, work);
    work->class->finish(work, conv, &(struct outcome){.seq = row->seq, .at_ms = row->at_ms, .stored = true}, NULL);
}

void work_settled(struct conversation *conv, struct work *work, int64_t seq, int64_t at_ms)
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

/* ---- state ---- */

void tell_served(struct conversation *conv, const struct session_row *was)
{
    for (int i = 0; i < conv->talk->nhooks; i++)
        if (conv->talk->hooks[i].served)
            conv->talk->hooks[i].served(conv->talk->hooks[i].arg, conv, was);
}

static bool has_moved(const struct session_row *was, const struct session_row *now)
{
    return !uuid_equal(was->id, now->id) || was->state != now->state || was->epoch != now->epoch ||
           !uuid_equal(was->offer, now->offer);
}

static void on_missed(void *arg, parley_status status, const struct log_page *page)
{
    struct conversation *conv = arg;
    conv->lane = LANE_IDLE;
    for (int i = 0; status == PARLEY_OK && i < page->n; i++) {
        conversation_apply(conv, &page->rows[i]);
        item_stored(conv, &page->rows[i]);
    }
    conversation_pump(conv);
}

static parley_status show_missed(struct conversation *conv)
{
    struct log_range range = {.conversation = conv->id,
                              .after = conv->shown,
                              .oldest = true,
                              .staff = true,
                              .limit = LIMIT_PAGE_ITEMS,
                              .bytes = LIMIT_PAGE_BYTES};
    parley_status st = log_range(conv->talk->store, &range, on_missed, conv);
    if (st == PARLEY_OK)
        conv->lane = LANE_LOADING;
    return st;
}

static void take_state(struct conversation *conv, const struct log_state *state)
{
    struct service was;
    service_set(&was, &conv->service.row);
    conversation_take(conv, state);
    bool flow_serves = conv->service.row.state == SESSION_BOT && !uuid_is_nil(conv->service.row.run);
    if (conv->seen && has_moved(&was.row, &conv->service.row))
        tell_served(conv, &was.row); /* another process moved it */
    else if (!conv->seen && flow_serves)
        tell_served(conv, &conv->service.row); /* its run may have been left behind */
    conv->seen = true;
    conv->shown = conv->head;
}

/* Something was stored that was never shown from here: by another process, or by us with an answer that never came.
 * Far behind, its readers are told the head instead. */
static bool has_missed(struct conversation *conv, const struct log_state *state)
{
    if (!conv->followed) /* whoever follows may have read it before another process wrote more */
        conv->shown = hub_sent(conv->talk->hub, conv->id, state->head);
    conv->followed = true;
    return state->head > conv->shown && state->head - conv->shown <= MISSED_MAX;
}

static void on_loaded(void *arg, parley_status status, const struct log_state *state)
{
    struct conversation *conv = arg;
    conv->lane = LANE_IDLE;
    if (status == PARLEY_OK && state->found && has_missed(conv, state)) {
        show_missed(conv); /* then it is loaded again */
        return;
    }
    if (status == PARLEY_OK && state->found) {
        take_state(conv, state);
    } else if (status == PARLEY_OK) {
        struct refusal refusal;
        refuse(&refusal, PARLEY_NOT_FOUND, "there is no such conversation, or none that you may see");
        LIST_EACH(&conv->works, node)
        work_refuse(conv, LIST_ITEM(node, struct work, node), &refusal);
    }
    conversation_pump(conv);
}

static void load(struct conversation *conv)
{
    if (log_load(conv->talk->store, conv->id, on_loaded, conv) == PARLEY_OK)
        conv->lane = LANE_LOADING;
}

/* What others wrote meanwhile is read and shown first; the state is loaded afterwards, by the next pump. */
void conversation_reload(struct conversation *conv)
{
    conv->loaded = false;
    conv->lane = LANE_IDLE;
    if (!conv->seen || show_missed(conv) != PARLEY_OK)
        conversation_pump(conv);
}

void conversation_bitten(struct conversation *conv)
{
    conv->bitten_until_ms = loop_now_ms(conv->talk->loop) + BITTEN_MS;
}

/* ---- deciding ---- */

/* Refuses the first work, and after it what its author said later: so repeats keep their order. */
static void refuse_first(struct conversation *conv, struct work *first, const struct refusal *refusal)
{
    struct uuid author = first->row.author;
    bool says = !uuid_is_nil(first->row.id);
    work_refuse(conv, first, refusal);
    LIST_EACH(&conv->works, node)
    {
        struct work *later = LIST_ITEM(node, struct work, node);
        if (says && !uuid_is_nil(later->row.id) && uuid_equal(later->row.author, author))
            work_refuse(conv, later, refusal);
    }
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
void refuse_decided(struct conversation *conv, struct work *work, struct move *move, const struct refusal *refusal)
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

/* Whose a conversation is may have changed elsewhere: it is read again before somebody is told that it is not theirs.
 */
static bool look_again(struct conversation *conv, struct work *work, enum verdict verdict,
                       const struct refusal *refusal)
{
    if (verdict != WORK_REFUSE || refusal->status != PARLEY_NOT_FOUND || work->reread)
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
        if (!conv->loaded) {
            load(conv);
            return;
        }
        if (conv->tries > TRIES_MAX)
            busy(conv, work);
        else if (!step(conv, work))
            return;
    }
}

/* ---- the connection comes and goes ---- */

void talk_up(struct talk *talk)
{
    LIST_EACH(&talk->all, node)
    conversation_pump(LIST_ITEM(node, struct conversation, in_all));
}

void talk_down(struct talk *talk)
{
    LIST_EACH(&talk->all, node)
    {
        struct conversation *conv = LIST_ITEM(node, struct conversation, in_all);
        conv->loaded = false;
        list_remove(&conv->in_ready);
    }
}

static void give_up(struct conversation *conv)
{
    int64_t now = loop_now_ms(conv->talk->loop);
    struct refusal refusal;
    while (conv->lane == LANE_IDLE && !list_empty(&conv->works)) {
        struct work *work = LIST_ITEM(conv->works.next, struct work, node);
        if (now - work->queued_ms < GIVE_UP_MS)
            return;
        refuse(&refusal, work->doubtful ? PARLEY_UNCERTAIN : PARLEY_UNAVAILABLE, NULL);
        refuse_first(conv, work, &refusal);
    }
}

static void on_tick(void *arg)
{
    struct talk *talk = arg;
    bool up = store_is_up(talk->store);
    talk->stalled = false;
    metric_set(METRIC_posts_waiting, (int64_t)talk->waiting);
    LIST_EACH(&talk->all, node)
    {
        struct conversation *conv = LIST_ITEM(node, struct conversation, in_all);
        if (list_empty(&conv->works))
            continue;
        if (up)
            conversation_pump(conv);
        else
            give_up(conv);
    }
    drop_idle(talk);
    loop_timer_start(talk->loop, &talk->tick, TICK_MS, on_tick, talk);
}

bool talk_behind(struct talk *talk, struct uuid conversation, int64_t head)
{
    struct conversation *conv = map_get(&talk->conversations, conversation);
    if (!conv || !conv->loaded || conv->shown >= head)
        return false;
    if (conv->lane == LANE_IDLE) {
        conversation_bitten(conv);
        conversation_reload(conv);
    }
    return true;
}

bool talk_idle(const struct talk *talk)
{
    return talk->waiting == 0 && !talk->flying;
}

void talk_hook(struct talk *talk, const struct talk_hooks *hooks)
{
    talk->hooks[talk->nhooks++] = *hooks;
}

void talk_cancel(struct talk *talk)
{
    struct refusal refusal;
    refuse(&refusal, PARLEY_CANCELED, NULL);
    talk->closing = true;
    loop_timer_stop(&talk->tick);
    loop_turn_cancel(&talk->turn);
    LIST_EACH(&talk->all, node)
    {
        struct conversation *conv = LIST_ITEM(node, struct conversation, in_all);
        while (!list_empty(&conv->works))
            work_refuse(conv, LIST_ITEM(conv->works.next, struct work, node), &refusal);
    }
}

void talk_free(struct talk **talk)
{
    if (!*talk)
        return;
    LIST_EACH(&(*talk)->all, node)
    conversation_free(LIST_ITEM(node, struct conversation, in_all));
    map_done(&(*talk)->conversations);
    mem_free((*talk)->spare);
    mem_free(*talk);
    *talk = NULL;
}
