/* An engine whose host lets nothing out: what would be stored is refused, which takes the run out of memory again. */
#include "server/flow/rehearse.h"

#include "server/base/mem.h"
#include "server/flow/run.h"

#include <assert.h>

struct rehearsal {
    struct flow_host host; /* first: the engine hands it back */
    struct flow_limits limits;
    struct flow_engine *engine;
    struct flow_version *version; /* NULL: none yet */
    struct flow_run *run;         /* NULL: not in memory */
    bool arrived, deferred;
    sandbox_seen *seen; /* NULL: nobody looks */
    void *seen_arg;
    struct flow_error error;
};

static struct rehearsal *of(struct flow_host *host)
{
    return (struct rehearsal *)host;
}

static void look(const struct rehearsal *r, const struct flow_run *run)
{
    if (r->seen && run->lua)
        sandbox_look(run->lua, r->seen, r->seen_arg);
}

/* On the way to where it stands there is nothing to store but that it has failed. */
static void on_commit(struct flow_host *host, struct flow_run *run, const struct flow_step *step)
{
    const struct flow_error *error = flow_run_error(run);
    assert(step->state == FLOW_FAILED && error);
    of(host)->error = *error;
    look(of(host), run);
    flow_committed(run, PARLEY_CANCELED, 0);
}

/* All that it has read stands in its journal. */
static void on_read(struct flow_host *host, struct flow_run *run, const struct flow_read *read)
{
    flow_error_set(&of(host)->error, "E301", "the run would ask for what it was not told");
    flow_answered(run, PARLEY_CANCELED, (struct span){0});
}

static void on_fetch(struct flow_host *host, struct flow_run *run, const struct flow_fetch *fetch)
{
}

static void on_defer(struct flow_host *host, struct flow_run *run)
{
    of(host)->run = run;
    of(host)->deferred = true;
}

static void on_ready(struct flow_host *host, struct flow_run *run)
{
    of(host)->run = run;
    of(host)->arrived = true;
}

static void on_gone(struct flow_host *host, struct flow_run *run, parley_status why)
{
    of(host)->run = NULL;
}

static int64_t on_now(struct flow_host *host)
{
    return 0; /* what time it was stands in the journal */
}

struct rehearsal *rehearsal_new(const struct flow_limits *limits)
{
    struct rehearsal *r = mem_alloc(sizeof *r);
    r->host = (struct flow_host){.commit = on_commit,
                                 .read = on_read,
                                 .fetch = on_fetch,
                                 .defer = on_defer,
                                 .ready = on_ready,
                                 .gone = on_gone,
                                 .now_ms = on_now};
    r->limits = *limits;
    return r;
}

void rehearsal_free(struct rehearsal **rehearsal)
{
    if (!*rehearsal)
        return;
    flow_engine_free(&(*rehearsal)->engine);
    mem_free(*rehearsal);
    *rehearsal = NULL;
}

parley_status rehearsal_use(struct rehearsal *r, const char *file, struct span source, struct flow_error *error)
{
    flow_engine_free(&r->engine);
    r->engine = flow_engine_new(&r->host, &r->limits);
    r->version = NULL;
    return flow_version_add(r->engine, file, source, &r->version, error);
}

parley_status rehearsal_try(struct rehearsal *r, const struct flow_saved *saved, struct flow_error *error)
{
    r->arrived = r->deferred = false;
    r->run = NULL;
    r->error = (struct flow_error){0};
    struct flow_run *run = NULL;
    parley_status st = flow_load(r->engine, r->version, saved, NULL, &run);
    if (st != PARLEY_OK)
        return st;
    while (r->deferred) {
        r->deferred = false;
        flow_continue(r->run);
    }
    if (r->arrived) {
        look(r, r->run);
        flow_evict(&r->run);
        return PARLEY_OK;
    }
    *error = r->error;
    return PARLEY_CONFLICT;
}

/* Its last words are not its way. */
static struct flow_saved without_end(const struct flow_saved *saved)
{
    struct flow_saved s = *saved;
    if (s.entry_count && span_is(s.entries[s.entry_count - 1].call, "failed"))
        s.entry_count--;
    if (s.state == FLOW_FAILED) {
        s.state = FLOW_WAITING;
        s.waiting = span_str("{}");
    }
    return s;
}

parley_status rehearsal_look(struct rehearsal *r, const struct flow_saved *saved, sandbox_seen *seen, void *arg,
                             struct flow_error *error)
{
    struct flow_saved way = without_end(saved);
    r->seen = seen;
    r->seen_arg = arg;
    parley_status st = rehearsal_try(r, &way, error);
    r->seen = NULL;
    return st;
}
