/* hello: who connects, and everything they missed, in one round trip. */
#include "server/api/api.h"
#include "server/api/auth.h"
#include "server/api/thread.h"
#include "server/api/verb.h"
#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/base/version.h"
#include "server/hub/hub.h"
#include "server/hub/topic.h"
#include "server/io/ws.h"
#include "server/route/desk.h"
#include "server/route/route.h"

enum { EXPIRING_MS = 60000, EXPIRED_GRACE_MS = 60000, RECAP_BYTES = 64 << 10 };

/* A hello on its way to its welcome. */
struct greeting {
    struct ask *ask;
    struct frame_cursor have[LIMIT_HAVE];
    int have_count;
    int page;                              /* 0: the standard one */
    bool recap;                            /* is asked for */
    int64_t attempt;                       /* of the device; 0: not said */
    struct thread_read *reads[LIMIT_HAVE]; /* in the order of the answer; NULL: not for this reader */
    int count, pending;
    parley_status failed; /* a thread could not be read now; one that is not for this reader is just left out */
};

struct greeting_part {
    struct greeting *greeting;
    int index;
};

/* ---- heartbeat, and the token's end ---- */

static void on_beat(void *arg);

/* With the next ping; sooner when by then the token's end is near, or past. */
static void start_beat(struct link *link)
{
    int64_t wait_ms = LIMIT_PING_MS, now = clock_ms(), ends = link->who->expires_ms;
    int64_t moments[] = {ends - EXPIRING_MS, ends + EXPIRED_GRACE_MS};
    for (int i = 0; ends && i < 2; i++)
        if (moments[i] > now && moments[i] - now < wait_ms)
            wait_ms = moments[i] - now;
    loop_timer_start(link->hub->loop, &link->timer, wait_ms, on_beat, link);
}

static void on_beat(void *arg)
{
    struct link *link = arg;
    int64_t left = link->who->expires_ms ? link->who->expires_ms - clock_ms() : INT64_MAX;
    if (left <= -EXPIRED_GRACE_MS) {
        link_close(link, PARLEY_TOKEN_EXPIRED, NULL);
        return;
    }
    if (left <= EXPIRING_MS)
        link_push(link, FRAME_push_token_expiring,
                  &(struct frame_push_token_expiring){.expires_at = link->who->expires_ms});
    link_beacon(link);
    start_beat(link);
}

/* ---- the welcome ---- */

static void fill_limits(struct frame_limits *limits)
{
    *limits = (struct frame_limits){.message = LIMIT_MESSAGE,
                                    .frames = LIMIT_FRAMES_PER_MESSAGE,
                                    .text = LIMIT_TEXT,
                                    .body = LIMIT_BODY,
                                    .data = LIMIT_DATA,
                                    .page = LIMIT_PAGE_ITEMS,
                                    .upload = LIMIT_UPLOAD};
}

static void send_welcome(struct greeting *g, const struct frame_desk *desk)
{
    struct link *link = g->ask->link;
    const struct principal *who = link->who;
    struct frame_thread threads[LIMIT_HAVE];
    struct frame_welcome w = {.me = who->id,
                              .role = who->role,
                              .time = clock_ms(),
                              .ping_ms = LIMIT_PING_MS,
                              .server = span_str("parley " PARLEY_VERSION),
                              .threads = threads};
    for (int i = 0; i < g->count; i++)
        if (g->reads[i])
            threads[w.threads_count++] = *thread_frame(g->reads[i]);
    w.has_limits = g->have_count == 0;
    fill_limits(&w.limits);
    if (who->name[0])
        w.name = span_str(who->name), w.has_name = true;
    if (who->expires_ms)
        w.expires_at = who->expires_ms, w.has_expires_at = true;
    if (desk)
        w.desk = *desk, w.has_desk = true;
    metric_add(METRIC_hellos_total, 1);
    link_move(link, LINK_OPEN);
    start_beat(link);
    link_reply(link, g->ask->id, FRAME_welcome, &w);
    if (link_is_bot(link))
        api_tell_bot(g->ask->api, link, true, (struct uuid){0});
    else if (desk)
        route_arrived(g->ask->api->route, who->id);
}

static void greeting_end(struct greeting *g)
{
    for (int i = 0; i < g->count; i++)
        if (g->reads[i])
            thread_release(g->reads[i]);
    ask_drop(g->ask);
    mem_free(g);
}

static void refuse_greeting(struct greeting *g, parley_status status, const char *why)
{
    struct link *link = g->ask->link;
    metric_add_by(METRIC_hellos_refused_total, status, 1);
    api_refuse(link, g->ask->id, status, why,
               status == PARLEY_REPLACED ? "data.attempt"
               : status_again(status)    ? NULL
                                         : "data.token");
    link_close(link, status, why);
    greeting_end(g);
}

static void on_desk(void *arg, parley_status status, const struct frame_desk *desk)
{
    struct greeting *g = arg;
    if (status != PARLEY_OK) {
        refuse_greeting(g, status, NULL);
        return;
    }
    if (!link_gone(g->ask->link))
        send_welcome(g, desk);
    greeting_end(g);
}

static void complete(struct greeting *g)
{
    struct link *link = g->ask->link;
    if (link_gone(link)) {
        greeting_end(g);
    } else if (g->failed) {
        refuse_greeting(g, g->failed, NULL);
    } else if (role_is_agent(link->who->role) || link_is_bot(link)) {
        api_desk(g->ask->api, link, on_desk, g);
    } else {
        send_welcome(g, NULL);
        greeting_end(g);
    }
}

/* ---- threads ---- */

static void on_thread(void *arg, parley_status status, struct thread_read *read)
{
    struct greeting_part *part = arg;
    struct greeting *g = part->greeting;
    if (status == PARLEY_OK)
        g->reads[part->index] = read;
    else
        thread_release(read);
    if (status_again(status))
        g->failed = status;
    mem_free(part);
    if (--g->pending == 0)
        complete(g);
}

static int64_t have_of(const struct greeting *g, struct uuid conversation)
{
    for (int i = 0; i < g->have_count; i++)
        if (uuid_equal(g->have[i].conversation, conversation))
            return g->have[i].seq;
    return -1;
}

/* One answer holds 250 items and 256 KiB: they are shared among its conversations. */
static void load_threads(struct greeting *g, const struct uuid *conversations, int n)
{
    struct ask *ask = g->ask;
    bool recap = g->recap && !link_is_staff(ask->link);
    g->count = n;
    g->pending = n + 1;
    for (int i = 0; i < n; i++) {
        struct greeting_part *part = mem_alloc(sizeof *part);
        *part = (struct greeting_part){.greeting = g, .index = i};
        struct thread_wish wish = {.conversation = conversations[i],
                                   .have = have_of(g, conversations[i]),
                                   .follow = true,
                                   .admitted = !link_is_staff(ask->link), /* their own, by the database */
                                   .bytes = (size_t)LIMIT_PAGE_BYTES / (size_t)n,
                                   .recap = recap ? (size_t)RECAP_BYTES / (size_t)n : 0};
        int room = LIMIT_PAGE_ITEMS / n > 0 ? LIMIT_PAGE_ITEMS / n : 1;
        wish.limit = wish.have >= 0 ? room : g->page && g->page < room ? g->page : room < 50 ? room : 50;
        thread_load(ask->api, ask->link, &wish, on_thread, part);
    }
    if (--g->pending == 0)
        complete(g);
}

static void load_followed(struct greeting *g, const struct admission *admission)
{
    struct uuid followed[LIMIT_HAVE];
    int n = 0;
    if (!link_is_staff(g->ask->link)) {
        load_threads(g, admission->conversations, admission->conversations_count);
        return;
    }
    for (int i = 0; i < g->have_count; i++)
        followed[n++] = g->have[i].conversation;
    load_threads(g, followed, n);
}

/* ---- admission ---- */

static void on_admitted(void *arg, parley_status status, const struct admission *admission, const char *why)
{
    struct greeting *g = arg;
    struct link *link = g->ask->link;
    if (status != PARLEY_OK || link_gone(link)) {
        refuse_greeting(g, status == PARLEY_OK ? PARLEY_CLOSED : status, why);
        return;
    }
    link->who = mem_alloc(sizeof *link->who);
    *link->who = admission->who;
    link->who->attempt = g->attempt;
    status = hub_admit(g->ask->api->hub, link);
    if (status == PARLEY_REPLACED)
        refuse_greeting(g, status, "a later connection of this device is open");
    else if (status != PARLEY_OK)
        refuse_greeting(g, status, "you are connected too often already");
    else
        load_followed(g, admission);
}

/* Before anything is looked up or verified for them. */
static bool refuse_guesser(struct api *api, struct link *link, int64_t id)
{
    int64_t wait_ms = auth_wait_ms(api, link->peer);
    if (!wait_ms)
        return false;
    metric_add_by(METRIC_hellos_refused_total, PARLEY_RATE_LIMITED, 1);
    api_refuse_rate(link, id, wait_ms, AUTH_TOO_OFTEN);
    link_close(link, PARLEY_RATE_LIMITED, AUTH_TOO_OFTEN);
    return true;
}

void on_hello(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_hello *h = &frame->hello;
    if (refuse_guesser(api, link, frame->id))
        return;
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return;
    struct greeting *g = mem_alloc(sizeof *g);
    g->ask = ask;
    g->page = (int)h->page;
    g->recap = h->recap;
    g->attempt = h->attempt;
    g->have_count = (int)h->have_count;
    if (g->have_count)
        memcpy(g->have, h->have, h->have_count * sizeof *h->have);
    link_move(link, LINK_GREETING);
    loop_timer_stop(&link->timer);
    struct credentials credentials = {.token = h->token, .device = h->device, .locale = h->locale, .peer = link->peer};
    auth_check(api, &credentials, on_admitted, g);
}
