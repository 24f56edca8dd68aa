/* The push tokens of the device table. */
#include "server/store/device_row.h"

static const struct pg_statement release = {
    "device_push_release",
    "update device set push_token = null, push_platform = null where push_token = $1 and (id, customer) <> ($2, $3)",
    3,
    {PG_TEXT, PG_UUID, PG_UUID},
};

static const struct pg_statement set = {
    "device_push_set",
    "update device set push_token = $1, push_platform = $2 where id = $3 and customer = $4"
    "   and (push_token, push_platform) is distinct from ($1, $2)",
    4,
    {PG_TEXT, PG_TEXT, PG_UUID, PG_UUID},
};

struct push_call {
    pg_done *done;
    void *arg;
};

static void on_set(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct push_call *call = arg;
    call->done(call->arg, status == PARLEY_CONFLICT ? PARLEY_BUSY : status, fault);
}

parley_status device_set_push(struct store *store, const struct device_push *push, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    struct push_call *call = pg_group_alloc(group, sizeof *call);
    *call = (struct push_call){.done = done, .arg = arg};
    struct pg_params *p;
    if (push->token.len) {
        p = pg_group_add(group, &release, NULL, NULL);
        pg_text(p, push->token);
        pg_uuid(p, push->device);
        pg_uuid(p, push->customer);
    }
    p = pg_group_add(group, &set, NULL, NULL);
    pg_text_or_null(p, push->token);
    pg_text_or_null(p, push->platform);
    pg_uuid(p, push->device);
    pg_uuid(p, push->customer);
    return pg_group_send(&group, on_set, call);
}
