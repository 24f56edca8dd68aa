/* What the script is told of queues: when they have people, and how many wait. */
#include "server/base/hours.h"
#include "server/flow/json.h"
#include "server/flow/run.h"

/* What the host knows of the queue. False: told by the journal, asked for, or not possible; then the verdict says what
 * to do. */
static bool know_queue(struct flow_run *run, struct flow_call *call, struct step_read **out,
                       enum sandbox_verdict *verdict)
{
    const struct value *told;
    struct flow_read read = {.kind = FLOW_READ_QUEUE, .type = json_text(&call->args, "queue")};
    if (call_replayed(run, call, &told, verdict)) {
        if (!run->broken)
            *verdict = call_give_told(call, told);
        return false;
    }
    *out = call_need(run, call, &read);
    *verdict = SANDBOX_WAIT;
    if (!*out)
        return false;
    if (!(*out)->found)
        *verdict = call_give_recorded(run, call, NULL, "not_found");
    return (*out)->found;
}

/* Hours that cannot be read - by a newer program's words - keep nobody out. */
static int64_t next_open_ms(const struct step_read *r, int64_t now_ms)
{
    struct hours hours;
    char why[HOURS_WHY_MAX];
    struct span text = json_text(&r->value, "hours");
    if (!text.len || !hours_read(text, json_text(&r->value, "zone"), &hours, why))
        return now_ms;
    int64_t next = hours_next(&hours, now_ms / 1000);
    if (next == now_ms / 1000)
        return now_ms;
    return next < 0 ? -1 : next * 1000;
}

enum sandbox_verdict call_hours(struct flow_run *run, struct flow_call *call)
{
    enum sandbox_verdict verdict;
    struct step_read *r;
    if (!know_queue(run, call, &r, &verdict))
        return verdict;
    int64_t now = run->now_ms ? run->now_ms : run_now_ms(run), next = next_open_ms(r, now);
    struct value open = value_bool(next == now), at = value_int(next);
    if (call->function == FLOW_CALL_hours_open)
        return call_give_recorded(run, call, &open, NULL);
    return call_give_recorded(run, call, next < 0 ? NULL : &at, next < 0 ? "never" : NULL);
}

enum sandbox_verdict call_queue_load(struct flow_run *run, struct flow_call *call)
{
    static const char *const fields[] = {"waiting", "agents", "free"};
    enum sandbox_verdict verdict;
    struct step_read *r;
    struct value load;
    if (!know_queue(run, call, &r, &verdict))
        return verdict;
    if (value_map(call->arena, 3, &load) != PARLEY_OK)
        return call_raise(call, "E204", "the answer is too large");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        value_put(&load, span_str(fields[i]), value_int(json_int(&r->value, fields[i])));
    return call_give_recorded(run, call, &load, NULL);
}
