/* A step of a process: its row on the condition of its revision, and its item, in one transaction. */
#include "server/talk/process.h"

#include "protocol/item.h"
#include "protocol/wire_json.h"
#include "server/base/mem.h"
#include "server/talk/talk.h"

static struct span keep(struct arena *arena, struct span text)
{
    return text.len ? arena_span(arena, text) : text;
}

void process_frame(const struct process_row *row, struct arena *arena, struct frame_process *out)
{
    *out = (struct frame_process){.process = row->id,
                                  .conversation = row->conversation,
                                  .type = keep(arena, row->type),
                                  .state = row->state,
                                  .revision = row->revision,
                                  .data.json = keep(arena, row->data)};
    out->version = row->version, out->has_version = row->version > 0;
    out->title = keep(arena, row->title), out->has_title = row->title.len > 0;
    out->step = keep(arena, row->step), out->has_step = row->step.len > 0;
}

struct changing {
    struct call call;
    struct process_change change;
    struct arena arena;
};

static void add_statement(void *arg, struct pg_group *group)
{
    struct process_change *change = arg;
    if (change->from_revision)
        process_update(group, &change->row, change->from_revision);
    else
        process_insert(group, &change->row);
}

static enum verdict decide_process(struct call *call, struct conversation *conv, struct move *move,
                                   struct refusal *refusal)
{
    struct changing *c = LIST_ITEM(call, struct changing, call);
    bool agent = call->caller.role >= role_agent && call->caller.role <= role_admin;
    if (call_may_see(call, conv, refusal) != PARLEY_OK)
        return WORK_REFUSE;
    if (agent && call_in_control(call, conv, c->change.epoch, move, refusal) != PARLEY_OK)
        return WORK_REFUSE;
    c->change.row.updated_at_ms = move->at_ms;
    if (!c->change.from_revision)
        c->change.row.created_at_ms = move->at_ms;
    move->add = add_statement;
    move->arg = &c->change;
    move_row(move, &call->work.row);
    return WORK_MOVE;
}

static struct span body_of(struct changing *c)
{
    const struct process_row *row = &c->change.row;
    struct buf out;
    struct frame_process_body body = {
        .process = row->id, .type = row->type, .revision = row->revision, .state = row->state};
    body.title = row->title, body.has_title = row->title.len > 0;
    body.step = row->step, body.has_step = row->step.len > 0;
    body.data.json = c->change.changed, body.has_data = c->change.changed.len > 0;
    buf_init(&out, LIMIT_MESSAGE);
    item_put_body(&out, ITEM_process, &body);
    struct span text = keep(&c->arena, buf_span(&out));
    buf_done(&out);
    return text;
}

/* The last word is call.c's; what this call owns beside itself is freed here. */
static void free_extra(struct call *call)
{
    arena_done(&LIST_ITEM(call, struct changing, call)->arena);
}

void process_ask(struct talk *talk, const struct process_change *change, const struct caller *caller, call_done *done,
                 void *arg)
{
    struct changing *c = mem_alloc(sizeof *c);
    arena_init(&c->arena, 4 << 20);
    call_init(&c->call, change->row.conversation, change->item, caller, decide_process, done, arg);
    c->call.free_extra = free_extra;
    c->change = *change;
    c->change.row.type = keep(&c->arena, change->row.type);
    c->change.row.title = keep(&c->arena, change->row.title);
    c->change.row.step = keep(&c->arena, change->row.step);
    c->change.row.data = keep(&c->arena, change->row.data);
    c->change.changed = keep(&c->arena, change->changed);
    c->call.work.stale_id = change->stale_id;
    c->call.work.row = (struct log_row){.conversation = change->row.conversation,
                                        .id = change->item,
                                        .author = caller->id,
                                        .kind = ITEM_process,
                                        .role = (int16_t)caller->role,
                                        .audience = audience_public,
                                        .body = body_of(c)};
    call_submit(talk, &c->call);
}

parley_status process_merge(struct arena *arena, struct span data, const struct value *patch, struct span *out)
{
    static const struct wire_limits limits = {.depth = LIMIT_DEPTH_DATA, .nodes = LIMIT_NODES};
    struct wire_error error = {0};
    struct value old, merged;
    struct buf text;
    parley_status st = wire_json_read(arena, data, &limits, &old, &error);
    if (st == PARLEY_OK)
        st = value_map(arena, old.count + (patch ? patch->count : 0) + 1, &merged);
    if (st != PARLEY_OK)
        return st;
    for (uint32_t i = 0; i < old.count; i++)
        if (!patch || !value_get(patch, old.members[i].key))
            value_put(&merged, old.members[i].key, old.members[i].value);
    for (uint32_t i = 0; patch && i < patch->count; i++)
        if (patch->members[i].value.type != VALUE_NULL)
            value_put(&merged, patch->members[i].key, patch->members[i].value);
    buf_init(&text, LIMIT_DATA);
    wire_json_put_value(&text, &merged);
    st = text.status;
    if (st == PARLEY_OK)
        *out = arena_span(arena, buf_span(&text));
    buf_done(&text);
    return st;
}
