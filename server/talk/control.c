/* Checks that the one who asks may, then leaves the rest to the state machine. */
#include "server/talk/control.h"

#include "protocol/item.h"
#include "server/base/mem.h"
#include "server/store/flow_upkeep.h"
#include "server/talk/directory.h"
#include "server/talk/post.h"
#include "server/talk/talk.h"

enum { REOPEN_MS = 24 * 3600 * 1000 };

struct asking {
    struct call call;
    struct control control;
    struct bot_turn turn;
    char texts[];
};

static const struct session_row *session_of(const struct conversation *conv)
{
    return &conv->service.row;
}

/* ---- may they? each returns OK, or the status of the refusal that it has filled ---- */

static parley_status no(struct refusal *refusal, parley_status status, const char *text)
{
    refuse(refusal, status, text);
    return status;
}

static parley_status taken(struct conversation *conv, struct move *move, struct refusal *refusal)
{
    struct span name = directory_agent_name(conv->talk->directory, session_of(conv)->agent);
    refuse(refusal, PARLEY_TAKEN, "another agent has taken this session");
    refusal->current = session_current(move, name);
    return PARLEY_TAKEN;
}

static parley_status may_accept(struct asking *a, struct conversation *conv, struct move *move, struct refusal *refusal)
{
    const struct session_row *s = session_of(conv);
    const struct directory *directory = conv->talk->directory;
    bool current = uuid_equal(s->offer, a->control.offer) || uuid_equal(s->id, a->control.offer);

    if (s->state == SESSION_LIVE && uuid_equal(s->agent, a->call.caller.id))
        return PARLEY_OK;
    if ((!current || s->state == SESSION_LIVE) && call_may_read(&a->call, conv, refusal) != PARLEY_OK)
        return PARLEY_NOT_FOUND;
    if (conversation_serving(conv) && s->state == SESSION_LIVE)
        return taken(conv, move, refusal);
    if (!current || !conversation_serving(conv)) {
        refuse(refusal, PARLEY_STALE, "this offer is over");
        refusal->current = session_current(move, span_str(""));
        return PARLEY_STALE;
    }
    if (!directory_serves(directory, a->call.caller.id, s->queue))
        return no(refusal, PARLEY_DENIED, "you do not serve this queue");
    return PARLEY_OK;
}

static parley_status may_end_offer(struct asking *a, struct conversation *conv, struct refusal *refusal)
{
    const struct session_row *s = session_of(conv);
    bool asker = a->call.caller.role == role_system || uuid_equal(s->offer_agent, a->call.caller.id);
    if (conversation_serving(conv) && uuid_equal(s->offer, a->control.offer) && asker)
        return PARLEY_OK;
    return no(refusal, PARLEY_STALE, "this offer is over, or not yours");
}

static parley_status may_reopen(struct asking *a, struct conversation *conv, struct move *move, struct refusal *refusal)
{
    const struct session_row *s = session_of(conv);
    if (call_may_read(&a->call, conv, refusal) != PARLEY_OK)
        return PARLEY_NOT_FOUND;
    if (s->state == SESSION_LIVE && !uuid_equal(s->agent, a->call.caller.id))
        return taken(conv, move, refusal);
    if (s->state != SESSION_CLOSED || move->at_ms - s->closed_at_ms < REOPEN_MS)
        return PARLEY_OK;
    return no(refusal, PARLEY_WRONG_STATE, "it was closed more than 24 h ago: wait for the customer, or post a note");
}

static bool is_bot(const struct asking *a)
{
    return a->call.caller.role == role_bot;
}

static parley_status may_hold(struct asking *a, struct conversation *conv, struct move *move, struct refusal *refusal)
{
    const struct session_row *s = session_of(conv);
    if (!conversation_serving(conv) || s->state != SESSION_BOT || !uuid_equal(s->bot, a->call.caller.id)) {
        refuse(refusal, PARLEY_STALE, "this session does not wait for you any more");
        refusal->current = session_current(move, (struct span){0});
        return PARLEY_STALE;
    }
    if (uuid_is_nil(s->holder) || uuid_equal(s->holder, a->call.caller.device))
        return PARLEY_OK;
    refuse(refusal, PARLEY_TAKEN, "another process of this bot has taken this session");
    refusal->current = session_current(move, (struct span){0});
    return PARLEY_TAKEN;
}

static parley_status may_let_go(struct asking *a, struct conversation *conv, struct move *move, struct refusal *refusal)
{
    if (is_bot(a))
        return call_in_control(&a->call, conv, a->control.epoch, move, refusal);
    return uuid_equal(session_of(conv)->holder, a->control.holder) ? PARLEY_OK : no(refusal, PARLEY_STALE, NULL);
}

static parley_status may_hand_off(struct asking *a, struct conversation *conv, struct move *move,
                                  struct refusal *refusal)
{
    if (is_bot(a))
        return call_in_control(&a->call, conv, a->control.epoch, move, refusal);
    return PARLEY_OK;
}

static parley_status may(struct asking *a, struct conversation *conv, struct move *move, struct refusal *refusal)
{
    const struct session_row *s = session_of(conv);
    switch (a->control.event) {
    case SESSION_EVENT_ACCEPT:
        return may_accept(a, conv, move, refusal);
    case SESSION_EVENT_WITHDRAW:
        return may_end_offer(a, conv, refusal);
    case SESSION_EVENT_TRANSFER:
    case SESSION_EVENT_RELEASE:
    case SESSION_EVENT_RESOLVE:
        return call_in_control(&a->call, conv, a->control.epoch, move, refusal);
    case SESSION_EVENT_LOST:
        return uuid_equal(s->agent, a->control.agent) ? PARLEY_OK : no(refusal, PARLEY_STALE, NULL);
    case SESSION_EVENT_HANDOFF:
        return may_hand_off(a, conv, move, refusal);
    case SESSION_EVENT_HOLD:
        return may_hold(a, conv, move, refusal);
    case SESSION_EVENT_LET_GO:
        return may_let_go(a, conv, move, refusal);
    case SESSION_EVENT_FINISH:
        if (is_bot(a))
            return call_in_control(&a->call, conv, a->control.epoch, move, refusal);
        return conv->head == a->control.head ? PARLEY_OK : no(refusal, PARLEY_STALE, NULL);
    case SESSION_EVENT_REOPEN:
        return may_reopen(a, conv, move, refusal);
    default:
        return PARLEY_OK;
    }
}

/* ---- what it comes to ---- */

static struct span or_text(struct span text, const char *otherwise)
{
    return text.len ? text : span_str(otherwise);
}

static struct span default_queue(const struct conversation *conv)
{
    struct uuid bot = conversation_serving(conv) ? session_of(conv)->bot : (struct uuid){0};
    return directory_bot_queue(conv->talk->directory, bot, conv->app);
}

/* Who asks for a person: the customer, their bot, or Parley for a bot that does not answer. */
static struct span who_asks(const struct asking *a)
{
    bool program = is_bot(a) || a->call.caller.role == role_system;
    return span_str(is_bot(a) ? "flow" : program ? "failed" : "customer");
}

/* A person was asked for without a word on which: the flow that serves knows, or the app does. */
static struct span queue_of(const struct control *c, const struct conversation *conv)
{
    bool of_flow = c->event == SESSION_EVENT_HANDOFF && conversation_knows_person(conv) &&
                   directory_queue(conv->talk->directory, span_str(conv->person_queue));
    if (c->queue.len)
        return c->queue;
    return of_flow ? span_str(conv->person_queue) : default_queue(conv);
}

static struct session_change change_of(const struct asking *a, const struct conversation *conv)
{
    const struct control *c = &a->control;
    struct session_change change = {
        .event = c->event,
        .agent = c->event == SESSION_EVENT_OFFER ? c->agent : a->call.caller.id,
        .agent_name = directory_agent_name(conv->talk->directory, a->call.caller.id),
        .offer = c->offer,
        .until_ms = c->until_ms,
        .queue = queue_of(c, conv),
        .why = who_asks(a),
        .reason = c->reason,
        .holder = a->call.caller.device,
        .summary = c->summary,
        .collected = c->collected,
        .run_over = a->call.caller.role == role_system,
        .outcome = c->outcome,
        .note = c->note,
    };
    if (c->event == SESSION_EVENT_RELEASE)
        change.outcome = or_text(c->outcome, "returned");
    if (c->event == SESSION_EVENT_RESOLVE || (c->event == SESSION_EVENT_FINISH && is_bot(a)))
        change.outcome = or_text(c->outcome, "resolved");
    if (c->event == SESSION_EVENT_LET_GO && is_bot(a))
        change.outcome = span_str("released");
    if (c->event == SESSION_EVENT_LEAVE)
        change.outcome = span_str("left");
    if (c->event == SESSION_EVENT_TRANSFER)
        change.why = span_str("transfer");
    if (c->event == SESSION_EVENT_REOPEN) {
        change.why = span_str("reopened");
        change.queue = session_of(conv)->queue.len ? session_of(conv)->queue : default_queue(conv);
    }
    const struct directory_queue *queue = directory_queue(conv->talk->directory, change.queue);
    change.priority = c->has_priority ? c->priority : queue ? queue->priority : 0;
    return change;
}

/* "Talk to a person" is always possible: without a session one is opened first, straight into the queue. */
static enum verdict handoff_without_session(struct move *move, struct session_change change)
{
    change.event = SESSION_EVENT_OPEN;
    session_move(move, &change);
    return WORK_MOVE;
}

/* The flow has its own way to a person: it hears of the wish as of anything that the customer says. Once: whoever asks
 * again before the flow has had its turn is not held up. */
static bool is_for_flow(const struct asking *a, const struct conversation *conv)
{
    bool customer = a->call.caller.role == role_customer || a->call.caller.role == role_guest;
    return a->control.event == SESSION_EVENT_HANDOFF && customer && !a->control.queue.len && conv->person_asks &&
           conversation_knows_person(conv);
}

static enum verdict wish(const struct asking *a, struct conversation *conv, struct move *move)
{
    struct frame_custom_body body = {.type = span_str(ITEM_WISH),
                                     .fallback = or_text(a->control.reason, "I would like to talk to a person.")};
    struct buf out;
    buf_init(&out, LIMIT_BODY);
    item_put_body(&out, ITEM_custom, &body);
    conv->person_asks = false;
    move_said(move, &(struct log_row){.conversation = conv->id,
                                      .id = derived_id(move->cause, "wish", 0),
                                      .author = a->call.caller.id,
                                      .kind = ITEM_custom,
                                      .role = (int16_t)a->call.caller.role,
                                      .audience = audience_public,
                                      .body = arena_span(&move->arena, buf_span(&out))});
    buf_done(&out);
    return WORK_MOVE;
}

static void add_abandon(void *arg, struct pg_group *group)
{
    flow_run_abandon(group, *(const struct uuid *)arg);
}

/* A run that nobody waits for any more ends with its session. */
static void abandon_run(struct move *move, const struct conversation *conv)
{
    struct uuid *run = arena_array(&move->arena, 1, sizeof *run);
    *run = session_of(conv)->run;
    if (uuid_is_nil(*run))
        return;
    move->add = add_abandon;
    move->arg = run;
}

static bool needs_queue(enum session_event event)
{
    return event == SESSION_EVENT_HANDOFF || event == SESSION_EVENT_TRANSFER || event == SESSION_EVENT_REOPEN;
}

/* What the customer is told when their bot has failed: in its own name, for it is its failure. */
static void apologize(struct move *move)
{
    struct frame_text_body body = {.text = span_str(move->conv->talk->bots.apology)};
    struct buf out;
    buf_init(&out, LIMIT_BODY);
    item_put_body(&out, ITEM_text, &body);
    move_said(move, &(struct log_row){.conversation = move->conv->id,
                                      .id = derived_id(move->cause, "apology", 0),
                                      .author = move->conv->service.row.bot,
                                      .kind = ITEM_text,
                                      .role = role_bot,
                                      .audience = audience_public,
                                      .body = arena_span(&move->arena, buf_span(&out))});
    buf_done(&out);
}

static bool takes(enum session_event event)
{
    return event == SESSION_EVENT_ACCEPT || event == SESSION_EVENT_REOPEN;
}

static enum verdict carry_out(const struct asking *a, struct conversation *conv, struct move *move,
                              struct refusal *refusal)
{
    struct session_change change = change_of(a, conv);
    const char *why;
    bool failed = change.event == SESSION_EVENT_HANDOFF && a->call.caller.role == role_system;
    if (failed && !change.queue.len)
        change.event = SESSION_EVENT_FINISH, change.outcome = span_str("failed");
    if (needs_queue(change.event) && !directory_queue(conv->talk->directory, change.queue)) {
        refuse(refusal, PARLEY_NOT_FOUND, "there is no such queue");
        refusal->path = "data.queue";
        return WORK_REFUSE;
    }
    if (takes(change.event) && session_of(conv)->state == SESSION_LIVE)
        return WORK_DONE; /* it is theirs already: a repeat */
    if (change.event == SESSION_EVENT_HOLD && uuid_equal(session_of(conv)->holder, change.holder))
        return WORK_DONE;
    if (change.event == SESSION_EVENT_HANDOFF && !conversation_serving(conv))
        return handoff_without_session(move, change);
    if (is_for_flow(a, conv))
        return wish(a, conv, move);
    if (session_allows(conv, change.event, &why) != PARLEY_OK) {
        refuse(refusal, PARLEY_WRONG_STATE, why);
        refusal->current = session_current(move, (struct span){0});
        return WORK_REFUSE;
    }
    if (change.event == SESSION_EVENT_RELEASE && uuid_is_nil(session_of(conv)->run) &&
        uuid_is_nil(session_of(conv)->bot))
        return refuse(refusal, PARLEY_WRONG_STATE, "no flow or bot waits to take it back; resolve or transfer it");
    if (change.event == SESSION_EVENT_FINISH)
        abandon_run(move, conv);
    if (failed)
        apologize(move);
    move->turn_seen = a->control.turn;
    session_move(move, &change);
    return WORK_MOVE;
}

static enum verdict decide_control(struct call *call, struct conversation *conv, struct move *move,
                                   struct refusal *refusal)
{
    struct asking *a = LIST_ITEM(call, struct asking, call);
    if (call_may_see(call, conv, refusal) != PARLEY_OK)
        return WORK_REFUSE;
    if (!uuid_is_nil(a->control.session) && !uuid_equal(a->control.session, session_of(conv)->id))
        return refuse(refusal, PARLEY_STALE, "that session is over");
    if (may(a, conv, move, refusal) != PARLEY_OK)
        return WORK_REFUSE;
    return carry_out(a, conv, move, refusal);
}

static struct span keep(char **at, struct span text)
{
    struct span kept = span_of(*at, text.len);
    if (text.len)
        memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return kept;
}

void control_ask(struct talk *talk, const struct control *control, const struct caller *caller, call_done *done,
                 void *arg)
{
    size_t texts = control->queue.len + control->reason.len + control->outcome.len + control->note.len +
                   control->summary.len + control->collected.len;
    struct asking *a = mem_alloc(sizeof *a + texts);
    char *at = a->texts;
    call_init(&a->call, control->conversation, control->cause, caller, decide_control, done, arg);
    a->call.tell_service = true;
    a->control = *control;
    a->control.queue = keep(&at, control->queue);
    a->control.reason = keep(&at, control->reason);
    a->control.outcome = keep(&at, control->outcome);
    a->control.note = keep(&at, control->note);
    a->control.summary = keep(&at, control->summary);
    a->control.collected = keep(&at, control->collected);
    if (control->turn)
        a->turn = *control->turn, a->control.turn = &a->turn;
    call_submit(talk, &a->call);
}
