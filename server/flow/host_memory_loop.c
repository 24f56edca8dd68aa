/* One thing that happens at a time, to an engine that can be thrown away. */
#include "server/base/mem.h"
#include "server/flow/host_memory_inside.h"
#include "server/flow/json.h"
#include "server/flow/rehearse.h"
#include "server/flow/run.h"

#include <assert.h>

static const struct uuid run_id = {{1, 2, 3, 4, 5, 6, 0x70, 8, 0x80, 10, 11, 12, 13, 14, 15, 16}};
static const struct uuid conversation_id = {{9, 9, 9, 9, 9, 9, 0x70, 9, 0x80, 9, 9, 9, 9, 9, 9, 9}};

/* ---- the host's functions ---- */

static struct host_memory *of(struct flow_host *host)
{
    return (struct host_memory *)host;
}

static void answer_map(struct host_memory *h, const struct flow_read *read)
{
    struct flow_run *run = h->run;
    const char *json = "";
    if (read->kind == FLOW_READ_CUSTOMER)
        json = h->customer;
    if (read->kind == FLOW_READ_CONTEXT)
        json = h->context;
    for (size_t i = 0; read->kind == FLOW_READ_PROCESS && i < h->rows.process_count; i++) {
        const struct memory_process *p = &h->rows.processes[i];
        bool of_type = read->type.len == 0 || span_is(read->type, p->type);
        if (uuid_is_nil(read->process) ? of_type && strstr(p->json, "\"open\"") : uuid_equal(p->id, read->process))
            json = p->json;
    }
    flow_answered(run, PARLEY_OK, span_str(json));
}

static void answer_queue(struct host_memory *h, const struct flow_read *read)
{
    struct arena arena;
    struct value queues;
    struct span json = span_str("{\"agents\":1,\"free\":1}");
    arena_init(&arena, 1 << 20);
    if (json_read(&arena, span_str(h->queues), &queues) == PARLEY_OK && value_get(&queues, read->type))
        json = json_write(&arena, value_get(&queues, read->type));
    flow_answered(h->run, PARLEY_OK, json);
    arena_done(&arena);
}

static void answer_events(struct host_memory *h, const struct flow_read *read)
{
    struct buf json;
    buf_init(&json, 1 << 20);
    memory_rows_events(&h->rows, read->type, read->after, &json);
    flow_answered(h->run, PARLEY_OK, buf_span(&json));
    buf_done(&json);
}

static void answer_read(struct host_memory *h, const struct flow_read *read)
{
    if (read->kind == FLOW_READ_EVENT)
        answer_events(h, read);
    else if (read->kind == FLOW_READ_QUEUE)
        answer_queue(h, read);
    else
        answer_map(h, read);
}

static void answer_commit(struct host_memory *h, const struct flow_step *s)
{
    struct flow_run *run = h->run;
    parley_status st = memory_rows_stale(&h->rows, s) ? PARLEY_STALE : PARLEY_OK;
    if (st == PARLEY_OK && h->options.crash == MEMORY_STALE_COMMIT && !h->spared)
        st = PARLEY_STALE;
    h->spared = st != PARLEY_OK;
    if (st == PARLEY_OK)
        memory_rows_store(&h->rows, s);
    if (s->state == FLOW_FAILED && flow_run_error(run))
        h->error = *flow_run_error(run);
    flow_committed(run, st, s->question >= 0 ? h->rows.question_seq : 0);
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

static void on_fetch(struct flow_host *host, struct flow_run *run, const struct flow_fetch *fetch)
{
    memory_outside_ask(&of(host)->outside, fetch);
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

const struct flow_host host_memory_functions = {
    .fetch = on_fetch,
    .commit = on_commit,
    .read = on_read,
    .defer = on_defer,
    .ready = on_ready,
    .gone = on_gone,
    .now_ms = on_now,
};

/* ---- the loop ---- */

void host_memory_crash(struct host_memory *h)
{
    flow_engine_free(&h->engine);
    h->run = NULL;
    h->pending = PENDING_NONE;
    h->outside.asked = false;
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
    assert(!memory_rows_stale(&h->rows, h->commit));
    if (h->commit->state == FLOW_FAILED)
        h->error = *flow_run_error(h->run);
    memory_rows_store(&h->rows, h->commit);
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
    flow_version_watch(v, h->options.watch);
    return v;
}

/* The run as it is stored; entries_free. */
static struct flow_saved stored(const struct host_memory *h, struct flow_entry **entries)
{
    *entries = mem_array(h->rows.journal_count + 1, sizeof **entries);
    for (size_t i = 0; i < h->rows.journal_count; i++) {
        const struct memory_row *r = &h->rows.journal[i];
        char *said = memory_rows_said(&h->rows, r);
        (*entries)[i] = (struct flow_entry){.entry = r->entry,
                                            .step = r->step,
                                            .call = span_str(r->call),
                                            .line = r->line,
                                            .data = span_str(r->data),
                                            .item = said ? span_str(said) : (struct span){0}};
    }
    return (struct flow_saved){
        .run = run_id,
        .conversation = conversation_id,
        .state = h->rows.state,
        .step = h->rows.step,
        .input_seq = h->rows.input_seq,
        .question_seq = h->rows.question_seq,
        .waiting = span_str(h->rows.waiting),
        .entries = *entries,
        .entry_count = h->rows.journal_count,
    };
}

static void entries_free(struct flow_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free((char *)entries[i].item.ptr);
    mem_free(entries);
}

parley_status host_memory_rehearse(const struct host_memory *h, struct rehearsal *rehearsal, struct flow_error *error)
{
    struct flow_entry *entries;
    struct flow_saved saved = stored(h, &entries);
    parley_status st = rehearsal_try(rehearsal, &saved, error);
    entries_free(entries, saved.entry_count);
    return st;
}

static void load(struct host_memory *h)
{
    struct flow_entry *entries;
    struct flow_saved saved = stored(h, &entries);
    struct flow_run *run;
    h->rebuilt++;
    parley_status st = flow_load(h->engine, version(h), &saved, NULL, &run);
    assert(st == PARLEY_OK);
    entries_free(entries, saved.entry_count);
    pump(h);
}

static bool rests(const struct host_memory *h)
{
    return h->rows.state == FLOW_WAITING || h->rows.state == FLOW_HANDOFF;
}

/* Brings the event; true when it has to come once more, because what came of it was lost. */
static bool tell_once(struct host_memory *h, const struct flow_event *event)
{
    h->crashed = false;
    if (!rests(h) || flow_event(h->run, event) != PARLEY_OK)
        return false;
    pump(h);
    if (!h->crashed)
        h->spared = false;
    return h->crashed;
}

static void be_there(struct host_memory *h)
{
    version(h);
    if (!h->run && rests(h))
        load(h);
}

static const struct memory_item *next_input(const struct host_memory *h, int64_t after)
{
    for (size_t i = (size_t)after; i < h->rows.item_count; i++)
        if (memory_item_is_input(&h->rows.items[i]))
            return &h->rows.items[i];
    return NULL;
}

/* Until nothing is asked of the outside any more. */
static void tell_answers(struct host_memory *h)
{
    struct flow_event event;
    for (be_there(h); rests(h) && memory_outside_answer(&h->outside, &event); be_there(h))
        tell_once(h, &event);
}

/* Everything that the customer has posted and the run has not been told, as whoever loads a run has to do it. */
static void tell_items(struct host_memory *h)
{
    const struct memory_item *item;
    for (tell_answers(h); rests(h) && (item = next_input(h, flow_run_input_seq(h->run))); tell_answers(h)) {
        char *body = mem_text(item->body); /* the array grows meanwhile */
        tell_once(h, &(struct flow_event){.type = FLOW_EVENT_ITEM,
                                          .seq = item - h->rows.items + 1,
                                          .kind = item->kind,
                                          .body = span_str(body)});
        mem_free(body);
    }
}

static void deliver(struct host_memory *h, const struct flow_event *event)
{
    if (h->options.crash == MEMORY_CRASH_BEFORE_EVENT)
        host_memory_crash(h);
    do {
        if (event->type == FLOW_EVENT_TIMER)
            tell_items(h); /* they came first */
        be_there(h);
    } while (tell_once(h, event));
    tell_items(h);
}

void host_memory_begin(struct host_memory *h, int kind, const char *text)
{
    struct flow_birth birth = {.run = run_id, .conversation = conversation_id};
    struct arena arena;
    struct value body;
    arena_init(&arena, STEP_ARENA);
    if (json_read(&arena, span_str(text), &body) != PARLEY_OK)
        body = (struct value){.type = VALUE_MAP};
    memory_rows_add(&h->rows, &(struct flow_item){.kind = kind, .body = span_str(text)});
    flow_birth_by(&birth, (int64_t)h->rows.item_count, kind, &body);
    do {
        struct flow_run *run;
        h->crashed = false;
        struct flow_version *v = version(h);
        parley_status st = flow_start(h->engine, v, &birth, NULL, &run);
        assert(st == PARLEY_OK);
        pump(h);
    } while (h->crashed);
    h->spared = false;
    arena_done(&arena);
    tell_items(h);
}

void host_memory_start(struct host_memory *h, const char *text)
{
    struct buf body;
    buf_init(&body, LIMIT_BODY);
    struct frame_text_body words = {.text = span_str(text)};
    item_put_body(&body, ITEM_text, &words);
    buf_add_char(&body, '\0');
    host_memory_begin(h, ITEM_text, body.ptr);
    buf_done(&body);
}

/* ---- what happens ---- */

void host_memory_erase(struct host_memory *h, int64_t seq)
{
    memory_rows_erase(&h->rows, seq);
}

void host_memory_post(struct host_memory *h, int kind, const char *body)
{
    memory_rows_add(&h->rows, &(struct flow_item){.kind = kind, .body = span_str(body)});
    if (h->options.crash == MEMORY_CRASH_BEFORE_EVENT)
        host_memory_crash(h);
    tell_items(h);
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
    post(h, ITEM_choice, &(struct frame_choice_body){.to = h->rows.question_seq, .value = span_str(wire)});
}

/* Whether the flow has its own way to a person; if so, it is asked first, as the server does. */
static bool is_asked_first(const struct host_memory *h)
{
    struct arena arena;
    struct value waiting;
    arena_init(&arena, 1 << 20);
    bool read = json_read(&arena, span_str(h->rows.waiting ? h->rows.waiting : ""), &waiting) == PARLEY_OK;
    const struct value *person = read ? value_find(&waiting, "person") : NULL;
    bool asked = person && json_true(person, "asks");
    arena_done(&arena);
    return asked;
}

void host_memory_escape(struct host_memory *h)
{
    if (is_asked_first(h)) {
        post(h, ITEM_custom,
             &(struct frame_custom_body){.type = span_str(ITEM_WISH), .fallback = span_str("I want a person")});
        return;
    }
    deliver(h, &(struct flow_event){.type = FLOW_EVENT_ESCAPE,
                                    .seq = (int64_t)h->rows.item_count,
                                    .reason = span_str("asked for a person")});
}

void host_memory_back(struct host_memory *h, const char *outcome, const char *note, const char *by)
{
    deliver(h, &(struct flow_event){.type = FLOW_EVENT_BACK,
                                    .seq = (int64_t)h->rows.item_count,
                                    .outcome = span_str(outcome),
                                    .note = span_str(note),
                                    .by = span_str(by)});
}

void host_memory_advance(struct host_memory *h, int64_t ms)
{
    int64_t until = h->now_ms + ms;
    while (!uuid_is_nil(h->rows.timer) && h->rows.timer_due_ms <= until) {
        struct uuid timer = h->rows.timer;
        if (h->rows.timer_due_ms > h->now_ms)
            h->now_ms = h->rows.timer_due_ms;
        deliver(h, &(struct flow_event){.type = FLOW_EVENT_TIMER, .timer = timer});
        assert(!uuid_equal(h->rows.timer, timer));
        if (h->rows.recalled)
            host_memory_back(h, "timeout", "", "");
    }
    h->now_ms = until;
}

void host_memory_accept(struct host_memory *h)
{
    h->rows.taken = true;
}

bool host_memory_move_process(struct host_memory *h, const struct flow_process *change)
{
    bool found = false;
    for (size_t i = 0; i < h->rows.process_count; i++) {
        struct memory_process *p = &h->rows.processes[i];
        if (!span_is(change->type, p->type))
            continue;
        struct flow_process moved = *change;
        moved.id = p->id;
        moved.revision = memory_process_revision(p) + 1;
        memory_rows_put_process(&h->rows, &moved);
        found = true;
    }
    return found;
}
