/* A snapshot and its item in one transaction. Whether it differs from the one in force is for the caller to know. */
#include "server/talk/context.h"

#include "protocol/item.h"
#include "server/base/mem.h"
#include "server/io/crypto.h"
#include "server/store/context_row.h"
#include "server/talk/talk.h"

struct putting {
    struct call call;
    uint8_t hash[32];
    struct uuid conversation;
    int64_t at_ms;
    struct span snapshot, screen;
    char texts[];
};

void context_hash(struct span snapshot, uint8_t out[32])
{
    crypto_sha256(snapshot, out);
}

static void add_snapshot(void *arg, struct pg_group *group)
{
    struct putting *p = arg;
    context_put(group, p->conversation, p->hash, p->snapshot, p->at_ms);
}

static enum verdict decide_context(struct call *call, struct conversation *conv, struct move *move,
                                   struct refusal *refusal)
{
    struct putting *p = LIST_ITEM(call, struct putting, call);
    char hex[65];
    if (call_may_see(call, conv, refusal) != PARLEY_OK)
        return WORK_REFUSE;
    crypto_hex(span_of(p->hash, 32), hex);
    p->at_ms = move->at_ms;
    move->add = add_snapshot;
    move->arg = p;
    move_item(move, ITEM_context,
              &(struct frame_context_body){
                  .snapshot = span_of(hex, 64), .screen = p->screen, .has_screen = p->screen.len > 0});
    bool same = conv->context && conv->context == conversation_context(move->rows[0].body);
    call->result.seq = same ? 0 : move->rows[0].seq;
    return same ? WORK_DONE : WORK_MOVE;
}

void context_ask(struct talk *talk, struct uuid conversation, struct span snapshot, struct span screen,
                 const struct caller *caller, call_done *done, void *arg)
{
    struct putting *p = mem_alloc(sizeof *p + snapshot.len + screen.len);
    call_init(&p->call, conversation, crypto_uuid7(), caller, decide_context, done, arg);
    p->conversation = conversation;
    p->snapshot = span_of(p->texts, snapshot.len);
    p->screen = span_of(p->texts + snapshot.len, screen.len);
    memcpy(p->texts, snapshot.ptr, snapshot.len);
    if (screen.len)
        memcpy(p->texts + snapshot.len, screen.ptr, screen.len);
    context_hash(snapshot, p->hash);
    call_submit(talk, &p->call);
}
