/* push.set: how the device of this link is woken when something comes while it is away. */
#include "server/api/api.h"
#include "server/api/verb.h"
#include "server/store/device_row.h"

static void on_set(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct ask *ask = arg;
    if (status == PARLEY_OK)
        ask_reply(ask, FRAME_done, NULL);
    else
        ask_refuse(ask, status, NULL, NULL);
}

void on_push_set(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_push_set *p = &frame->push_set;
    if (uuid_is_nil(link->who->device)) {
        api_refuse(link, frame->id, PARLEY_WRONG_STATE, "hello named no device", NULL);
        return;
    }
    if (p->has_token != p->has_platform) {
        api_refuse(link, frame->id, PARLEY_INVALID, "platform and token go together",
                   p->has_token ? "data.platform" : "data.token");
        return;
    }
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return;
    struct device_push push = {
        .device = link->who->device, .customer = link->who->id, .platform = p->platform, .token = p->token};
    parley_status st = device_set_push(api->store, &push, on_set, ask);
    if (st != PARLEY_OK)
        ask_refuse(ask, st, NULL, NULL);
}
