/* Transitions of a session. Each event has one function below, and one row in the table at the end. */
#include "server/talk/session.h"

#include "protocol/wire_json.h"

#include <assert.h>

#define IN(state) (1u << SESSION_##state)
#define NONE 1u /* no session was ever open */

/* A message comes behind everybody who waits: the priority of a queue or a handoff is within a tenth of this. */
enum { MESSAGE_BEHIND = 10000 };

typedef void transition(struct move *move, const struct session_change *c);

/* A change of hands: its item's number is the epoch. */
static int64_t change_hands(struct move *move, struct session_row *to, int16_t state)
{
    to->state = state;
    to->epoch = move_next(move);
    return to->epoch;
}

static void no_offer(struct session_row *to)
{
    to->offer = to->offer_agent = (struct uuid){0};
    to->offer_until_ms = 0;
}

static void free_agent(struct move *move, struct session_row *to)
{
    move->give = to->agent;
    to->agent = (struct uuid){0};
}

static void end_handoff(struct move *move, struct session_row *to, struct span outcome, struct span note)
{
    move->handoff_end = to->handoff;
    move->handoff_outcome = outcome;
    move->handoff_note = note; /* the session keeps its last handoff: the flow is told what came of it */
}

static void begin_handoff(struct move *move, struct session_row *to, const struct session_change *c)
{
    to->handoff = derived_id(move->cause, "handoff", 0);
    move->handoff_new = (struct handoff_row){
        .id = to->handoff,
        .session = to->id,
        .conversation = to->conversation,
        .queue = to->queue,
        .why = c->why,
        .reason = c->reason,
        .summary = c->summary,
        .collected = c->collected,
        .said = c->said,
        .priority = to->priority,
        .asked_at_ms = move->at_ms,
    };
}

static void set_queue(struct move *move, struct span queue)
{
    struct session_row row = move->to.row;
    row.queue = queue;
    service_set(&move->to, &row);
}

static void set_outcome(struct move *move, struct span outcome)
{
    struct session_row row = move->to.row;
    row.outcome = outcome;
    service_set(&move->to, &row);
}

/* Somebody is there for it, or waits for it now. */
static void no_message(struct session_row *to)
{
    to->priority += to->message ? MESSAGE_BEHIND : 0;
    to->message = false;
}

static void close_session(struct move *move, struct session_row *to, struct span outcome)
{
    change_hands(move, to, SESSION_CLOSED);
    no_message(to);
    to->closed_at_ms = move->at_ms;
    set_outcome(move, outcome);
}

static void queued_item(struct move *move, struct span why, struct span reason)
{
    const struct session_row *to = &move->to.row;
    move_item(move, ITEM_queued,
              &(struct frame_queued_body){.session = to->id,
                                          .epoch = to->epoch,
                                          .queue = to->queue,
                                          .why = why,
                                          .reason = reason,
                                          .has_reason = reason.len > 0});
}

static void resolved_item(struct move *move, struct span outcome, bool closed)
{
    move_item(move, ITEM_resolved,
              &(struct frame_resolved_body){
                  .session = move->to.row.id, .epoch = move->to.row.epoch, .outcome = outcome, .closed = closed});
}

static void left_item(struct move *move, struct span who, struct span outcome)
{
    move_item(move, ITEM_left,
              &(struct frame_left_body){
                  .session = move->to.row.id, .epoch = move->to.row.epoch, .who = who, .outcome = outcome});
}

/* ---- one function an event ---- */

static void wait_in_queue(struct move *move, const struct session_change *c)
{
    struct session_row *to = &move->to.row;
    set_queue(move, c->queue);
    change_hands(move, to, SESSION_QUEUED);
    to->queued_at_ms = move->at_ms;
    to->priority = c->priority - (c->message ? MESSAGE_BEHIND : 0);
    to->message = c->message;
    begin_handoff(move, to, c);
    queued_item(move, c->why, c->reason);
}

/* Who left a message wants somebody now: it is no message any more, and keeps its queue and its handoff. */
static void wait_after_message(struct move *move, struct session_row *to, const struct session_change *c)
{
    no_message(to);
    change_hands(move, to, SESSION_QUEUED);
    to->queued_at_ms = move->at_ms;
    queued_item(move, c->why, c->reason);
}

/* A bot from outside has control, or is to have it again. */
static bool has_bot(const struct session_row *to)
{
    return !uuid_is_nil(to->bot);
}

static void bot_leaves(struct move *move, struct session_row *to)
{
    if (!has_bot(to))
        return;
    to->holder = (struct uuid){0};
    move->turn = MOVE_TURN_OVER;
}

static void on_open(struct move *move, const struct session_change *c)
{
    struct session_row *to = move_open(move, derived_id(move->cause, "session", 0));
    to->run = c->run;
    to->bot = c->bot;
    change_hands(move, to, SESSION_BOT);
    move_item(move, ITEM_opened,
              &(struct frame_opened_body){
                  .session = to->id, .epoch = to->epoch, .flow = c->flow, .has_flow = c->flow.len > 0});
    if (has_bot(to))
        move->turn = MOVE_TURN_ASK;
    else if (uuid_is_nil(c->run))
        wait_in_queue(move, c);
}

/* Back into the queue. */
static void end_offer(struct move *move, struct session_row *to, struct span result)
{
    struct frame_offered_body body = {
        .session = to->id, .offer = to->offer, .agent = to->offer_agent, .result = result, .has_result = true};
    to->state = SESSION_QUEUED;
    no_offer(to);
    move_item(move, ITEM_offered, &body);
}

static void on_handoff(struct move *move, const struct session_change *c)
{
    struct session_row *to = move_change(move);
    if (to->state == SESSION_OFFERED)
        end_offer(move, to, span_str("withdrawn")); /* it was of a message */
    if (to->state == SESSION_QUEUED) {
        wait_after_message(move, to, c);
        return;
    }
    bot_leaves(move, to);
    if (c->run_over)
        to->run = to->bot = (struct uuid){0};
    wait_in_queue(move, c);
}

static void on_offer(struct move *move, const struct session_change *c)
{
    struct session_row *to = move_change(move);
    to->state = SESSION_OFFERED;
    to->offer = c->offer;
    to->offer_agent = c->agent;
    to->offer_until_ms = c->until_ms;
    move_item(move, ITEM_offered,
              &(struct frame_offered_body){.session = to->id, .offer = c->offer, .agent = c->agent});
}

static void on_withdraw(struct move *move, const struct session_change *c)
{
    end_offer(move, move_change(move), c->outcome);
}

static void join(struct move *move, struct session_row *to, const struct session_change *c, enum item_kind kind)
{
    no_offer(to);
    no_message(to);
    change_hands(move, to, SESSION_LIVE);
    to->agent = move->take = c->agent;
    to->live_at_ms = move->at_ms;
    to->closed_at_ms = 0;
    if (kind == ITEM_joined)
        move_item(move, kind,
                  &(struct frame_joined_body){
                      .session = to->id, .epoch = to->epoch, .agent = c->agent, .name = c->agent_name});
    else
        move_item(move, kind,
                  &(struct frame_reopened_body){
                      .session = to->id, .epoch = to->epoch, .agent = c->agent, .name = c->agent_name});
}

static void on_accept(struct move *move, const struct session_change *c)
{
    struct session_row *to = move_change(move);
    move->handoff_accept = to->handoff;
    join(move, to, c, ITEM_joined);
}

/* A handoff of its own: the last one has ended, and this one is to end too, or to be queued when the agent is lost. */
static void on_reopen(struct move *move, const struct session_change *c)
{
    struct session_row *to = move_change(move);
    set_queue(move, c->queue);
    set_outcome(move, (struct span){0});
    to->queued_at_ms = move->at_ms;
    to->priority = c->priority;
    begin_handoff(move, to, c);
    move->handoff_accept = to->handoff;
    move->take_anyway = true;
    join(move, to, c, ITEM_reopened);
}

static void to_bot(struct move *move, struct session_row *to, struct span outcome)
{
    change_hands(move, to, SESSION_BOT);
    set_outcome(move, outcome);
    if (has_bot(to))
        move->turn = MOVE_TURN_HEAR;
}

/* Back to the flow that waits in its handoff, or to the bot; or over. */
static void give_back(struct move *move, struct session_row *to, struct span outcome)
{
    if (uuid_is_nil(to->run) && !has_bot(to))
        close_session(move, to, outcome);
    else
        to_bot(move, to, outcome);
}

static void on_leave(struct move *move, const struct session_change *c)
{
    struct session_row *to = move_change(move);
    no_offer(to);
    end_handoff(move, to, c->outcome, c->note);
    give_back(move, to, c->outcome);
    left_item(move, c->why, c->outcome);
    if (to->state == SESSION_CLOSED)
        resolved_item(move, c->outcome, true);
}

static void on_transfer(struct move *move, const struct session_change *c)
{
    struct session_row *to = move_change(move);
    free_agent(move, to);
    end_handoff(move, to, span_str("transferred"), c->reason);
    set_queue(move, c->queue);
    change_hands(move, to, SESSION_QUEUED);
    begin_handoff(move, to, c);
    move_item(move, ITEM_transferred,
              &(struct frame_transferred_body){.session = to->id,
                                               .epoch = to->epoch,
                                               .queue = to->queue,
                                               .reason = c->reason,
                                               .has_reason = c->reason.len > 0});
}

static void on_release(struct move *move, const struct session_change *c)
{
    struct session_row *to = move_change(move);
    free_agent(move, to);
    end_handoff(move, to, c->outcome, c->note);
    to_bot(move, to, c->outcome);
    left_item(move, span_str("agent"), c->outcome);
}

static void on_resolve(struct move *move, const struct session_change *c)
{
    struct session_row *to = move_change(move);
    free_agent(move, to);
    end_handoff(move, to, c->outcome, c->note);
    give_back(move, to, c->outcome);
    resolved_item(move, c->outcome, to->state == SESSION_CLOSED);
}

static void on_lost(struct move *move, const struct session_change *c)
{
    struct session_row *to = move_change(move);
    free_agent(move, to);
    move->handoff_requeue = to->handoff;
    change_hands(move, to, SESSION_QUEUED);
    queued_item(move, span_str("agent_lost"), c->reason);
}

static void on_finish(struct move *move, const struct session_change *c)
{
    struct session_row *to = move_change(move);
    bot_leaves(move, to);
    to->run = to->bot = (struct uuid){0};
    close_session(move, to, c->outcome);
    resolved_item(move, c->outcome, true);
}

static void control_item(struct move *move, const struct session_row *to, struct span why)
{
    move_item(move, ITEM_control,
              &(struct frame_control_body){.session = to->id,
                                           .epoch = to->epoch,
                                           .bot = to->bot,
                                           .holder = to->holder,
                                           .has_holder = !uuid_is_nil(to->holder),
                                           .why = why});
}

static void on_hold(struct move *move, const struct session_change *c)
{
    struct session_row *to = move_change(move);
    change_hands(move, to, SESSION_BOT);
    to->holder = c->holder;
    move->turn = MOVE_TURN_TAKE;
    control_item(move, to, span_str("accepted"));
}

static void on_let_go(struct move *move, const struct session_change *c)
{
    struct session_row *to = move_change(move);
    change_hands(move, to, SESSION_BOT);
    to->holder = (struct uuid){0};
    move->turn = MOVE_TURN_WAIT;
    control_item(move, to, c->outcome);
}

static const struct {
    unsigned from; /* the states it is possible in */
    transition *go;
    const char *otherwise;
} events[SESSION_EVENTS] = {
    [SESSION_EVENT_OPEN] = {NONE | IN(CLOSED), on_open, "a session is open already"},
    [SESSION_EVENT_HANDOFF] = {IN(BOT), on_handoff, "a person was asked for already, or no session is open"},
    [SESSION_EVENT_OFFER] = {IN(QUEUED), on_offer, "the session does not wait"},
    [SESSION_EVENT_WITHDRAW] = {IN(OFFERED), on_withdraw, "the session is not offered"},
    [SESSION_EVENT_ACCEPT] = {IN(QUEUED) | IN(OFFERED), on_accept, "the session does not wait for a person"},
    [SESSION_EVENT_LEAVE] = {IN(QUEUED) | IN(OFFERED), on_leave, "you do not wait in a queue"},
    [SESSION_EVENT_TRANSFER] = {IN(LIVE) | IN(WRAP_UP), on_transfer, "no agent serves just now"},
    [SESSION_EVENT_RELEASE] = {IN(LIVE) | IN(WRAP_UP), on_release, "no agent serves just now"},
    [SESSION_EVENT_RESOLVE] = {IN(LIVE) | IN(WRAP_UP), on_resolve, "no agent serves just now"},
    [SESSION_EVENT_LOST] = {IN(LIVE) | IN(WRAP_UP), on_lost, "no agent serves just now"},
    [SESSION_EVENT_FINISH] = {IN(BOT), on_finish, "no flow serves just now"},
    [SESSION_EVENT_HOLD] = {IN(BOT), on_hold, "no bot serves just now"},
    [SESSION_EVENT_LET_GO] = {IN(BOT), on_let_go, "no bot serves just now"},
    [SESSION_EVENT_REOPEN] = {IN(CLOSED), on_reopen, "there is no session that is over"},
};

parley_status session_allows(const struct conversation *conv, enum session_event event, const char **out_text)
{
    const struct session_row *row = &conv->service.row;
    unsigned state = uuid_is_nil(row->id) ? NONE : 1u << row->state;
    bool waits = row->state == SESSION_QUEUED || row->state == SESSION_OFFERED;
    bool of_message = event == SESSION_EVENT_HANDOFF && waits && row->message;
    if (events[event].from & state || of_message)
        return PARLEY_OK;
    *out_text = events[event].otherwise;
    return PARLEY_WRONG_STATE;
}

void session_move(struct move *move, const struct session_change *change)
{
    const char *text;
    assert(session_allows(move->conv, change->event, &text) == PARLEY_OK);
    events[change->event].go(move, change);
}

struct span session_current(struct move *move, struct span agent_name)
{
    const struct session_row *row = &move->conv->service.row;
    char session[UUID_TEXT + 1], agent[UUID_TEXT + 1];
    struct value map;
    struct buf out;

    if (!conversation_serving(move->conv) || value_map(&move->arena, 6, &map) != PARLEY_OK)
        return (struct span){0};
    uuid_format(row->id, session);
    uuid_format(row->agent, agent);
    value_put(&map, span_str("session"), value_text(span_str(session)));
    value_put(&map, span_str("state"), value_text(span_str(session_state_name(row->state))));
    value_put(&map, span_str("epoch"), value_int(row->epoch));
    if (!uuid_is_nil(row->agent))
        value_put(&map, span_str("agent"), value_text(span_str(agent)));
    if (agent_name.len)
        value_put(&map, span_str("agent_name"), value_text(agent_name));
    buf_init(&out, 1024);
    wire_json_put_value(&out, &map);
    struct span text = arena_span(&move->arena, buf_span(&out));
    buf_done(&out);
    return text;
}
