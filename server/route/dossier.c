/* Five reads at once, put together when the last is back. */
#include "server/route/dossier.h"

#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/store/context_row.h"
#include "server/store/customer_row.h"
#include "server/store/handoff_row.h"
#include "server/talk/process.h"

enum { ARENA_MAX = 2 << 20, PROCESSES_MAX = 20 };

struct gathering {
    struct frame_dossier dossier;
    struct arena arena;
    int pending;
    parley_status status;
    const struct directory *directory;
    dossier_done *done;
    void *arg;
};

static void part_done(struct gathering *g, parley_status status)
{
    if (g->status == PARLEY_OK && status != PARLEY_NOT_FOUND)
        g->status = status;
    if (--g->pending)
        return;
    g->done(g->arg, g->status, g->status == PARLEY_OK ? &g->dossier : NULL);
    arena_done(&g->arena);
    mem_free(g);
}

static struct span keep(struct gathering *g, struct span text)
{
    return text.len ? arena_span(&g->arena, text) : text;
}

static void on_customer(void *arg, parley_status status, const struct customer_home *home)
{
    struct gathering *g = arg;
    struct frame_dossier *d = &g->dossier;
    if (status == PARLEY_OK) {
        const struct customer_row *c = &home->customer;
        d->customer = c->id;
        d->verified = c->verified;
        d->name = keep(g, c->name), d->has_name = c->name.len > 0;
        d->language = keep(g, c->language), d->has_language = c->language.len > 0;
        d->traits.json = keep(g, c->traits), d->has_traits = c->traits.len > 0;
    }
    part_done(g, status);
}

static void on_handoff(void *arg, parley_status status, const struct handoff_row *rows, int n)
{
    struct gathering *g = arg;
    struct frame_dossier *d = &g->dossier;
    if (status == PARLEY_OK && n) {
        d->reason = keep(g, rows[0].reason), d->has_reason = rows[0].reason.len > 0;
        d->summary = keep(g, rows[0].summary), d->has_summary = rows[0].summary.len > 0;
        d->collected.json = keep(g, rows[0].collected), d->has_collected = rows[0].collected.len > 0;
        d->outcome = keep(g, rows[0].outcome), d->has_outcome = rows[0].outcome.len > 0;
        d->note = keep(g, rows[0].note), d->has_note = rows[0].note.len > 0;
    }
    part_done(g, status);
}

static void on_context(void *arg, parley_status status, const struct context_row *rows, int n)
{
    struct gathering *g = arg;
    if (status == PARLEY_OK && n) {
        g->dossier.context.json = keep(g, rows[0].body), g->dossier.has_context = true;
        g->dossier.context_seq = rows[0].seq, g->dossier.has_context_seq = true;
    }
    part_done(g, status);
}

static void on_trail(void *arg, parley_status status, const struct context_row *rows, int n)
{
    struct gathering *g = arg;
    struct frame_crumb *trail = status == PARLEY_OK && n ? arena_array(&g->arena, (size_t)n, sizeof *trail) : NULL;
    for (int i = 0; trail && i < n; i++) {
        trail[i] = (struct frame_crumb){.seq = rows[i].seq, .at = rows[i].at_ms};
        trail[i].screen = keep(g, rows[i].screen), trail[i].has_screen = rows[i].screen.len > 0;
    }
    g->dossier.trail = trail;
    g->dossier.trail_count = trail ? (size_t)n : 0;
    part_done(g, status);
}

static void on_processes(void *arg, parley_status status, const struct process_row *rows, int n)
{
    struct gathering *g = arg;
    struct frame_process *out = status == PARLEY_OK && n ? arena_array(&g->arena, (size_t)n, sizeof *out) : NULL;
    for (int i = 0; out && i < n; i++)
        process_frame(&rows[i], g->directory, &g->arena, &out[i]);
    g->dossier.processes = out;
    g->dossier.processes_count = out ? (size_t)n : 0;
    part_done(g, status);
}

void dossier_load(struct store *store, const struct directory *directory, const struct session_row *session,
                  int64_t head, dossier_done *done, void *arg)
{
    struct gathering *g = mem_alloc(sizeof *g);
    arena_init(&g->arena, ARENA_MAX);
    g->done = done;
    g->arg = arg;
    g->directory = directory;
    g->dossier.customer = session->customer;
    g->dossier.head = head;
    g->dossier.message = g->dossier.has_message = session->message;
    g->dossier.waited_ms = session->queued_at_ms ? clock_ms() - session->queued_at_ms : 0;
    g->pending = 5;

    parley_status sent[5] = {
        customer_get(store, session->customer, on_customer, g),
        handoff_get(store, session->handoff, on_handoff, g),
        context_at(store, session->conversation, INT64_MAX, on_context, g),
        context_trail(store, session->conversation, INT64_MAX, on_trail, g),
        process_open(store, session->conversation, PROCESSES_MAX, on_processes, g),
    };
    for (int i = 0; i < 5; i++)
        if (sent[i] != PARLEY_OK)
            part_done(g, sent[i]);
}
