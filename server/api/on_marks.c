/* mark, typing: what is never an item. Marks are gathered per worker and written once a second, each at most once. */
#include "server/api/api.h"
#include "server/api/marks.h"
#include "server/api/verb.h"
#include "server/base/clock.h"
#include "server/hub/hub.h"
#include "server/hub/topic.h"
#include "server/store/bot_row.h"

static struct sub *followed(struct link *link, const struct frame *frame, struct uuid conversation)
{
    struct sub *sub = sub_admitted(link, conversation);
    if (!sub)
        api_refuse(link, frame->id, PARLEY_NOT_FOUND, "you do not follow this conversation: subscribe first",
                   "data.conversation");
    return sub;
}

static int64_t capped(int64_t n, int64_t head)
{
    return n < head ? n : head;
}

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void on_mark(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_mark_set *m = &frame->mark_set;
    struct sub *sub = followed(link, frame, m->conversation);
    if (!sub)
        return;
    int64_t read = greater(capped(m->read, sub->head), sub->read);
    int64_t delivered = greater(greater(capped(m->delivered, sub->head), sub->delivered), read);
    bool grown = read > sub->read || delivered > sub->delivered;
    sub->read = read;
    sub->delivered = delivered;
    marks_put(api->marks,
              &(struct mark_row){.conversation = m->conversation,
                                 .participant = link->who->id,
                                 .role = (int16_t)link->who->role,
                                 .read = read,
                                 .delivered = delivered},
              grown);
    link_reply(link, frame->id, FRAME_done, NULL);
}

static void ignore(void *arg, parley_status status, const struct pg_fault *fault)
{
}

/* A bot that says so works on its answer, and gets longer for it. */
static void keep_quiet(struct api *api, const struct link *link, struct uuid conversation)
{
    const struct principal *who = link->who;
    bot_turn_extend(api->store, conversation, who->id, who->device, clock_ms() + api->conf->bots.answer_time_ms,
                    api->conf->bots.longest_ms, ignore, NULL);
}

void on_typing(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_typing *t = &frame->typing;
    struct frame_push_typing push = {
        .conversation = t->conversation, .participant = link->who->id, .role = link->who->role, .on = t->on};
    if (!followed(link, frame, t->conversation))
        return;
    hub_notify(api->hub, t->conversation, FRAME_push_typing, &push, link->who->id, false);
    if (t->on && link_is_bot(link))
        keep_quiet(api, link, t->conversation);
    link_reply(link, frame->id, FRAME_done, NULL);
}
