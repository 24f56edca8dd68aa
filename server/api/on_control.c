/* handoff.request, queue.leave, offer.*, transfer, release, resolve, reopen: who serves. */
#include "protocol/item.h"
#include "server/api/api.h"
#include "server/api/thread.h"
#include "server/api/verb.h"
#include "server/base/fault.h"
#include "server/base/mem.h"
#include "server/io/crypto.h"
#include "server/route/route.h"
#include "server/talk/control.h"

static void reply_service(struct ask *ask, const struct session_row *row, const struct session_place *place)
{
    struct frame_service_is reply = {0};
    reply.has_service = api_service(ask->api, row, &reply.service);
    if (place)
        route_place(ask->api->directory, row, place, &reply.service);
    ask_reply(ask, FRAME_service_is, &reply);
}

/* Who waits is told at once where they stand. */
struct placing {
    struct ask *ask;
    struct service service;
};

static void on_place(void *arg, parley_status status, const struct session_place *place)
{
    struct placing *p = arg;
    reply_service(p->ask, &p->service.row, status == PARLEY_OK ? place : NULL);
    mem_free(p);
}

static void on_service(void *arg, struct call *call, const struct result *result)
{
    struct ask *ask = arg;
    if (result->status != PARLEY_OK) {
        ask_refuse_result(ask, result);
        return;
    }
    const struct session_row *row = &result->service->row;
    if (row->state != SESSION_QUEUED) {
        reply_service(ask, row, NULL);
        return;
    }
    struct placing *p = mem_alloc(sizeof *p);
    p->ask = ask;
    service_set(&p->service, row);
    parley_status st = session_place(ask->api->store, row->id, on_place, p);
    if (st != PARLEY_OK)
        on_place(p, st, NULL);
}

static void ask_control(struct api *api, struct link *link, const struct frame *frame, struct control control,
                        call_done *done)
{
    struct caller caller = api_caller(link);
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return;
    control.cause = crypto_uuid7();
    control_ask(api->talk, &control, &caller, done, ask);
}

/* What the bot was told goes with the session, canonical. */
static void add_bots_part(struct api *api, const struct frame_handoff_request *r, struct control *control)
{
    control->epoch = r->epoch;
    control->summary = r->summary;
    control->priority = (int32_t)r->priority;
    control->has_priority = r->has_priority;
    if (!r->has_collected)
        return;
    buf_clear(&api->scratch);
    item_canonical(r->collected.value, &api->scratch);
    control->collected = buf_span(&api->scratch);
}

void on_handoff_request(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_handoff_request *r = &frame->handoff_request;
    struct control control = {
        .conversation = r->conversation, .event = SESSION_EVENT_HANDOFF, .queue = r->queue, .reason = r->reason};
    if (link_is_bot(link))
        add_bots_part(api, r, &control);
    ask_control(api, link, frame, control, on_service);
}

void on_queue_leave(struct api *api, struct link *link, const struct frame *frame)
{
    ask_control(api, link, frame,
                (struct control){.conversation = frame->queue_leave.conversation, .event = SESSION_EVENT_LEAVE},
                on_service);
}

static void on_done(void *arg, struct call *call, const struct result *result)
{
    struct ask *ask = arg;
    if (result->status != PARLEY_OK)
        ask_refuse_result(ask, result);
    else
        ask_reply(ask, FRAME_done, NULL);
}

void on_offer_decline(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_offer_decline *r = &frame->offer_decline;
    if (link_is_bot(link)) {
        api_tell_bot(api, link, true, r->offer);
        link_reply(link, frame->id, FRAME_done, NULL);
        return;
    }
    ask_control(api, link, frame,
                (struct control){.conversation = r->conversation,
                                 .event = SESSION_EVENT_WITHDRAW,
                                 .offer = r->offer,
                                 .outcome = span_str("declined"),
                                 .reason = r->reason},
                on_done);
}

/* The session is theirs: its thread and dossier are read and sent as the answer. */
static void on_accepted(void *arg, struct call *call, const struct result *result)
{
    struct ask *ask = arg;
    if (result->status != PARLEY_OK) {
        ask_refuse_result(ask, result);
        return;
    }
    FAULT_POINT(accept_after_commit);
    thread_accepted(ask, call->work.conversation);
}

void on_offer_accept(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_offer_accept *r = &frame->offer_accept;
    ask_control(api, link, frame,
                (struct control){.conversation = r->conversation,
                                 .event = link_is_bot(link) ? SESSION_EVENT_HOLD : SESSION_EVENT_ACCEPT,
                                 .offer = r->offer},
                on_accepted);
}

void on_transfer(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_transfer *r = &frame->transfer;
    ask_control(api, link, frame,
                (struct control){.conversation = r->conversation,
                                 .event = SESSION_EVENT_TRANSFER,
                                 .epoch = r->epoch,
                                 .queue = r->queue,
                                 .reason = r->reason},
                on_service);
}

void on_release(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_release *r = &frame->release;
    ask_control(api, link, frame,
                (struct control){.conversation = r->conversation,
                                 .event = link_is_bot(link) ? SESSION_EVENT_LET_GO : SESSION_EVENT_RELEASE,
                                 .epoch = r->epoch,
                                 .outcome = r->outcome,
                                 .note = r->note},
                on_service);
}

void on_resolve(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_resolve *r = &frame->resolve;
    ask_control(api, link, frame,
                (struct control){.conversation = r->conversation,
                                 .event = link_is_bot(link) ? SESSION_EVENT_FINISH : SESSION_EVENT_RESOLVE,
                                 .epoch = r->epoch,
                                 .outcome = r->outcome,
                                 .note = r->note},
                on_service);
}

void on_reopen(struct api *api, struct link *link, const struct frame *frame)
{
    ask_control(api, link, frame,
                (struct control){.conversation = frame->reopen.conversation, .event = SESSION_EVENT_REOPEN},
                on_service);
}
