/* Linking: the item in the customer's conversation first, since only the guest can ask again. */
#include "server/talk/linked.h"

#include "protocol/item.h"
#include "server/base/mem.h"
#include "server/store/customer_row.h"
#include "server/talk/move.h"
#include "server/talk/talk.h"

enum { BODY_MAX = 256, ROUNDS_MAX = 16, AT_ONCE = 64 };

/* The whole, while its parts are under way. */
struct joining {
    struct talk *talk;
    struct linking linking;
    struct uuid others[AT_ONCE]; /* of the guest, beside their main one, without the item yet */
    int nothers, rounds;
    linked_done *done;
    void *arg;
};

/* One conversation's part. */
struct naming {
    struct call call;
    struct linking linking;
    char body[BODY_MAX];
};

/* The same in each conversation, so that a repeat is one. */
static struct uuid item_of(const struct linking *linking)
{
    return derived_id(linking->guest, "linked", 0);
}

static void add_link(void *arg, struct pg_group *group)
{
    const struct linking *l = arg;
    customer_link(group, l->guest, l->customer, item_of(l));
}

static enum verdict decide_item(struct call *call, struct conversation *conv, struct move *move,
                                struct refusal *refusal)
{
    return WORK_PLAIN;
}

static enum verdict decide_from(struct call *call, struct conversation *conv, struct move *move,
                                struct refusal *refusal)
{
    struct naming *n = LIST_ITEM(call, struct naming, call);
    if (uuid_equal(conv->customer, n->linking.customer))
        return WORK_DONE;
    if (!uuid_equal(conv->customer, n->linking.guest))
        return refuse(refusal, PARLEY_STALE, "this guest has become somebody else meanwhile");
    move_row(move, &call->work.row);
    move->customer = n->linking.customer;
    move->add = add_link;
    move->arg = &n->linking;
    return WORK_MOVE;
}

static void name_other(struct joining *j, struct uuid here, struct uuid other, call_decide *decide, call_done *then)
{
    struct naming *n = mem_alloc(sizeof *n);
    struct buf body;
    call_init(&n->call, here, derived_id(j->linking.guest, "link", 0), &caller_parley, decide, then, j);
    n->linking = j->linking;
    buf_init(&body, BODY_MAX);
    item_put_body(&body, ITEM_linked,
                  &(struct frame_linked_body){.conversation = other, .main = uuid_equal(other, j->linking.main)});
    memcpy(n->body, body.ptr, body.len);
    n->call.work.stale_id = true; /* it may have been asked for before */
    n->call.work.row = (struct log_row){.conversation = here,
                                        .id = item_of(&j->linking),
                                        .kind = ITEM_linked,
                                        .role = role_system,
                                        .audience = audience_public,
                                        .body = span_of(n->body, body.len)};
    buf_done(&body);
    call_submit(j->talk, &n->call);
}

static void finish(struct joining *j, parley_status status)
{
    j->done(j->arg, status);
    mem_free(j);
}

static void look_for_others(struct joining *j);

/* CONFLICT: a conversation was begun while the others got their items. */
static void on_from(void *arg, struct call *call, const struct result *result)
{
    struct joining *j = arg;
    if (result->status == PARLEY_CONFLICT && j->rounds < ROUNDS_MAX)
        look_for_others(j);
    else
        finish(j, result->status == PARLEY_CONFLICT ? PARLEY_BUSY : result->status);
}

static void on_item(void *arg, struct call *call, const struct result *result)
{
    struct joining *j = arg;
    if (result->status != PARLEY_OK)
        finish(j, result->status);
    else if (j->nothers)
        name_other(j, j->others[--j->nothers], j->linking.main, decide_item, on_item);
    else
        look_for_others(j);
}

static void on_others(void *arg, parley_status status, const struct conversation_row *rows, int n)
{
    struct joining *j = arg;
    if (status != PARLEY_OK) {
        finish(j, status);
        return;
    }
    for (j->nothers = 0; j->nothers < n && j->nothers < AT_ONCE; j->nothers++)
        j->others[j->nothers] = rows[j->nothers].id;
    if (j->nothers)
        name_other(j, j->others[--j->nothers], j->linking.main, decide_item, on_item);
    else
        name_other(j, j->linking.from, j->linking.main, decide_from, on_from);
}

static void look_for_others(struct joining *j)
{
    struct uuid item = item_of(&j->linking);
    parley_status st = j->rounds++ < ROUNDS_MAX
                           ? customer_without_item(j->talk->store, j->linking.guest, item, on_others, j)
                           : PARLEY_BUSY;
    if (st != PARLEY_OK)
        finish(j, st);
}

void linked_ask(struct talk *talk, const struct linking *linking, linked_done *done, void *arg)
{
    struct joining *j = mem_alloc(sizeof *j);
    *j = (struct joining){.talk = talk, .linking = *linking, .done = done, .arg = arg};
    name_other(j, linking->main, linking->from, decide_item, on_item);
}
