/* context.put, context.get: what the customer is doing in the app. */
#include "protocol/item.h"
#include "server/api/api.h"
#include "server/api/thread.h"
#include "server/api/verb.h"
#include "server/base/mem.h"
#include "server/io/crypto.h"
#include "server/store/context_row.h"
#include "server/talk/context.h"

/* A put on its way: compared with what is in force, and stored when it differs. */
struct putting {
    struct ask *ask;
    struct uuid conversation;
    uint8_t hash[32];
    struct span snapshot, screen;
    char texts[];
};

static void on_put(void *arg, struct call *call, const struct result *result)
{
    struct ask *ask = arg;
    if (result->status != PARLEY_OK) {
        ask_refuse_result(ask, result);
        return;
    }
    struct frame_context_stored reply = {.changed = true};
    reply.seq = result->seq, reply.has_seq = link_is_staff(ask->link);
    ask_reply(ask, FRAME_context_stored, &reply);
}

static void on_in_force(void *arg, parley_status status, const struct context_row *rows, int n)
{
    struct putting *p = arg;
    char hex[65];
    crypto_hex(span_of(p->hash, 32), hex);
    if (status != PARLEY_OK) {
        ask_refuse(p->ask, status, NULL, NULL);
    } else if (n && span_is(rows[0].snapshot, hex)) {
        ask_reply(p->ask, FRAME_context_stored, &(struct frame_context_stored){.changed = false});
    } else if (link_gone(p->ask->link)) {
        ask_drop(p->ask);
    } else {
        struct caller caller = api_caller(p->ask->link);
        context_ask(p->ask->api->talk, p->conversation, p->snapshot, p->screen, &caller, on_put, p->ask);
    }
    mem_free(p);
}

void on_context_put(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_context_put *r = &frame->context_put;
    const struct value *screen = value_find(r->context.value, "screen");
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return;
    buf_clear(&api->scratch);
    item_canonical(r->context.value, &api->scratch);
    struct span snapshot = buf_span(&api->scratch);
    struct span name =
        screen && screen->type == VALUE_TEXT && screen->text.len <= LIMIT_TITLE ? screen->text : (struct span){0};
    struct putting *p = mem_alloc(sizeof *p + snapshot.len + name.len);
    p->ask = ask;
    p->conversation = r->conversation;
    memcpy(p->texts, snapshot.ptr, snapshot.len);
    if (name.len)
        memcpy(p->texts + snapshot.len, name.ptr, name.len);
    p->snapshot = span_of(p->texts, snapshot.len);
    p->screen = span_of(p->texts + snapshot.len, name.len);
    context_hash(p->snapshot, p->hash);
    parley_status st = context_at(api->store, r->conversation, INT64_MAX, on_in_force, p);
    if (st != PARLEY_OK)
        on_in_force(p, st, NULL, 0);
}

/* ---- get ---- */

static void on_found(void *arg, parley_status status, const struct context_row *rows, int n)
{
    struct ask *ask = arg;
    struct frame_context_found reply = {0};
    if (status != PARLEY_OK) {
        ask_refuse(ask, status, NULL, NULL);
        return;
    }
    if (n) {
        reply.seq = rows[0].seq, reply.has_seq = true;
        reply.context.json = rows[0].body, reply.has_context = true;
    }
    ask_reply(ask, FRAME_context_found, &reply);
}

struct getting {
    struct ask *ask;
    struct uuid conversation;
    int64_t at;
};

/* Who may read the thread may read the context. */
static void on_may_read(void *arg, parley_status status, struct thread_read *read)
{
    struct getting *g = arg;
    thread_release(read);
    if (status == PARLEY_OK)
        status = context_at(g->ask->api->store, g->conversation, g->at, on_found, g->ask);
    if (status != PARLEY_OK)
        ask_refuse(g->ask, status, NULL, status == PARLEY_NOT_FOUND ? "data.conversation" : NULL);
    mem_free(g);
}

void on_context_get(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_context_get *r = &frame->context_get;
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return;
    struct getting *g = mem_alloc(sizeof *g);
    *g = (struct getting){.ask = ask, .conversation = r->conversation, .at = r->has_at ? r->at : INT64_MAX};
    thread_load(api, link, &(struct thread_wish){.conversation = r->conversation, .limit = 1}, on_may_read, g);
}
