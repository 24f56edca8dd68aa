/* The engine as a whole, and the versions of flows that it has compiled. */
#include "server/base/conf.h"
#include "server/base/mem.h"
#include "server/flow/bundle.h"
#include "server/flow/phrases.h"
#include "server/flow/run.h"
#include "server/io/crypto.h"

#include <assert.h>
#include <stdio.h>

enum { TEXTS_MAX = 4 << 20 }; /* a source of 256 KiB cannot have more */

const struct flow_limits flow_limits_default = {
    .sandbox = SANDBOX_LIMITS,
    .journal_entries = 1000,
    .journal_bytes = 512 << 10,
    .step_items = STEP_ITEMS,
    .collected_bytes = 65536,
    .runs_per_version = 20000,
    .silence_ms = INT64_C(30) * 24 * 60 * 60 * 1000,
    .apology = "Something went wrong on our side. A person will help you.",
};

struct flow_limits flow_limits_from(const struct conf *conf)
{
    struct flow_limits limits = flow_limits_default;
    limits.sandbox.memory_run = (size_t)conf->flows.memory_limit_bytes;
    limits.sandbox.ticks_step = conf->flows.instruction_limit;
    limits.silence_ms = conf->flows.session_ttl_ms;
    limits.apology = conf->flows.apology;
    return limits;
}

struct flow_engine *flow_engine_new(struct flow_host *host, const struct flow_limits *limits)
{
    struct flow_engine *engine = mem_alloc(sizeof *engine);
    engine->host = host;
    engine->limits = *limits;
    assert(limits->step_items <= STEP_ITEMS);
    engine->functions = (struct sandbox_functions){flow_function_names, FLOW_CALLS, run_on_call};
    list_init(&engine->versions);
    engine->phrases = phrases_new();
    return engine;
}

static void free_version(struct flow_version *v)
{
    LIST_EACH(&v->runs, node)
    {
        struct flow_run *run = LIST_ITEM(node, struct flow_run, link);
        run_free(&run);
    }
    list_remove(&v->link);
    arena_done(&v->texts_arena);
    mem_free((char *)v->source.ptr);
    mem_free(v->files);
    mem_free(v->escape_words);
    sandbox_free(&v->sandbox);
    mem_free(v);
}

void flow_engine_free(struct flow_engine **engine)
{
    struct flow_engine *e = *engine;
    if (!e)
        return;
    LIST_EACH(&e->versions, node)
    {
        free_version(LIST_ITEM(node, struct flow_version, link));
    }
    phrases_free(&e->phrases);
    pattern_cache_done(&e->patterns);
    if (e->spare) {
        arena_done(&e->spare->arena);
        mem_free(e->spare);
    }
    mem_free(e);
    *engine = NULL;
}

void flow_hash(struct span source, uint8_t out[FLOW_HASH])
{
    crypto_sha256(source, out);
}

void flow_version_watch(struct flow_version *version, const struct sandbox_watch *watch)
{
    sandbox_watch(version->sandbox, watch);
}

struct flow_version *flow_version_find(struct flow_engine *engine, const uint8_t hash[FLOW_HASH])
{
    LIST_EACH(&engine->versions, node)
    {
        struct flow_version *v = LIST_ITEM(node, struct flow_version, link);
        if (memcmp(v->hash, hash, FLOW_HASH) == 0)
            return v;
    }
    return NULL;
}

parley_status flow_version_add(struct flow_engine *engine, const char *file, struct span source,
                               struct flow_version **out, struct flow_error *error)
{
    uint8_t hash[FLOW_HASH];
    struct sandbox *sandbox;
    flow_hash(source, hash);
    *out = flow_version_find(engine, hash);
    if (*out)
        return PARLEY_OK;
    parley_status st = sandbox_new(file, source, &engine->functions, &engine->limits.sandbox, &sandbox, error);
    if (st != PARLEY_OK)
        return st;
    struct flow_version *v = mem_alloc(sizeof *v);
    v->engine = engine;
    v->sandbox = sandbox;
    v->source = span_of(mem_span(source), source.len);
    arena_init(&v->texts_arena, TEXTS_MAX);
    memcpy(v->hash, hash, FLOW_HASH);
    snprintf(v->file, sizeof v->file, "%s", file);
    if (bundle_said_lines(source).len)
        v->files = mem_span(bundle_said_lines(source));
    list_init(&v->runs);
    list_init(&v->link);
    list_push(&engine->versions, &v->link);
    *out = v;
    return PARLEY_OK;
}

void flow_version_hold(struct flow_version *version)
{
    version->holds++;
}

void flow_version_let_go(struct flow_version *version)
{
    assert(version->holds);
    version->holds--;
}

/* A version that is wanted again is compiled again: cheap, but not for every customer who comes and goes. */
void flow_versions_tidy(struct flow_engine *engine, int64_t now_ms, int64_t idle_ms)
{
    LIST_EACH(&engine->versions, node)
    {
        struct flow_version *v = LIST_ITEM(node, struct flow_version, link);
        if (v->run_count || v->holds)
            v->idle_since_ms = 0;
        else if (!v->idle_since_ms)
            v->idle_since_ms = now_ms;
        else if (now_ms - v->idle_since_ms >= idle_ms)
            free_version(v);
    }
}
