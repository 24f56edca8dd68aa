/* Heads and revisions, half of them in turn at each beat. */
#include "server/hub/beacon.h"

#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/base/version.h"
#include "server/hub/hub.h"
#include "server/hub/link.h"
#include "server/hub/topic.h"
#include "server/store/agent_row.h"
#include "server/store/log.h"
#include "server/store/node_row.h"

enum { BEAT_MS = 1000, NODE_TTL_MS = 5000, AT_ONCE = 1000 /* as many as are asked for at least */ };

struct beacon {
    struct loop *loop;
    struct store *store;
    struct hub *hub;
    struct uuid node;
    bool first;
    struct beacon_calls calls;
    struct loop_timer timer;
    bool alone; /* no other process shares the database */
    bool heading, revising;
    size_t topic_at, principal_at;
    struct uuid *ids;
    size_t room; /* of ids */
};

/* ---- heads ---- */

static void tell(struct beacon *b, const struct log_head *head)
{
    struct topic *topic = hub_topic(b->hub, head->conversation);
    bool behind = false;
    if (!topic)
        return;
    LIST_EACH(&topic->subs, node)
    {
        struct sub *sub = LIST_ITEM(node, struct sub, in_topic);
        behind |= !sub->loading && sub->head < (sub->staff ? head->head : head->head_public);
    }
    if (!behind || b->calls.behind(b->calls.arg, head->conversation, head->head))
        return;
    LIST_EACH(&topic->subs, node)
    {
        struct sub *sub = LIST_ITEM(node, struct sub, in_topic);
        sub_behind(sub, sub->staff ? head->head : head->head_public);
    }
}

static void on_heads(void *arg, parley_status status, const struct log_head *heads, int n)
{
    struct beacon *b = arg;
    b->heading = false;
    for (int i = 0; status == PARLEY_OK && i < n; i++)
        tell(b, &heads[i]);
}

/* What happens elsewhere is known after two beats, however much is watched. */
size_t beacon_share(size_t watched)
{
    size_t half = watched / 2 + 1;
    return half > AT_ONCE ? half : AT_ONCE;
}

/* The next entries of a map's slots, from where the last call stopped. */
static int next_ids(struct beacon *b, const struct map *map, size_t *at)
{
    size_t n = 0, share = beacon_share(map->len);
    if (share > b->room) {
        b->ids = mem_resize(b->ids, share * sizeof *b->ids);
        b->room = share;
    }
    if (*at >= map->cap)
        *at = 0;
    for (; *at < map->cap && n < share; (*at)++)
        if (map->slots[*at].value)
            b->ids[n++] = map->slots[*at].key;
    return (int)n;
}

static void read_heads(struct beacon *b)
{
    int n = b->alone || b->heading ? 0 : next_ids(b, &b->hub->topics, &b->topic_at);
    if (n)
        b->heading = log_heads(b->store, b->ids, n, on_heads, b) == PARLEY_OK;
}

/* ---- revisions ---- */

static void on_revisions(void *arg, parley_status status, const struct principal_revision *rows, int n)
{
    struct beacon *b = arg;
    b->revising = false;
    for (int i = 0; status == PARLEY_OK && i < n; i++)
        hub_revoke(b->hub, rows[i].id, rows[i].revision < 0 ? INT64_MAX : rows[i].revision);
}

static void read_revisions(struct beacon *b)
{
    int n = b->revising ? 0 : next_ids(b, &b->hub->principals, &b->principal_at);
    if (n)
        b->revising = principal_revisions(b->store, b->ids, n, on_revisions, b) == PARLEY_OK;
}

/* ---- nodes ---- */

static void on_nodes(void *arg, parley_status status, const struct uuid *nodes, int n)
{
    struct beacon *b = arg;
    if (status == PARLEY_OK)
        b->alone = n <= 1;
}

static void on_buried(void *arg, parley_status status, const struct uuid *nodes, int n)
{
    struct beacon *b = arg;
    for (int i = 0; status == PARLEY_OK && i < n; i++) {
        log_info(NULL, "another process is gone", LOG_UUID("node", nodes[i]));
        b->calls.buried(b->calls.arg, nodes[i]);
    }
}

static void on_beat(void *arg)
{
    struct beacon *b = arg;
    if (store_is_up(b->store)) {
        node_beat(b->store, b->node, span_str(PARLEY_VERSION), NODE_TTL_MS, on_nodes, b);
        if (b->first)
            node_bury(b->store, NODE_TTL_MS * 2, on_buried, b);
        read_heads(b);
        read_revisions(b);
    }
    loop_timer_start(b->loop, &b->timer, BEAT_MS, on_beat, b);
}

/* ---- life ---- */

struct beacon *beacon_new(struct loop *loop, struct store *store, struct hub *hub, struct uuid node, bool first,
                          const struct beacon_calls *calls)
{
    struct beacon *b = mem_alloc(sizeof *b);
    b->loop = loop;
    b->store = store;
    b->hub = hub;
    b->node = node;
    b->first = first;
    b->calls = *calls;
    loop_timer_start(loop, &b->timer, BEAT_MS, on_beat, b);
    return b;
}

void beacon_stop(struct beacon *beacon)
{
    loop_timer_stop(&beacon->timer);
}

void beacon_free(struct beacon **beacon)
{
    if (*beacon)
        mem_free((*beacon)->ids);
    mem_free(*beacon);
    *beacon = NULL;
}
