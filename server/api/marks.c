/* Gathered marks. A failed write keeps them: they are maxima, so writing them again is harmless. */
#include "server/api/marks.h"

#include "protocol/frame.h"
#include "server/base/fault.h"
#include "server/base/map.h"
#include "server/base/mem.h"
#include "server/hub/hub.h"
#include "server/io/loop.h"

enum { WRITE_MS = 1000, BATCH = 512 };

struct marks {
    struct loop *loop;
    struct store *store;
    struct hub *hub;
    struct map map; /* struct mark_row by conversation and participant */
    struct loop_timer timer;
    bool writing;
    struct mark_row batch[BATCH];
    int n;
};

/* Two ids as one key: a collision would need both ids made for each other, and costs one late mark. */
static struct uuid key_of(const struct mark_row *row)
{
    struct uuid key;
    for (int i = 0; i < 16; i++)
        key.b[i] = row->conversation.b[i] ^ (uint8_t)(row->participant.b[i] + 13 * i);
    return key;
}

struct marks *marks_new(struct loop *loop, struct store *store, struct hub *hub)
{
    struct marks *marks = mem_alloc(sizeof *marks);
    marks->loop = loop;
    marks->store = store;
    marks->hub = hub;
    return marks;
}

void marks_free(struct marks **marks)
{
    struct mark_row *row;
    if (!*marks)
        return;
    loop_timer_stop(&(*marks)->timer);
    for (size_t i = 0; (row = map_next(&(*marks)->map, &i));)
        mem_free(row);
    map_done(&(*marks)->map);
    mem_free(*marks);
    *marks = NULL;
}

static void on_timer(void *arg)
{
    marks_flush(arg);
}

static void merge(struct marks *marks, const struct mark_row *row)
{
    struct mark_row *kept = map_get(&marks->map, key_of(row));
    if (!kept) {
        kept = mem_alloc(sizeof *kept);
        *kept = *row;
        map_put(&marks->map, key_of(row), kept);
        return;
    }
    kept->read = row->read > kept->read ? row->read : kept->read;
    kept->delivered = row->delivered > kept->delivered ? row->delivered : kept->delivered;
}

void marks_put(struct marks *marks, const struct mark_row *row, bool tell)
{
    struct frame_push_marked push = {
        .conversation = row->conversation,
        .mark = {.participant = row->participant, .role = row->role, .read = row->read, .delivered = row->delivered}};
    merge(marks, row);
    if (tell)
        hub_notify_state(marks->hub, row->conversation, row->participant, FRAME_push_marked, &push);
    if (!loop_timer_started(&marks->timer))
        loop_timer_start(marks->loop, &marks->timer, WRITE_MS, on_timer, marks);
}

static void on_written(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct marks *marks = arg;
    marks->writing = false;
    for (int i = 0; status != PARLEY_OK && i < marks->n; i++)
        merge(marks, &marks->batch[i]);
    marks->n = 0;
    if (marks->map.len && !loop_timer_started(&marks->timer))
        loop_timer_start(marks->loop, &marks->timer, WRITE_MS, on_timer, marks);
}

void marks_flush(struct marks *marks)
{
    struct mark_row *row;
    if (marks->writing)
        return;
    for (size_t i = 0; marks->n < BATCH && (row = map_next(&marks->map, &i));)
        marks->batch[marks->n++] = *row;
    if (marks->n == 0)
        return;
    for (int i = 0; i < marks->n; i++)
        mem_free(map_remove(&marks->map, key_of(&marks->batch[i])));
    marks->writing = true;
    FAULT_POINT(marks_before_write);
    parley_status st = mark_put(marks->store, marks->batch, marks->n, on_written, marks);
    if (st != PARLEY_OK)
        on_written(marks, st, NULL);
}
