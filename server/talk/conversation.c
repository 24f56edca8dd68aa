/* State of one conversation, changed by what was committed and by nothing else. */
#include "server/talk/conversation.h"

#include "protocol/item.h"
#include "server/base/mem.h"
#include "server/io/crypto.h"

#include <stdio.h>

static struct span keep(char out[LIMIT_NAME + 1], struct span text)
{
    snprintf(out, LIMIT_NAME + 1, "%.*s", SPAN_ARG(text));
    return span_str(out);
}

void service_set(struct service *service, const struct session_row *row)
{
    char queue[LIMIT_NAME + 1], outcome[LIMIT_NAME + 1];
    keep(queue, row->queue);
    keep(outcome, row->outcome);
    service->row = *row;
    service->row.queue = keep(service->queue, span_str(queue));
    service->row.outcome = keep(service->outcome, span_str(outcome));
}

uint64_t conversation_context(struct span body)
{
    uint8_t digest[CRYPTO_DIGEST];
    uint64_t context;
    crypto_sha256(body, digest);
    memcpy(&context, digest, sizeof context);
    return context;
}

void conversation_person(struct conversation *conv, struct uuid run, struct span queue, bool asks)
{
    conv->person_run = run;
    keep(conv->person_queue, queue.ptr ? queue : span_of("", 0));
    conv->person_asks = asks;
}

bool conversation_knows_person(const struct conversation *conv)
{
    const struct session_row *s = &conv->service.row;
    return conversation_serving(conv) && s->state == SESSION_BOT && !uuid_is_nil(s->run) &&
           uuid_equal(s->run, conv->person_run);
}

void conversation_take(struct conversation *conv, const struct log_state *state)
{
    conv->customer = state->customer;
    conv->app = state->app;
    keep(conv->topic, state->topic);
    conv->head = state->head;
    conv->public_head = state->head_public;
    conv->moved = state->moved;
    conv->context = 0;
    if (state->has_session)
        service_set(&conv->service, &state->session);
    else
        conv->service.row = (struct session_row){0};
    conversation_person(conv, conv->service.row.run, state->person_queue, state->person_asks);
    conv->loaded = true;
}

void conversation_apply(struct conversation *conv, const struct log_row *row)
{
    conv->head = row->seq;
    if (row->audience == audience_public)
        conv->public_head = row->seq;
    if (row->kind == ITEM_context)
        conv->context = conversation_context(row->body);
    if (item_moves(row->kind))
        conv->moved = row->seq;
}

void conversation_remember(struct conversation *conv, const struct log_row *row, uint64_t digest)
{
    if (!conv->recent)
        conv->recent = mem_array(RECENT_MAX, sizeof *conv->recent);
    conv->recent[conv->recent_at++ % RECENT_MAX] =
        (struct recent){.id = row->id, .author = row->author, .seq = row->seq, .at_ms = row->at_ms, .digest = digest};
}

const struct recent *conversation_recall(const struct conversation *conv, struct uuid id, struct uuid author)
{
    for (unsigned i = 0; conv->recent && i < RECENT_MAX; i++)
        if (uuid_equal(conv->recent[i].id, id) && uuid_equal(conv->recent[i].author, author))
            return &conv->recent[i];
    return NULL;
}
