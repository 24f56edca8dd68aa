/* What flows cost, on one core: bench_flow [NAME] [--json]. The host answers at once, so this is the engine alone. */
#include "protocol/item.h"
#include "server/base/mem.h"
#include "server/flow/check.h"
#include "server/flow/engine.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { STEPS = 50, RUNS = 10000, TRIES = 5 };

/* A run as the database has it. */
struct stored {
    struct flow_entry entries[1100];
    size_t count;
    char *waiting;
    int64_t step;
};

struct bench {
    struct flow_host host;
    struct flow_run *run;
    struct stored *stored; /* NULL: nothing is kept */
    struct flow_engine *engine;
    struct flow_version *version;
    bool deferred; /* its slice is over; nobody else wants to run here */
};

static const char asking[] = "flow { id = 'bench', title = 'Bench' }\n"
                             "local answers = {}\n"
                             "while true do\n"
                             "  say('You have given ' .. #answers .. ' answers.')\n"
                             "  answers[#answers + 1] = ask { text = 'And now?', match = '^[a-z]+$', timeout = '1d' }\n"
                             "end\n";

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void keep(struct stored *s, const struct flow_step *step)
{
    for (size_t i = 0; i < step->entry_count; i++) {
        struct flow_entry e = step->entries[i];
        e.data = span_str(mem_span(e.data));
        if (e.said)
            e.item = span_str("{\"kind\":1,\"body\":{\"text\":\"yes\"}}"); /* as answer() has it */
        s->entries[s->count++] = e;
    }
    mem_free(s->waiting);
    s->waiting = mem_span(step->waiting);
    s->step = step->number;
}

static void on_commit(struct flow_host *host, struct flow_run *run, const struct flow_step *step)
{
    struct bench *b = (struct bench *)host;
    b->run = run;
    if (b->stored)
        keep(b->stored, step);
    flow_committed(run, PARLEY_OK, 1);
}

static void on_read(struct flow_host *host, struct flow_run *run, const struct flow_read *read)
{
    flow_answered(run, PARLEY_OK, span_str("{\"name\":\"Ana\"}"));
}

static void on_defer(struct flow_host *host, struct flow_run *run)
{
    struct bench *b = (struct bench *)host;
    b->run = run;
    b->deferred = true;
}

static void on_ready(struct flow_host *host, struct flow_run *run)
{
    ((struct bench *)host)->run = run;
}

static void on_gone(struct flow_host *host, struct flow_run *run, parley_status why)
{
    abort();
}

static int64_t on_now(struct flow_host *host)
{
    return 1767225600000;
}

static void must(parley_status st)
{
    if (st != PARLEY_OK) {
        fprintf(stderr, "bench_flow: %s\n", status_text(st));
        exit(1);
    }
}

static void open_bench(struct bench *b, struct span source)
{
    struct flow_error error;
    *b = (struct bench){.host = {.commit = on_commit,
                                 .read = on_read,
                                 .defer = on_defer,
                                 .ready = on_ready,
                                 .gone = on_gone,
                                 .now_ms = on_now}};
    b->engine = flow_engine_new(&b->host, &flow_limits_default);
    must(flow_version_add(b->engine, "bench.lua", source, &b->version, &error));
}

static void finish_slices(struct bench *b)
{
    while (b->deferred) {
        b->deferred = false;
        flow_continue(b->run);
    }
}

static void start(struct bench *b, int n)
{
    struct flow_run *run;
    struct flow_birth birth = {
        .run = {{(uint8_t)n, (uint8_t)(n >> 8)}}, .text = span_str("Hello"), .kind = span_str("text")};
    must(flow_start(b->engine, b->version, &birth, NULL, &run));
    finish_slices(b);
}

static void answer(struct bench *b)
{
    struct flow_event event = {
        .type = FLOW_EVENT_ITEM, .kind = ITEM_text, .seq = 1, .body = span_str("{\"text\":\"yes\"}")};
    must(flow_event(b->run, &event));
    finish_slices(b);
}

static double replay_us(int steps)
{
    struct bench b;
    struct stored stored = {0};
    double best = 1e18;
    open_bench(&b, span_str(asking));
    b.stored = &stored;
    start(&b, 0);
    for (int i = 1; i < steps; i++)
        answer(&b);
    for (int try = 0; try < TRIES * 100; try++) {
        struct flow_saved saved = {
            .state = FLOW_WAITING,
            .step = stored.step,
            .waiting = span_str(stored.waiting),
            .entries = stored.entries,
            .entry_count = stored.count,
        };
        struct flow_run *run;
        flow_evict(&b.run);
        double begin = now_us();
        must(flow_load(b.engine, b.version, &saved, NULL, &run));
        finish_slices(&b);
        double took = now_us() - begin;
        best = took < best ? took : best;
    }
    flow_engine_free(&b.engine);
    for (size_t i = 0; i < stored.count; i++)
        mem_free((char *)stored.entries[i].data.ptr);
    mem_free(stored.waiting);
    return best;
}

static double replay_50(void)
{
    return replay_us(STEPS);
}

static double replay_1000(void)
{
    return replay_us(1000);
}

/* One answer in, one step out: judged, journaled, two items made, asked again. */
static double steps_per_second(void)
{
    struct bench b;
    double best = 0;
    open_bench(&b, span_str(asking));
    for (int try = 0; try < TRIES; try++) {
        int done = 0;
        double begin = now_us();
        for (int run = 0; run < 20; run++) {
            start(&b, run);
            for (int i = 0; i < 500; i++, done++)
                answer(&b);
            flow_evict(&b.run);
        }
        double rate = done / (now_us() - begin) * 1e6;
        best = rate > best ? rate : best;
    }
    flow_engine_free(&b.engine);
    return best;
}

static struct span read_example(void)
{
    static char text[65536];
    FILE *f = fopen("server/flow/examples/order-status.lua", "r");
    size_t n = f ? fread(text, 1, sizeof text, f) : 0;
    if (f)
        fclose(f);
    if (n == 0) {
        fprintf(stderr, "bench_flow: start it in the root of the tree\n");
        exit(1);
    }
    return span_of(text, n);
}

/* All that the process holds for runs that wait, garbage included. */
static double suspended_run_bytes(void)
{
    struct bench b;
    open_bench(&b, read_example());
    start(&b, 0);
    size_t before = mallinfo2().uordblks;
    for (int i = 1; i <= RUNS; i++)
        start(&b, i);
    double each = (double)(mallinfo2().uordblks - before) / RUNS;
    flow_engine_free(&b.engine);
    return each;
}

static double suspended_runs_per_gib(void)
{
    return (1 << 30) / suspended_run_bytes();
}

static double check_50_ms(void)
{
    struct span source = read_example();
    double begin = now_us();
    for (int i = 0; i < 50; i++) {
        struct flow_findings found;
        must(flow_check_source("order-status.lua", source, &found));
    }
    return (now_us() - begin) / 1000;
}

static const struct {
    const char *name, *unit;
    double (*run)(void);
} rows[] = {
    {"flow_replay_50_steps", "us", replay_50},   {"flow_replay_1000_steps", "us", replay_1000},
    {"flow_steps", "steps/s", steps_per_second}, {"flow_suspended_run", "bytes", suspended_run_bytes},
    {"flow_check_50_files", "ms", check_50_ms},  {"flow_suspended_runs_per_gib", "runs", suspended_runs_per_gib},
};

int main(int argc, char **argv)
{
    bool json = false;
    const char *wanted = "";
    for (int i = 1; i < argc; i++) {
        json |= strcmp(argv[i], "--json") == 0;
        wanted = argv[i][0] == '-' ? wanted : argv[i];
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!strstr(rows[i].name, wanted))
            continue;
        double value = rows[i].run();
        if (json)
            printf("{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"%s\"}\n", rows[i].name, value, rows[i].unit);
        else
            printf("%-28s %10.1f %s\n", rows[i].name, value, rows[i].unit);
    }
    return 0;
}
