/* A run's memory: made, ended, and what it tells of itself. */
#include "server/flow/run.h"

#include "server/base/mem.h"

#include <assert.h>

void run_replace_text(char **kept, struct span text)
{
    char *copy = text.ptr ? mem_span(text) : NULL;
    mem_free(*kept);
    *kept = copy;
}

void run_set_error(struct flow_run *run, const struct flow_error *error)
{
    if (!run->error)
        run->error = mem_alloc(sizeof *run->error);
    *run->error = *error;
}

struct flow_run *run_new(struct flow_version *version, struct uuid id, struct uuid conversation, void *owner)
{
    struct flow_run *run = mem_alloc(sizeof *run);
    *run = (struct flow_run){
        .engine = version->engine,
        .version = version,
        .owner = owner,
        .id = id,
        .conversation = conversation,
        .state = FLOW_RUNNING,
        .phase = PHASE_RUN,
        .next_entry = 1,
        .wait.function = FLOW_CALLS,
    };
    list_init(&run->link);
    list_push(&version->runs, &run->link);
    version->run_count++;
    return run;
}

void run_free(struct flow_run **run)
{
    struct flow_run *r = *run;
    if (!r)
        return;
    assert(!r->advancing);
    list_remove(&r->link);
    r->version->run_count--;
    step_close(r);
    wait_forget(&r->wait);
    sandbox_run_free(&r->lua);
    journal_close(&r->journal);
    mem_free(r->started);
    mem_free(r->collected);
    mem_free(r->error);
    mem_free(r);
    *run = NULL;
}

void *flow_run_owner(const struct flow_run *run)
{
    return run->owner;
}

struct uuid flow_run_id(const struct flow_run *run)
{
    return run->id;
}

struct uuid flow_run_conversation(const struct flow_run *run)
{
    return run->conversation;
}

struct flow_version *flow_run_version(const struct flow_run *run)
{
    return run->version;
}

enum flow_state flow_run_state(const struct flow_run *run)
{
    return run->state;
}

int64_t flow_run_step(const struct flow_run *run)
{
    return run->step;
}

int64_t flow_run_input_seq(const struct flow_run *run)
{
    return run->input_seq;
}

static size_t text_bytes(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

size_t flow_run_bytes(const struct flow_run *run)
{
    return sizeof *run + (run->lua ? sandbox_run_bytes(run->lua) : 0) + text_bytes(run->started) +
           text_bytes(run->collected) + text_bytes(run->wait.args) + text_bytes(run->wait.label);
}

const struct flow_about *flow_run_about(const struct flow_run *run)
{
    return run->version->has_about ? &run->version->about : NULL;
}

const struct flow_error *flow_run_error(const struct flow_run *run)
{
    return run->error;
}
