/* Reads the small tables in four statements and swaps them in at once. */
#include "server/talk/directory_inside.h"

#include "protocol/wire_json.h"
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/store/agent_row.h"
#include "server/store/app_row.h"
#include "server/store/flow_row.h"
#include "server/store/process_row.h"

#include <stdio.h>

enum { TABLES_MAX = 64 << 20 };

struct directory *directory_new(struct store *store)
{
    struct directory *d = mem_alloc(sizeof *d);
    d->store = store;
    arena_init(&d->now.arena, TABLES_MAX);
    arena_init(&d->next.arena, TABLES_MAX);
    return d;
}

void directory_free(struct directory **directory)
{
    if (!*directory)
        return;
    arena_done(&(*directory)->now.arena);
    arena_done(&(*directory)->next.arena);
    mem_free(*directory);
    *directory = NULL;
}

bool directory_ready(const struct directory *directory)
{
    return directory->ready;
}

/* ---- reading ---- */

static void set(char *out, size_t size, struct span text)
{
    snprintf(out, size, "%.*s", SPAN_ARG(text));
}
#define SET(field, text) set(field, sizeof field, text)

static char *keep(struct tables *t, struct span text)
{
    char *copy = arena_alloc(&t->arena, text.len + 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

static char **keep_all(struct tables *t, const struct span *texts, int count)
{
    char **copies = arena_array(&t->arena, (size_t)count + 1, sizeof *copies);
    for (int i = 0; i < count; i++)
        copies[i] = keep(t, texts[i]);
    return copies;
}

static void take_app(struct tables *t, struct directory_app *out, const struct app_row *row)
{
    out->id = row->id;
    SET(out->name, row->name);
    SET(out->space, row->space);
    SET(out->default_flow, row->default_flow);
    SET(out->default_queue, row->default_queue);
    SET(out->default_bot, row->default_bot);
    out->guests = row->guests;
    out->origins = keep_all(t, row->origins, row->norigins);
    out->origins_count = row->norigins;
    out->all_flows = row->all_flows;
    out->flows = keep_all(t, row->flows, row->nflows);
    out->flows_count = row->nflows;
}

static void take_key(struct tables *t, struct directory_key *out, const struct app_key_row *row)
{
    SET(out->kid, row->kid);
    out->id = directory_key_id(out->kid);
    SET(out->algorithm, row->algorithm);
    out->app = row->app;
    out->public_jwk = row->public_jwk.len ? keep(t, row->public_jwk) : NULL;
    out->sealed = span_of(keep(t, row->sealed), row->sealed.len);
}

static void take_api_key(struct directory_api_key *out, const struct api_key_row *row)
{
    out->id = row->id;
    memcpy(out->digest, row->digest, sizeof out->digest);
    out->role = (enum role)role_of(row->role);
    SET(out->name, row->name);
    out->app = row->app;
    out->bot = row->bot;
}

static void take_bot(struct directory_bot *out, const struct bot_row *row)
{
    out->id = row->id;
    SET(out->name, row->name);
    SET(out->title, row->title);
    out->app = row->app;
    SET(out->queue, row->queue);
}

static void take_queue(struct directory_queue *out, const struct queue_row *row)
{
    SET(out->name, row->name);
    SET(out->title, row->title);
    out->priority = row->priority;
}

static void take_permission(struct tables *t, const struct permission_row *row)
{
    char role[LIMIT_NAME + 1], permission[LIMIT_NAME + 1];
    SET(role, row->role);
    SET(permission, row->permission);
    if (!permissions_add(&t->permissions, row->role, row->permission))
        log_warn(NULL, "a role's permission is not known", LOG_STR("role", role), LOG_STR("permission", permission));
}

#define ROOM(t, array, count) ((t)->array = arena_array(&(t)->arena, (size_t)(count) + 1, sizeof *(t)->array))

static void part_done(struct directory *d, parley_status status);

static void on_apps(void *arg, parley_status status, const struct app_all *all)
{
    struct directory *d = arg;
    struct tables *t = &d->next;
    if (status == PARLEY_OK) {
        ROOM(t, apps, all->napps);
        ROOM(t, keys, all->nkeys);
        ROOM(t, api_keys, all->napi_keys);
        ROOM(t, queues, all->nqueues);
        ROOM(t, bots, all->nbots);
        for (t->napps = 0; t->napps < all->napps; t->napps++)
            take_app(t, &t->apps[t->napps], &all->apps[t->napps]);
        for (t->nkeys = 0; t->nkeys < all->nkeys; t->nkeys++)
            take_key(t, &t->keys[t->nkeys], &all->keys[t->nkeys]);
        for (t->napi_keys = 0; t->napi_keys < all->napi_keys; t->napi_keys++)
            take_api_key(&t->api_keys[t->napi_keys], &all->api_keys[t->napi_keys]);
        for (t->nqueues = 0; t->nqueues < all->nqueues; t->nqueues++)
            take_queue(&t->queues[t->nqueues], &all->queues[t->nqueues]);
        for (t->nbots = 0; t->nbots < all->nbots; t->nbots++)
            take_bot(&t->bots[t->nbots], &all->bots[t->nbots]);
        t->permissions = (struct permissions){0}; /* a reading that failed may have left some */
        for (int i = 0; i < all->npermissions; i++)
            take_permission(t, &all->permissions[i]);
    }
    part_done(d, status);
}

static void take_agent(struct tables *t, struct directory_agent *out, const struct agent_row *row)
{
    out->id = row->id;
    SET(out->name, row->name);
    SET(out->email, row->email);
    out->role = (enum role)role_of(row->role);
    out->status = row->status;
    out->capacity = row->capacity;
    out->load = row->load;
    out->misses = row->misses;
    out->assigned_at_ms = row->assigned_at_ms;
    out->node = row->node;
    out->revision = row->revision;
    out->disabled = row->disabled;
    out->queues = keep_all(t, row->queues, row->nqueues);
    out->queues_count = row->nqueues;
}

static void on_agents(void *arg, parley_status status, const struct agent_row *rows, int n)
{
    struct directory *d = arg;
    struct tables *t = &d->next;
    if (status == PARLEY_OK) {
        ROOM(t, agents, n);
        for (t->nagents = 0; t->nagents < n; t->nagents++)
            take_agent(t, &t->agents[t->nagents], &rows[t->nagents]);
    }
    part_done(d, status);
}

/* Empty where it is none of that type. */
static struct value take_json(struct tables *t, struct span text, enum value_type type)
{
    struct value out;
    char *copy = keep(t, text);
    if (wire_json_read_stored(&t->arena, span_of(copy, text.len), &out) != PARLEY_OK || out.type != type)
        out = (struct value){.type = type};
    return out;
}

static void on_flows(void *arg, parley_status status, const struct flow_row *rows, int n)
{
    struct directory *d = arg;
    struct tables *t = &d->next;
    if (status == PARLEY_OK) {
        ROOM(t, flows, n);
        for (t->nflows = 0; t->nflows < n; t->nflows++) {
            struct directory_flow *out = &t->flows[t->nflows];
            SET(out->name, rows[t->nflows].name);
            SET(out->title, rows[t->nflows].title);
            memcpy(out->hash, rows[t->nflows].hash, sizeof out->hash);
            out->start = take_json(t, rows[t->nflows].start, VALUE_MAP);
        }
    }
    part_done(d, status);
}

static void on_types(void *arg, parley_status status, const struct process_type_row *rows, int n)
{
    struct directory *d = arg;
    struct tables *t = &d->next;
    if (status == PARLEY_OK) {
        ROOM(t, types, n);
        for (t->ntypes = 0; t->ntypes < n; t->ntypes++) {
            struct directory_process_type *out = &t->types[t->ntypes];
            out->app = rows[t->ntypes].app;
            SET(out->name, rows[t->ntypes].name);
            out->version = rows[t->ntypes].version;
            out->steps = take_json(t, rows[t->ntypes].steps, VALUE_ARRAY);
            out->fields = take_json(t, rows[t->ntypes].fields, VALUE_ARRAY);
        }
    }
    part_done(d, status);
}

static void start(struct directory *d)
{
    d->again = false;
    d->status = PARLEY_OK;
    d->pending = 4;
    parley_status st = app_load_all(d->store, on_apps, d);
    if (st != PARLEY_OK)
        part_done(d, st);
    st = agent_load_all(d->store, on_agents, d);
    if (st != PARLEY_OK)
        part_done(d, st);
    st = flow_list(d->store, on_flows, d);
    if (st != PARLEY_OK)
        part_done(d, st);
    st = process_types(d->store, on_types, d);
    if (st != PARLEY_OK)
        part_done(d, st);
}

static void part_done(struct directory *d, parley_status status)
{
    if (d->status == PARLEY_OK)
        d->status = status;
    if (--d->pending)
        return;
    if (d->status == PARLEY_OK) {
        struct tables old = d->now;
        d->now = d->next;
        d->next = (struct tables){.arena = old.arena};
        d->ready = true;
    }
    arena_reset(&d->next.arena);
    if (d->done)
        d->done(d->arg, d->status);
    if (d->again)
        start(d);
}

void directory_reload(struct directory *directory, directory_read *done, void *arg)
{
    directory->done = done;
    directory->arg = arg;
    if (directory->pending)
        directory->again = true;
    else
        start(directory);
}
