/* A transition's parts, and the statements they become. */
#include "server/talk/move.h"

#include "protocol/item.h"
#include "server/io/crypto.h"
#include "server/store/agent_row.h"
#include "server/talk/talk.h"

#include <assert.h>
#include <stdio.h>

void move_init(struct move *move, const struct conversation *conv, struct uuid cause, int64_t at_ms)
{
    move->conv = conv;
    move->cause = cause;
    move->at_ms = at_ms;
    move->count = 0;
    move->own = -1;
    move->session = MOVE_NO_SESSION;
    move->take = move->give = move->handoff_accept = move->handoff_requeue = move->handoff_end = (struct uuid){0};
    move->handoff_new.id = move->customer = (struct uuid){0};
    move->handoff_outcome = move->handoff_note = (struct span){0};
    move->take_anyway = false;
    move->missed = NULL;
    move->turn = MOVE_TURN_AS_IS;
    move->turn_seen = NULL;
    move->add = NULL;
    move->arg = NULL;
    move->public_head = conv->public_head;
    arena_init(&move->arena, MOVE_BYTES);
}

void move_done(struct move *move)
{
    arena_done(&move->arena);
}

int64_t move_next(const struct move *move)
{
    return move->conv->head + move->count + 1;
}

struct session_row *move_change(struct move *move)
{
    if (move->session == MOVE_NO_SESSION) {
        move->session = MOVE_CHANGE_SESSION;
        move->from_epoch = move->conv->service.row.epoch;
        move->from_state = move->conv->service.row.state;
        service_set(&move->to, &move->conv->service.row);
        move->to.row.state_at_ms = move->at_ms;
    }
    return &move->to.row;
}

struct session_row *move_open(struct move *move, struct uuid session)
{
    move->session = MOVE_OPEN_SESSION;
    move->to.row = (struct session_row){
        .id = session,
        .conversation = move->conv->id,
        .app = move->conv->app,
        .customer = move->conv->customer,
        .opened_at_ms = move->at_ms,
        .state_at_ms = move->at_ms,
    };
    return &move->to.row;
}

struct uuid derived_id(struct uuid cause, const char *part, int64_t n)
{
    char text[160];
    uint8_t digest[32];
    memcpy(text, cause.b, 16);
    int len = snprintf(text + 16, sizeof text - 16, "/%s/%lld", part, (long long)n);
    crypto_sha256(span_of(text, 16 + (size_t)len), digest);
    return uuid_v8(digest);
}

static struct log_row *add(struct move *move, const struct log_row *row)
{
    assert(move->count < MOVE_ITEMS);
    struct log_row *out = &move->rows[move->count];
    *out = *row;
    out->seq = move_next(move);
    out->prev = move->public_head;
    out->at_ms = move->at_ms;
    if (row->audience == audience_public)
        move->public_head = out->seq;
    move->count++;
    return out;
}

void move_said(struct move *move, const struct log_row *row)
{
    add(move, row);
}

void move_row(struct move *move, const struct log_row *row)
{
    move->own = move->count;
    add(move, row);
}

void move_item(struct move *move, enum item_kind kind, const void *content)
{
    struct buf out;
    buf_init(&out, LIMIT_BODY);
    item_put_body(&out, kind, content);
    struct span body = arena_span(&move->arena, buf_span(&out));
    assert(out.status == PARLEY_OK && body.ptr);
    buf_done(&out);
    add(move, &(struct log_row){.conversation = move->conv->id,
                                .id = derived_id(move->cause, "item", move->count),
                                .kind = (int16_t)kind,
                                .role = role_system,
                                .audience = (int16_t)item_row(kind)->audience,
                                .body = body});
}

static void turn_statements(const struct move *move, struct pg_group *group)
{
    const struct session_row *session = move->session == MOVE_NO_SESSION ? &move->conv->service.row : &move->to.row;
    if (move->turn_seen)
        bot_turn_still(group, move->turn_seen);
    if (move->turn == MOVE_TURN_AS_IS)
        return;
    const struct talk_bots *bots = &move->conv->talk->bots;
    int64_t due_ms = move->at_ms + bots->answer_ms;
    if (move->turn == MOVE_TURN_OVER)
        bot_turn_over(group, session->id);
    else if (move->turn == MOVE_TURN_TAKE)
        bot_turn_take(group, session->id, due_ms, bots->longest_ms);
    else if (move->turn == MOVE_TURN_WAIT)
        bot_turn_wait(group, session->id, move->at_ms, due_ms, bots->longest_ms);
    else
        bot_turn_ask(group, &(struct bot_turn){.session = session->id,
                                               .conversation = session->conversation,
                                               .bot = session->bot,
                                               .why = move->turn == MOVE_TURN_ASK ? BOT_TURN_ANSWER : BOT_TURN_HEAR,
                                               .waiting = uuid_is_nil(session->holder),
                                               .asked_at_ms = move->at_ms,
                                               .due_ms = due_ms});
}

void move_statements(const struct move *move, struct pg_group *group)
{
    const struct session_row *to = &move->to.row;
    if (move->count)
        log_append_to(group, move->rows, move->count);
    if (move->session == MOVE_OPEN_SESSION)
        session_insert(group, to);
    if (move->session == MOVE_CHANGE_SESSION)
        session_update(group, to, move->from_epoch, move->from_state);
    if (!uuid_is_nil(move->handoff_end))
        handoff_end(group, move->handoff_end, move->handoff_outcome, move->handoff_note, move->at_ms);
    if (!uuid_is_nil(move->handoff_requeue))
        handoff_requeue(group, move->handoff_requeue, to->queue, move->handoff_note);
    if (!uuid_is_nil(move->handoff_new.id))
        handoff_insert(group, &move->handoff_new);
    if (!uuid_is_nil(move->handoff_accept))
        handoff_accept(group, move->handoff_accept, to->agent, move->at_ms);
    if (move->add)
        move->add(move->arg, group);
    if (move->missed)
        agent_miss(group, move->missed_agent, MOVE_MISSES_MAX, move->missed);
    if (!uuid_is_nil(move->give))
        agent_give(group, move->give);
    if (!uuid_is_nil(move->take) && move->take_anyway)
        agent_take_anyway(group, move->take, move->at_ms);
    else if (!uuid_is_nil(move->take))
        agent_take(group, move->take, move->at_ms);
    turn_statements(move, group);
}
