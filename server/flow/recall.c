/* What was said, read again from the log: the journal has the number of its item alone, so that erasing the item erases
 * it here. Without it nobody knows the way that the run went, and a person takes over. */
#include "server/flow/json.h"
#include "server/flow/run.h"

#include <inttypes.h>

/* The part of the words that was meant, where something was put right. */
static bool part_of(const struct value *told, struct arena *arena, const struct value *body, struct value *out)
{
    struct span words = json_text(body, "text");
    int64_t from = json_int(told, "from"), bytes = json_int(told, "bytes");
    *out = *body;
    if (!bytes)
        return true;
    return from >= 0 && bytes > 0 && from + bytes <= (int64_t)words.len &&
           json_pair(arena, "text", value_text(span_of(words.ptr + from, (size_t)bytes)), out) == PARLEY_OK;
}

/* Words and events are given as they are, answers as the question that stands reads them. */
static bool value_of(const struct flow_run *run, const struct value *args, const struct value *told, int kind,
                     const struct value *body, struct value *out)
{
    struct arena *arena = journal_arena(run->journal);
    struct span words = json_text(body, "text");
    if (value_find(told, "seq")) {
        *out = event_data(body);
        return true;
    }
    if (value_find(told, "on")) {
        *out = value_text(words);
        return words.len;
    }
    if (run->wait.function == FLOW_CALL_form)
        return answer_form_value(args, body, arena, out);
    struct value meant;
    return part_of(told, arena, body, &meant) && answer_value(args, kind, &meant, arena, out);
}

/* What was told with one member more. */
static bool put(struct arena *arena, const struct value **told, const char *key, struct value v)
{
    struct value *whole = arena_alloc(arena, sizeof *whole);
    if (!whole || value_map(arena, (size_t)(*told)->count + 1, whole) != PARLEY_OK)
        return false;
    for (uint32_t i = 0; i < (*told)->count; i++)
        value_put(whole, (*told)->members[i].key, (*told)->members[i].value);
    value_put(whole, span_str(key), v);
    *told = whole;
    return true;
}

bool recall_told(struct flow_run *run, struct flow_call *call, const struct value **told)
{
    struct value value;
    int kind;
    if (!value_find(*told, "said"))
        return true;
    const struct value *body = journal_said(run->journal, &kind);
    return body && value_of(run, &call->args, *told, kind, body, &value) &&
           put(journal_arena(run->journal), told, "value", value);
}

void recall_start(struct flow_run *run, const struct value **told)
{
    int kind;
    const struct value *body = value_find(*told, "said") ? journal_said(run->journal, &kind) : NULL;
    struct span text = body ? json_text(body, "text") : span_of("", 0);
    if (body && value_find(*told, "event"))
        put(journal_arena(run->journal), told, "data", event_data(body));
    else if (text.len)
        put(journal_arena(run->journal), told, "text", value_text(text));
}

enum sandbox_verdict recall_break(struct flow_run *run, struct flow_call *call, int64_t seq)
{
    flow_error_set(call->error, "E307", "what the flow was told here has been erased: item %" PRId64, seq);
    return call_break(run, call);
}
