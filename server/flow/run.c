/* A run's memory: made, ended, and what it tells of itself. */
#include "server/flow/meant.h"

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
    meant_free(r);
    on_free(r);
    lines_free(r);
    sandbox_run_free(&r->lua);
    journal_close(&r->journal);
    mem_free(r->started);
    mem_free(r->collected);
    mem_free(r->said);
    mem_free(r->before);
    mem_free(r->error);
    mem_free(r);
    *run = NULL;
}

int64_t run_now_ms(const struct flow_run *run)
{
    return run->engine->host->now_ms(run->engine->host);
}

void *flow_run_owner(const struct flow_run *run)
{
    return run->owner;
}

enum flow_state flow_run_state(const struct flow_run *run)
{
    return run->state;
}

int64_t flow_run_input_seq(const struct flow_run *run)
{
    return run->input_seq;
}

const struct flow_error *flow_run_error(const struct flow_run *run)
{
    return run->error;
}
