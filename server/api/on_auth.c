/* auth: a new token of the same person, or of the customer that a guest turns out to be. */
#include "server/api/api.h"
#include "server/api/auth.h"
#include "server/api/verb.h"
#include "server/base/mem.h"
#include "server/hub/hub.h"
#include "server/talk/linked.h"

/* ---- a guest becomes known ---- */

struct knowing {
    struct ask *ask;
    struct principal who; /* as the link is to be */
    struct linking linking;
    int64_t revision; /* the guest's */
};

/* The link goes on as the customer's; whatever else the guest had open ends. */
static parley_status take_over(struct link *link, const struct principal *who)
{
    struct uuid guest = link->who->id;
    hub_leave(link->hub, link);
    *link->who = *who;
    parley_status st = hub_admit(link->hub, link);
    hub_sign_out(link->hub, guest);
    return st;
}

static void on_linked(void *arg, parley_status status)
{
    struct knowing *k = arg;
    struct link *link = k->ask->link;
    struct frame_auth_ok ok = {.expires_at = k->who.expires_ms, .has_expires_at = k->who.expires_ms != 0};
    ok.me = k->who.id, ok.has_me = true;
    ok.main = k->linking.main, ok.has_main = true;
    if (status != PARLEY_OK) {
        link->who->revision = k->revision;
        ask_refuse(k->ask, status, NULL, NULL);
    } else if (link_gone(link)) {
        hub_sign_out(link->hub, k->linking.guest);
        ask_drop(k->ask);
    } else if ((status = take_over(link, &k->who)) == PARLEY_OK) {
        ask_reply(k->ask, FRAME_auth_ok, &ok);
    } else if (status == PARLEY_REPLACED) {
        link_close(link, PARLEY_REPLACED, NULL);
        ask_drop(k->ask);
    } else {
        link_close(link, PARLEY_SIGNED_OUT, "you are connected too often already; connect anew");
        ask_drop(k->ask);
    }
    mem_free(k);
}

static void become_known(struct ask *ask, const struct admission *admission)
{
    struct link *link = ask->link;
    struct knowing *k = mem_alloc(sizeof *k);
    k->ask = ask;
    k->who = admission->who;
    k->who.device = link->who->device;
    k->who.attempt = link->who->attempt;
    k->revision = link->who->revision;
    k->linking = (struct linking){.guest = link->who->id,
                                  .customer = admission->who.id,
                                  .from = derived_id(link->who->id, "main", 0),
                                  .main = admission->conversations[0]};
    link->who->revision = INT64_MAX; /* the guest's access ends, not this link's */
    linked_ask(ask->api->talk, &k->linking, on_linked, k);
}

/* ---- auth ---- */

static bool is_guest_of(const struct principal *who, const struct admission *admission)
{
    return who->role == role_guest && admission->who.role == role_customer &&
           uuid_equal(who->app, admission->who.app) && admission->conversations_count > 0;
}

static void on_again(void *arg, parley_status status, const struct admission *admission, const char *why)
{
    struct ask *ask = arg;
    struct principal *who = ask->link->who;
    if (status != PARLEY_OK) {
        ask_refuse(ask, status, why, "data.token");
        return;
    }
    if (is_guest_of(who, admission)) {
        become_known(ask, admission);
        return;
    }
    if (!uuid_equal(who->id, admission->who.id)) {
        ask_refuse(ask, PARLEY_DENIED, "this token is somebody else's; connect anew for another person", "data.token");
        return;
    }
    who->expires_ms = admission->who.expires_ms;
    who->key = admission->who.key;
    struct frame_auth_ok ok = {.expires_at = who->expires_ms, .has_expires_at = who->expires_ms != 0};
    ask_reply(ask, FRAME_auth_ok, &ok);
}

void on_auth(struct api *api, struct link *link, const struct frame *frame)
{
    struct credentials credentials = {.token = frame->auth.token, .device = link->who->device, .peer = link->peer};
    int64_t wait_ms = auth_wait_ms(api, link->peer);
    if (wait_ms) {
        api_refuse_rate(link, frame->id, wait_ms, AUTH_TOO_OFTEN);
        return;
    }
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return;
    auth_check(api, &credentials, on_again, ask);
}
