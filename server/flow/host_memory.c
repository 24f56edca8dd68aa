/* Rows in arrays instead of tables, and what they say; host_memory_loop.c moves them. */
#include "server/base/mem.h"
#include "server/flow/host_memory_inside.h"

enum { BEGINNING_MS = 1767225600 }; /* in seconds: 1 January 2026 */

static void replace(char **kept, struct span text)
{
    char *copy = mem_span(text);
    mem_free(*kept);
    *kept = copy;
}

/* ---- life ---- */

struct host_memory *host_memory_new(const struct memory_options *options)
{
    struct host_memory *h = mem_alloc(sizeof *h);
    h->host = host_memory_functions;
    h->options = *options;
    h->now_ms = (int64_t)BEGINNING_MS * 1000;
    h->customer = mem_text("{}");
    h->context = mem_text("{}");
    h->queues = mem_text("{}");
    memory_rows_init(&h->rows);
    return h;
}

void host_memory_free(struct host_memory **host)
{
    struct host_memory *h = *host;
    if (!h)
        return;
    flow_engine_free(&h->engine);
    memory_rows_done(&h->rows);
    memory_outside_done(&h->outside);
    char *texts[] = {h->file, h->source, h->customer, h->context, h->queues};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mem_free(texts[i]);
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
    parley_status st = flow_version_add(h->engine, h->file, source, &v, error);
    if (st == PARLEY_OK)
        flow_version_watch(v, h->options.watch);
    return st;
}

void host_memory_watch(struct host_memory *h, const struct sandbox_watch *watch)
{
    struct flow_version *v;
    struct flow_error error;
    h->options.watch = watch;
    if (flow_version_add(h->engine, h->file, span_str(h->source), &v, &error) == PARLEY_OK)
        flow_version_watch(v, watch);
}

void host_memory_set_customer(struct host_memory *h, const char *json)
{
    replace(&h->customer, span_str(json));
}

const char *host_memory_queues(const struct host_memory *h)
{
    return h->queues;
}

void host_memory_set_queues(struct host_memory *h, const char *json)
{
    replace(&h->queues, span_str(json));
}

void host_memory_set_context(struct host_memory *h, const char *json)
{
    replace(&h->context, span_str(json));
}

/* ---- looking ---- */

enum flow_state host_memory_state(const struct host_memory *h)
{
    return h->rows.state;
}

int64_t host_memory_step(const struct host_memory *h)
{
    return h->rows.step;
}

size_t host_memory_journal(const struct host_memory *h)
{
    return h->rows.journal_count;
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

void host_memory_stub(struct host_memory *h, const struct memory_stub *stub)
{
    memory_outside_stub(&h->outside, stub);
}

size_t host_memory_calls(const struct host_memory *h)
{
    return h->outside.answer_count;
}

const char *host_memory_unknown_call(const struct host_memory *h)
{
    return h->outside.unknown;
}

const struct memory_rows *host_memory_rows(const struct host_memory *h)
{
    return &h->rows;
}

void host_memory_dialogue(const struct host_memory *h, struct buf *out)
{
    memory_rows_dialogue(&h->rows, out);
}

void host_memory_dump(const struct host_memory *h, struct buf *out)
{
    memory_rows_dump(&h->rows, out);
}
