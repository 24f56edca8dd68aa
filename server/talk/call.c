/* Calls go to the home worker as a mail, are works there, and come back as the same mail. */
#include "server/talk/call.h"

#include "server/base/mem.h"
#include "server/hub/peers.h"
#include "server/talk/directory.h"
#include "server/talk/session.h"
#include "server/talk/talk.h"

const struct caller caller_parley = {.role = role_system};

static enum verdict decide(struct work *work, struct conversation *conv, struct move *move, struct refusal *refusal)
{
    struct call *call = LIST_ITEM(work, struct call, work);
    return call->decide(call, conv, move, refusal);
}

static void call_free(struct call *call)
{
    if (call->free_extra)
        call->free_extra(call);
    mem_free(call->result.text);
    mem_free(call->result.path);
    mem_free(call->result.current);
    mem_free(call->result.service);
    mem_free(call);
}

static void discard(struct mail *mail)
{
    call_free(LIST_ITEM(mail, struct call, mail));
}

static void open_answer(struct mail *mail, void *receiver)
{
    struct call *call = LIST_ITEM(mail, struct call, mail);
    if (call->done)
        call->done(call->arg, call, &call->result);
    call_free(call);
}

static void answer(struct call *call)
{
    const struct peers *peers = call->talk->peers;
    call->mail = (struct mail){.open = open_answer, .discard = discard};
    if (call->from == call->talk->self)
        open_answer(&call->mail, NULL);
    else
        mailbox_send(peers->at[call->from].box, &call->mail);
}

static void take_refusal(struct result *result, const struct refusal *refusal)
{
    result->status = refusal->status;
    result->retry_after_ms = refusal->retry_after_ms;
    result->text = mem_text(refusal->text);
    result->path = mem_text(refusal->path);
    if (refusal->current.len)
        result->current = mem_span(refusal->current);
}

static void finish(struct work *work, struct conversation *conv, const struct outcome *outcome,
                   const struct refusal *refusal)
{
    struct call *call = LIST_ITEM(work, struct call, work);
    struct result *result = &call->result;
    if (refusal) {
        take_refusal(result, refusal);
    } else if (outcome->seq) {
        result->seq = outcome->seq;
        result->at_ms = outcome->at_ms;
        result->duplicate = outcome->duplicate;
    }
    if (conv)
        result->head = conv->head;
    if (conv && call->tell_service)
        service_set(result->service = mem_alloc(sizeof *result->service), &conv->service.row);
    answer(call);
}

static const struct work_class call_class = {.decide = decide, .finish = finish};

void call_init(struct call *call, struct uuid conversation, struct uuid cause, const struct caller *caller,
               call_decide *decide_call, call_done *done, void *arg)
{
    call->work.class = &call_class;
    call->work.conversation = conversation;
    call->work.cause = cause;
    call->work.bytes = sizeof *call;
    list_init(&call->work.node);
    call->caller = *caller;
    call->decide = decide_call;
    call->done = done;
    call->arg = arg;
}

static void submit_here(struct talk *talk, struct call *call)
{
    struct refusal refusal;
    call->talk = talk;
    /* Until what an administrator set up is read, nobody may anything here, and nothing would open a session. Nobody
     * from outside is let in before (peers_ready); what this process asks of itself is asked again. */
    parley_status st = directory_ready(talk->directory) ? talk_submit(talk, &call->work) : PARLEY_UNAVAILABLE;
    if (st == PARLEY_OK)
        return;
    refuse(&refusal, st, NULL);
    take_refusal(&call->result, &refusal);
    answer(call);
}

static void open_call(struct mail *mail, void *receiver)
{
    submit_here(((struct peer *)receiver)->talk, LIST_ITEM(mail, struct call, mail));
}

void call_submit(struct talk *talk, struct call *call)
{
    int home = peers_home(talk->peers, call->work.conversation);
    call->from = talk->self;
    if (home == talk->self) {
        submit_here(talk, call);
        return;
    }
    call->mail = (struct mail){.open = open_call, .discard = discard};
    mailbox_send(talk->peers->at[home].box, &call->mail);
}

static bool has_control(const struct caller *who, const struct session_row *session)
{
    if (who->role == role_bot)
        return session->state == SESSION_BOT && uuid_equal(session->bot, who->id) && !uuid_is_nil(session->holder) &&
               uuid_equal(session->holder, who->device);
    return uuid_equal(session->agent, who->id);
}

parley_status call_in_control(struct call *call, struct conversation *conv, int64_t epoch, struct move *move,
                              struct refusal *refusal)
{
    const struct session_row *session = &conv->service.row;
    if (conversation_serving(conv) && session->epoch == epoch && has_control(&call->caller, session))
        return PARLEY_OK;
    refuse(refusal, PARLEY_STALE,
           epoch ? "you are not in control of this conversation any more"
                 : "say the `epoch` in which you are in control of this conversation");
    refusal->path = "data.epoch";
    refusal->current = session_current(move, directory_agent_name(conv->talk->directory, session->agent));
    return PARLEY_STALE;
}

static parley_status not_theirs(struct refusal *refusal)
{
    refuse(refusal, PARLEY_NOT_FOUND, "there is no such conversation, or none that you may see");
    refusal->path = "data.conversation";
    return PARLEY_NOT_FOUND;
}

parley_status call_may_see(struct call *call, const struct conversation *conv, struct refusal *refusal)
{
    const struct caller *who = &call->caller;
    switch (who->role) {
    case role_customer:
    case role_guest:
        return uuid_equal(conv->customer, who->id) ? PARLEY_OK : not_theirs(refusal);
    case role_bot:
    case role_backend:
        return directory_one_space(conv->talk->directory, conv->app, who->app) ? PARLEY_OK : not_theirs(refusal);
    default:
        return PARLEY_OK;
    }
}

parley_status call_may_read(struct call *call, const struct conversation *conv, struct refusal *refusal)
{
    const struct session_row *s = &conv->service.row;
    struct directory_reach reach = {.agent = s->agent, .offered = s->offer_agent, .queue = s->queue};
    bool reads = directory_may_read(conv->talk->directory, call->caller.id, call->caller.role, &reach);
    return reads ? PARLEY_OK : not_theirs(refusal);
}
