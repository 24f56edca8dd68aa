/* process.start, process.step, process.get: transactions under way, open to customer, bot and agent alike. */
#include "protocol/item.h"
#include "protocol/wire_json.h"
#include "server/api/api.h"
#include "server/api/thread.h"
#include "server/api/verb.h"
#include "server/base/mem.h"
#include "server/talk/move.h"
#include "server/talk/process.h"

enum { LIST_MAX = 50, ARENA_MAX = 4 << 20 };

/* A change on its way; what it carries is in the arena. */
struct stepping {
    struct ask *ask;
    struct arena arena;
    struct process_change change;
    struct frame_process_step step;
    bool starting;
};

static void stepping_free(struct stepping *s)
{
    arena_done(&s->arena);
    mem_free(s);
}

static void refuse_step(struct stepping *s, parley_status status, const char *text, const char *path)
{
    ask_refuse(s->ask, status, text, path);
    stepping_free(s);
}

/* ---- the answer: the process as it stands ---- */

static void reply_process(struct ask *ask, const struct process_row *row)
{
    struct frame_process_is reply;
    struct arena arena;
    arena_init(&arena, ARENA_MAX);
    process_frame(row, ask->api->directory, &arena, &reply.process);
    ask_reply(ask, FRAME_process_is, &reply);
    arena_done(&arena);
}

static void on_stands(void *arg, parley_status status, const struct process_row *rows, int n)
{
    struct ask *ask = arg;
    if (status != PARLEY_OK || n == 0)
        ask_refuse(ask, status == PARLEY_OK ? PARLEY_NOT_FOUND : status, NULL, "data.process");
    else
        reply_process(ask, &rows[0]);
}

/* The record as it stands in the frame {"re":0,"data":{"process":X}}. */
static struct span current_of(const struct api *api, const struct process_row *row, struct arena *arena,
                              struct buf *json)
{
    static const char before[] = "{\"re\":0,\"data\":{\"process\":";
    struct frame_process_is reply;
    process_frame(row, api->directory, arena, &reply.process);
    frame_put_type(json, ENCODING_JSON, FRAME_process_is, 0, &reply);
    return span_of(json->ptr + sizeof before - 1, json->len - (sizeof before - 1) - 2);
}

/* The present state goes into the error's `current`, so that nobody has to ask for it. */
static void on_current(void *arg, parley_status status, const struct process_row *rows, int n)
{
    struct ask *ask = arg;
    struct frame_error error = frame_error_status(PARLEY_STALE);
    struct arena arena;
    struct buf json;
    arena_init(&arena, ARENA_MAX);
    buf_init(&json, LIMIT_DATA * 2);
    if (status == PARLEY_OK && n)
        error.current.json = current_of(ask->api, &rows[0], &arena, &json), error.has_current = true;
    error.text = span_str("the process has moved on; `current` is how it stands");
    error.path = span_str("data.revision"), error.has_path = true;
    link_refuse(ask->link, ask->id, &error);
    ask_drop(ask);
    buf_done(&json);
    arena_done(&arena);
}

static void read_then(struct ask *ask, struct uuid conversation, struct uuid process, process_rows *then)
{
    parley_status st = process_get(ask->api->store, conversation, process, then, ask);
    if (st != PARLEY_OK)
        ask_refuse(ask, st, NULL, NULL);
}

static void on_changed(void *arg, struct call *call, const struct result *result)
{
    struct stepping *s = arg;
    struct uuid conversation = s->change.row.conversation, process = s->change.row.id;
    struct ask *ask = s->ask;
    bool stale = result->status == PARLEY_STALE && !result->current;
    stepping_free(s);
    if (result->status == PARLEY_OK)
        read_then(ask, conversation, process, on_stands);
    else if (stale)
        read_then(ask, conversation, process, on_current);
    else
        ask_refuse_result(ask, result);
}

static void ask_change(struct stepping *s)
{
    struct caller caller = api_caller(s->ask->link);
    process_ask(s->ask->api->talk, &s->change, &caller, on_changed, s);
}

static struct stepping *stepping_new(struct api *api, struct link *link, const struct frame *frame)
{
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return NULL;
    struct stepping *s = mem_alloc(sizeof *s);
    s->ask = ask;
    arena_init(&s->arena, ARENA_MAX);
    return s;
}

static struct span canonical(struct stepping *s, const struct value *value)
{
    struct buf *scratch = &s->ask->api->scratch;
    buf_clear(scratch);
    item_canonical(value, scratch);
    return arena_span(&s->arena, buf_span(scratch));
}

/* ---- start ---- */

void on_process_start(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_process_start *r = &frame->process_start;
    struct stepping *s = stepping_new(api, link, frame);
    if (!s)
        return;
    struct span data = r->has_data ? canonical(s, r->data.value) : span_str("{}");
    s->change = (struct process_change){
        .row = {.id = r->process,
                .conversation = r->conversation,
                .type = arena_span(&s->arena, r->type),
                .title = r->has_title ? arena_span(&s->arena, r->title) : (struct span){0},
                .state = process_state_open,
                .step = r->has_step ? arena_span(&s->arena, r->step) : (struct span){0},
                .revision = 1,
                .data = data},
        .item = r->process,
        .epoch = r->epoch,
        .changed = r->has_data ? data : (struct span){0},
        .stale_id = api_made_before(r->process, link),
    };
    ask_change(s);
}

/* ---- step: read, merge, change on the revision that was read ---- */

static void on_read(void *arg, parley_status status, const struct process_row *rows, int n)
{
    struct stepping *s = arg;
    struct process_row *row = &s->change.row;
    if (status != PARLEY_OK || n == 0) {
        refuse_step(s, status == PARLEY_OK ? PARLEY_NOT_FOUND : status, NULL, "data.process");
        return;
    }
    *row = rows[0];
    row->type = arena_span(&s->arena, rows[0].type);
    row->title = rows[0].title.len ? arena_span(&s->arena, rows[0].title) : rows[0].title;
    row->step = s->step.has_step ? s->step.step : rows[0].step.len ? arena_span(&s->arena, rows[0].step) : rows[0].step;
    row->state = s->step.has_state ? (int16_t)s->step.state : rows[0].state;
    row->revision = s->step.revision + 1;
    status = process_merge(&s->arena, rows[0].data, s->step.has_data ? s->step.data.value : NULL, &row->data);
    if (status != PARLEY_OK)
        refuse_step(s, status, "the data of the process would be longer than its limit", "data.data");
    else
        ask_change(s);
}

/* The patch outlives the message: it is kept as JSON and read again into the step's own arena. */
static parley_status keep_patch(struct stepping *s, const struct frame_process_step *r)
{
    struct value *patch = arena_array(&s->arena, 1, sizeof *patch);
    s->change.changed = canonical(s, r->data.value);
    s->step.data.value = patch;
    return wire_json_read_stored(&s->arena, s->change.changed, patch);
}

void on_process_step(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_process_step *r = &frame->process_step;
    struct stepping *s = stepping_new(api, link, frame);
    if (!s)
        return;
    s->step = *r;
    s->change.from_revision = r->revision;
    s->change.item = r->id;
    s->change.epoch = r->epoch;
    s->change.stale_id = api_made_before(r->id, link);
    if (r->has_step)
        s->step.step = arena_span(&s->arena, r->step);
    parley_status st = r->has_data ? keep_patch(s, r) : PARLEY_OK;
    if (st == PARLEY_OK)
        st = process_get(api->store, r->conversation, r->process, on_read, s);
    if (st != PARLEY_OK)
        refuse_step(s, st, NULL, NULL);
}

/* ---- get ---- */

struct listing {
    struct ask *ask;
    struct uuid conversation, process;
};

static void on_list(void *arg, parley_status status, const struct process_row *rows, int n)
{
    struct ask *ask = arg;
    struct arena arena;
    if (status != PARLEY_OK) {
        ask_refuse(ask, status, NULL, NULL);
        return;
    }
    arena_init(&arena, ARENA_MAX * 2);
    struct frame_process *list = n ? arena_array(&arena, (size_t)n, sizeof *list) : NULL;
    for (int i = 0; list && i < n; i++)
        process_frame(&rows[i], ask->api->directory, &arena, &list[i]);
    struct frame_process_list reply = {.processes = list, .processes_count = list ? (size_t)n : 0};
    ask_reply(ask, FRAME_process_list, &reply);
    arena_done(&arena);
}

static void on_may_read(void *arg, parley_status status, struct thread_read *read)
{
    struct listing *l = arg;
    struct store *store = l->ask->api->store;
    thread_release(read);
    if (status == PARLEY_OK && uuid_is_nil(l->process))
        status = process_open(store, l->conversation, LIST_MAX, on_list, l->ask);
    else if (status == PARLEY_OK)
        status = process_get(store, l->conversation, l->process, on_list, l->ask);
    if (status != PARLEY_OK)
        ask_refuse(l->ask, status, NULL, status == PARLEY_NOT_FOUND ? "data.conversation" : NULL);
    mem_free(l);
}

void on_process_get(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_process_get *r = &frame->process_get;
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return;
    struct listing *l = mem_alloc(sizeof *l);
    *l = (struct listing){.ask = ask, .conversation = r->conversation};
    if (r->has_process)
        l->process = r->process;
    thread_load(api, link, &(struct thread_wish){.conversation = r->conversation, .limit = 1}, on_may_read, l);
}
