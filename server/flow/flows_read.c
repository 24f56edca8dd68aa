/* What a script asks about the world, read as it stands and answered as JSON; the engine records the answer. */
#include "protocol/wire_json.h"
#include "server/base/mem.h"
#include "server/flow/flows_inside.h"
#include "server/flow/json.h"
#include "server/store/context_row.h"
#include "server/store/customer_row.h"
#include "server/store/flow_upkeep.h"
#include "server/store/queue_row.h"
#include "server/talk/process.h"

enum { READ_MAX = 1 << 20 }; /* twenty events of 32 KiB */

struct reading {
    struct flow_run *run;
    struct arena arena;
    struct uuid process;
    char *type;
};

static void reading_free(struct reading *r)
{
    arena_done(&r->arena);
    mem_free(r->type);
    mem_free(r);
}

static void answer(struct reading *r, parley_status status, const struct value *map)
{
    struct flow_run *run = r->run;
    struct buf out;
    buf_init(&out, READ_MAX);
    if (status == PARLEY_OK && map)
        wire_json_put_value(&out, map);
    parley_status st = status == PARLEY_OK ? out.status : status;
    reading_free(r);
    flow_answered(run, st, buf_span(&out));
    buf_done(&out);
}

static void put(struct value *map, const char *key, struct span text)
{
    if (text.len)
        value_put(map, span_str(key), value_text(text));
}

static void put_json(struct reading *r, struct value *map, const char *key, struct span json)
{
    struct value v;
    if (json.len && wire_json_read_stored(&r->arena, json, &v) == PARLEY_OK)
        value_put(map, span_str(key), v);
}

static void on_customer(void *arg, parley_status status, const struct customer_home *home)
{
    struct reading *r = arg;
    struct value map;
    if (status != PARLEY_OK || value_map(&r->arena, 5, &map) != PARLEY_OK) {
        answer(r, status == PARLEY_OK ? PARLEY_NOMEM : status, NULL);
        return;
    }
    put(&map, "name", home->customer.name);
    put(&map, "language", home->customer.language);
    put(&map, "outcome", home->customer.outcome);
    value_put(&map, span_str("verified"), value_bool(home->customer.verified));
    put_json(r, &map, "traits", home->customer.traits);
    answer(r, PARLEY_OK, &map);
}

static void on_context(void *arg, parley_status status, const struct context_row *rows, int n)
{
    struct reading *r = arg;
    struct value map;
    if (status == PARLEY_OK && n)
        status = wire_json_read_stored(&r->arena, rows[0].body, &map);
    answer(r, status, status == PARLEY_OK && n ? &map : NULL);
}

/* ---- processes ---- */

static void put_missing(struct arena *arena, struct value *record, const struct frame_process *frame)
{
    struct value list;
    if (value_array(arena, frame->missing_count, &list) != PARLEY_OK)
        return;
    for (size_t i = 0; i < frame->missing_count; i++) {
        struct value one;
        if (value_map(arena, 2, &one) != PARLEY_OK)
            return;
        put(&one, "field", frame->missing[i].field);
        put(&one, "step", frame->missing[i].step);
        value_push(&list, one);
    }
    value_put(record, span_str("missing"), list);
}

void flows_describe(struct flow_host *host, struct flow_run *run, bool begins, struct arena *arena,
                    struct value *record)
{
    struct bot *bot = flow_run_owner(run);
    const struct directory *directory = bot->conv->talk->directory;
    const struct value *version = value_find(record, "version"), *data = value_find(record, "data");
    struct process_row row = {.app = bot->conv->app,
                              .type = json_text(record, "type"),
                              .step = json_text(record, "step"),
                              .version = version ? (int32_t)version->integer : 0,
                              .data = data ? json_write(arena, data) : span_str("{}")};
    struct frame_process frame;
    if (begins)
        process_pin(&row, directory, row.app, arena);
    if (!row.version)
        return;
    process_frame(&row, directory, arena, &frame);
    value_put(record, span_str("version"), value_int(row.version));
    put(record, "step", row.step);
    put_missing(arena, record, &frame);
}

static void on_processes(void *arg, parley_status status, const struct process_row *rows, int n)
{
    struct reading *r = arg;
    const struct process_row *found = NULL;
    char id[UUID_TEXT + 1];
    struct value map;
    for (int i = 0; status == PARLEY_OK && !found && i < n; i++)
        if (!uuid_is_nil(r->process) || !r->type[0] || span_is(rows[i].type, r->type))
            found = &rows[i];
    if (!found || value_map(&r->arena, 10, &map) != PARLEY_OK) {
        answer(r, status, NULL);
        return;
    }
    uuid_format(found->id, id);
    put(&map, "process", span_str(id));
    put(&map, "type", found->type);
    put(&map, "title", found->title);
    put(&map, "step", found->step);
    put(&map, "state", span_str(process_state_name(found->state)));
    value_put(&map, span_str("revision"), value_int(found->revision));
    if (found->version)
        value_put(&map, span_str("version"), value_int(found->version));
    put_json(r, &map, "data", found->data);
    flows_describe(NULL, r->run, false, &r->arena, &map);
    answer(r, PARLEY_OK, &map);
}

/* ---- queues ---- */

static void on_queue(void *arg, parley_status status, const struct queue_state *state)
{
    struct reading *r = arg;
    struct value map;
    if (!state || value_map(&r->arena, 5, &map) != PARLEY_OK) {
        answer(r, status, NULL);
        return;
    }
    put(&map, "hours", state->hours);
    put(&map, "zone", state->zone);
    value_put(&map, span_str("waiting"), value_int(state->waiting));
    value_put(&map, span_str("agents"), value_int(state->agents));
    value_put(&map, span_str("free"), value_int(state->free));
    answer(r, PARLEY_OK, &map);
}

/* ---- events ---- */

static void on_events(void *arg, parley_status status, const struct flow_event_row *rows, int n)
{
    struct reading *r = arg;
    struct value list, map;
    if (status != PARLEY_OK || value_array(&r->arena, (size_t)n, &list) != PARLEY_OK ||
        value_map(&r->arena, 1, &map) != PARLEY_OK) {
        answer(r, status == PARLEY_OK ? PARLEY_NOMEM : status, NULL);
        return;
    }
    for (int i = 0; i < n; i++) {
        struct value event;
        if (value_map(&r->arena, 2, &event) != PARLEY_OK)
            break;
        value_put(&event, span_str("seq"), value_int(rows[i].seq));
        put_json(r, &event, "data", rows[i].data);
        value_push(&list, event);
    }
    value_put(&map, span_str("events"), list);
    answer(r, PARLEY_OK, &map);
}

void flows_read(struct flow_host *host, struct flow_run *run, const struct flow_read *read)
{
    enum { OPEN_MAX = 50 };
    struct flows *flows = (struct flows *)host;
    struct bot *bot = flow_run_owner(run);
    struct reading *r = mem_alloc(sizeof *r);
    parley_status st = PARLEY_INVALID;
    bot->run = run;
    bot->state = BOT_BUSY;
    r->run = run;
    r->process = read->process;
    r->type = mem_span(read->type);
    arena_init(&r->arena, 4 << 20);
    if (read->kind == FLOW_READ_CUSTOMER)
        st = customer_get(flows->store, bot->conv->customer, on_customer, r);
    else if (read->kind == FLOW_READ_CONTEXT)
        st = context_at(flows->store, bot->conv->id, INT64_MAX, on_context, r);
    else if (read->kind == FLOW_READ_EVENT)
        st = flow_events(flows->store, bot->conv->id,
                         &(struct flow_event_wish){.type = read->type, .where = read->where, .after = read->after},
                         on_events, r);
    else if (read->kind == FLOW_READ_QUEUE)
        st = queue_state(flows->store, read->type, on_queue, r);
    else if (uuid_is_nil(read->process))
        st = process_open(flows->store, bot->conv->id, OPEN_MAX, on_processes, r);
    else
        st = process_get(flows->store, bot->conv->id, read->process, on_processes, r);
    if (st != PARLEY_OK)
        answer(r, st, NULL);
}
