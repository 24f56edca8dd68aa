/* Paths into what is stored, and comparing. */
#include "server/flow/transcript_expect.h"

#include "server/flow/json.h"
#include "server/flow/words.h"

#include <stdio.h>

enum { ARENA = 4 << 20 };

/* The part before the next point, cut off. */
static struct span take_part(struct span *path)
{
    const char *dot = path->len ? memchr(path->ptr, '.', path->len) : NULL;
    struct span part = span_of(path->ptr, dot ? (size_t)(dot - path->ptr) : path->len);
    *path = span_of(part.ptr + part.len + (dot ? 1 : 0), path->len - part.len - (dot ? 1 : 0));
    return part;
}

static struct value read_map(struct arena *arena, const char *json)
{
    struct value v;
    return json && json_read(arena, span_str(json), &v) == PARLEY_OK ? v : (struct value){.type = VALUE_NULL};
}

static struct value process_of(const struct host_memory *host, struct arena *arena, struct span type)
{
    const struct memory_rows *rows = host_memory_rows(host);
    for (size_t i = rows->process_count; i-- > 0;)
        if (span_is(type, rows->processes[i].type))
            return read_map(arena, rows->processes[i].json);
    return (struct value){.type = VALUE_NULL};
}

static struct value state_of(const struct host_memory *host)
{
    static const char *const names[] = {"not started", "running", "waiting", "handoff", "ended", "failed"};
    return value_text(span_str(names[host_memory_state(host)]));
}

static bool root_of(const struct host_memory *host, struct arena *arena, struct span *path, struct value *out)
{
    struct span root = take_part(path);
    const struct flow_error *error = host_memory_error(host);
    if (span_is(root, "state"))
        *out = state_of(host);
    else if (span_is(root, "step"))
        *out = value_int(host_memory_step(host));
    else if (span_is(root, "journal"))
        *out = value_int((int64_t)host_memory_journal(host));
    else if (span_is(root, "error"))
        *out = error ? value_text(span_str(error->code)) : (struct value){.type = VALUE_NULL};
    else if (span_is(root, "http") && span_is(take_part(path), "calls"))
        *out = value_int((int64_t)host_memory_calls(host));
    else if (span_is(root, "context"))
        *out = read_map(arena, host_memory_rows(host)->collected);
    else if (span_is(root, "process"))
        *out = process_of(host, arena, take_part(path));
    else
        return false;
    return true;
}

static void walk(struct value *v, struct span path)
{
    while (path.len) {
        struct span part = take_part(&path);
        const struct value *inner = v->type == VALUE_MAP ? value_get(v, part) : NULL;
        *v = inner ? *inner : (struct value){.type = VALUE_NULL};
    }
}

static struct span shown(struct arena *arena, const struct value *v)
{
    struct value list;
    if (value_array(arena, 1, &list) != PARLEY_OK)
        return span_of("", 0);
    value_push(&list, *v);
    struct span text = json_write(arena, &list);
    return text.len < 2 ? text : span_of(text.ptr + 1, text.len - 2);
}

static bool compare(struct arena *arena, struct span op, const struct value *is, const struct value *wanted)
{
    if (span_is(op, "~"))
        return is->type == VALUE_TEXT && wanted->type == VALUE_TEXT &&
               memmem(is->text.ptr, is->text.len, wanted->text.ptr, wanted->text.len);
    return span_equal(shown(arena, is), shown(arena, wanted)) == span_is(op, "==");
}

bool transcript_holds(const struct host_memory *host, struct span claim, char got[TRANSCRIPT_GOT])
{
    struct arena arena;
    struct value is;
    struct span path = words_take(&claim), op = words_take(&claim);
    bool known = span_is(op, "==") || span_is(op, "!=") || span_is(op, "~"), holds = false;
    arena_init(&arena, ARENA);
    if (!known) {
        snprintf(got, TRANSCRIPT_GOT, "no comparison: write ==, != or ~");
    } else if (!root_of(host, &arena, &path, &is)) {
        snprintf(got, TRANSCRIPT_GOT, "no such thing: there are state, step, journal, error, context, process.TYPE");
    } else {
        struct value wanted = words_value(&arena, claim);
        walk(&is, path);
        holds = compare(&arena, op, &is, &wanted);
        snprintf(got, TRANSCRIPT_GOT, "%.*s", SPAN_ARG(shown(&arena, &is)));
    }
    arena_done(&arena);
    return holds;
}
