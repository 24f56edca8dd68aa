/* Processes in the cache: as they stood when somebody told. */
#include "sdk-c/src/cache.h"

#include "sdk-c/src/client.h"
#include "sdk-c/src/store.h"

enum { ENDED_MAX = 20 };

int64_t cache_process_revision(struct parley_client *c, const struct conversation *conv, struct uuid process)
{
    struct query q = store_read(c->cache, "select revision from process where conv = ? and id = ?");
    query_put_int(&q, conv->row);
    query_put_id(&q, process);
    int64_t revision = query_next(&q) ? query_int(&q, 0) : 0;
    query_end(&q);
    return revision;
}

static void put_process(struct parley_client *c, const struct conversation *conv, const struct frame_process *p,
                        struct span json)
{
    struct query q = store_write(c->cache, "insert or replace into process values (?, ?, ?, ?, ?)");
    query_put_int(&q, conv->row);
    query_put_id(&q, p->process);
    query_put_int(&q, p->revision);
    query_put_int(&q, p->state);
    query_put_text(&q, json);
    query_run(&q);
}

/* With what waits to be sent on top of it. */
parley_status cache_tell_process(struct parley_client *c, const struct conversation *conv, struct uuid process,
                                 struct span known)
{
    struct buf json;
    int64_t pending;
    buf_init(&json, EVENT_LIST_MAX);
    parley_status st = edit_overlay(c, conv, process, known, &json, &pending);
    struct parley_event *e = st == PARLEY_OK ? event_new(PARLEY_EVENT_PROCESS, conv->id) : NULL;
    event_put_list(e, "process", &json);
    if (st != PARLEY_OK)
        return st;
    event_put_int(e, "pending", pending);
    return events_push(&c->events, e);
}

parley_status cache_process(struct parley_client *c, const struct frame_process *p)
{
    struct conversation *conv = inbox_find(&c->inbox, p->conversation);
    if (!conv || p->state < 0 || p->revision <= cache_process_revision(c, conv, p->process))
        return PARLEY_OK;
    if (!conv->row)
        cache_make_row(c, conv);
    struct frame_process_is is = {.process = *p};
    struct buf json;
    buf_init(&json, EVENT_LIST_MAX);
    event_record(&json, FRAME_process_is, &is, "{\"re\":1,\"data\":{\"process\":");
    parley_status st = json.status;
    if (st == PARLEY_OK)
        put_process(c, conv, p, buf_span(&json));
    if (st == PARLEY_OK)
        st = cache_tell_process(c, conv, p->process, buf_span(&json));
    buf_done(&json);
    return st;
}

struct span cache_known_process(struct parley_client *c, const struct conversation *conv, struct uuid process,
                                struct arena *arena)
{
    struct span json = {0};
    struct query q = store_read(c->cache, "select json from process where conv = ? and id = ?");
    query_put_int(&q, conv->row);
    query_put_id(&q, process);
    if (query_next(&q))
        json = arena_span(arena, query_text(&q, 0));
    query_end(&q);
    return json;
}

bool cache_knows_process(struct parley_client *c, const struct conversation *conv, struct uuid process,
                         int64_t revision)
{
    return cache_process_revision(c, conv, process) >= revision;
}

static bool is_among(struct uuid id, const struct frame_recap *recap)
{
    for (size_t i = 0; i < recap->processes_count; i++)
        if (uuid_equal(recap->processes[i].process, id))
            return true;
    return false;
}

parley_status cache_ask_process(struct parley_client *c, const struct conversation *conv, struct uuid process)
{
    struct request *r;
    struct frame_process_get get = {.conversation = conv->id, .has_process = true, .process = process};
    if (request_waits(c, FRAME_process_get, process))
        return PARLEY_OK;
    parley_status st = request_make(c, FRAME_process_get, &get, REQUEST_DROP, request_learn, &r);
    if (st == PARLEY_OK)
        r->subject = process;
    return st;
}

parley_status cache_ask_ended(struct parley_client *c, struct conversation *conv, const struct frame_recap *recap)
{
    struct uuid ended[ENDED_MAX];
    size_t n = 0;
    struct query q = store_read(c->cache, "select id from process where conv = ? and state = ? order by id");
    query_put_int(&q, conv->row);
    query_put_int(&q, process_state_open);
    while (query_next(&q))
        if (n < ENDED_MAX && !is_among(query_id(&q, 0), recap))
            ended[n++] = query_id(&q, 0);
    parley_status st = PARLEY_OK;
    for (size_t i = 0; st == PARLEY_OK && i < n; i++)
        st = cache_ask_process(c, conv, ended[i]);
    return st;
}

void cache_put_processes(struct parley_client *c, struct parley_event *e, struct conversation *conv)
{
    struct buf list;
    int64_t pending;
    buf_init(&list, EVENT_LIST_MAX);
    struct query q = store_read(c->cache, "select id, json from process where conv = ? and state = ? order by id");
    query_put_int(&q, conv->row);
    query_put_int(&q, process_state_open);
    while (query_next(&q)) {
        buf_add_char(&list, list.len ? ',' : '[');
        edit_overlay(c, conv, query_id(&q, 0), query_text(&q, 1), &list, &pending);
    }
    edit_put_begun(c, conv, &list);
    buf_add_str(&list, list.len ? "]" : "[]");
    event_put_list(e, "processes", &list);
}
