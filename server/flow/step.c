/* The step of a run: what is gathered between two waits, until it is committed as one. */
#include "server/base/mem.h"
#include "server/flow/json.h"
#include "server/flow/on.h"
#include "server/io/crypto.h"

#include <assert.h>
#include <stdio.h>

static void begin_empty(struct flow_run *run)
{
    struct flow_work *w = run->work;
    w->read_count = 0;
    w->ids = 0;
    w->until_ms = 0;
    w->step = (struct flow_step){
        .number = run->step + 1,
        .input_seq = run->input_seq,
        .entries = w->entries,
        .items = w->items,
        .processes = w->processes,
        .logs = w->logs,
        .question = -1,
    };
}

void step_open(struct flow_run *run)
{
    struct flow_engine *engine = run->engine;
    struct flow_work *w = engine->spare;
    assert(!run->work);
    engine->spare = NULL;
    if (!w) {
        w = mem_alloc(sizeof *w);
        arena_init(&w->arena, STEP_ARENA);
    }
    run->work = w;
    begin_empty(run);
}

/* One is kept for the next step; more only when several runs are under way at once. */
void step_close(struct flow_run *run)
{
    struct flow_work *w = run->work;
    if (!w)
        return;
    run->work = NULL;
    arena_reset(&w->arena);
    if (!run->engine->spare) {
        run->engine->spare = w;
        return;
    }
    arena_done(&w->arena);
    mem_free(w);
}

/* domain: what kind of thing it names, so that two never share an id. */
struct uuid step_derive(const struct flow_run *run, char domain, int64_t step, int n)
{
    uint8_t cause[16 + 1 + 8 + 4], digest[CRYPTO_DIGEST];
    memcpy(cause, run->id.b, 16);
    cause[16] = (uint8_t)domain;
    for (int i = 0; i < 8; i++)
        cause[17 + i] = (uint8_t)(step >> (56 - 8 * i));
    for (int i = 0; i < 4; i++)
        cause[25 + i] = (uint8_t)(n >> (24 - 8 * i));
    crypto_sha256(span_of(cause, sizeof cause), digest);
    return uuid_v8(digest);
}

static parley_status no_room(struct flow_error *error, const char *what, int limit)
{
    flow_error_set(error, "E404", "more than %d %s in one step", limit, what);
    return PARLEY_LIMIT;
}

parley_status step_add_item(struct flow_run *run, int kind, const void *body, struct flow_error *error)
{
    struct flow_work *w = run->work;
    size_t max = run->engine->limits.step_items;
    if (w->step.item_count == max)
        return no_room(error, "messages", (int)max);
    struct buf b;
    buf_init(&b, LIMIT_BODY);
    item_put_body(&b, kind, body);
    struct span text = b.status == PARLEY_OK ? arena_span(&w->arena, buf_span(&b)) : (struct span){0};
    buf_done(&b);
    if (!text.ptr) {
        flow_error_set(error, "E204", "a message with more than %d bytes", LIMIT_BODY);
        return PARLEY_LIMIT;
    }
    struct uuid id = step_derive(run, 'i', w->step.number, (int)w->step.item_count);
    w->items[w->step.item_count++] =
        (struct flow_item){.id = id, .kind = kind, .body = text, .line = run->line, .file = run->file};
    return PARLEY_OK;
}

parley_status step_add_entry(struct flow_run *run, const struct journal_call *call, const struct value *told,
                             struct flow_error *error)
{
    struct flow_work *w = run->work;
    const struct flow_limits *limits = &run->engine->limits;
    int64_t number = run->next_entry + (int64_t)w->step.entry_count;
    struct journal_call stored = *call;
    stored.shown = label_shown(run->version, &w->arena, call->label);
    struct span data = journal_data(&w->arena, &stored, told), whole = json_write(&w->arena, told);
    if (!data.ptr || !whole.ptr || w->step.entry_count == STEP_ENTRIES)
        return no_room(error, "answers", STEP_ENTRIES);
    int64_t said = json_int(told, "said");
    size_t bytes = data.len + (said ? whole.len : 0), all = run->journal_bytes + bytes;
    for (size_t i = 0; i < w->step.entry_count; i++)
        all += w->entries[i].bytes;
    if (number > limits->journal_entries || all > limits->journal_bytes) {
        flow_error_set(error, "E403", "the journal has more than %lld entries or %zu bytes",
                       (long long)limits->journal_entries, limits->journal_bytes);
        return PARLEY_LIMIT;
    }
    w->entries[w->step.entry_count++] = (struct flow_entry){
        .entry = number,
        .step = w->step.number,
        .call = span_str(call->name),
        .line = call->line,
        .data = data,
        .said = said,
        .bytes = bytes,
    };
    step_log_journal(run, call, number, all);
    return PARLEY_OK;
}

void step_set_timer(struct flow_run *run, int64_t due_ms)
{
    struct flow_work *w = run->work;
    step_clear_timer(run);
    w->step.timer_set = step_derive(run, 't', w->step.number, 0);
    w->step.timer_due_ms = due_ms;
    w->until_ms = due_ms;
}

void step_clear_timer(struct flow_run *run)
{
    run->work->step.timer_clear = run->timer;
    run->work->step.timer_set = (struct uuid){0};
}

/* For a customer who asks past the flow: to which queue, or whether the flow is to be asked first. */
static void put_person(struct flow_run *run, struct arena *arena, struct value *map)
{
    struct value person;
    bool asks = on_find(run, FLOW_CALL_on_escape, (struct span){0}, (struct span){0}) >= 0;
    if (run->work->step.state != FLOW_WAITING || value_map(arena, 2, &person) != PARLEY_OK)
        return;
    if (run->version->about.escape_queue[0])
        value_put(&person, span_str("queue"), value_text(span_str(run->version->about.escape_queue)));
    if (asks)
        value_put(&person, span_str("asks"), value_bool(true));
    if (person.count)
        value_put(map, span_str("person"), person);
}

/* What a person, or another node, needs to know of where the run stands. */
static struct span describe_wait(struct flow_run *run, struct arena *arena)
{
    const struct flow_step *s = &run->work->step;
    const struct flow_wait *wait = &run->wait;
    bool rests = wait->function != FLOW_CALLS && (s->state == FLOW_WAITING || s->state == FLOW_HANDOFF);
    struct value map;
    char timer[UUID_TEXT + 1];
    if (!rests || value_map(arena, 11, &map) != PARLEY_OK)
        return span_str("{}");
    struct journal_call call = wait_journal_call(wait);
    call.shown = label_shown(run->version, arena, call.label);
    struct uuid pending = uuid_is_nil(s->timer_set) && uuid_is_nil(s->timer_clear) ? run->timer : s->timer_set;
    uuid_format(pending, timer);
    value_put(&map, span_str("call"), value_text(span_str(flow_functions[wait->function].name)));
    value_put(&map, span_str("line"), value_int(wait->line));
    if (wait->file)
        value_put(&map, span_str("file"), value_text(span_str(wait->file)));
    journal_put_label(arena, &call, &map);
    value_put(&map, span_str("escaped"), value_bool(wait->escaped));
    if (s->question < 0 && run->question_seq)
        value_put(&map, span_str("question"), value_int(run->question_seq));
    if (run->work->until_ms)
        value_put(&map, span_str("until"), value_int(run->work->until_ms));
    if (!uuid_is_nil(pending))
        value_put(&map, span_str("timer"), value_text(span_str(timer)));
    if (run->warned)
        value_put(&map, span_str("warned"), value_bool(true));
    put_person(run, arena, &map);
    struct span text = json_write(arena, &map);
    return text.ptr ? text : span_str("{}");
}

void step_finish(struct flow_run *run, enum flow_state state)
{
    struct flow_work *w = run->work;
    w->step.state = state;
    step_log_dropped(run);
    if (state != FLOW_WAITING && state != FLOW_HANDOFF)
        step_clear_timer(run);
    w->step.waiting = describe_wait(run, &w->arena);
}

static struct span failure_line(struct flow_work *w, const struct flow_error *e)
{
    char text[FLOW_ERROR_TEXT_MAX + 16];
    snprintf(text, sizeof text, "[%s] %s", e->code, e->text);
    return arena_span(&w->arena, span_str(text));
}

static struct span failure_reason(struct flow_work *w, const struct flow_error *e)
{
    char text[FLOW_ERROR_FILE_MAX + 64];
    snprintf(text, sizeof text, "the flow failed: %s, line %d [%s]", e->file, e->line, e->code);
    return arena_span(&w->arena, span_str(text));
}

/* Beyond every limit: when it is the journal that is too long, this is where it says so. */
static void add_failure_entry(struct flow_run *run, const struct flow_error *e)
{
    struct flow_work *w = run->work;
    struct value told;
    if (value_map(&w->arena, 4, &told) != PARLEY_OK)
        return;
    value_put(&told, span_str("code"), value_text(span_str(e->code)));
    value_put(&told, span_str("file"), value_text(span_str(e->file)));
    value_put(&told, span_str("line"), value_int(e->line));
    value_put(&told, span_str("text"), value_text(span_str(e->text)));
    struct journal_call call = {.name = "failed", .label = span_str(e->code), .line = e->line};
    struct span data = journal_data(&w->arena, &call, &told);
    if (!data.ptr)
        return;
    if (w->step.entry_count == STEP_ENTRIES)
        w->step.entry_count--;
    w->entries[w->step.entry_count] = (struct flow_entry){.entry = run->next_entry + (int64_t)w->step.entry_count,
                                                          .step = w->step.number,
                                                          .call = span_str(call.name),
                                                          .line = call.line,
                                                          .data = data,
                                                          .bytes = data.len};
    w->step.entry_count++;
}

static struct span apology(const struct flow_run *run)
{
    const struct flow_about *about = &run->version->about;
    return span_str(run->version->has_about && about->apology[0] ? about->apology : run->engine->limits.apology);
}

static void move_texts(struct flow_work *w, struct arena *to, const struct flow_step *had)
{
    for (size_t i = 0; i < had->entry_count; i++)
        w->entries[i].data = arena_span(to, w->entries[i].data);
    for (size_t i = 0; i < had->log_count; i++)
        w->logs[i].text = arena_span(to, w->logs[i].text);
}

/* The step without what it has said and done, but with what it was told and has logged: so the way to the failure can
 * be gone again. */
static void begin_anew(struct flow_run *run)
{
    struct flow_work *w = run->work;
    struct arena kept;
    if (!w) {
        step_open(run);
        return;
    }
    struct flow_step had = w->step;
    arena_init(&kept, STEP_ARENA);
    move_texts(w, &kept, &had);
    arena_reset(&w->arena);
    begin_empty(run);
    move_texts(w, &w->arena, &had);
    while (w->step.entry_count < had.entry_count && w->entries[w->step.entry_count].data.ptr)
        w->step.entry_count++;
    while (w->step.log_count < had.log_count && w->logs[w->step.log_count].text.ptr)
        w->step.log_count++;
    w->step.log_dropped = had.log_dropped;
    w->step.journal_near = had.journal_near;
    arena_done(&kept);
}

void step_fail(struct flow_run *run, const struct flow_error *error)
{
    int64_t forget_from = run->work ? run->work->step.forget_from : 0;
    begin_anew(run);
    struct flow_work *w = run->work;
    struct frame_text_body words = {.text = apology(run)};
    struct flow_error ignored;
    run->line = error->line;
    w->step.forget_from = forget_from;
    if (forget_from)
        run->next_entry = forget_from;
    step_add_item(run, ITEM_text, &words, &ignored);
    add_failure_entry(run, error);
    step_log(run, &(struct flow_log_line){.level = LOG_ERROR,
                                          .own = strcmp(error->code, "E307") == 0,
                                          .file = error->file,
                                          .line = error->line,
                                          .text = failure_line(w, error)});
    w->step.handoff = (struct flow_handoff){
        .wanted = true,
        .queue = run->version->has_about ? span_str(run->version->about.escape_queue) : span_of("", 0),
        .why = span_str("failed"),
        .reason = failure_reason(w, error),
    };
    collect_share(run, NULL, &w->step.handoff.collected, &w->step.handoff.said);
    step_finish(run, FLOW_FAILED);
}
