/* Context and processes. */
#include "server/mock/work.h"

#include "protocol/item.h"
#include "protocol/wire_json.h"
#include "server/base/mem.h"
#include "server/io/crypto.h"

#include <stdio.h>

enum { PROCESSES_MAX = 50 };

static struct talk *named(struct peer *p, const struct frame *f, struct uuid id)
{
    struct talk *t = talk_find(p->person, id);
    if (!t)
        peer_refuse(p, f, PARLEY_NOT_FOUND, 0, "data.conversation", NULL);
    return t;
}

static char *canonical(const struct value *v)
{
    struct buf out;
    buf_init(&out, 2 * LIMIT_DATA);
    item_canonical(v, &out);
    char *text = mem_span(buf_span(&out));
    buf_done(&out);
    return text;
}

/* --- context --- */

/* For staff alone: the customer sees a number left out. */
static void note_context(struct peer *p, struct talk *t)
{
    uint8_t digest[CRYPTO_DIGEST];
    char hex[2 * CRYPTO_DIGEST + 1], body[128];
    crypto_sha256(span_str(t->context), digest);
    crypto_hex(span_of(digest, sizeof digest), hex);
    snprintf(body, sizeof body, "{\"snapshot\":\"%s\"}", hex);
    struct uuid id = mock_id("context", t->id, (int64_t)t->count + 1);
    int role = p->person->guest ? role_guest : role_customer;
    struct entry *e = talk_add(t, id, role, p->person->id, "context", audience_staff, span_str(body));
    t->context_seq = e->seq;
    mock_stored(p->mock, p->number, t, e);
}

void work_context_put(struct peer *p, const struct frame *f)
{
    struct talk *t = named(p, f, f->context_put.conversation);
    if (!t)
        return;
    char *next = canonical(f->context_put.context.value);
    bool changed = !t->context || strcmp(next, t->context) != 0;
    if (changed) {
        mem_free(t->context);
        t->context = next;
        note_context(p, t);
    } else {
        mem_free(next);
    }
    PEER_ANSWER(p, f, context_stored, .changed = changed);
}

void work_context_get(struct peer *p, const struct frame *f)
{
    struct talk *t = named(p, f, f->context_get.conversation);
    if (!t)
        return;
    struct frame_context_found found = {.has_context = t->context != NULL};
    found.context.json = span_str(t->context);
    peer_answer(p, f, FRAME_context_found, &found);
}

/* --- processes --- */

static struct transaction *find(struct talk *t, struct uuid id)
{
    LIST_EACH(&t->processes, node)
    {
        if (uuid_equal(LIST_ITEM(node, struct transaction, node)->id, id))
            return LIST_ITEM(node, struct transaction, node);
    }
    return NULL;
}

static struct frame_process as_frame(const struct talk *t, const struct transaction *x)
{
    struct frame_process out = {.process = x->id, .conversation = t->id, .type = span_str(x->type), .state = x->state};
    out.has_title = *x->title != '\0';
    out.title = span_str(x->title);
    out.has_step = *x->step != '\0';
    out.step = span_str(x->step);
    out.revision = x->revision;
    out.data.json = span_str(x->data);
    return out;
}

static void copy(char *out, size_t size, struct span s)
{
    size_t n = s.len < size - 1 ? s.len : size - 1;
    if (n)
        memcpy(out, s.ptr, n);
    out[n] = '\0';
}

/* The step is an item too; `changed` is what it changed, or NULL. */
static void record(struct peer *p, struct talk *t, const struct transaction *x, struct uuid id,
                   const struct value *changed)
{
    struct frame_process_body body = {.process = x->id, .type = span_str(x->type), .revision = x->revision};
    struct buf out;
    body.state = x->state;
    body.has_title = *x->title != '\0';
    body.title = span_str(x->title);
    body.has_step = *x->step != '\0';
    body.step = span_str(x->step);
    body.has_data = changed != NULL;
    body.data.value = changed;
    buf_init(&out, 2 * LIMIT_DATA);
    item_put_body(&out, ITEM_process, &body);
    int role = p->person->guest ? role_guest : role_customer;
    mock_stored(p->mock, p->number, t,
                talk_add(t, id, role, p->person->id, "process", audience_public, buf_span(&out)));
    buf_done(&out);
}

static void is(struct peer *p, const struct frame *f, const struct talk *t, const struct transaction *x)
{
    PEER_ANSWER(p, f, process_is, .process = as_frame(t, x));
}

void work_process_start(struct peer *p, const struct frame *f)
{
    const struct frame_process_start *r = &f->process_start;
    struct talk *t = named(p, f, r->conversation);
    struct transaction *x = t ? find(t, r->process) : NULL;
    if (!t)
        return;
    if (!x) {
        x = mem_alloc(sizeof *x);
        *x = (struct transaction){.id = r->process, .state = process_state_open, .revision = 1};
        copy(x->type, sizeof x->type, r->type);
        copy(x->title, sizeof x->title, r->has_title ? r->title : span_str(""));
        copy(x->step, sizeof x->step, r->has_step ? r->step : span_str(""));
        x->data = r->has_data ? canonical(r->data.value) : mem_text("{}");
        list_push(&t->processes, &x->node);
        record(p, t, x, r->process, r->has_data ? r->data.value : NULL);
    }
    is(p, f, t, x);
}

/* By top-level key; null removes. */
static char *merged(struct arena *arena, const char *old, const struct value *change)
{
    struct wire_limits limits = {.depth = WIRE_DEPTH_MAX, .nodes = LIMIT_NODES};
    struct wire_error error;
    struct value was, now;
    if (wire_json_read(arena, span_str(old), &limits, &was, &error) != PARLEY_OK ||
        value_map(arena, was.count + change->count, &now) != PARLEY_OK)
        return mem_text(old);
    for (uint32_t i = 0; i < was.count; i++)
        if (!value_get(change, was.members[i].key))
            value_put(&now, was.members[i].key, was.members[i].value);
    for (uint32_t i = 0; i < change->count; i++)
        if (change->members[i].value.type != VALUE_NULL)
            value_put(&now, change->members[i].key, change->members[i].value);
    return canonical(&now);
}

static void step(struct peer *p, struct talk *t, struct transaction *x, const struct frame_process_step *r)
{
    x->revision++;
    if (r->has_step)
        copy(x->step, sizeof x->step, r->step);
    if (r->has_state)
        x->state = r->state;
    if (r->has_data) {
        char *next = merged(&p->arena, x->data, r->data.value);
        mem_free(x->data);
        x->data = next;
    }
    record(p, t, x, r->id, r->has_data ? r->data.value : NULL);
}

/* `current` is the record as it stands in the frame {"re":0,"data":{"process":X}}. */
static void stale(struct peer *p, const struct frame *f, const struct talk *t, const struct transaction *x)
{
    static const char before[] = "{\"re\":0,\"data\":{\"process\":";
    struct frame_error error = frame_error_status(PARLEY_STALE);
    struct frame_process_is now = {.process = as_frame(t, x)};
    struct buf json;
    buf_init(&json, 4 * LIMIT_DATA);
    frame_put_type(&json, ENCODING_JSON, FRAME_process_is, 0, &now);
    error.has_current = true;
    error.current.json = span_of(json.ptr + sizeof before - 1, json.len - (sizeof before - 1) - 2);
    peer_answer(p, f, FRAME_error, &error);
    buf_done(&json);
}

void work_process_step(struct peer *p, const struct frame *f)
{
    const struct frame_process_step *r = &f->process_step;
    struct talk *t = named(p, f, r->conversation);
    struct transaction *x = t ? find(t, r->process) : NULL;
    if (!t)
        return;
    if (!x) {
        peer_refuse(p, f, PARLEY_NOT_FOUND, 0, "data.process", NULL);
        return;
    }
    bool repeat = talk_said(t, p->person->id, r->id) != NULL;
    if (!repeat && (r->revision != x->revision || x->state != process_state_open)) {
        stale(p, f, t, x);
        return;
    }
    if (!repeat)
        step(p, t, x, r);
    is(p, f, t, x);
}

void work_process_get(struct peer *p, const struct frame *f)
{
    const struct frame_process_get *r = &f->process_get;
    struct talk *t = named(p, f, r->conversation);
    if (!t)
        return;
    struct frame_process *processes = arena_array(&p->arena, PROCESSES_MAX, sizeof *processes);
    struct frame_process_list list = {.processes = processes};
    LIST_EACH(&t->processes, node)
    {
        const struct transaction *x = LIST_ITEM(node, struct transaction, node);
        bool wanted = r->has_process ? uuid_equal(x->id, r->process) : x->state == process_state_open;
        if (wanted && list.processes_count < PROCESSES_MAX)
            processes[list.processes_count++] = as_frame(t, x);
    }
    peer_answer(p, f, FRAME_process_list, &list);
}
