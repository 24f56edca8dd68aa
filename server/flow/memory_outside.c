/* Finding the stub for a call. */
#include "server/flow/memory_outside.h"

#include "server/base/mem.h"
#include "server/flow/json.h"
#include "server/flow/words.h"

#include <stdio.h>

void memory_outside_stub(struct memory_outside *o, const struct memory_stub *stub)
{
    struct memory_stub *copy = mem_alloc(sizeof *copy);
    *copy = (struct memory_stub){.method = mem_text(stub->method),
                                 .url = mem_text(stub->url),
                                 .status = stub->status,
                                 .why = mem_text(stub->why),
                                 .body = mem_text(stub->body)};
    o->stubs = mem_resize(o->stubs, (o->stub_count + 1) * sizeof(struct memory_stub *));
    o->stubs[o->stub_count++] = copy;
}

/* The query as it was given, by sorted names. */
static void add_query(struct memory_outside *o, const struct value *query)
{
    for (uint32_t i = 0; query && i < query->count; i++) {
        const struct value_member *m = &query->members[i];
        size_t used = strlen(o->call);
        if (m->value.type == VALUE_TEXT)
            snprintf(o->call + used, sizeof o->call - used, "%c%.*s=%.*s", i ? '&' : '?', SPAN_ARG(m->key),
                     SPAN_ARG(m->value.text));
        else if (m->value.type == VALUE_INT)
            snprintf(o->call + used, sizeof o->call - used, "%c%.*s=%lld", i ? '&' : '?', SPAN_ARG(m->key),
                     (long long)m->value.integer);
    }
}

void memory_outside_ask(struct memory_outside *o, const struct flow_fetch *fetch)
{
    o->asked = true;
    o->key = fetch->key;
    o->tries = fetch->tries;
    snprintf(o->call, sizeof o->call, "%s %.*s", fetch->method, SPAN_ARG(fetch->url));
    add_query(o, fetch->query);
}

static bool stub_fits(const struct memory_stub *s, const char *call)
{
    const char *url = strchr(call, ' ') + 1;
    return strlen(s->method) == (size_t)(url - call) - 1 && strncmp(s->method, call, strlen(s->method)) == 0 &&
           words_fit(span_str(s->url), span_str(url));
}

static struct memory_stub *next_stub(struct memory_outside *o)
{
    struct memory_stub *last = NULL;
    for (size_t i = 0; i < o->stub_count; i++) {
        if (!stub_fits(o->stubs[i], o->call))
            continue;
        last = o->stubs[i];
        if (!last->used)
            break;
    }
    if (last)
        last->used = true;
    return last;
}

/* All tries of one call. */
static struct memory_stub *try_stubs(struct memory_outside *o)
{
    struct memory_stub *stub = NULL;
    for (int i = 0; i < o->tries; i++) {
        stub = next_stub(o);
        if (!stub || !flow_fetch_again(stub->status, stub->why))
            break;
    }
    return stub;
}

static struct memory_stub *answer_for(struct memory_outside *o)
{
    for (size_t i = 0; i < o->answer_count; i++)
        if (uuid_equal(o->answers[i].key, o->key))
            return o->answers[i].stub;
    struct memory_stub *stub = try_stubs(o);
    o->answers = mem_resize(o->answers, (o->answer_count + 1) * sizeof *o->answers);
    o->answers[o->answer_count++] = (struct memory_answer){o->key, stub};
    if (!stub)
        snprintf(o->unknown, sizeof o->unknown, "%.250s", o->call);
    return stub;
}

bool memory_outside_answer(struct memory_outside *o, struct flow_event *out)
{
    if (!o->asked)
        return false;
    const struct memory_stub *stub = answer_for(o);
    if (stub && strcmp(stub->why, "hang") == 0)
        return false;
    o->asked = false;
    *out = (struct flow_event){.type = FLOW_EVENT_HTTP,
                               .key = o->key,
                               .status = stub ? stub->status : 0,
                               .why = stub ? stub->why : "no_stub",
                               .body = span_str(stub ? stub->body : "")};
    return true;
}

void memory_outside_done(struct memory_outside *o)
{
    for (size_t i = 0; i < o->stub_count; i++) {
        mem_free(o->stubs[i]->method);
        mem_free(o->stubs[i]->url);
        mem_free(o->stubs[i]->why);
        mem_free(o->stubs[i]->body);
        mem_free(o->stubs[i]);
    }
    mem_free(o->stubs);
    mem_free(o->answers);
}
