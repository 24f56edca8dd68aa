/* Looking up in the directory: a handful of rows each, so a scan is the quickest way. */
#include "server/io/crypto.h"
#include "server/talk/directory_inside.h"
#include "server/talk/move.h"

#include <string.h>

bool directory_may(const struct directory *d, enum role role, unsigned permissions)
{
    return d->now.permissions.of[role] & permissions;
}

const struct permissions *directory_permissions(const struct directory *d)
{
    return &d->now.permissions;
}

const struct directory_app *directory_app(const struct directory *d, struct uuid id)
{
    for (int i = 0; i < d->now.napps; i++)
        if (uuid_equal(d->now.apps[i].id, id))
            return &d->now.apps[i];
    return NULL;
}

const struct directory_app *directory_app_named(const struct directory *d, struct span name)
{
    for (int i = 0; i < d->now.napps; i++)
        if (span_is(name, d->now.apps[i].name))
            return &d->now.apps[i];
    return NULL;
}

const struct directory_key *directory_key_at(const struct directory *d, int index)
{
    return index < d->now.nkeys ? &d->now.keys[index] : NULL;
}

const struct directory_key *directory_key(const struct directory *d, struct span kid)
{
    for (int i = 0; i < d->now.nkeys; i++)
        if (span_is(kid, d->now.keys[i].kid))
            return &d->now.keys[i];
    return NULL;
}

struct uuid directory_key_id(const char *kid)
{
    return derived_id((struct uuid){0}, kid, 0);
}

bool directory_has_key(const struct directory *d, struct uuid id)
{
    for (int i = 0; i < d->now.nkeys; i++)
        if (uuid_equal(d->now.keys[i].id, id))
            return true;
    for (int i = 0; i < d->now.napi_keys; i++)
        if (uuid_equal(d->now.api_keys[i].id, id))
            return true;
    return false;
}

const struct directory_api_key *directory_api_key(const struct directory *d, const uint8_t digest[32])
{
    for (int i = 0; i < d->now.napi_keys; i++)
        if (crypto_equal(span_of(d->now.api_keys[i].digest, 32), span_of(digest, 32)))
            return &d->now.api_keys[i];
    return NULL;
}

bool directory_one_space(const struct directory *d, struct uuid app, struct uuid other)
{
    const struct directory_app *a = directory_app(d, app), *b = directory_app(d, other);
    return a && b && strcmp(a->space, b->space) == 0;
}

const struct directory_queue *directory_queue_at(const struct directory *d, int index)
{
    return index < d->now.nqueues ? &d->now.queues[index] : NULL;
}

const struct directory_queue *directory_queue(const struct directory *d, struct span name)
{
    for (int i = 0; i < d->now.nqueues; i++)
        if (span_is(name, d->now.queues[i].name))
            return &d->now.queues[i];
    return NULL;
}

struct span directory_default_queue(const struct directory *d, struct uuid id)
{
    const struct directory_app *app = directory_app(d, id);
    if (app && app->default_queue[0])
        return span_str(app->default_queue);
    return span_str(d->now.nqueues ? d->now.queues[0].name : "");
}

const struct directory_flow *directory_flow(const struct directory *d, struct span name)
{
    for (int i = 0; i < d->now.nflows; i++)
        if (span_is(name, d->now.flows[i].name))
            return &d->now.flows[i];
    return NULL;
}

const struct directory_flow *directory_flow_at(const struct directory *d, int index)
{
    return index < d->now.nflows ? &d->now.flows[index] : NULL;
}

bool directory_reaches(const struct directory_app *app, struct span flow)
{
    bool found = app->all_flows || span_is(flow, app->default_flow);
    for (int i = 0; !found && i < app->flows_count; i++)
        found = span_is(flow, app->flows[i]);
    return found;
}

const struct directory_bot *directory_bot(const struct directory *d, struct uuid id)
{
    for (int i = 0; i < d->now.nbots; i++)
        if (uuid_equal(d->now.bots[i].id, id))
            return &d->now.bots[i];
    return NULL;
}

const struct directory_bot *directory_bot_named(const struct directory *d, struct span name)
{
    for (int i = 0; i < d->now.nbots; i++)
        if (span_is(name, d->now.bots[i].name))
            return &d->now.bots[i];
    return NULL;
}

struct span directory_bot_queue(const struct directory *d, struct uuid bot, struct uuid app)
{
    const struct directory_bot *b = directory_bot(d, bot);
    return b && b->queue[0] ? span_str(b->queue) : directory_default_queue(d, app);
}

const struct directory_process_type *directory_process_type(const struct directory *d, struct uuid app,
                                                            struct span name, int version)
{
    for (int i = d->now.ntypes - 1; i >= 0; i--) {
        const struct directory_process_type *type = &d->now.types[i];
        if (uuid_equal(type->app, app) && span_is(name, type->name) && (!version || type->version == version))
            return type;
    }
    return NULL;
}

struct directory_agent *directory_agent_at(const struct directory *d, int index)
{
    return index < d->now.nagents ? &d->now.agents[index] : NULL;
}

struct directory_agent *directory_agent(const struct directory *d, struct uuid id)
{
    for (int i = 0; i < d->now.nagents; i++)
        if (uuid_equal(d->now.agents[i].id, id))
            return &d->now.agents[i];
    return NULL;
}

struct span directory_agent_name(const struct directory *d, struct uuid id)
{
    const struct directory_agent *agent = directory_agent(d, id);
    return span_str(agent ? agent->name : "");
}

bool directory_member(const struct directory *d, struct uuid agent, struct span queue)
{
    const struct directory_agent *a = directory_agent(d, agent);
    for (int i = 0; a && i < a->queues_count; i++)
        if (span_is(queue, a->queues[i]))
            return true;
    return false;
}

bool directory_serves(const struct directory *d, struct uuid agent, struct span queue)
{
    const struct directory_agent *a = directory_agent(d, agent);
    return a && (directory_may(d, a->role, PERMISSION_WATCH) || directory_member(d, agent, queue));
}

bool directory_may_read(const struct directory *d, struct uuid who, enum role role, const struct directory_reach *reach)
{
    return uuid_equal(who, reach->agent) || uuid_equal(who, reach->offered) ||
           directory_may(d, role, PERMISSION_WATCH) || directory_serves(d, who, reach->queue);
}

bool directory_origin(const struct directory *d, struct span origin)
{
    for (int i = 0; i < d->now.napps; i++)
        for (int k = 0; k < d->now.apps[i].origins_count; k++)
            if (span_is(origin, d->now.apps[i].origins[k]))
                return true;
    return false;
}
