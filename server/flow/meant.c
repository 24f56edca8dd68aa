/* What has been answered and can still be put right, and going back to it. */
#include "server/flow/meant.h"

#include "server/base/mem.h"
#include "server/flow/json.h"
#include "server/flow/phrases.h"

enum { ANSWERS = 16, SCRATCH = 1 << 20 };

struct answered {
    struct flow_wait wait; /* as it stood */
    int64_t asked, said;   /* numbers of the question and of the answer */
    int64_t entry;         /* of the answer */
    uint64_t value;        /* digest of it */
};

struct run_meant {
    struct answered list[ANSWERS]; /* the newest last */
    int count;
};

static void drop_first(struct run_meant *meant)
{
    wait_forget(&meant->list[0].wait);
    memmove(meant->list, meant->list + 1, (size_t)(--meant->count) * sizeof *meant->list);
}

void meant_forget(struct flow_run *run)
{
    struct run_meant *meant = run->meant;
    for (int i = 0; meant && i < meant->count; i++)
        wait_forget(&meant->list[i].wait);
    if (meant)
        meant->count = 0;
}

void meant_free(struct flow_run *run)
{
    meant_forget(run);
    mem_free(run->meant);
    run->meant = NULL;
}

bool meant_seals(enum flow_function_id f)
{
    switch (f) {
    case FLOW_CALL_http_post:
    case FLOW_CALL_http_put:
    case FLOW_CALL_http_delete:
    case FLOW_CALL_process_start:
    case FLOW_CALL_process_step:
    case FLOW_CALL_process_done:
    case FLOW_CALL_process_failed:
    case FLOW_CALL_process_stuck:
    case FLOW_CALL_wait:
    case FLOW_CALL_handoff:
        return true;
    default:
        return false;
    }
}

static uint64_t digest_of(const struct value *value)
{
    struct arena arena;
    arena_init(&arena, SCRATCH);
    struct span text = json_write(&arena, value);
    uint64_t digest = text.ptr ? span_hash(1, text) : 0;
    arena_done(&arena);
    return digest;
}

static int64_t newest_entry(const struct flow_run *run)
{
    return run->journal ? journal_position(run->journal) - 1
                        : run->next_entry + (int64_t)run->work->step.entry_count - 1;
}

void meant_note(struct flow_run *run, const struct value *args, const struct value *told)
{
    const struct value *value = value_find(told, "value");
    if (!json_true(args, "correct") || !value || !value_find(told, "asked"))
        return;
    if (!run->meant)
        run->meant = mem_alloc(sizeof *run->meant);
    if (run->meant->count == ANSWERS)
        drop_first(run->meant);
    struct answered *a = &run->meant->list[run->meant->count++];
    *a = (struct answered){.wait = run->wait,
                           .asked = json_int(told, "asked"),
                           .said = json_int(told, "said"),
                           .entry = newest_entry(run),
                           .value = digest_of(value)};
    a->wait.args = mem_text(run->wait.args);
    a->wait.label = mem_text(run->wait.label);
}

bool meant_told(struct moment *m, const struct value *body, struct span meant, struct value answer, struct value *out)
{
    if (value_map(m->arena, 6, out) != PARLEY_OK)
        return false;
    value_put(out, span_str("said"), value_int(m->event->seq));
    value_put(out, span_str("value"), answer);
    if (json_true(&m->args, "secret"))
        value_put(out, span_str("secret"), value_bool(true)); /* for whoever shows the journal */
    if (json_true(&m->args, "correct"))
        value_put(out, span_str("asked"), value_int(m->run->question_seq));
    if (meant.len) {
        value_put(out, span_str("from"), value_int(meant.ptr - json_text(body, "text").ptr));
        value_put(out, span_str("bytes"), value_int((int64_t)meant.len));
    }
    return true;
}

bool meant_words(struct moment *m, const struct value *body, struct value *out)
{
    struct span meant;
    return m->event->kind == ITEM_text && phrases_meant(m->run->engine->phrases, json_text(body, "text"), &meant) &&
           json_pair(m->arena, "text", value_text(meant), out) == PARLEY_OK;
}

/* Judged as if that question still stood. */
static bool fits(struct moment *m, const struct answered *a, const struct value *body)
{
    struct flow_run *run = m->run;
    enum flow_function_id function = run->wait.function;
    int64_t question = run->question_seq;
    struct value args, answer;
    if (json_read(m->arena, span_str(a->wait.args), &args) != PARLEY_OK)
        return false;
    run->wait.function = a->wait.function;
    run->question_seq = a->asked;
    bool fits = answer_judge(run, &args, m->event, body, &answer) == ANSWER_FITS && digest_of(&answer) != a->value;
    run->wait.function = function;
    run->question_seq = question;
    return fits;
}

/* Words are for the newest question that they fit; a tap or a sheet says which. */
static struct answered *find(struct moment *m, const struct value *body)
{
    struct run_meant *meant = m->run->meant;
    int64_t to = json_int(body, "to");
    bool words = m->event->kind == ITEM_text;
    for (int i = meant ? meant->count - 1 : -1; i >= 0; i--) {
        struct answered *a = &meant->list[i];
        if ((words || (to >= a->asked && to < a->said)) && fits(m, a, body))
            return a;
    }
    return NULL;
}

static parley_status go_back_to(struct moment *m, struct answered *a)
{
    struct flow_run *run = m->run;
    struct value told;
    if (json_pair(m->arena, "corrects", value_int(m->event->seq), &told) != PARLEY_OK)
        return PARLEY_NOMEM;
    step_clear_timer(run);
    run->work->until_ms = 0;
    run->work->step.forget_from = a->entry;
    run->next_entry = a->entry;
    run->journal_bytes = 0; /* counted when it comes back into memory */
    wait_forget(&run->wait);
    run->wait = a->wait;
    a->wait = (struct flow_wait){.function = FLOW_CALLS};
    run->question_seq = a->asked;
    run->goes_back = true;
    struct journal_call call = wait_journal_call(&run->wait);
    return step_add_entry(run, &call, &told, m->error);
}

parley_status meant_go_back(struct moment *m, const struct value *body)
{
    struct answered *a = wait_asks(&m->run->wait) ? find(m, body) : NULL;
    return a ? go_back_to(m, a) : PARLEY_WRONG_STATE;
}
