/* The rows of one run in memory: what a step changes in them, and how they read. */
#include "server/flow/memory_rows.h"

#include "server/base/mem.h"
#include "server/flow/json.h"
#include "server/flow/run.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

void memory_rows_init(struct memory_rows *r)
{
    *r = (struct memory_rows){.waiting = mem_text("{}")};
    buf_init(&r->history, 1 << 20);
    buf_init(&r->lines, 1 << 20);
}

static void *grow(void *array, size_t count, size_t size)
{
    return mem_resize(array, (count + 1) * size);
}

static struct memory_process *find_process(struct memory_rows *r, struct uuid id)
{
    for (size_t i = 0; i < r->process_count; i++)
        if (uuid_equal(r->processes[i].id, id))
            return &r->processes[i];
    return NULL;
}

int64_t memory_process_revision(const struct memory_process *p)
{
    struct arena arena;
    struct value map;
    arena_init(&arena, STEP_ARENA);
    int64_t revision = p && json_read(&arena, span_str(p->json), &map) == PARLEY_OK ? json_int(&map, "revision") : 0;
    arena_done(&arena);
    return revision;
}

/* Everything that a step is conditional on. */
bool memory_rows_stale(struct memory_rows *r, const struct flow_step *s)
{
    if (s->number != r->step + 1)
        return true;
    for (size_t i = 0; i < s->process_count; i++)
        if (memory_process_revision(find_process(r, s->processes[i].id)) != s->processes[i].was)
            return true;
    return false;
}

void memory_rows_add(struct memory_rows *r, const struct flow_item *item)
{
    for (size_t i = 0; i < r->item_count; i++)
        assert(uuid_is_nil(item->id) || !uuid_equal(r->items[i].id, item->id)); /* unique in the table */
    r->items = grow(r->items, r->item_count, sizeof *r->items);
    r->items[r->item_count++] = (struct memory_item){
        item->id, item->kind, mem_span(item->body), item->line, mem_text(item->file ? item->file : ""), false};
}

bool memory_item_is_input(const struct memory_item *item)
{
    return uuid_is_nil(item->id) && !item_moves(item->kind);
}

static void forget_journal(struct memory_rows *r, int64_t from)
{
    for (; r->journal_count && (int64_t)r->journal_count >= from; r->journal_count--) {
        mem_free(r->journal[r->journal_count - 1].call);
        mem_free(r->journal[r->journal_count - 1].data);
    }
}

/* The number of the question in which the run stands, where its row names it. */
static int64_t question_of(const struct memory_rows *r, const struct flow_step *s)
{
    struct arena arena;
    struct value waiting;
    int64_t seq = 0;
    arena_init(&arena, STEP_ARENA);
    if (s->question >= 0)
        seq = (int64_t)r->item_count + s->question + 1;
    else if (json_read(&arena, s->waiting, &waiting) == PARLEY_OK)
        seq = json_int(&waiting, "question");
    arena_done(&arena);
    return seq ? seq : r->question_seq;
}

static void add_entry(struct memory_rows *r, const struct flow_entry *e)
{
    assert(e->entry == (int64_t)r->journal_count + 1);
    r->journal = grow(r->journal, r->journal_count, sizeof *r->journal);
    r->journal[r->journal_count++] =
        (struct memory_row){e->entry, e->step, mem_span(e->call), mem_span(e->data), e->line, e->said};
}

void memory_rows_erase(struct memory_rows *r, int64_t seq)
{
    struct memory_item *item = &r->items[seq - 1];
    mem_free(item->body);
    item->body = mem_text("{}");
    item->erased = true;
}

char *memory_rows_said(const struct memory_rows *r, const struct memory_row *entry)
{
    const struct memory_item *item = entry->said ? &r->items[entry->said - 1] : NULL;
    struct buf text;
    if (!item || item->erased)
        return NULL;
    buf_init(&text, 2 * LIMIT_BODY);
    buf_printf(&text, "{\"kind\":%d,\"body\":%s}", item->kind, item->body);
    char *said = mem_span(buf_span(&text));
    buf_done(&text);
    return said;
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

void memory_rows_put_process(struct memory_rows *r, const struct flow_process *p)
{
    struct arena arena;
    struct value record, old;
    char id[UUID_TEXT + 1];
    arena_init(&arena, STEP_ARENA);
    struct memory_process *row = find_process(r, p->id);
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
        r->processes = grow(r->processes, r->process_count, sizeof *r->processes);
        row = &r->processes[r->process_count++];
        *row = (struct memory_process){p->id, mem_span(p->type), NULL};
    }
    mem_free(row->json);
    row->json = mem_span(json_write(&arena, &record));
    arena_done(&arena);
}

static void set_timer(struct memory_rows *r, const struct flow_step *s)
{
    if (!uuid_is_nil(s->timer_clear)) {
        assert(uuid_equal(r->timer, s->timer_clear));
        r->timer = (struct uuid){0};
    }
    if (uuid_is_nil(s->timer_set))
        return;
    assert(uuid_is_nil(r->timer)); /* a run has one timer at most */
    r->timer = s->timer_set;
    r->timer_due_ms = s->timer_due_ms;
    buf_printf(&r->history, "timer at %" PRId64 "\n", s->timer_due_ms);
}

static void note_handoff(struct memory_rows *r, const struct flow_handoff *ho)
{
    if (!ho->wanted)
        return;
    buf_printf(&r->history, "handoff %.*s (%.*s): %.*s%s%.*s%s\n", SPAN_ARG(ho->queue), SPAN_ARG(ho->why),
               SPAN_ARG(ho->reason), ho->summary.len ? " / " : "", SPAN_ARG(ho->summary),
               ho->priority ? " [high]" : "");
    struct arena arena;
    struct value body;
    arena_init(&arena, STEP_ARENA);
    value_map(&arena, 6, &body);
    put_text(&body, "queue", ho->queue);
    put_text(&body, "why", ho->why);
    put_text(&body, "reason", ho->reason);
    put_text(&body, "summary", ho->summary);
    if (ho->priority)
        put_text(&body, "priority", span_str("high"));
    if (ho->message)
        put_text(&body, "mode", span_str("message"));
    memory_rows_add(r, &(struct flow_item){.kind = ITEM_queued, .body = json_write(&arena, &body)});
    arena_done(&arena);
}

static void replace(char **kept, struct span text)
{
    char *copy = mem_span(text);
    mem_free(*kept);
    *kept = copy;
}

static void add_line(struct buf *out, const struct flow_log_line *line)
{
    buf_printf(out, "%-5s %s:%d  ", log_level_name(line->level), line->file, line->line);
    for (size_t i = 0; i < line->text.len; i++)
        buf_add_char(out, (unsigned char)line->text.ptr[i] < 0x20 ? ' ' : line->text.ptr[i]);
    buf_add_char(out, '\n');
}

/* The value of an answer from before a restart is in the log alone (null), and is as it was. */
static void learn(struct memory_rows *r, struct span learnt)
{
    struct arena arena;
    struct value old = {.type = VALUE_MAP}, all, whole;
    arena_init(&arena, 4 << 20);
    if (r->collected)
        json_read(&arena, span_str(r->collected), &old);
    if (json_read(&arena, learnt, &all) == PARLEY_OK && value_map(&arena, (size_t)all.count + 1, &whole) == PARLEY_OK) {
        for (uint32_t i = 0; i < all.count; i++) {
            const struct value *v = &all.members[i].value, *was = value_get(&old, all.members[i].key);
            value_put(&whole, all.members[i].key, v->type == VALUE_NULL && was ? *was : *v);
        }
        replace(&r->collected, json_write(&arena, &whole));
    }
    arena_done(&arena);
}

void memory_rows_store(struct memory_rows *r, const struct flow_step *s)
{
    if (s->forget_from)
        forget_journal(r, s->forget_from);
    for (size_t i = 0; i < s->entry_count; i++)
        add_entry(r, &s->entries[i]);
    r->question_seq = question_of(r, s);
    for (size_t i = 0; i < s->item_count; i++)
        memory_rows_add(r, &s->items[i]);
    for (size_t i = 0; i < s->process_count; i++)
        memory_rows_put_process(r, &s->processes[i]);
    for (size_t i = 0; i < s->log_count; i++)
        add_line(&r->lines, &s->logs[i]);
    set_timer(r, s);
    note_handoff(r, &s->handoff);
    r->recalled = s->recall && !r->taken;
    r->taken = r->taken && s->state == FLOW_HANDOFF;
    replace(&r->waiting, s->waiting);
    if (s->learnt.ptr)
        learn(r, s->learnt);
    r->step = s->number;
    r->state = s->state;
    r->input_seq = s->input_seq;
}

void memory_rows_done(struct memory_rows *r)
{
    forget_journal(r, 1);
    for (size_t i = 0; i < r->item_count; i++) {
        mem_free(r->items[i].body);
        mem_free(r->items[i].file);
    }
    for (size_t i = 0; i < r->process_count; i++) {
        mem_free(r->processes[i].type);
        mem_free(r->processes[i].json);
    }
    mem_free(r->items);
    mem_free(r->journal);
    mem_free(r->processes);
    mem_free(r->waiting);
    mem_free(r->collected);
    buf_done(&r->history);
    buf_done(&r->lines);
}

static void add_event(struct buf *out, struct arena *arena, const struct value *body, size_t seq)
{
    const struct value *data = value_find(body, "data");
    if (out->ptr[out->len - 1] == '}')
        buf_add_char(out, ',');
    buf_printf(out, "{\"seq\":%zu,\"data\":", seq);
    buf_add_span(out, data ? json_write(arena, data) : span_str("{}"));
    buf_add_char(out, '}');
}

void memory_rows_events(const struct memory_rows *r, struct span type, int64_t after, struct buf *out)
{
    struct arena arena;
    struct value body;
    arena_init(&arena, STEP_ARENA);
    buf_add_str(out, "{\"events\":[");
    for (size_t i = (size_t)after; i < r->item_count; i++)
        if (r->items[i].kind == ITEM_custom && memory_item_is_input(&r->items[i]) &&
            json_read(&arena, span_str(r->items[i].body), &body) == PARLEY_OK &&
            span_equal(json_text(&body, "type"), type))
            add_event(out, &arena, &body, i + 1);
    buf_add_str(out, "]}");
    arena_done(&arena);
}

static void add_body_line(struct buf *out, struct arena *arena, const struct memory_item *item)
{
    struct value body;
    if (json_read(arena, span_str(item->body), &body) != PARLEY_OK) {
        buf_add_str(out, item->body);
        return;
    }
    if (item->kind == ITEM_queued)
        buf_printf(out, "%.*s (%.*s): %.*s", SPAN_ARG(json_text(&body, "queue")), SPAN_ARG(json_text(&body, "why")),
                   SPAN_ARG(json_text(&body, "reason")));
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

void memory_rows_dialogue(const struct memory_rows *r, struct buf *out)
{
    struct arena arena;
    arena_init(&arena, STEP_ARENA);
    for (size_t i = 0; i < r->item_count; i++) {
        const struct memory_item *item = &r->items[i];
        const char *who = !uuid_is_nil(item->id) ? "bot " : item->kind == ITEM_queued ? "" : "you ";
        buf_printf(out, "%s%s ", who, item_kind_name(item->kind));
        add_body_line(out, &arena, item);
        buf_add_char(out, '\n');
    }
    arena_done(&arena);
}

void memory_rows_dump(const struct memory_rows *r, struct buf *out)
{
    char id[UUID_TEXT + 1];
    buf_printf(out, "state %d step %" PRId64 " input %" PRId64 " question %" PRId64 "\nwaiting %s\ncollected %s\n",
               (int)r->state, r->step, r->input_seq, r->question_seq, r->waiting, r->collected ? r->collected : "");
    for (size_t i = 0; i < r->item_count; i++) {
        uuid_format(r->items[i].id, id);
        buf_printf(out, "%zu %s %s %s\n", i + 1, id, item_kind_name(r->items[i].kind), r->items[i].body);
    }
    for (size_t i = 0; i < r->journal_count; i++)
        buf_printf(out, "%" PRId64 " %" PRId64 " %s:%d %s\n", r->journal[i].entry, r->journal[i].step,
                   r->journal[i].call, r->journal[i].line, r->journal[i].data);
    for (size_t i = 0; i < r->process_count; i++)
        buf_printf(out, "process %s\n", r->processes[i].json);
    uuid_format(r->timer, id);
    buf_printf(out, "timer %s\n", id);
    buf_add_span(out, buf_span(&r->history));
    buf_add_span(out, buf_span(&r->lines));
}
