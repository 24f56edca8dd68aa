/* The people behind the links. */
#include "server/hub/hub_inside.h"

#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/hub/link.h"
#include "server/hub/peers.h"
#include "server/hub/topic.h"
#include "server/io/mailbox.h"

/* ---- one connection of a device ---- */

/* A link of a device, as it is told to the other workers. */
struct arrival {
    struct uuid principal, device;
    int64_t attempt, admitted_us;
    int worker;
};

struct arrival_mail {
    struct mail mail;
    struct arrival arrival;
};

static struct arrival arrival_of(const struct hub *hub, const struct link *link)
{
    return (struct arrival){.principal = link->who->id,
                            .device = link->who->device,
                            .attempt = link->who->attempt,
                            .admitted_us = link->admitted_us,
                            .worker = hub->self};
}

/* As the device counts its connections, for a hello may overtake another on its way; else as they were let in. */
static bool is_later(const struct arrival *a, const struct arrival *b)
{
    if (a->attempt && b->attempt && a->attempt != b->attempt)
        return a->attempt > b->attempt;
    return a->admitted_us != b->admitted_us ? a->admitted_us > b->admitted_us : a->worker > b->worker;
}

/* The link of the device that is later than this one, if there is one here; those that are earlier are closed. */
static struct link *replace_earlier(struct hub *hub, const struct arrival *arrival)
{
    struct principal_links *p = map_get(&hub->principals, arrival->principal);
    struct link *later = NULL;
    if (!p || uuid_is_nil(arrival->device))
        return NULL;
    LIST_EACH(&p->links, node)
    {
        struct link *other = LIST_ITEM(node, struct link, in_principal);
        struct arrival its = arrival_of(hub, other);
        if (!uuid_equal(its.device, arrival->device))
            continue;
        if (is_later(&its, arrival))
            later = other;
        else
            link_close(other, PARLEY_REPLACED, NULL);
    }
    return later;
}

static void open_arrival(struct mail *mail, void *receiver);

static void tell_arrival(const struct hub *hub, const struct arrival *arrival)
{
    for (int i = 0; i < hub->peers->count && !uuid_is_nil(arrival->device); i++) {
        if (i == hub->self)
            continue;
        struct arrival_mail *a = mem_alloc(sizeof *a);
        *a = (struct arrival_mail){.mail.open = open_arrival, .arrival = *arrival};
        mailbox_send(hub->peers->at[i].box, &a->mail);
    }
}

/* A later one here is told in turn: so it ends the other, which was let in before anybody knew. */
static void open_arrival(struct mail *mail, void *receiver)
{
    struct arrival_mail *a = LIST_ITEM(mail, struct arrival_mail, mail);
    struct hub *hub = ((struct peer *)receiver)->hub;
    const struct link *later = replace_earlier(hub, &a->arrival);
    if (later) {
        struct arrival its = arrival_of(hub, later);
        tell_arrival(hub, &its);
    }
    mem_free(a);
}

/* ---- coming and going ---- */

/* One that is about to be replaced takes no place of the one that replaces it. */
static bool has_room(const struct principal_links *p, const struct link *link)
{
    const struct principal *who = link->who;
    unsigned max = who->role == role_backend || who->role == role_bot ? LIMIT_LINKS_PER_PROGRAM
                   : link_is_staff(link)                              ? LIMIT_LINKS_PER_AGENT
                                                                      : LIMIT_LINKS_PER_CUSTOMER;
    unsigned others = 0;
    LIST_EACH(&p->links, node)
    {
        const struct uuid *device = &LIST_ITEM(node, struct link, in_principal)->who->device;
        others += uuid_is_nil(*device) || !uuid_equal(*device, who->device);
    }
    return others < max;
}

parley_status hub_admit(struct hub *hub, struct link *link)
{
    link->admitted_us = clock_mono_us();
    struct arrival arrival = arrival_of(hub, link);
    if (replace_earlier(hub, &arrival))
        return PARLEY_REPLACED;
    struct principal_links *p = map_get(&hub->principals, link->who->id);
    if (p && !has_room(p, link))
        return PARLEY_LIMIT;
    if (!p) {
        p = mem_alloc(sizeof *p);
        list_init(&p->links);
        map_put(&hub->principals, link->who->id, p);
    }
    list_push(&p->links, &link->in_principal);
    tell_arrival(hub, &arrival);
    if (p->count++ == 0 && hub->on_presence)
        hub->on_presence(hub->presence_arg, link->who->id, link->who->role, true);
    return PARLEY_OK;
}

void hub_leave(struct hub *hub, struct link *link)
{
    if (list_empty(&link->in_principal))
        return;
    struct principal_links *p = map_get(&hub->principals, link->who->id);
    list_remove(&link->in_principal);
    if (--p->count)
        return;
    mem_free(map_remove(&hub->principals, link->who->id));
    if (hub->on_presence)
        hub->on_presence(hub->presence_arg, link->who->id, link->who->role, false);
}

void hub_revoke(struct hub *hub, struct uuid principal, int64_t revision)
{
    struct principal_links *p = map_get(&hub->principals, principal);
    if (!p)
        return;
    LIST_EACH(&p->links, node)
    {
        struct link *link = LIST_ITEM(node, struct link, in_principal);
        if (link->who->revision < revision)
            link_close(link, PARLEY_SIGNED_OUT, NULL);
    }
}

struct sign_out {
    struct mail mail;
    struct uuid principal;
};

static void open_sign_out(struct mail *mail, void *receiver)
{
    struct sign_out *s = LIST_ITEM(mail, struct sign_out, mail);
    hub_revoke(((struct peer *)receiver)->hub, s->principal, INT64_MAX);
    mem_free(s);
}

void hub_sign_out(struct hub *hub, struct uuid principal)
{
    hub_revoke(hub, principal, INT64_MAX);
    for (int i = 0; i < hub->peers->count; i++) {
        if (i == hub->self)
            continue;
        struct sign_out *s = mem_alloc(sizeof *s);
        *s = (struct sign_out){.mail.open = open_sign_out, .principal = principal};
        mailbox_send(hub->peers->at[i].box, &s->mail);
    }
}

void hub_close_unless(struct hub *hub, bool (*may)(void *arg, const struct principal *who), void *arg,
                      parley_status why, const char *text)
{
    LIST_EACH(&hub->links, node)
    {
        struct link *link = LIST_ITEM(node, struct link, in_hub);
        if (link->who && !may(arg, link->who))
            link_close(link, why, text);
    }
}

/* ---- who may not hear any more ---- */

struct parting {
    struct mail mail;
    struct hub_reach reach;
};

/* The topic goes with its last subscription: it is looked up again each time. */
static struct sub *next_to_part(struct hub *hub, const struct hub_reach *reach)
{
    struct topic *topic = hub_topic(hub, reach->conversation);
    if (!topic)
        return NULL;
    LIST_EACH(&topic->subs, node)
    {
        struct sub *sub = LIST_ITEM(node, struct sub, in_topic);
        if (sub->staff && sub->link->who && !hub->reaches(hub->reaches_arg, sub->link->who, reach))
            return sub;
    }
    return NULL;
}

static void part_here(struct hub *hub, const struct hub_reach *reach)
{
    struct sub *sub;
    while (hub->reaches && (sub = next_to_part(hub, reach)))
        sub_end(sub);
}

static void open_parting(struct mail *mail, void *receiver)
{
    struct parting *p = LIST_ITEM(mail, struct parting, mail);
    part_here(((struct peer *)receiver)->hub, &p->reach);
    mem_free(p);
}

void hub_part(struct hub *hub, const struct hub_reach *reach)
{
    part_here(hub, reach);
    for (int i = 0; i < hub->peers->count; i++) {
        if (i == hub->self)
            continue;
        struct parting *p = mem_alloc(sizeof *p);
        *p = (struct parting){.mail.open = open_parting, .reach = *reach};
        mailbox_send(hub->peers->at[i].box, &p->mail);
    }
}

void hub_on_reach(struct hub *hub, hub_reaches *fn, void *arg)
{
    hub->reaches = fn;
    hub->reaches_arg = arg;
}

void hub_drain(struct hub *hub, int64_t spread_ms)
{
    unsigned i = 0;
    LIST_EACH(&hub->links, node)
    {
        struct link *link = LIST_ITEM(node, struct link, in_hub);
        struct frame_push_drain push = {.reconnect_in_ms = spread_ms * i++ / (hub->link_count ? hub->link_count : 1)};
        if (link->state != LINK_OPEN)
            continue;
        link_push(link, FRAME_push_drain, &push);
    }
}

void hub_close_links(struct hub *hub, parley_status why)
{
    LIST_EACH(&hub->links, node)
    link_close(LIST_ITEM(node, struct link, in_hub), why, NULL);
}

void hub_on_presence(struct hub *hub, hub_presence *fn, void *arg)
{
    hub->on_presence = fn;
    hub->presence_arg = arg;
}
