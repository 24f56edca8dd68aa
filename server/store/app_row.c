/* The tables an administrator fills. */
#include "server/store/app_row.h"

static const struct pg_statement apps = {
    "app_load_apps",
    "select id, name, space, default_flow, default_queue, guests, origins, default_bot, flows from app order by name",
    0,
    {0}};
static const struct pg_statement keys = {
    "app_load_keys",
    "select kid, app, algorithm, public_jwk, sealed from app_key where disabled_at is null order by kid",
    0,
    {0},
};
static const struct pg_statement api_keys = {
    "app_load_api_keys",
    "select id, digest, role, name, app, bot from api_key where disabled_at is null order by id",
    0,
    {0}};
static const struct pg_statement queues = {
    "app_load_queues", "select name, title, priority from queue order by name", 0, {0}};
static const struct pg_statement bots = {
    "app_load_bots", "select id, name, title, app, queue from bot order by name", 0, {0}};
static const struct pg_statement permissions = {
    "app_load_permissions", "select name, permission from role order by name, permission", 0, {0}};

struct load {
    struct pg_group *group;
    struct app_all all;
    app_loaded *done;
    void *arg;
};

/* Room for the rows of a result, which lives as long as the call. */
#define ROOM(load, result, type) pg_group_alloc((load)->group, (size_t)pg_rows(result) * sizeof(type))

static const struct span *read_texts(struct pg_list list, struct pg_group *group, int *out_count)
{
    struct span *texts = pg_group_alloc(group, (size_t)list.left * sizeof *texts);
    *out_count = 0;
    while (pg_list_next(&list))
        texts[(*out_count)++] = list.value;
    return texts;
}

static void on_apps(void *arg, const struct pg_result *r)
{
    struct load *load = arg;
    struct app_row *rows = ROOM(load, r, *rows);
    for (int i = 0; i < pg_rows(r); i++) {
        rows[i] = (struct app_row){
            .id = pg_get_uuid(r, i, 0),
            .name = pg_get_text(r, i, 1),
            .space = pg_get_text(r, i, 2),
            .default_flow = pg_get_text(r, i, 3),
            .default_queue = pg_get_text(r, i, 4),
            .guests = pg_get_bool(r, i, 5),
            .default_bot = pg_get_text(r, i, 7),
            .all_flows = pg_is_null(r, i, 8),
        };
        rows[i].origins = read_texts(pg_get_list(r, i, 6, PG_TEXT_ARRAY), load->group, &rows[i].norigins);
        rows[i].flows = read_texts(pg_get_list(r, i, 8, PG_TEXT_ARRAY), load->group, &rows[i].nflows);
    }
    load->all.apps = rows;
    load->all.napps = pg_rows(r);
}

static void on_keys(void *arg, const struct pg_result *r)
{
    struct load *load = arg;
    struct app_key_row *rows = ROOM(load, r, *rows);
    for (int i = 0; i < pg_rows(r); i++)
        rows[i] = (struct app_key_row){
            .kid = pg_get_text(r, i, 0),
            .app = pg_get_uuid(r, i, 1),
            .algorithm = pg_get_text(r, i, 2),
            .public_jwk = pg_get_jsonb(r, i, 3),
            .sealed = pg_get_bytes(r, i, 4),
        };
    load->all.keys = rows;
    load->all.nkeys = pg_rows(r);
}

static void on_api_keys(void *arg, const struct pg_result *r)
{
    struct load *load = arg;
    struct api_key_row *rows = ROOM(load, r, *rows);
    for (int i = 0; i < pg_rows(r); i++) {
        rows[i] = (struct api_key_row){
            .id = pg_get_uuid(r, i, 0),
            .role = pg_get_text(r, i, 2),
            .name = pg_get_text(r, i, 3),
            .app = pg_get_uuid(r, i, 4),
            .bot = pg_get_uuid(r, i, 5),
        };
        pg_copy_bytes(r, i, 1, rows[i].digest, sizeof rows[i].digest);
    }
    load->all.api_keys = rows;
    load->all.napi_keys = pg_rows(r);
}

static void on_queues(void *arg, const struct pg_result *r)
{
    struct load *load = arg;
    struct queue_row *rows = ROOM(load, r, *rows);
    for (int i = 0; i < pg_rows(r); i++)
        rows[i] = (struct queue_row){pg_get_text(r, i, 0), pg_get_text(r, i, 1), pg_get_i32(r, i, 2)};
    load->all.queues = rows;
    load->all.nqueues = pg_rows(r);
}

static void on_bots(void *arg, const struct pg_result *r)
{
    struct load *load = arg;
    struct bot_row *rows = ROOM(load, r, *rows);
    for (int i = 0; i < pg_rows(r); i++)
        rows[i] = (struct bot_row){
            .id = pg_get_uuid(r, i, 0),
            .name = pg_get_text(r, i, 1),
            .title = pg_get_text(r, i, 2),
            .app = pg_get_uuid(r, i, 3),
            .queue = pg_get_text(r, i, 4),
        };
    load->all.bots = rows;
    load->all.nbots = pg_rows(r);
}

static void on_permissions(void *arg, const struct pg_result *r)
{
    struct load *load = arg;
    struct permission_row *rows = ROOM(load, r, *rows);
    for (int i = 0; i < pg_rows(r); i++)
        rows[i] = (struct permission_row){pg_get_text(r, i, 0), pg_get_text(r, i, 1)};
    load->all.permissions = rows;
    load->all.npermissions = pg_rows(r);
}

static void on_loaded(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct load *load = arg;
    load->done(load->arg, status, status == PARLEY_OK ? &load->all : NULL);
}

parley_status app_load_all(struct store *store, app_loaded *done, void *arg)
{
    struct pg_group *group = store_reading(store);
    struct load *load = pg_group_alloc(group, sizeof *load);
    *load = (struct load){.group = group, .done = done, .arg = arg};
    pg_group_add(group, &apps, on_apps, load);
    pg_group_add(group, &keys, on_keys, load);
    pg_group_add(group, &api_keys, on_api_keys, load);
    pg_group_add(group, &queues, on_queues, load);
    pg_group_add(group, &bots, on_bots, load);
    pg_group_add(group, &permissions, on_permissions, load);
    return pg_group_send(&group, on_loaded, load);
}
