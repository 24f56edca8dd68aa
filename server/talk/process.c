/* A step of a process: its row on the condition of its revision, and its item, in one transaction. */
#include "server/talk/process.h"

#include "protocol/item.h"
#include "protocol/wire_json.h"
#include "server/base/mem.h"
#include "server/talk/directory.h"
#include "server/talk/talk.h"

enum { MISSING_MAX = 64 };

static struct span keep(struct arena *arena, struct span text)
{
    return text.len ? arena_span(arena, text) : text;
}

/* ---- declared types ---- */

static struct span text_of(const struct value *map, const char *key)
{
    const struct value *v = map->type == VALUE_MAP ? value_find(map, key) : NULL;
    return v && v->type == VALUE_TEXT ? v->text : (struct span){0};
}

void process_pin(struct process_row *row, const struct directory *directory, struct uuid app, struct arena *arena)
{
    const struct directory_process_type *type = directory_process_type(directory, app, row->type, 0);
    row->version = type ? type->version : 0;
    if (type && !row->step.len && type->steps.count && type->steps.items[0].type == VALUE_TEXT)
        row->step = keep(arena, type->steps.items[0].text);
}

static bool is_required(const struct value *field)
{
    const struct value *required = field->type == VALUE_MAP ? value_find(field, "required") : NULL;
    return required && required->type == VALUE_BOOL && required->boolean;
}

static bool has_value(const struct value *v)
{
    return v && v->type != VALUE_NULL && !(v->type == VALUE_TEXT && !v->text.len);
}

static void fill_missing(const struct process_row *row, const struct directory_process_type *type, struct arena *arena,
                         struct frame_process *out)
{
    struct frame_missing *list = arena_array(arena, MISSING_MAX, sizeof *list);
    struct value data;
    if (!list || wire_json_read_stored(arena, out->data.json, &data) != PARLEY_OK || data.type != VALUE_MAP)
        return;
    out->missing = list;
    for (uint32_t i = 0; i < type->fields.count && out->missing_count < MISSING_MAX; i++) {
        const struct value *field = &type->fields.items[i];
        struct span name = text_of(field, "name"), step = text_of(field, "step");
        if (!is_required(field) || !name.len || has_value(value_get(&data, name)))
            continue;
        struct frame_missing *m = &list[out->missing_count++];
        *m = (struct frame_missing){.field = keep(arena, name)};
        m->step = keep(arena, step), m->has_step = step.len > 0;
    }
}

void process_frame(const struct process_row *row, const struct directory *directory, struct arena *arena,
                   struct frame_process *out)
{
    const struct directory_process_type *type =
        row->version ? directory_process_type(directory, row->app, row->type, row->version) : NULL;
    *out = (struct frame_process){.process = row->id,
                                  .conversation = row->conversation,
                                  .type = keep(arena, row->type),
                                  .state = row->state,
                                  .revision = row->revision,
                                  .data.json = keep(arena, row->data)};
    out->version = row->version, out->has_version = row->version > 0;
    out->title = keep(arena, row->title), out->has_title = row->title.len > 0;
    out->step = keep(arena, row->step), out->has_step = row->step.len > 0;
    if (type)
        fill_missing(row, type, arena, out);
}

/* ---- changes ---- */

struct changing {
    struct call call;
    struct process_change change;
    struct arena arena;
    bool pinned; /* its type is settled */
};

static void add_statement(void *arg, struct pg_group *group)
{
    struct process_change *change = arg;
    if (change->from_revision)
        process_update(group, &change->row, change->from_revision);
    else
        process_insert(group, &change->row);
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

/* What the type says is known here only; decided once more, it stays as it was. */
static void begin(struct changing *c, const struct conversation *conv, int64_t at_ms)
{
    struct process_row *row = &c->change.row;
    row->created_at_ms = at_ms;
    if (c->pinned)
        return;
    c->pinned = true;
    process_pin(row, conv->talk->directory, conv->app, &c->arena);
    c->call.work.row.body = body_of(c);
}

static enum verdict decide_process(struct call *call, struct conversation *conv, struct move *move,
                                   struct refusal *refusal)
{
    struct changing *c = LIST_ITEM(call, struct changing, call);
    if (call_may_see(call, conv, refusal) != PARLEY_OK)
        return WORK_REFUSE;
    bool must = role_is_agent(call->caller.role) || call->caller.role == role_bot;
    if (must && call_in_control(call, conv, c->change.epoch, move, refusal) != PARLEY_OK)
        return WORK_REFUSE;
    c->change.row.updated_at_ms = move->at_ms;
    if (!c->change.from_revision)
        begin(c, conv, move->at_ms);
    move->add = add_statement;
    move->arg = &c->change;
    move_row(move, &call->work.row);
    return WORK_MOVE;
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
    struct value old, merged;
    struct buf text;
    parley_status st = wire_json_read_stored(arena, data, &old);
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
