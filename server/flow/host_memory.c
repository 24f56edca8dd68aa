/* Rows in arrays instead of tables, an engine that can be thrown away, and one thing that happens at a time. */
#include "server/flow/host_memory.h"

#include "server/base/mem.h"
#include "server/flow/json.h"
#include "server/flow/run.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum { BEGINNING_MS = 1767225600 }; /* in seconds: 1 January 2026 */

struct memory_item {
    struct uuid id; /* nil: the customer's */
    int kind;
    char *body;
};

struct memory_row {
    int64_t entry, step;
    char *call, *data;
    int line;
};

struct memory_process {
    struct uuid id;
    char *type;
    char *json; /* as a read answers it */
};

enum pending { PENDING_NONE, PENDING_COMMIT, PENDING_READ, PENDING_DEFER };

struct host_memory {
    struct flow_host host; /* first: the engine hands it back */
    struct memory_options options;
    struct flow_engine *engine;
    struct flow_run *run; /* NULL: not in memory */
    char *file, *source, *customer, *context;
    int64_t now_ms;

    /* rows */
    struct memory_item *items;
    size_t item_count;
    struct memory_row *journal;
    size_t journal_count;
    struct memory_process *processes;
    size_t process_count;
    enum flow_state state; /* 0: no run yet */
    int64_t step, input_seq, question_seq;
    char *waiting, *collected;
    struct uuid timer;
    int64_t timer_due_ms;
    struct buf history; /* handoffs, logs, timers: a line each */

    /* what the engine has asked for */
    enum pending pending;
    const struct flow_step *commit;
    const struct flow_read *read;
    bool crashed, spared; /* spared: this attempt goes through */
    size_t rebuilt;
    struct flow_birth birth;
    struct flow_error error;
};

static const struct uuid run_id = {{1, 2, 3, 4, 5, 6, 0x70, 8, 0x80, 10, 11, 12, 13, 14, 15, 16}};
static const struct uuid conversation_id = {{9, 9, 9, 9, 9, 9, 0x70, 9, 0x80, 9, 9, 9, 9, 9, 9, 9}};

static void *grow(void *array, size_t count, size_t size)
{
    return mem_resize(array, (count + 1) * size);
}

/* ---- storing a step ---- */

static struct memory_process *find_process(struct host_memory *h, struct uuid id)
{
    for (size_t i = 0; i < h->process_count; i++)
        if (uuid_equal(h->processes[i].id, id))
            return &h->processes[i];
    return NULL;
}

static int64_t revision_of(const struct memory_process *p)
{
    struct arena arena;
    struct value map;
    arena_init(&arena, STEP_ARENA);
    int64_t revision = p && json_read(&arena, span_str(p->json), &map) == PARLEY_OK ? json_int(&map, "revision") : 0;
    arena_done(&arena);
    return revision;
}

/* Everything that a step is conditional on. */
static bool is_stale(struct host_memory *h, const struct flow_step *s)
{
    if (s->number != h->step + 1)
        return true;
    for (size_t i = 0; i < s->process_count; i++)
        if (revision_of(find_process(h, s->processes[i].id)) != s->processes[i].was)
            return true;
    return false;
}

static void add_item(struct host_memory *h, struct uuid id, int kind, struct span body)
{
    for (size_t i = 0; i < h->item_count; i++)
        assert(uuid_is_nil(id) || !uuid_equal(h->items[i].id, id)); /* unique in the table */
    h->items = grow(h->items, h->item_count, sizeof *h->items);
    h->items[h->item_count++] = (struct memory_item){id, kind, mem_span(body)};
}

static void forget_journal(struct host_memory *h)
{
    for (size_t i = 0; i < h->journal_count; i++) {
        mem_free(h->journal[i].call);
        mem_free(h->journal[i].data);
    }
    h->journal_count = 0;
}

static void add_entry(struct host_memory *h, const struct flow_entry *e)
{
    assert(e->entry == (int64_t)h->journal_count + 1);
    h->journal = grow(h->journal, h->journal_count, sizeof *h->journal);
    h->journal[h->journal_count++] =
        (struct memory_row){e->entry, e->step, mem_span(e->call), mem_span(e->data), e->line};
}

static void put_text(struct value *map, const char *key, struct span text)
{
    if (text.len)
        value_put(map, span_str(key), value_text(text));
}

static void merge_data(struct arena *arena, const struct value *old, const struct flow_process *p, struct value *record)
{
    struct value data, changes = {.type = VALUE_MAP};
    const struct value *was = old ? value_find(old, "data") : NULL;
    if (p->data.ptr)
        json_read(arena, p->data, &changes);
    value_map(arena, (size_t)(was ? was->count : 0) + changes.count + 1, &data);
    for (uint32_t i = 0; was && i < was->count; i++)
        value_put(&data, was->members[i].key, was->members[i].value);
    for (uint32_t i = 0; i < changes.count; i++)
        value_put(&data, changes.members[i].key, changes.members[i].value);
    value_put(record, span_str("data"), data);
}

static void store_process(struct host_memory *h, const struct flow_process *p)
{
    struct arena arena;
    struct value record, old;
    char id[UUID_TEXT + 1];
    arena_init(&arena, STEP_ARENA);
    struct memory_process *row = find_process(h, p->id);
    bool known = row && json_read(&arena, span_str(row->json), &old) == PARLEY_OK;
    value_map(&arena, 8, &record);
    uuid_format(p->id, id);
    put_text(&record, "process", span_str(id));
    put_text(&record, "type", p->type);
    put_text(&record, "title", p->title.len ? p->title : known ? json_text(&old, "title") : p->title);
    put_text(&record, "step", p->step.len ? p->step : known ? json_text(&old, "step") : p->step);
    put_text(&record, "state", span_str(process_state_name(p->state)));
    value_put(&record, span_str("revision"), value_int(p->revision));
    merge_data(&arena, known ? &old : NULL, p, &record);
    if (!row) {
        h->processes = grow(h->processes, h->process_count, sizeof *h->processes);
        row = &h->processes[h->process_count++];
        *row = (struct memory_process){p->id, mem_span(p->type), NULL};
    }
    mem_free(row->json);
    row->json = mem_span(json_write(&arena, &record));
    arena_done(&arena);
}

static void set_timer(struct host_memory *h, const struct flow_step *s)
{
    if (!uuid_is_nil(s->timer_clear)) {
        assert(uuid_equal(h->timer, s->timer_clear));
        h->timer = (struct uuid){0};
    }
    if (uuid_is_nil(s->timer_set))
        return;
    assert(uuid_is_nil(h->timer)); /* a run has one timer at most */
    h->timer = s->timer_set;
    h->timer_due_ms = s->timer_due_ms;
    buf_printf(&h->history, "timer at %" PRId64 "\n", s->timer_due_ms);
}

static void note_handoff(struct host_memory *h, const struct flow_handoff *ho)
{
    if (!ho->wanted)
        return;
    buf_printf(&h->history, "handoff %.*s (%.*s): %.*s%s%.*s%s\n", SPAN_ARG(ho->queue), SPAN_ARG(ho->why),
               SPAN_ARG(ho->reason), ho->summary.len ? " / " : "", SPAN_ARG(ho->summary),
               ho->priority ? " [high]" : "");
    char line[512];
    snprintf(line, sizeof line, "%.*s (%.*s): %.*s", SPAN_ARG(ho->queue), SPAN_ARG(ho->why), SPAN_ARG(ho->reason));
    add_item(h, (struct uuid){0}, ITEM_queued, span_str(line)); /* what routing would write */
}

static void replace(char **kept, struct span text)
{
    char *copy = mem_span(text);
    mem_free(*kept);
    *kept = copy;
}

static void store(struct host_memory *h, const struct flow_step *s)
{
    if (s->forget)
        forget_journal(h);
    for (size_t i = 0; i < s->entry_count; i++)
        add_entry(h, &s->entries[i]);
    if (s->question >= 0)
        h->question_seq = (int64_t)h->item_count + s->question + 1;
    for (size_t i = 0; i < s->item_count; i++)
        add_item(h, s->items[i].id, s->items[i].kind, s->items[i].body);
    for (size_t i = 0; i < s->process_count; i++)
        store_process(h, &s->processes[i]);
    for (size_t i = 0; i < s->log_count; i++)
        buf_printf(&h->history, "log %d line %d %.*s\n", (int)s->logs[i].level, s->logs[i].line,
                   SPAN_ARG(s->logs[i].text));
    set_timer(h, s);
    note_handoff(h, &s->handoff);
    replace(&h->waiting, s->waiting);
    if (s->collected.ptr)
        replace(&h->collected, s->collected);
    h->step = s->number;
    h->state = s->state;
    h->input_seq = s->input_seq;
}

/* ---- the host's functions ---- */

static struct host_memory *of(struct flow_host *host)
{
    return (struct host_memory *)host;
}

static void answer_read(struct host_memory *h, const struct flow_read *read)
{
    struct flow_run *run = h->run;
    const char *json = "";
    if (read->kind == FLOW_READ_CUSTOMER)
        json = h->customer;
    if (read->kind == FLOW_READ_CONTEXT)
        json = h->context;
    for (size_t i = 0; read->kind == FLOW_READ_PROCESS && i < h->process_count; i++) {
        const struct memory_process *p = &h->processes[i];
        bool of_type = read->type.len == 0 || span_is(read->type, p->type);
        if (uuid_is_nil(read->process) ? of_type && strstr(p->json, "\"open\"") : uuid_equal(p->id, read->process))
            json = p->json;
    }
    flow_answered(run, PARLEY_OK, span_str(json));
}

static void answer_commit(struct host_memory *h, const struct flow_step *s)
{
    struct flow_run *run = h->run;
    parley_status st = is_stale(h, s) ? PARLEY_STALE : PARLEY_OK;
    if (st == PARLEY_OK && h->options.crash == MEMORY_STALE_COMMIT && !h->spared)
        st = PARLEY_STALE;
    h->spared = st != PARLEY_OK;
    if (st == PARLEY_OK)
        store(h, s);
    if (s->state == FLOW_FAILED && flow_run_error(run))
        h->error = *flow_run_error(run);
    flow_committed(run, st, s->question >= 0 ? h->question_seq : 0);
}

static void on_commit(struct flow_host *host, struct flow_run *run, const struct flow_step *step)
{
    struct host_memory *h = of(host);
    h->run = run; /* flow_start has not returned yet */
    if (h->options.at_once) {
        answer_commit(h, step);
        return;
    }
    h->pending = PENDING_COMMIT;
    h->commit = step;
}

static void on_read(struct flow_host *host, struct flow_run *run, const struct flow_read *read)
{
    struct host_memory *h = of(host);
    h->run = run;
    if (h->options.at_once) {
        answer_read(h, read);
        return;
    }
    h->pending = PENDING_READ;
    h->read = read;
}

static void on_defer(struct flow_host *host, struct flow_run *run)
{
    of(host)->run = run;
    of(host)->pending = PENDING_DEFER;
}

static void on_ready(struct flow_host *host, struct flow_run *run)
{
    of(host)->run = run;
}

static void on_gone(struct flow_host *host, struct flow_run *run, parley_status why)
{
    of(host)->run = NULL;
    of(host)->crashed = true;
}

static int64_t on_now(struct flow_host *host)
{
    return of(host)->now_ms;
}

/* ---- the loop ---- */

void host_memory_crash(struct host_memory *h)
{
    flow_engine_free(&h->engine);
    h->run = NULL;
    h->pending = PENDING_NONE;
}

static void settle_commit(struct host_memory *h)
{
    if (h->options.crash == MEMORY_CRASH_BEFORE_COMMIT && !h->spared) {
        h->spared = h->crashed = true;
        host_memory_crash(h);
        return;
    }
    if (h->options.crash != MEMORY_CRASH_AFTER_COMMIT) {
        answer_commit(h, h->commit);
        return;
    }
    assert(!is_stale(h, h->commit));
    if (h->commit->state == FLOW_FAILED)
        h->error = *flow_run_error(h->run);
    store(h, h->commit);
    host_memory_crash(h);
}

static void pump(struct host_memory *h)
{
    while (h->pending != PENDING_NONE) {
        enum pending pending = h->pending;
        h->pending = PENDING_NONE;
        if (pending == PENDING_COMMIT)
            settle_commit(h);
        else if (pending == PENDING_READ)
            answer_read(h, h->read);
        else
            flow_continue(h->run);
    }
}

static struct flow_version *version(struct host_memory *h)
{
    struct flow_version *v;
    struct flow_error error;
    if (!h->engine)
        h->engine = flow_engine_new(&h->host, &h->options.limits);
    parley_status st = flow_version_add(h->engine, h->file, span_str(h->source), &v, &error);
    assert(st == PARLEY_OK);
    return v;
}

static void load(struct host_memory *h)
{
    struct flow_entry *entries = mem_array(h->journal_count + 1, sizeof *entries);
    for (size_t i = 0; i < h->journal_count; i++) {
        const struct memory_row *r = &h->journal[i];
        entries[i] = (struct flow_entry){r->entry, r->step, span_str(r->call), r->line, span_str(r->data)};
    }
    struct flow_saved saved = {
        .run = run_id,
        .conversation = conversation_id,
        .state = h->state,
        .step = h->step,
        .input_seq = h->input_seq,
        .question_seq = h->question_seq,
        .waiting = span_str(h->waiting),
        .entries = entries,
        .entry_count = h->journal_count,
    };
    struct flow_run *run;
    h->rebuilt++;
    parley_status st = flow_load(h->engine, version(h), &saved, NULL, &run);
    assert(st == PARLEY_OK);
    mem_free(entries);
    pump(h);
}

static bool rests(const struct host_memory *h)
{
    return h->state == FLOW_WAITING || h->state == FLOW_HANDOFF;
}

/* Brings the event until it has been consumed, or the run has no use for it. */
static void deliver(struct host_memory *h, const struct flow_event *event)
{
    if (h->options.crash == MEMORY_CRASH_BEFORE_EVENT)
        host_memory_crash(h);
    do {
        version(h);
        if (!h->run && rests(h))
            load(h);
        h->crashed = false;
        if (!rests(h) || flow_event(h->run, event) != PARLEY_OK)
            return;
        pump(h);
    } while (h->crashed);
    h->spared = false;
}

void host_memory_start(struct host_memory *h, const char *text)
{
    struct flow_birth birth = {.run = run_id,
                               .conversation = conversation_id,
                               .kind = span_str("text"),
                               .text = span_str(text),
                               .input_seq = 1};
    struct buf body;
    buf_init(&body, LIMIT_BODY);
    struct frame_text_body words = {.text = span_str(text)};
    item_put_body(&body, ITEM_text, &words);
    add_item(h, (struct uuid){0}, ITEM_text, buf_span(&body));
    buf_done(&body);
    birth.input_seq = (int64_t)h->item_count;
    do {
        struct flow_run *run;
        h->crashed = false;
        struct flow_version *v = version(h);
        parley_status st = flow_start(h->engine, v, &birth, NULL, &run);
        assert(st == PARLEY_OK);
        pump(h);
    } while (h->crashed);
    h->spared = false;
}

/* ---- what happens ---- */

void host_memory_post(struct host_memory *h, int kind, const char *body)
{
    add_item(h, (struct uuid){0}, kind, span_str(body));
    struct flow_event event = {
        .type = FLOW_EVENT_ITEM, .seq = (int64_t)h->item_count, .kind = kind, .body = span_str(body)};
    deliver(h, &event);
}

static void post(struct host_memory *h, int kind, const void *fields)
{
    struct buf body;
    buf_init(&body, LIMIT_BODY);
    item_put_body(&body, kind, fields);
    buf_add_char(&body, '\0');
    assert(body.status == PARLEY_OK);
    host_memory_post(h, kind, body.ptr);
    buf_done(&body);
}

void host_memory_say(struct host_memory *h, const char *text)
{
    post(h, ITEM_text, &(struct frame_text_body){.text = span_str(text)});
}

void host_memory_tap(struct host_memory *h, const char *wire)
{
    post(h, ITEM_choice, &(struct frame_choice_body){.to = h->question_seq, .value = span_str(wire)});
}

void host_memory_escape(struct host_memory *h)
{
    deliver(h, &(struct flow_event){.type = FLOW_EVENT_ESCAPE, .reason = span_str("asked for a person")});
}

void host_memory_back(struct host_memory *h, const char *outcome, const char *note, const char *by)
{
    deliver(h, &(struct flow_event){
                   .type = FLOW_EVENT_BACK, .outcome = span_str(outcome), .note = span_str(note), .by = span_str(by)});
}

void host_memory_advance(struct host_memory *h, int64_t ms)
{
    int64_t until = h->now_ms + ms;
    while (!uuid_is_nil(h->timer) && h->timer_due_ms <= until) {
        struct uuid timer = h->timer;
        if (h->timer_due_ms > h->now_ms)
            h->now_ms = h->timer_due_ms;
        deliver(h, &(struct flow_event){.type = FLOW_EVENT_TIMER, .timer = timer});
        assert(!uuid_equal(h->timer, timer));
    }
    h->now_ms = until;
}

void host_memory_touch_process(struct host_memory *h, const char *type)
{
    for (size_t i = 0; i < h->process_count; i++) {
        struct memory_process *p = &h->processes[i];
        if (strcmp(p->type, type) != 0)
            continue;
        struct flow_process change = {
            .id = p->id, .revision = revision_of(p) + 1, .state = process_state_open, .type = span_str(p->type)};
        store_process(h, &change);
    }
}

/* ---- life ---- */

struct host_memory *host_memory_new(const struct memory_options *options)
{
    struct host_memory *h = mem_alloc(sizeof *h);
    h->host = (struct flow_host){on_commit, on_read, on_defer, on_ready, on_gone, on_now};
    h->options = *options;
    h->now_ms = (int64_t)BEGINNING_MS * 1000;
    h->customer = mem_text("{}");
    h->context = mem_text("{}");
    h->waiting = mem_text("{}");
    buf_init(&h->history, 1 << 20);
    return h;
}

void host_memory_free(struct host_memory **host)
{
    struct host_memory *h = *host;
    if (!h)
        return;
    flow_engine_free(&h->engine);
    forget_journal(h);
    for (size_t i = 0; i < h->item_count; i++)
        mem_free(h->items[i].body);
    for (size_t i = 0; i < h->process_count; i++) {
        mem_free(h->processes[i].type);
        mem_free(h->processes[i].json);
    }
    char *texts[] = {h->file, h->source, h->customer, h->context, h->waiting, h->collected};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mem_free(texts[i]);
    mem_free(h->items);
    mem_free(h->journal);
    mem_free(h->processes);
    buf_done(&h->history);
    mem_free(h);
    *host = NULL;
}

parley_status host_memory_use(struct host_memory *h, const char *file, struct span source, struct flow_error *error)
{
    struct flow_version *v;
    replace(&h->file, span_str(file));
    replace(&h->source, source);
    if (!h->engine)
        h->engine = flow_engine_new(&h->host, &h->options.limits);
    return flow_version_add(h->engine, h->file, source, &v, error);
}

void host_memory_set_customer(struct host_memory *h, const char *json)
{
    replace(&h->customer, span_str(json));
}

void host_memory_set_context(struct host_memory *h, const char *json)
{
    replace(&h->context, span_str(json));
}

/* ---- looking ---- */

enum flow_state host_memory_state(const struct host_memory *h)
{
    return h->state;
}

int64_t host_memory_step(const struct host_memory *h)
{
    return h->step;
}

size_t host_memory_journal(const struct host_memory *h)
{
    return h->journal_count;
}

size_t host_memory_rebuilt(const struct host_memory *h)
{
    return h->rebuilt;
}

struct flow_run *host_memory_run(struct host_memory *h)
{
    return h->run;
}

const struct flow_error *host_memory_error(const struct host_memory *h)
{
    return h->error.code[0] ? &h->error : NULL;
}

int64_t host_memory_clock(const struct host_memory *h)
{
    return h->now_ms;
}

static void add_body_line(struct buf *out, struct arena *arena, const struct memory_item *item)
{
    struct value body;
    if (item->kind == ITEM_queued || json_read(arena, span_str(item->body), &body) != PARLEY_OK) {
        buf_add_str(out, item->body);
        return;
    }
    static const char *const keys[] = {"text", "title", "value", "fallback"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct span text = json_text(&body, keys[i]);
        if (text.len) {
            buf_add_span(out, text);
            break;
        }
    }
    const struct value *options = value_find(&body, "options");
    for (uint32_t i = 0; options && i < options->count; i++)
        buf_printf(out, " [%.*s]", SPAN_ARG(json_text(&options->items[i], "label")));
    if (item->kind == ITEM_process)
        buf_printf(out, " %.*s %.*s", SPAN_ARG(json_text(&body, "state")), SPAN_ARG(json_text(&body, "step")));
}

void host_memory_dialogue(const struct host_memory *h, struct buf *out)
{
    struct arena arena;
    arena_init(&arena, STEP_ARENA);
    for (size_t i = 0; i < h->item_count; i++) {
        const struct memory_item *item = &h->items[i];
        const char *who = !uuid_is_nil(item->id) ? "bot " : item->kind == ITEM_queued ? "" : "you ";
        buf_printf(out, "%s%s ", who, item_kind_name(item->kind));
        add_body_line(out, &arena, item);
        buf_add_char(out, '\n');
    }
    arena_done(&arena);
}

void host_memory_dump(const struct host_memory *h, struct buf *out)
{
    char id[UUID_TEXT + 1];
    buf_printf(out, "state %d step %" PRId64 " input %" PRId64 " question %" PRId64 "\nwaiting %s\ncollected %s\n",
               (int)h->state, h->step, h->input_seq, h->question_seq, h->waiting, h->collected ? h->collected : "");
    for (size_t i = 0; i < h->item_count; i++) {
        uuid_format(h->items[i].id, id);
        buf_printf(out, "%zu %s %s %s\n", i + 1, id, item_kind_name(h->items[i].kind), h->items[i].body);
    }
    for (size_t i = 0; i < h->journal_count; i++)
        buf_printf(out, "%" PRId64 " %" PRId64 " %s:%d %s\n", h->journal[i].entry, h->journal[i].step,
                   h->journal[i].call, h->journal[i].line, h->journal[i].data);
    for (size_t i = 0; i < h->process_count; i++)
        buf_printf(out, "process %s\n", h->processes[i].json);
    uuid_format(h->timer, id);
    buf_printf(out, "timer %s\n%.*s", id, (int)h->history.len, h->history.len ? h->history.ptr : "");
}
