/* Unread and question in one look; processes in a second one, where there are any. */
#include "server/api/recap.h"

#include "server/base/mem.h"
#include "server/store/recap_row.h"
#include "server/talk/process.h"

enum { PROCESSES_MAX = 20 };

struct recapping {
    struct api *api;
    struct uuid conversation;
    size_t bytes;
    struct arena *arena;
    struct frame_recap *out;
    recap_done *done;
    void *arg;
};

static void finish(struct recapping *r, parley_status status)
{
    r->done(r->arg, status);
    mem_free(r);
}

static void on_processes(void *arg, parley_status status, const struct process_row *rows, int n)
{
    struct recapping *r = arg;
    int most = status != PARLEY_OK ? 0 : n < PROCESSES_MAX ? n : PROCESSES_MAX, fit = 0;
    for (size_t left = r->bytes; fit < most && rows[fit].data.len <= left; fit++)
        left -= rows[fit].data.len;
    struct frame_process *list = fit ? arena_array(r->arena, (size_t)fit, sizeof *list) : NULL;
    for (int i = 0; list && i < fit; i++)
        process_frame(&rows[i], r->api->directory, r->arena, &list[i]);
    r->out->processes = list;
    r->out->processes_count = list ? (size_t)fit : 0;
    r->out->more = r->out->has_more = status != PARLEY_OK || r->out->processes_count < (size_t)n;
    finish(r, PARLEY_OK);
}

static void on_recap(void *arg, parley_status status, const struct recap_row *row)
{
    struct recapping *r = arg;
    if (status == PARLEY_OK) {
        *r->out = (struct frame_recap){.read = row->read, .unread = row->unread, .question = row->question};
        r->out->has_question = row->question > 0;
    }
    bool more = status == PARLEY_OK && row->processes;
    if (more)
        status = process_open(r->api->store, r->conversation, PROCESSES_MAX + 1, on_processes, r);
    if (!more || status != PARLEY_OK)
        finish(r, status);
}

void recap_load(struct api *api, struct link *link, struct uuid conversation, size_t bytes, struct arena *arena,
                struct frame_recap *out, recap_done *done, void *arg)
{
    struct recapping *r = mem_alloc(sizeof *r);
    *r = (struct recapping){
        .api = api, .conversation = conversation, .bytes = bytes, .arena = arena, .out = out, .done = done, .arg = arg};
    parley_status st = recap_get(api->store, conversation, link->who->id, on_recap, r);
    if (st != PARLEY_OK)
        finish(r, st);
}
