/* Transitions: one conversation, one transaction of its own. Items take the numbers after the head that the decision
 * was made on, so whoever decided on less collides here. */
#include "server/talk/lane.h"

#include "server/base/fault.h"
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/store/settle.h"

struct moving {
    struct conversation *conv;
    struct work *work;
    struct move *move;
};

static void moving_free(struct moving *m)
{
    move_done(m->move);
    mem_free(m->move);
    mem_free(m);
}

static void committed(struct moving *m)
{
    struct conversation *conv = m->conv;
    struct service was;
    FAULT_POINT(move_after_commit);
    service_set(&was, &conv->service.row);

    for (int i = 0; i < m->move->count; i++)
        conversation_apply(conv, &m->move->rows[i]);
    if (m->move->session != MOVE_NO_SESSION)
        service_set(&conv->service, &m->move->to.row);
    if (!uuid_is_nil(m->move->customer)) {
        conv->customer = conv->service.row.customer = m->move->customer;
        conv->loaded = false; /* and whatever else has changed with it */
    }
    const struct log_row *own = m->move->own >= 0 ? &m->move->rows[m->move->own] : NULL;
    if (own)
        conversation_remember(conv, own, m->work->digest);

    conv->tries = 0;
    for (int i = 0; i < m->move->count; i++)
        item_stored(conv, &m->move->rows[i]);
    work_stored(conv, m->work, own ? own->seq : 0, own ? own->at_ms : 0);
    if (m->move->session != MOVE_NO_SESSION)
        tell_served(conv, &was.row);
}

/* ---- the outcome is unknown: its first item tells ---- */

/* It is stored after all: whoever asked is told how the session stood then. Everybody else hears of it as of what
 * others did, when it is read. */
static void stored_unheard(struct moving *m, const struct settle_found *first)
{
    struct conversation *conv = m->conv;
    struct service known;
    service_set(&known, &conv->service.row);
    if (m->move->session != MOVE_NO_SESSION)
        service_set(&conv->service, &m->move->to.row);
    work_stored(conv, m->work, m->move->own >= 0 ? first->seq + m->move->own : 0, first->at_ms);
    service_set(&conv->service, &known.row);
}

void move_forget(struct conversation *conv)
{
    if (!conv->doubt)
        return;
    moving_free(conv->doubt);
    conv->doubt = NULL;
    conv->loaded = false;
}

static void on_probed(void *arg, parley_status status, int64_t head, const struct settle_found *found, int n)
{
    struct conversation *conv = arg;
    if (status != PARLEY_OK && status != PARLEY_NOT_FOUND) {
        conv->lane = LANE_IDLE; /* the tick asks again */
        return;
    }
    if (status == PARLEY_OK && found[0].stored)
        stored_unheard(conv->doubt, &found[0]);
    move_forget(conv);
    conv->tries++;
    conversation_reload(conv);
}

void move_probe(struct conversation *conv)
{
    const struct log_row *row = &conv->doubt->move->rows[0];
    struct settle_id first = {.id = row->id, .author = row->author};
    if (settle_probe(conv->talk->store, conv->id, &first, 1, on_probed, conv) == PARLEY_OK)
        conv->lane = LANE_PROBE;
}

/* Decided anew before the outcome is known, it would be refused for what it did itself. */
static void doubt(struct moving *m)
{
    struct conversation *conv = m->conv;
    m->work->doubtful = true;
    conv->doubt = m;
    conv->lane = LANE_IDLE;
    if (m->move->count)
        move_probe(conv);
    else
        move_forget(conv); /* nothing tells: its conditions refuse a repeat */
}

/* ---- a condition did not hold ---- */

/* Conditions on rows that are not the conversation's: deciding anew would not help. */
static const struct {
    const char *statement;
    parley_status status;
    const char *text;
} conditions[] = {
    {"agent_take", PARLEY_LIMIT, "the agent is not online or has all the sessions they may have"},
    {"agent_take_anyway", PARLEY_DENIED, "the agent may not serve any more"},
    {"customer_all_named", PARLEY_CONFLICT, "the guest has begun another conversation meanwhile"},
    {"process_update", PARLEY_STALE, "the process has moved on; `current` is how it stands"},
    {"flow_run_update", PARLEY_STALE, "the run has moved on"},
    {"bot_turn_still", PARLEY_STALE, "the bot has answered, or has longer"},
    {"timer_fire", PARLEY_STALE, "the timer has fired already"},
    {"blob_claim", PARLEY_NOT_FOUND, "no file of this id has been uploaded to this conversation"},
    {"blob_claim_type", PARLEY_INVALID, "the file was uploaded with another type"},
    {"blob_claim_bytes", PARLEY_INVALID, "the file has another length"},
    {"blob_claim_sha256", PARLEY_INVALID, "the file has another digest"},
    {"blob_claim_form", PARLEY_INVALID, "the form does not ask for a file of this type here"},
};

/* False when deciding anew may help. */
static bool final(struct moving *m, const struct pg_fault *fault)
{
    struct refusal refusal;
    for (size_t i = 0; fault && i < sizeof conditions / sizeof conditions[0]; i++) {
        if (strcmp(fault->statement, conditions[i].statement) != 0)
            continue;
        refuse(&refusal, conditions[i].status, conditions[i].text);
        refusal.path = fault->about;
        work_refuse(m->conv, m->work, &refusal);
        return true;
    }
    return false;
}

static void on_moved(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct moving *m = arg;
    struct conversation *conv = m->conv;
    if (status == PARLEY_UNCERTAIN || status == PARLEY_CANCELED) {
        doubt(m);
        return;
    }
    conv->lane = LANE_IDLE;
    if (status == PARLEY_OK) {
        committed(m);
        moving_free(m);
        conversation_pump(conv);
        return;
    }
    if (status == PARLEY_CONFLICT && !uuid_is_nil(m->work->row.id))
        m->work->stale_id = !m->work->looked_up; /* perhaps not the number, but the id */
    bool over = status == PARLEY_STALE && final(m, fault);
    log_debug(NULL, "a move did not hold", LOG_UUID("conversation", conv->id), LOG_STATUS(status),
              LOG_STR("statement", fault && fault->statement ? fault->statement : ""), LOG_I64("tries", conv->tries));
    moving_free(m);
    if (status == PARLEY_UNAVAILABLE)
        return; /* the tick tries again, until it gives up */
    conv->tries = over ? 0 : conv->tries + 1;
    conversation_reload(conv);
}

void move_leave(struct conversation *conv, struct work *work, struct move *move)
{
    struct moving *m = mem_alloc(sizeof *m);
    *m = (struct moving){.conv = conv, .work = work, .move = move};
    conv->lane = LANE_MOVE;

    struct pg_group *group = store_transition(conv->talk->store);
    move_statements(move, group);
    FAULT_POINT(move_before_submit);
    if (pg_group_send(&group, on_moved, m) == PARLEY_OK) {
        FAULT_POINT(move_after_submit);
        return;
    }
    moving_free(m);
    conv->lane = LANE_IDLE; /* the tick tries again */
}
